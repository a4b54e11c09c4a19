"""A source, a face finder and pictures whose truth is known, for tests of what lies behind them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from unmask.engines.errors import SourceError
from unmask.realtime.sources.base import SourceInfo
from unmask.realtime.types import FaceBox, Frame, Image

RED, BLUE, GREY = (0, 0, 255), (255, 0, 0), (128, 128, 128)  # BGR
WIDTH, HEIGHT = 320, 240


def picture(*faces: tuple[tuple[float, float, float, float], tuple[int, int, int]], seed: int = 0) -> Image:
    """A noisy grey picture with a coloured, textured "face" in each box; BGR uint8 (240, 320, 3)."""
    noise = np.random.default_rng(seed).integers(-20, 20, (HEIGHT, WIDTH, 1), dtype=np.int16)
    image = np.full((HEIGHT, WIDTH, 3), 110, np.int16)
    for (x0, y0, x1, y1), colour in faces:
        image[int(y0) : int(y1), int(x0) : int(x1)] = np.clip(colour, 24, 231)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


class ScriptedFinder:
    """Says what it was told: ``script(call number)`` gives the boxes."""

    name = "scripted"
    description = "a scripted face finder"

    def __init__(self, script: Callable[[int], Sequence[FaceBox]]) -> None:
        self._script = script
        self.calls = 0
        self.closed = False

    def find(self, image: Image) -> list[FaceBox]:
        self.calls += 1
        return list(self._script(self.calls - 1))

    def close(self) -> None:
        self.closed = True


def one_face(
    box: tuple[float, float, float, float] = (80, 60, 200, 180),
) -> Callable[[int], Sequence[FaceBox]]:
    return lambda _: [FaceBox(*box, confidence=0.9)]


class ScriptedSource:
    """Plays ``steps``: a picture, a number (sleep so many seconds), or an error to raise; then it ends.

    ``fps`` sets the timeline of a finite one; a live one goes by the clock. With ``hang`` it blocks at
    the end until it is closed.
    """

    def __init__(
        self,
        steps: Iterable[Image | float | Exception],
        *,
        live: bool = False,
        fps: float = 25.0,
        hang: bool = False,
        deaf: bool = False,
        source_id: str = "fake",
        open_error: SourceError | None = None,
    ) -> None:
        self.source_id = source_id
        self._steps = iter(steps)
        self._live, self._fps, self._hang, self._deaf = live, fps, hang, deaf
        self._open_error = open_error
        self._closed = threading.Event()
        self._index = 0
        self.close_calls = 0

    def open(self) -> SourceInfo:
        if self._open_error is not None:
            raise self._open_error
        self._opened_at = time.monotonic_ns()
        return SourceInfo(self.source_id, "fake", "the fake source", self._live, WIDTH, HEIGHT, self._fps)

    def read(self) -> Frame | None:
        for step in self._steps:
            if self._closed.is_set():
                return None
            if isinstance(step, Exception):
                raise step
            if isinstance(step, float | int):
                time.sleep(step)
                continue
            now = time.monotonic_ns()
            time_s = (now - self._opened_at) / 1e9 if self._live else self._index / self._fps
            frame = Frame(step, now, time_s, self._index, self.source_id)
            self._index += 1
            return frame
        while self._hang and (self._deaf or not self._closed.is_set()):
            time.sleep(0.01)
        return None

    def close(self) -> None:
        self.close_calls += 1
        self._closed.set()
