"""What a face and its surroundings look like: enough to tell people apart where boxes cannot."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.realtime.types import FaceBox, Image

Appearance = NDArray[np.float32]

_BINS = 24
# The box grown by these shares of itself: hair, and below it the neck and the collar, tell people apart
# better than skin does, and after a cut the surroundings are others even where the boxes agree.
_ASIDE, _ABOVE, _BELOW = 0.35, 0.35, 0.75
_SAMPLES = (24, 32)
# Luma changes with every lamp, chroma hardly: their spans, in levels, are spread over the bins.
_SPANS = ((0, 256), (104, 184), (88, 168))


def describe(image: Image, face: FaceBox) -> Appearance | None:
    """Square roots of three smoothed histograms (luma, red and blue chroma), float32 (72,), of length 1.

    ``image`` is BGR uint8 (H, W, 3), only read. ``None`` where the box lies outside the picture. The
    inner product of two of them is the Bhattacharyya coefficient (as in Comaniciu, Ramesh, Meer,
    Kernel-Based Object Tracking, 2003, section 3).
    """
    height, width = image.shape[:2]
    left, right = max(0, int(face.x0 - _ASIDE * face.width)), min(width, int(face.x1 + _ASIDE * face.width))
    top, bottom = (
        max(0, int(face.y0 - _ABOVE * face.height)),
        min(height, int(face.y1 + _BELOW * face.height)),
    )
    if right - left < 2 or bottom - top < 2:
        return None
    small = cv2.resize(image[top:bottom, left:right], _SAMPLES, interpolation=cv2.INTER_NEAREST)
    small = cv2.blur(small, (3, 3))
    levels = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2YCrCb), dtype=np.uint8).reshape(-1, 3)
    bins = [_BIN_OF_LEVEL[span][levels[:, channel]] for channel, span in enumerate(_SPANS)]
    counts = np.stack([np.bincount(part, minlength=_BINS) for part in bins]).astype(np.float32)
    # A light that dims shifts every count by a bin: neighbours share, so that it costs little.
    shared = np.asarray(cv2.blur(counts, (5, 1), borderType=cv2.BORDER_CONSTANT), dtype=np.float32)
    return np.sqrt(shared / shared.sum()).ravel()


def _bin_of_level(low: int, high: int) -> NDArray[np.intp]:
    levels = np.arange(256, dtype=np.float64)
    return np.clip((levels - low) * _BINS / (high - low), 0, _BINS - 1).astype(np.intp)


_BIN_OF_LEVEL = {span: _bin_of_level(*span) for span in _SPANS}
