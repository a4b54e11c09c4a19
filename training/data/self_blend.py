"""Self-blended pictures: a real face blended with its own altered copy, labelled fake.

The idea is that of Shiohara and Yamasaki, "Detecting Deepfakes with Self-Blended Images" (CVPR 2022,
section 3): what all face swaps share is a seam between two statistics of one picture. They shape the
mask by landmarks; crops that are cut at the face need none, an irregular oval does.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.realtime.types import Image
from unmask.training.data.codec import downscale, relight, upscale


def oval_mask(side: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A soft, irregular oval round the middle of the crop: float32 (side, side), 0..1."""
    ys, xs = np.mgrid[0:side, 0:side].astype(np.float32) / side
    centre_x, centre_y = 0.5 + rng.uniform(-0.05, 0.05), 0.52 + rng.uniform(-0.06, 0.06)
    across, down = rng.uniform(0.24, 0.44), rng.uniform(0.28, 0.46)
    angle = np.arctan2((ys - centre_y) / down, (xs - centre_x) / across)
    radius = np.hypot((xs - centre_x) / across, (ys - centre_y) / down)
    edge = np.ones_like(angle)
    for harmonic in (2, 3, 4, 5):
        edge += rng.uniform(-0.08, 0.08) * np.sin(harmonic * angle + rng.uniform(0, 2 * np.pi))
    mask = (radius < edge).astype(np.float32)
    return cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.01, 0.06) * side)


def altered(image: Image, rng: np.random.Generator) -> Image:
    """A copy with other colours, other sharpness, and moved a little."""
    side = image.shape[0]
    gain = rng.uniform(0.85, 1.15, size=3)
    image = relight(image, (gain[0], gain[1], gain[2]), rng.uniform(0.85, 1.18))
    choice = rng.random()
    if choice < 0.4:
        image = upscale(downscale(image, int(side * rng.uniform(0.35, 0.8))), side)
    elif choice < 0.7:
        soft = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.8, 2.0))
        image = cv2.addWeighted(image, 1.6, soft, -0.6, 0) if rng.random() < 0.5 else soft
    scale, turn = rng.uniform(0.95, 1.05), rng.uniform(-2.0, 2.0)
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), turn, scale)
    matrix[:, 2] += rng.uniform(-0.03, 0.03, size=2) * side
    return cv2.warpAffine(image, matrix, (side, side), borderMode=cv2.BORDER_REFLECT_101)


def self_blend(image: Image, rng: np.random.Generator) -> Image:
    """A square RGB uint8 face blended with its altered copy inside an oval; a new array of the same size."""
    mask = oval_mask(image.shape[0], rng)[..., None] * float(rng.choice((0.5, 0.75, 1.0, 1.0)))
    other = altered(image, rng)
    inner, outer = (other, image) if rng.random() < 0.5 else (image, other)
    return (inner * mask + outer * (1.0 - mask) + 0.5).astype(np.uint8)
