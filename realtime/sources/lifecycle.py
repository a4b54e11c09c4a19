"""What every source shares: the states it passes through, the stamps on a frame, the pace of a live one.

A source is CLOSED, OPEN or FAILED. ``open`` is legal from CLOSED and FAILED (that is how a session
reconnects), ``read`` from OPEN, ``close`` always. One lock guards the device, so that it is never
freed under a running grab: whoever finishes last frees it. (The idea of a source as a small state
machine comes from roboflow/inference, ``video_source.py``.)
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from enum import Enum
from threading import Event, Lock
from typing import ClassVar

from unmask.engines.errors import SourceError
from unmask.realtime.sources.base import SourceInfo
from unmask.realtime.types import Frame, Image

#: How long ``close`` waits for a grab in progress before it leaves the freeing to the reading thread.
_CLOSE_WAIT_S = 0.5


class State(Enum):
    CLOSED = "closed"
    OPEN = "open"
    FAILED = "failed"


class SourceBase(ABC):
    """A ``FrameSource`` in terms of three hooks: ``_open``, ``_grab`` and ``_free``.

    The hooks run under the lock, on whichever thread called. ``_grab`` returns a frame made with
    ``_frame``, or ``None`` at the end; it must not wait longer than it takes to notice ``_stop``.
    Frame numbers and the clock of a live source run on over a reconnect: time never goes back.
    """

    #: The fields of ``SourceOptions`` that are wishes a person may have and this source can grant.
    takes: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, source_id: str) -> None:
        self._source_id = source_id
        self._state = State.CLOSED
        self._lock = Lock()
        self._stop = Event()
        self._index = 0
        self._epoch_ns: int | None = None

    @property
    def source_id(self) -> str:
        return self._source_id

    @property
    def state(self) -> State:
        return self._state

    def open(self) -> SourceInfo:
        """Open, or open again after an end, a failure or a ``close``.

        Raises ``SourceError`` when it cannot, also when ``close`` came in between (retryable).
        """
        with self._lock:
            if self._state is State.OPEN:
                raise SourceError(f"{self._source_id} is open already; close it before opening it again.")
            self._stop.clear()
            if self._epoch_ns is None:
                self._epoch_ns = time.monotonic_ns()
            try:
                info = self._open()
            except BaseException:
                self._state = State.FAILED
                self._free()
                raise
            self._state = State.OPEN
            if self._stop.is_set():
                self._shut()
                raise closed_while_opening(self._source_id)
            return info

    def read(self) -> Frame | None:
        """The next frame (see ``FrameSource.read``). After an error the source must be opened again."""
        with self._lock:
            if self._state is not State.OPEN or self._stop.is_set():
                self._shut()
                return None
            try:
                frame = self._grab()
            except BaseException as error:
                self._state = State.FAILED
                self._free()
                if isinstance(error, SourceError) and self._stop.is_set():
                    return None  # it failed because it was closed
                raise
            if frame is None or self._stop.is_set():
                self._shut()
                return None
            return frame

    def close(self) -> None:
        self._stop.set()
        self._wake()
        if self._lock.acquire(timeout=_CLOSE_WAIT_S):
            try:
                self._shut()
            finally:
                self._lock.release()

    def _shut(self) -> None:
        if self._state is State.OPEN:
            self._state = State.CLOSED
            self._free()

    def _frame(self, image: Image, captured_at: int, time_s: float | None = None, *, skipped: int = 0) -> Frame:
        """Number and stamp an image that nobody writes to any more; ``time_s`` None: the live clock.
        ``skipped``: so many came before it and were never handed out."""
        image.flags.writeable = False
        if time_s is None:
            time_s = (captured_at - (self._epoch_ns or captured_at)) / 1e9
        frame = Frame(image, captured_at, time_s, self._index, self._source_id, skipped)
        self._index += 1
        return frame

    @abstractmethod
    def _open(self) -> SourceInfo: ...

    @abstractmethod
    def _grab(self) -> Frame | None: ...

    @abstractmethod
    def _free(self) -> None:
        """Let go of whatever ``_open`` took; must be harmless when it took nothing."""

    def _wake(self) -> None:  # noqa: B027 - only sources that wait elsewhere need it
        """Called by ``close`` without the lock: end a wait that does not watch ``_stop``."""


class Pacer:
    """Lets a grab through ``fps`` times a second. A late grab is not made up for by a burst."""

    def __init__(self, fps: float, stop: Event) -> None:
        self._period = 1.0 / fps
        self._stop = stop
        self._due = time.monotonic()

    def wait(self) -> bool:
        """Sleep until the next grab is due; False when the source was closed meanwhile."""
        pause = self._due - time.monotonic()
        if pause > 0 and self._stop.wait(pause):
            return False
        self._due += self._period
        now = time.monotonic()
        if self._due < now:
            self._due = now + self._period
        return not self._stop.is_set()


def closed_while_opening(source_id: str) -> SourceError:
    return SourceError(f"{source_id} was closed while it was being opened; open it again.", retryable=True)
