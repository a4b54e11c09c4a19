"""The plain way to score a window: keep its crops and run the encoder over all of them, every time.

What tutorials teach, and what the live path is measured against. The live path never does this: it
keeps embeddings (``unmask.realtime.window``).
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from unmask.realtime.detector import Detector
from unmask.realtime.types import Image
from unmask.realtime.window import Added, FrameWindow


class ReencodingWindow:
    """A window of crops for one track, sampled by the very rules of ``FrameWindow``."""

    def __init__(self, detector: Detector) -> None:
        window = detector.manifest.window
        self._detector = detector
        self._length = window.length
        self._crops: deque[Image] = deque(maxlen=window.length)
        # It decides which crops belong in; what it holds is not looked at.
        self._sampling = FrameWindow(window.length, 1, window.stride_ms / 1000, window.max_gap_ms / 1000)

    @property
    def frames(self) -> int:
        return len(self._crops)

    def add(self, time_s: float, crop: Image) -> Added:
        """Keep ``crop`` uint8 (H, W, 3); the caller no longer writes to it."""
        added = self._sampling.add(time_s, np.zeros(1, np.float32))
        if added is Added.RESTARTED:
            self._crops.clear()
        if added.changed:
            self._crops.append(crop)
        return added

    def logit(self, *, one_by_one: bool) -> NDArray[np.float32]:
        """The head's answer (1,) on all crops encoded anew: each in a run of its own, or all in one."""
        manifest = self._detector.manifest
        window = np.zeros((1, self._length, manifest.embedding), np.float32)
        mask = np.zeros((1, self._length), np.float32)
        if one_by_one:
            for row, crop in enumerate(self._crops):
                window[0, row] = self._detector.encode(crop[np.newaxis])[0]
        elif self._crops:
            window[0, : self.frames] = self._detector.encode(np.stack(list(self._crops)))
        mask[0, : self.frames] = 1.0
        return self._detector.judge(window, mask)
