"""Crops with large coloured patches: what a network that learns in seconds can tell apart."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def coarse_crops(count: int, side: int = 64, *, seed: int = 0) -> NDArray[np.uint8]:
    """uint8 (count, side, side, 3), the same for the same ``seed``."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    return np.stack([cv2.resize(one, (side, side), interpolation=cv2.INTER_CUBIC) for one in coarse])
