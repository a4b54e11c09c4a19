"""Lays a rendered face back into its picture: colour transfer, sharpening, a soft mask."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.realtime.types import Image
from unmask.training.synthesis.face_region import random_mask
from unmask.training.synthesis.marked import Generated
from unmask.training.synthesis.swap import transfer_colour

# Where the middle between the eyes lies in an upright face and how far below it the mouth, in its sides.
_EYES = (0.5, 0.36)
_SPAN = 0.36
#: Makes an upright face (side, side, 3) RGB uint8 anew, the same size.
Renderer = Callable[[Image], Image]


def upright(landmarks: NDArray[np.float32], side: int) -> NDArray[np.float64]:
    """The similarity map (2, 3) that sets a face upright in ``side`` x ``side`` pixels, by eyes and mouth."""
    points = landmarks.astype(np.float64)
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    down = mouth - eyes
    scale = _SPAN * side / (float(np.hypot(*down)) + 1e-6)
    cos, sin = scale * down[1] / np.hypot(*down), scale * down[0] / np.hypot(*down)
    turn = np.array([[cos, -sin], [sin, cos]])
    place = np.array(_EYES) * side - turn @ eyes
    return np.column_stack([turn, place])


def repaint(
    image: Image, landmarks: NDArray[np.float32], render: Renderer, side: int, rng: np.random.Generator
) -> Generated:
    """The inner face of an RGB uint8 picture, rendered anew at ``side`` pixels and blended back."""
    height, width = image.shape[:2]
    there = upright(landmarks, side)
    face = cv2.warpAffine(image, there, (side, side), borderMode=cv2.BORDER_REFLECT_101)
    made = render(face.astype(np.uint8, copy=False))
    if rng.random() < 0.6:
        soft = cv2.GaussianBlur(made, (0, 0), rng.uniform(0.7, 1.6))
        amount = rng.uniform(0.2, 1.2)
        made = cv2.addWeighted(made, 1 + amount, soft, -amount, 0).astype(np.uint8, copy=False)
    kernel = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[int(rng.integers(2))]
    flags = kernel | cv2.WARP_INVERSE_MAP
    back = cv2.warpAffine(made, there, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    mask = random_mask(landmarks, (height, width), rng, parts=("whole", "full", "inner"), softest=0.1)
    mask = mask * _inside(there, side, (width, height))
    if mask.sum() < 1:
        raise ValueError("The face to be rendered lies outside the picture.")
    # The reckoning is symmetric in red and blue but for their weights in Lab, so turn to BGR and back.
    coloured = transfer_colour(
        np.ascontiguousarray(back[..., ::-1]),
        np.ascontiguousarray(image[..., ::-1]),
        mask,
        rng.uniform(0.3, 1.0),
    )[..., ::-1]
    mixed = image + (coloured - image) * mask[..., None]
    return Generated(np.clip(np.rint(mixed), 0, 255).astype(np.uint8), mask.astype(np.float32), "reconstruction")


def _inside(there: NDArray[np.float64], side: int, size: tuple[int, int]) -> NDArray[np.float32]:
    """1 where the upright square covers the picture, falling to 0 at its border: float32 (h, w)."""
    square = np.zeros((side, side), np.float32)
    edge = max(2, side // 16)
    square[edge:-edge, edge:-edge] = 1.0
    square = cv2.GaussianBlur(square, (0, 0), edge / 2)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(square, there, size, flags=flags, borderValue=0).astype(np.float32, copy=False)
