"""Swaps between two real people by landmark warping: the donor is someone whose head is turned alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unmask.realtime.types import Image
from unmask.training.synthesis.face_region import PARTS, Part, outline
from unmask.training.synthesis.marked import Generated
from unmask.training.synthesis.swap import Blend, SwapSettings, lay_over, make_swap


def pose(landmarks: NDArray[np.float32]) -> NDArray[np.float64]:
    """How a head is turned, from five points: where the nose lies between the eyes and between eyes and
    mouth, and how wide the eyes are for the face's length. No size, place or tilt in it: float64 (3,)."""
    points = landmarks.astype(np.float64)
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    down, across = mouth - eyes, points[1] - points[0]
    long, wide = np.hypot(*down) + 1e-6, np.hypot(*across) + 1e-6
    nose = points[2] - eyes
    return np.array([nose @ across / wide**2, nose @ down / long**2, wide / long])


def alike(landmarks: NDArray[np.float32], groups: Sequence[str], count: int) -> NDArray[np.intp]:
    """For each of (N, 5, 2) the ``count`` faces of other ``groups`` (people) turned most like it: (N, count)."""
    poses = np.stack([pose(points) for points in landmarks])
    poses /= poses.std(axis=0) + 1e-6
    apart = ((poses[:, None] - poses[None]) ** 2).sum(axis=-1)
    names = np.asarray(groups)
    same = names[:, None] == names[None]
    apart[same] = np.inf
    fewest = int((~same).sum(axis=1).min())
    if fewest == 0:
        raise ValueError("A swap needs two people: these faces are all of one.")
    return np.argsort(apart, axis=1)[:, : min(count, fewest)]


def random_settings(rng: np.random.Generator, span: float) -> SwapSettings:
    """How one swap is made; ``span`` is the distance from the eyes to the mouth in pixels."""
    blends: tuple[Blend, ...] = ("soft", "soft", "pyramid", "poisson")
    return SwapSettings(
        blend=blends[int(rng.integers(len(blends)))],
        feather=float(rng.uniform(0.02, 0.12)),
        shrink=float(rng.uniform(0.9, 1.02)),
        colour=float(rng.uniform(0.6, 1.0)),
        opacity=float(rng.choice((0.8, 1.0, 1.0))),
        stiffness=float(rng.uniform(0.0, 0.6)),
        blur=float(rng.choice((0.0, rng.uniform(0.005, 0.03) * span))),
    )


def swap_people(
    target: Image,
    landmarks: NDArray[np.float32],
    donor: Image,
    donor_landmarks: NDArray[np.float32],
    rng: np.random.Generator,
    settings: SwapSettings | None = None,
) -> Generated:
    """The face of ``donor`` on ``target`` (both RGB uint8, five landmarks each). Raises ``ValueError`` when
    the face lies outside the picture."""
    part: Part = PARTS[int(rng.integers(3))]
    polygons = outline(landmarks, part), outline(donor_landmarks, part)
    span = float(np.hypot(*(landmarks[3:].mean(axis=0) - landmarks[:2].mean(axis=0))))
    # make_swap reckons colours in BGR.
    layer = make_swap(
        np.ascontiguousarray(target[..., ::-1]),
        np.vstack([landmarks.astype(np.float64), polygons[0]]),
        polygons[0],
        np.ascontiguousarray(donor[..., ::-1]),
        np.vstack([donor_landmarks.astype(np.float64), polygons[1]]),
        polygons[1],
        settings or random_settings(rng, span),
    )
    image = lay_over(np.ascontiguousarray(target[..., ::-1]), layer)[..., ::-1]
    mask = np.zeros(target.shape[:2], np.float32)
    height, width = layer.mask.shape
    mask[layer.top : layer.top + height, layer.left : layer.left + width] = layer.mask
    return Generated(np.ascontiguousarray(image), mask, "person-swap")
