"""InsightFace's SCRFD on a session of ours, with an input that is written in place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from insightface.model_zoo.scrfd import SCRFD
from numpy.typing import NDArray

from unmask.realtime.types import Image

# A finder uses up to three sizes; a window that is being resized goes through many, which must not pile up.
_MOST_BUFFERS = 4


class ScrfdNetwork(SCRFD):
    """``detect`` as insightface has it. Used from one thread at a time.

    Its own input is an array of megabytes that is new in every call, and the system clears each of its pages
    first: 2.8 ms at 640 x 384, in place 0.2, the same to the last bit.
    """

    def __init__(self, model: Path, session: Any) -> None:
        # One dynamic session serves every shape: a session for each shape is no faster, and a window
        # that is being resized would build one for each of its sizes.
        super().__init__(model_file=str(model), session=session, static_shape_sessions=False)
        self._buffers: dict[tuple[int, int], NDArray[np.float32]] = {}

    def _prepare_input_blob(self, img: Image, input_size: tuple[int, int]) -> NDArray[np.float32]:
        """RGB float32 (1, 3, H, W), about -1..1, from BGR uint8 (H, W, 3). It holds until the next call."""
        width, height = input_size
        blob = self._buffers.get(input_size)
        if blob is None:
            if len(self._buffers) == _MOST_BUFFERS:
                self._buffers.clear()
            blob = self._buffers[input_size] = np.empty((1, 3, height, width), np.float32)
        for channel, plane in enumerate(reversed(cv2.split(img))):
            blob[0, channel] = plane
        # Two steps, both exact where the divisor is a power of 2: what one product would round.
        blob -= np.float32(self.input_mean)
        blob *= np.float32(1.0 / self.input_std)
        return blob
