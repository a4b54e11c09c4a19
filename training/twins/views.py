"""What the network sees of two twins: both moved, lit, coded and covered alike, so that only the swap differs."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.realtime.types import Image
from unmask.training.data.codec import add_noise, downscale, jpeg_round_trip, relight, upscale
from unmask.training.experiments.views import line_call
from unmask.training.twins.network import STRIDE
from unmask.training.twins.pairs import changed, partly


@dataclass(frozen=True, slots=True)
class ViewPlan:
    """Crops of ``size`` pixels that show ``margin`` times a couple's square. Shares of the couples go through a call
    over a line (``line``) or a light one (``light``), are covered by a rectangle (``covered``), and of the aligned
    ones keep but a part of the fake (``partly``)."""

    size: int
    margin: float = 1.0
    line: float = 0.25
    light: float = 0.3
    covered: float = 0.3
    partly: float = 0.35


def placement(
    centre: tuple[float, float], side: float, plan: ViewPlan, rng: np.random.Generator
) -> NDArray[np.float64]:
    """A random affine map (2, 3) from a picture to a crop that holds ``margin`` times the square of ``side`` round
    ``centre``: moved, turned, scaled, mirrored."""
    scale = plan.size / (side * plan.margin * rng.uniform(0.86, 1.1))
    turn = np.deg2rad(rng.normal(0, 4))
    flip = -1.0 if rng.random() < 0.5 else 1.0
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    linear = scale * rotation @ np.diag([flip, 1.0])
    middle = np.asarray(centre) + side * rng.uniform(-0.05, 0.05, 2)
    return np.hstack([linear, (plan.size / 2 - linear @ middle)[:, None]])


def cut(image: NDArray[np.generic], place: NDArray[np.float64], size: int) -> NDArray[np.generic]:
    """What lies outside of the picture is mirrored, as the live crop function does."""
    return cv2.warpAffine(image, place, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


#: From places of a map of half a picture's side to places of the picture.
_DOUBLE = np.diag([2.0, 2.0, 1.0])


def light_call(image: Image, rng: np.random.Generator) -> Image:
    """Another light, a little less resolution, JPEG."""
    gain = rng.uniform(0.8, 1.15) * rng.uniform(0.94, 1.06, 3)
    image = relight(image, (gain[0], gain[1], gain[2]), rng.uniform(0.8, 1.25))
    side = image.shape[0]
    if rng.random() < 0.4:
        image = upscale(downscale(image, int(side * rng.uniform(0.5, 1.0))), side)
    if rng.random() < 0.2:
        image = add_noise(image, rng.uniform(1.0, 6.0), rng)
    if rng.random() < 0.5:
        image = jpeg_round_trip(image, int(rng.integers(40, 96)))
    return image


def cover(views: tuple[Image, Image], rng: np.random.Generator) -> None:
    """Paint, in place, one rectangle of one colour over both: no single feature may carry the decision."""
    side = views[0].shape[0]
    width, height = (int(length) for length in rng.integers(side // 8, side // 2, 2))
    x, y = int(rng.integers(0, side - width)), int(rng.integers(0, side - height))
    colour = rng.integers(0, 256, 3, dtype=np.uint8)
    for view in views:
        view[y : y + height, x : x + width] = colour


@dataclass(frozen=True, slots=True)
class Couple:
    """A real and a fake picture, RGB uint8 (S, S, 3), the square that a crop of margin 1 shows, and whether both
    show one frame."""

    real: Image
    fake: Image
    centre: tuple[float, float]
    side: float
    aligned: bool


def views_of(couple: Couple, plan: ViewPlan, rng: np.random.Generator) -> tuple[Image, Image, NDArray[np.float32]]:
    """The crops of both, and where the fake was changed: float32 (size / 16, size / 16), NaN where unknown."""
    real, fake = couple.real, couple.fake
    where: NDArray[np.float32] | None = None
    if couple.aligned:
        where = changed(real, fake)
        if rng.random() < plan.partly:
            fake, where = _partly(couple, where, rng)
    seed, kind = int(rng.integers(2**31)), rng.random()
    call = line_call if kind < plan.line else light_call if kind < plan.line + plan.light else None
    if call is not None:
        real, fake = (call(np.ascontiguousarray(image), np.random.default_rng(seed)) for image in (real, fake))
    place = placement(couple.centre, couple.side, plan, rng)
    views = cut(real, place, plan.size), cut(fake, place, plan.size)
    grid = plan.size // STRIDE
    places = np.full((grid, grid), np.nan, np.float32)
    if where is not None:
        # Blurred to the coarseness of the grid, so that taking single places loses none.
        where = cv2.blur(where, (7, 7))
        places = cut(where, place @ _DOUBLE * (grid / plan.size), grid)
    if rng.random() < plan.covered:
        cover(views, rng)
    return *views, places


def _partly(
    couple: Couple, where: NDArray[np.float32], rng: np.random.Generator
) -> tuple[Image, NDArray[np.float32]]:
    """A fake of which a part is kept, if enough of what was changed is left of it."""
    fake = partly(couple.real, couple.fake, rng)
    left = changed(couple.real, fake)
    return (fake, left) if left.mean() > max(0.02, 0.25 * where.mean()) else (couple.fake, where)
