"""A test pattern: a moving gradient that carries its frame number, for tests and for trying things out."""

from __future__ import annotations

import time

import cv2
import numpy as np

from unmask.realtime.sources.base import SourceInfo
from unmask.realtime.sources.lifecycle import Pacer, SourceBase
from unmask.realtime.types import Frame, Image

_BITS = 24
_CELL = 8


class SyntheticSource(SourceBase):
    """Live and paced by default; with ``frames`` it is finite, unpaced and the same at every run."""

    takes = frozenset({"width", "height", "fps"})

    def __init__(
        self,
        source_id: str = "synthetic",
        *,
        width: int = 640,
        height: int = 360,
        fps: float = 30.0,
        frames: int | None = None,
    ) -> None:
        super().__init__(source_id)
        self._width = max(width, _BITS * _CELL)
        self._height = max(height, 4 * _CELL)
        self._fps = fps
        self._frames = frames
        self._number = 0
        self._pacer: Pacer | None = None

    def _open(self) -> SourceInfo:
        self._number = 0
        self._pacer = Pacer(self._fps, self._stop) if self._frames is None else None
        return SourceInfo(
            self.source_id,
            "synthetic",
            f"test pattern {self._width}x{self._height} at {self._fps:g} fps",
            live=self._frames is None,
            width=self._width,
            height=self._height,
            fps=self._fps,
            duration_s=None if self._frames is None else self._frames / self._fps,
            frame_count=self._frames,
        )

    def _grab(self) -> Frame | None:
        if self._pacer is not None and not self._pacer.wait():
            return None
        if self._frames is not None and self._number >= self._frames:
            return None
        number, self._number = self._number, self._number + 1
        image = draw_pattern(self._width, self._height, number)
        time_s = None if self._frames is None else number / self._fps
        return self._frame(image, time.monotonic_ns(), time_s)

    def _free(self) -> None:
        self._pacer = None


def draw_pattern(width: int, height: int, number: int) -> Image:
    """The pattern of one frame, BGR uint8 (height, width, 3); its number is also drawn as black and
    white squares along the top edge, so that it survives a lossy codec (see ``read_number``)."""
    ramp = (np.arange(width) * 255 // max(width - 1, 1) + 3 * number) % 256
    image = np.empty((height, width, 3), np.uint8)
    image[..., 0] = ramp
    image[..., 1] = (np.arange(height) * 255 // max(height - 1, 1)).astype(np.uint8)[:, None]
    image[..., 2] = 255 - image[..., 0]
    for bit in range(_BITS):
        value = 255 if number >> bit & 1 else 0
        image[:_CELL, bit * _CELL : (bit + 1) * _CELL] = value
    cv2.putText(image, str(number), (8, height - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2)
    return image


def read_number(image: Image) -> int:
    """The frame number that ``draw_pattern`` wrote into the picture."""
    cells = image[_CELL // 2, _CELL // 2 : _BITS * _CELL : _CELL].mean(axis=1)
    return sum(1 << bit for bit, value in enumerate(cells) if value > 127)
