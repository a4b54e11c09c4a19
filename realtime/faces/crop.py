"""The one crop function. The live monitor, the scanner, data preparation and evaluation all call it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.realtime.types import FaceBox, Image

Align = Literal["none", "roll"]
Colour = Literal["rgb", "bgr"]

# A bilinear kernel reads four pixels: beyond a twofold reduction it skips some, and the pattern of
# what it skips looks like a trace of manipulation. Such crops are averaged down first.
_LARGEST_BILINEAR_REDUCTION = 2.0
# OpenCV warps no picture with a side of this many pixels (it counts them in 16 bits).
_TOO_LONG_TO_WARP = 32_767


@dataclass(frozen=True, slots=True)
class CropSpec:
    """How a detector wants its faces cut: parameters of its package, never of the caller.

    ``size`` is the side of the square output in pixels; ``margin`` the side of the square cut from
    the picture, in units of the longer side of the face box; ``align`` "roll" turns the crop so that
    the eyes are level (where there are landmarks); ``colour`` the channel order of the output.
    """

    size: int
    margin: float = 1.3
    align: Align = "none"
    colour: Colour = "rgb"


def roll_degrees(landmarks: NDArray[np.float32]) -> float:
    """The angle of the line through the eyes, degrees, positive when the right one is lower."""
    (left_x, left_y), (right_x, right_y) = landmarks[0], landmarks[1]
    return math.degrees(math.atan2(right_y - left_y, right_x - left_x))


def crop_transform(face: FaceBox, spec: CropSpec) -> NDArray[np.float64]:
    """The affine map (2, 3) from picture pixels to crop pixels (pixel centres at whole numbers)."""
    scale = spec.size / (face.size * spec.margin)
    angle = 0.0
    if spec.align == "roll" and face.landmarks is not None:
        angle = math.radians(roll_degrees(face.landmarks))
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    centre_x, centre_y = face.centre
    middle = (spec.size - 1) / 2
    # Box corners are pixel edges, while cv2 counts from pixel centres: half a pixel apart.
    centre_x, centre_y = centre_x - 0.5, centre_y - 0.5
    return np.array(
        [
            [cos, sin, middle - cos * centre_x - sin * centre_y],
            [-sin, cos, middle + sin * centre_x - cos * centre_y],
        ]
    )


def crop_face(image: Image, face: FaceBox, spec: CropSpec) -> Image:
    """Cut ``face`` out of BGR uint8 (H, W, 3) as uint8 (size, size, 3) in the order of ``spec.colour``.

    Beyond the picture's edge the border pixels are mirrored. ``image`` is only read; the result is
    new and belongs to the caller. Raises ``ValueError`` for a box without area.
    """
    if not (face.width > 0 and face.height > 0):
        raise ValueError(f"A face box needs an area, this one is {face.width:.1f} x {face.height:.1f} pixels.")
    matrix = crop_transform(face, spec)
    reduction = face.size * spec.margin / spec.size
    if reduction > _LARGEST_BILINEAR_REDUCTION:
        image, matrix = _averaged_down(image, face, spec, matrix, math.floor(reduction))
    elif max(image.shape[:2]) >= _TOO_LONG_TO_WARP:
        image, matrix = _averaged_down(image, face, spec, matrix, 1)
    crop = cv2.warpAffine(
        image, matrix, (spec.size, spec.size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    if spec.colour == "rgb":
        cv2.cvtColor(crop, cv2.COLOR_BGR2RGB, dst=crop)
    return crop


def _averaged_down(
    image: Image, face: FaceBox, spec: CropSpec, matrix: NDArray[np.float64], factor: int
) -> tuple[Image, NDArray[np.float64]]:
    """The surroundings of ``face`` shrunk ``factor`` times by area (1: as they are), and the map from there
    to the crop."""
    reach = face.size * spec.margin * (0.5 if spec.align == "none" else 0.75) + factor
    height, width = image.shape[:2]
    left = max(0, int(face.centre[0] - reach))
    top = max(0, int(face.centre[1] - reach))
    right = min(width, max(left + factor, int(face.centre[0] + reach) + 1))
    bottom = min(height, max(top + factor, int(face.centre[1] + reach) + 1))
    across, down = (right - left) // factor, (bottom - top) // factor
    if across < 2 or down < 2:
        return image, matrix
    right, bottom = left + across * factor, top + down * factor
    small = cv2.resize(image[top:bottom, left:right], (across, down), interpolation=cv2.INTER_AREA)
    # Centre x of the small picture lies at left + factor * x + (factor - 1) / 2 of the large one.
    to_large = np.array(
        [[factor, 0, left + (factor - 1) / 2], [0, factor, top + (factor - 1) / 2], [0, 0, 1]],
        dtype=np.float64,
    )
    return small, matrix @ to_large
