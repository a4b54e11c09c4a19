"""Sources whose pictures lie in memory, so that neither a disk nor a decoder is measured with the monitor.

They play forth and back without end: no jump that the monitor would take for a cut, and no memory
beyond one pass.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path

from unmask.engines.errors import SourceError
from unmask.realtime.sources.base import SourceInfo
from unmask.realtime.sources.lifecycle import SourceBase
from unmask.realtime.sources.video_file import VideoFileSource
from unmask.realtime.types import Frame, Image


def read_pictures(path: Path, most: int) -> tuple[list[Image], float]:
    """The first pictures of a video, at most ``most``, and its frames per second (25 where it does not say).

    Raises ``SourceError`` for a file that is no video, or has fewer than two pictures.
    """
    source = VideoFileSource(path)
    info = source.open()
    pictures: list[Image] = []
    try:
        while len(pictures) < most and (frame := source.read()) is not None:
            pictures.append(frame.image)
    finally:
        source.close()
    if len(pictures) < 2:
        raise SourceError(f"{path} has fewer than two pictures: give a clip of some seconds.")
    return pictures, info.fps or 25.0


def forth_and_back(number: int, count: int) -> int:
    """The index of picture ``number`` of an endless play of ``count`` (at least two) pictures, forth and back."""
    place = number % (2 * count - 2)
    return place if place < count else 2 * count - 2 - place


class LivePictures(SourceBase):
    """A live source of ``fps``, as exact as a camera's own clock.

    A frame's ``captured_at`` is the moment at which it was due, not the moment at which a late thread came
    for it: waiting counts as age (the "coordinated omission" of load tests). A due frame that the next one
    has overtaken is never handed out; ``overtaken`` counts those. ``first`` is the picture it begins with.
    ``phase`` 0 to 1 places its frames between those of a common beat of ``fps``; without one they begin at once.
    """

    def __init__(
        self, source_id: str, pictures: Sequence[Image], fps: float, *, first: int = 0, phase: float | None = None
    ) -> None:
        super().__init__(source_id)
        self._pictures = pictures
        self._first, self._phase = first, phase
        self._period_ns = 1e9 / fps
        self._fps = fps
        self._began = 0
        self._number = -1
        self.overtaken = 0

    def _open(self) -> SourceInfo:
        self._began = time.monotonic_ns()
        if self._phase is not None:
            self._began = round((self._began // self._period_ns + 1 + self._phase) * self._period_ns)
        self._number = -1
        height, width = self._pictures[0].shape[:2]
        return SourceInfo(self.source_id, "memory", "pictures in memory", True, width, height, self._fps)

    def _grab(self) -> Frame | None:
        wanted = max(self._number + 1, int((time.monotonic_ns() - self._began) // self._period_ns))
        self.overtaken += wanted - self._number - 1
        self._number = wanted
        due = self._began + round(wanted * self._period_ns)
        pause_s = (due - time.monotonic_ns()) / 1e9
        if pause_s > 0 and self._stop.wait(pause_s):
            return None
        picture = self._pictures[forth_and_back(wanted + self._first, len(self._pictures))]
        return self._frame(picture, due, wanted * self._period_ns / 1e9)

    def _free(self) -> None: ...


class FinitePictures(SourceBase):
    """A finite source of ``frames`` pictures at ``fps`` of its own timeline: it waits for whoever reads it."""

    def __init__(self, source_id: str, pictures: Sequence[Image], fps: float, frames: int) -> None:
        super().__init__(source_id)
        self._pictures = pictures
        self._fps = fps
        self._frames = frames
        self._number = 0

    def _open(self) -> SourceInfo:
        self._number = 0
        height, width = self._pictures[0].shape[:2]
        return SourceInfo(
            self.source_id,
            "memory",
            "pictures in memory",
            False,
            width,
            height,
            self._fps,
            self._frames / self._fps,
            self._frames,
        )

    def _grab(self) -> Frame | None:
        if self._number >= self._frames:
            return None
        number, self._number = self._number, self._number + 1
        picture = self._pictures[forth_and_back(number, len(self._pictures))]
        frame = self._frame(picture, time.monotonic_ns(), number / self._fps)
        return dataclasses.replace(frame, index=number)

    def _free(self) -> None: ...
