"""Where a face is replaced: outlines from five landmarks, bent and softened masks.

Five points give no hull of the face, but the eyes and the mouth tell its axes: the outline is an oval on
these axes, its proportions measured on LFW boxes. ``elastic`` and ``blurred`` follow Shiohara and
Yamasaki, "Detecting Deepfakes with Self-Blended Images" (CVPR 2022, section 3.2, mask generator).
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.training.synthesis.swap import Points, hull_mask

Part = Literal["whole", "full", "inner", "lower"]
PARTS: tuple[Part, ...] = ("whole", "full", "inner", "lower")

# Half width in units of the eye distance; top over and bottom under the oval's middle in units of the
# distance from the eyes to the mouth. The middle lies 0.41 of that under the eyes.
_SHAPES: dict[Part, tuple[float, float, float]] = {
    "whole": (1.02, 1.25, 1.28),
    "full": (0.98, 0.85, 1.26),
    "inner": (0.80, 0.72, 0.98),
    "lower": (0.92, 0.22, 1.24),
}
_MIDDLE = 0.41
_NO_MAP = np.empty(0, dtype=np.float32)


def axes(landmarks: NDArray[np.float32]) -> tuple[Points, Points, Points]:
    """The middle between the eyes, the vector across the face by one eye distance, and the vector from the
    eyes to the mouth. In a turned face the eyes draw together: the distance never counts as less than 0.8
    of the way down to the mouth."""
    points = landmarks.astype(np.float64)
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    down = mouth - eyes
    across = points[1] - points[0]
    wide, long = float(np.hypot(*across)), float(np.hypot(*down))
    return eyes, across * max(wide, 0.8 * long) / max(wide, 1e-6), down


def outline(landmarks: NDArray[np.float32], part: Part = "whole", points: int = 24) -> Points:
    """The polygon (points, 2) round ``part`` of the face with these five landmarks, clockwise from the
    right. Polygons of two faces correspond point by point."""
    eyes, across, down = axes(landmarks)
    half, top, bottom = _SHAPES[part]
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    sine = np.sin(angle)
    lengthwise = np.where(sine < 0, top, bottom) * sine
    return eyes + _MIDDLE * down + np.cos(angle)[:, None] * half * across + lengthwise[:, None] * down


def elastic(
    mask: NDArray[np.float32], strength: float, rng: np.random.Generator, nodes: int = 5
) -> NDArray[np.float32]:
    """``mask`` bent by a smooth random field of ``strength`` pixels standard deviation."""
    height, width = mask.shape
    field = rng.normal(0, strength, (nodes, nodes, 2)).astype(np.float32)
    shift = cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    there = np.stack([x, y], axis=-1) + shift
    return cv2.remap(mask, there, _NO_MAP, cv2.INTER_LINEAR, borderValue=0).astype(np.float32, copy=False)


def blurred(mask: NDArray[np.float32], first: float, second: float) -> NDArray[np.float32]:
    """The soft edge of the paper: blur by ``first`` pixels, keep what stayed nearly full, blur by ``second``.
    What was kept lies inside of the mask, so the seam does not leave the face."""
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.3, first))
    kept = (soft > 0.8).astype(np.float32)
    return cv2.GaussianBlur(kept, (0, 0), max(0.3, second)).astype(np.float32, copy=False)


def random_mask(
    landmarks: NDArray[np.float32],
    shape: tuple[int, int],
    rng: np.random.Generator,
    *,
    parts: tuple[Part, ...] = PARTS,
    softest: float = 0.12,
) -> NDArray[np.float32]:
    """A bent, soft mask float32 (H, W) of one of ``parts``; ``softest`` is the widest edge (sigma) in units
    of the distance from the eyes to the mouth."""
    height, width = shape
    _, _, down = axes(landmarks)
    long = float(np.hypot(*down))
    part = parts[int(rng.integers(len(parts)))]
    polygon = outline(landmarks, part)
    hull = hull_mask(polygon, (width, height), float(rng.uniform(0.88, 1.06)))
    hard = hull.astype(np.float32) / np.float32(255)
    bent = elastic(hard, float(rng.uniform(0.0, 0.12)) * long, rng)
    return blurred(bent, float(rng.uniform(0.01, 0.08)) * long, float(rng.uniform(0.01, softest)) * long)
