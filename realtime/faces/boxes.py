"""From the arrays of a detector to sorted face boxes, and the input size that fits a picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unmask.realtime.types import FaceBox

STRIDE = 32
"""The coarsest feature map of SCRFD and YuNet: their input sides are multiples of it."""

_SMALLEST_SIDE = 8


def fitted_size(width: int, height: int, longest: int) -> tuple[int, int]:
    """The input (width, height), multiples of 32, that holds the picture scaled to ``longest``.

    A wide picture then needs no square input: 1280 x 720 at 640 becomes 640 x 384, the same scale
    as the usual 640 x 640 letterbox at 60 % of the arithmetic.
    """

    def fitted(side: int) -> int:
        exact = longest * side / max(width, height)
        return max(STRIDE, -(-int(np.ceil(exact)) // STRIDE) * STRIDE)

    return fitted(width), fitted(height)


def room_for_a_face(width: int, height: int, longest: int) -> bool:
    """Whether the picture, shrunk to ``longest`` where it is larger, is more than a strip of a few pixels."""
    return min(width, height) * min(1.0, longest / max(width, height)) >= _SMALLEST_SIDE


def sorted_faces(
    corners: NDArray[np.floating],
    confidences: NDArray[np.floating],
    landmarks: NDArray[np.floating] | None = None,
    *,
    min_face_px: float = 0.0,
) -> list[FaceBox]:
    """Face boxes, most confident first, from ``corners`` (N, 4) x0 y0 x1 y1, ``confidences`` (N,) and
    ``landmarks`` (N, 5, 2). Boxes that are not finite, without area or below ``min_face_px`` (longer
    side) are left out; confidences are clipped to 0..1.
    """
    faces = []
    for index in np.argsort(-confidences, kind="stable"):
        x0, y0, x1, y1 = (float(value) for value in corners[index])
        points = None if landmarks is None else np.array(landmarks[index], dtype=np.float32)
        confidence = float(confidences[index])
        finite = np.isfinite((x0, y0, x1, y1, confidence)).all()
        if not finite or (points is not None and not np.isfinite(points).all()):
            continue
        if x1 <= x0 or y1 <= y0 or max(x1 - x0, y1 - y0) < min_face_px:
            continue
        if points is not None:
            points.flags.writeable = False
        faces.append(FaceBox(x0, y0, x1, y1, min(max(confidence, 0.0), 1.0), points))
    return faces
