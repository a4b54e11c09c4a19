"""What the network sees of two twins: both moved, lit, coded and covered alike, so that only the swap differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.realtime.types import Image
from unmask.training.data.codec import add_noise, downscale, jpeg_round_trip, relight, upscale
from unmask.training.experiments.views import line_call
from unmask.training.twins.pairs import changed, partly


@dataclass(frozen=True, slots=True)
class ViewPlan:
    """Crops of ``size`` pixels that show ``margin`` times a couple's square. Shares of the couples go through a call
    over a line (``line``) or a light one (``light``), are covered by a rectangle (``covered``) or show but a part of
    the face (``zoomed``), and of the aligned ones some keep but a part of the fake (``partly``)
    or let the real twin shine through (``mixed``)."""

    size: int
    margin: float = 1.0
    line: float = 0.25
    light: float = 0.3
    covered: float = 0.4
    partly: float = 0.3
    zoomed: float = 0.5
    mixed: float = 0.4


@dataclass(frozen=True, slots=True)
class Couple:
    """A real and a fake picture, RGB uint8 (S, S, 3), the square that a crop of margin 1 shows, and whether both
    show one frame. The live crop may sit higher than that square by up to ``rise`` of its side."""

    real: Image
    fake: Image
    centre: tuple[float, float]
    side: float
    aligned: bool
    rise: float = 0.0


def placement(couple: Couple, plan: ViewPlan, rng: np.random.Generator) -> NDArray[np.float64]:
    """A random affine map (2, 3) from a couple's pictures to a crop of its square: moved, turned, scaled, mirrored."""
    shown = rng.uniform(0.6, 0.95) if rng.random() < plan.zoomed else rng.uniform(0.88, 1.1)
    scale = plan.size / (couple.side * plan.margin * shown)
    turn, stretch = np.deg2rad(rng.normal(0, 5)), rng.uniform(0.94, 1.06)
    flip = -1.0 if rng.random() < 0.5 else 1.0
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    linear = scale * rotation @ np.diag([flip * stretch, 1 / stretch])
    # A part of the face may be any part of it.
    reach = 0.05 + 0.4 * max(0.0, 0.9 - shown)
    middle = np.asarray(couple.centre) + couple.side * rng.uniform((-reach, -reach - couple.rise), reach)
    return np.hstack([linear, (plan.size / 2 - linear @ middle)[:, None]])


def cut(image: NDArray[Pixel], place: NDArray[np.float64], size: int) -> NDArray[Pixel]:
    """What lies outside of the picture is mirrored, as the live crop function does."""
    taken = cv2.warpAffine(image, place, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return taken.astype(image.dtype, copy=False)


#: Of the map whose places are asked: a sixteenth of the crop's side.
STRIDE = 16
Pixel = TypeVar("Pixel", np.uint8, np.float32)
#: From the places of a map of half a picture's side to those of the picture; places are middles of pixels.
_DOUBLE = np.array([[2.0, 0.0, 0.5], [0.0, 2.0, 0.5], [0.0, 0.0, 1.0]])


def light_call(image: Image, rng: np.random.Generator) -> Image:
    """Other light and colours, a little less resolution, JPEG."""
    gain = rng.uniform(0.8, 1.15) * rng.uniform(0.94, 1.06, 3)
    image = relight(image, (gain[0], gain[1], gain[2]), rng.uniform(0.8, 1.25))
    if rng.random() < 0.4:
        grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        colour = rng.uniform(0.4, 1.4)
        image = cv2.addWeighted(image, colour, grey, 1 - colour, 0)
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
class Views:
    """Two crops, RGB uint8 (size, size, 3), how much of the fake shines in the second (its label, 0 to 1), and where
    it was changed: float32 (size / 16, size / 16), NaN where that is not known."""

    real: Image
    fake: Image
    label: float
    places: NDArray[np.float32]


def views_of(couple: Couple, plan: ViewPlan, rng: np.random.Generator) -> Views:
    """Both of a couple, changed alike.

    That aligned twins are mixed, with a label between, is what the third of the DFDC challenge did (NTechLab,
    2020): it keeps a network from learning faces by heart.
    """
    real, fake, label = couple.real, couple.fake, 1.0
    where = changed(real, fake) if couple.aligned else None
    if where is not None:
        if rng.random() < plan.partly:
            fake, where = _partly(couple, where, rng)
        if rng.random() < plan.mixed:
            label = float(rng.uniform(0.2, 0.9))
            fake, where = cv2.addWeighted(fake, label, real, 1 - label, 0), where * np.float32(label)
    seed, kind = int(rng.integers(2**31)), rng.random()
    call = line_call if kind < plan.line else light_call if kind < plan.line + plan.light else None
    if call is not None:
        real, fake = (call(np.ascontiguousarray(image), np.random.default_rng(seed)) for image in (real, fake))
    place = placement(couple, plan, rng)
    views = cut(real, place, plan.size), cut(fake, place, plan.size)
    grid = plan.size // STRIDE
    places = np.full((grid, grid), np.nan, np.float32)
    if where is not None:
        # Blurred to the coarseness of the grid, so that taking single places loses none.
        coarse = np.asarray(cv2.blur(where, (7, 7)), np.float32)
        places = cut(coarse, _coarser(place @ _DOUBLE, grid / plan.size), grid)
    if rng.random() < plan.covered:
        cover(views, rng)
    return Views(*views, label, places)


def _coarser(place: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """``place`` into a crop of ``share`` times the pixels."""
    return place * share + np.array([[0.0, 0.0, 1.0]]) * (0.5 * share - 0.5)


def _partly(couple: Couple, where: NDArray[np.float32], rng: np.random.Generator) -> tuple[Image, NDArray[np.float32]]:
    """A fake of which a part is kept, if enough of what was changed is left of it."""
    fake = partly(couple.real, couple.fake, rng)
    left = changed(couple.real, fake)
    return (fake, left) if left.mean() > max(0.02, 0.25 * where.mean()) else (couple.fake, where)
