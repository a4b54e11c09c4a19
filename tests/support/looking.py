"""A fake detector that says where it looked: each cell of its map is as bright as that part of the crop."""

from __future__ import annotations

import numpy as np
from fake_detector import FakeEncoder, FakeHead, fake_manifest

from unmask.engines.engine import TensorSpec
from unmask.realtime.detector import Detector

CELLS = 8
#: What a white part of the crop says to the logit; a grey one says nothing.
GAIN = 9.0


def brightness_map(crops: np.ndarray) -> np.ndarray:
    """(N, CELLS, CELLS) float32: 0 for crops up to mid grey, GAIN for white."""
    side = crops.shape[1] // CELLS
    means = crops.reshape(len(crops), CELLS, side, CELLS, side, 3).mean(axis=(2, 4, 5), dtype=np.float64)
    return (np.clip((means - 160) / 95, 0, 1) * GAIN).astype(np.float32)


class LookingEncoder(FakeEncoder):
    """Gives the map with every call, as a real runtime does."""

    @property
    def outputs(self):
        return (*super().outputs, TensorSpec("activation", np.dtype(np.float32), (None, CELLS, CELLS)))

    def answer(self, arrays):
        return {**super().answer(arrays), "activation": brightness_map(arrays["crops"])}


def looking_detector(**manifest) -> Detector:
    """Opened; close it."""
    made = fake_manifest(
        **{"activation": {"rows": CELLS, "columns": CELLS}, "quality": {"min_face_px": 20}, **manifest}
    )
    encoder, head = LookingEncoder(made), FakeHead(made)
    encoder.open()
    head.open()
    return Detector(made, encoder, head)
