"""Ctrl-C and a polite kill, taken as a wish to end: files are completed and reports written."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from unmask.realtime.session import Session


class Interrupt:
    """While inside, SIGINT and SIGTERM set ``event`` and do nothing else. For the main thread alone."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, lambda *_: self.event.set())
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def wait_for(self, session: Session, max_seconds: float | None) -> None:
        """Until the session is over, a signal came, or the time is up."""
        until = time.monotonic() + max_seconds if max_seconds is not None else float("inf")
        while not self.event.is_set() and time.monotonic() < until and not session.wait(0.1):
            pass
