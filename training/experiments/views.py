"""What the networks of the experiments see: crops with margin, also of data that was cut tight."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.realtime.faces.crop import CropSpec, crop_face
from unmask.realtime.types import FaceBox, Image
from unmask.training.data.batches import whole
from unmask.training.data.codec import (
    add_noise,
    call_like,
    downscale,
    jpeg_round_trip,
    relight,
    upscale,
    video_still,
)
from unmask.training.experiments.eyes import Eyes

#: Side of a DFDC crop in units of the live face box (``unmask.training.crop_fit``).
TIGHT = 0.8


def wide_view(
    image: Image,
    face: FaceBox,
    size: int,
    margin: float,
    rng: np.random.Generator | None = None,
    eyes: Eyes | None = None,
) -> Image:
    """The live crop of ``face`` in an RGB picture, uint8 (size, size, 3); ``rng`` moves and scales the box as
    much as two detectors differ, and the crop is turned until the ``eyes`` are level."""
    # The crop function's "bgr" keeps the order of the channels.
    spec = CropSpec(size, margin=margin, align="roll", colour="bgr")
    return crop_face(image, _placed(face, rng, eyes), spec)


def mirrored_view(
    crop: Image, size: int, margin: float, rng: np.random.Generator | None = None, eyes: Eyes | None = None
) -> Image:
    """A tight crop as the live crop function gives a face whose picture ends with it: the rest is mirrored.
    ``rng`` and ``eyes`` as in ``wide_view``."""
    return wide_view(crop, whole(crop), size, margin / TIGHT, rng, eyes)


def _placed(face: FaceBox, rng: np.random.Generator | None, eyes: Eyes | None) -> FaceBox:
    """``face``, moved and scaled by ``rng``, with no landmarks but ``eyes``."""
    if rng is None:
        return FaceBox(face.x0, face.y0, face.x1, face.y1, 1.0, eyes)
    scale = rng.uniform(0.92, 1.1)
    x, y = np.asarray(face.centre) + rng.uniform(-0.05, 0.05, 2) * face.size
    half = face.size * scale / 2
    return FaceBox(x - half, y - half, x + half, y + half, 1.0, eyes)


def tight(image: Image, face: FaceBox) -> Image:
    """The middle of a wide picture, cut like the DFDC crops: so that a mirrored border tells no label."""
    return crop_face(image, face, CropSpec(max(32, round(face.size * TIGHT)), margin=TIGHT, colour="bgr"))


def hard_call(image: Image, rng: np.random.Generator) -> Image:
    """As ``call_like``, but nearly always through a codec: H.264 at CRF 24 to 38 or JPEG at 20 to 70."""
    if rng.random() < 0.4:
        gain = rng.uniform(0.8, 1.15) * rng.uniform(0.95, 1.05, 3)
        image = relight(image, (gain[0], gain[1], gain[2]), rng.uniform(0.8, 1.25))
    if rng.random() < 0.3:
        image = add_noise(image, rng.uniform(1.0, 6.0), rng)
    if rng.random() < 0.7:
        even = image.shape[0] // 2 * 2
        return video_still(image[:even, :even], int(rng.integers(24, 39)), rng, frames=2)
    return jpeg_round_trip(image, int(rng.integers(20, 71)))


def line_call(image: Image, rng: np.random.Generator) -> Image:
    """A call over a line: most pictures are made as small as a face is in a call and coded there. A quarter
    only changes in light."""
    side = image.shape[0]
    if rng.random() < 0.5:
        gain = rng.uniform(0.75, 1.2) * rng.uniform(0.95, 1.05, 3)
        image = relight(image, (gain[0], gain[1], gain[2]), rng.uniform(0.8, 1.3))
    if rng.random() < 0.25:
        return image
    if rng.random() < 0.2:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 2.0))
    if rng.random() < 0.25:
        image = add_noise(image, rng.uniform(1.0, 8.0), rng)
    image = downscale(image, int(side * rng.uniform(0.45, 1.0)) // 2 * 2)
    if rng.random() < 0.65:
        image = video_still(image, int(rng.integers(22, 37)), rng, frames=3)
    elif rng.random() < 0.7:
        image = jpeg_round_trip(image, int(rng.integers(25, 90)))
    return upscale(image, side)


def soft_call(image: Image, rng: np.random.Generator) -> Image:
    return call_like(np.ascontiguousarray(image), rng)


def inner_weight(side: int, margin: float) -> NDArray[np.float32]:
    """1 where the face is in a wide view, 0 in hair, neck and background, between at the seam: (side, side).

    The live box is about as tall as the face and three quarters as wide.
    """
    ys, xs = (np.mgrid[0:side, 0:side].astype(np.float32) + 0.5) / side - 0.5
    radius = np.hypot(xs * margin / 0.36, ys * margin / 0.5)
    return np.clip((1.15 - radius) / 0.3, 0, 1).astype(np.float32)
