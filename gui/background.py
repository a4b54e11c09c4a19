"""Work that would make the window stutter, done beside it; what comes of it is handed over on the UI thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

from unmask.engines.errors import UnmaskError
from unmask.gui.i18n import tr
from unmask.gui.qt import QObject, pyqtSignal

Job = Callable[[], Any]


class Worker(QObject):
    """Does jobs one after another on a thread of its own, which begins with the first.

    Make it, and call it, on the UI thread. After ``close`` nothing is handed over any more.
    """

    _finished = pyqtSignal(object, object)

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs: queue.SimpleQueue[tuple[Job, Callable[[Any], object], Callable[[str], object]] | None]
        self._jobs = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=f"unmask-{name}", daemon=True)
        self._closed = False
        self._waiting = 0
        self._finished.connect(self._hand_over)

    @property
    def busy(self) -> bool:
        """Whether something was asked for whose outcome has not been handed over."""
        return self._waiting > 0

    def do(self, job: Job, done: Callable[[Any], object], failed: Callable[[str], object]) -> None:
        """Run ``job`` beside the window, then ``done`` with what it returned, or ``failed`` with one sentence."""
        if self._closed:
            return
        if self._thread.ident is None:
            self._thread.start()
        self._waiting += 1
        self._jobs.put((job, done, failed))

    def close(self, within_s: float = 5.0) -> list[str]:
        """Finish what was asked for; the thread's name where that takes longer."""
        self._closed = True
        self._jobs.put(None)
        if self._thread.ident is None:
            return []
        self._thread.join(within_s)
        return [self._thread.name] if self._thread.is_alive() else []

    def _run(self) -> None:
        while (order := self._jobs.get()) is not None:
            job, done, failed = order
            try:
                outcome = job()
            except (UnmaskError, OSError) as error:
                self._tell(failed, str(error))
            except Exception as error:
                self._tell(failed, tr("{error} (a bug of Unmask; please report it)").format(error=repr(error)))
            else:
                self._tell(done, outcome)

    def _tell(self, whom: Callable[[Any], object], outcome: object) -> None:
        if not self._closed:  # the window may be gone
            self._finished.emit(whom, outcome)

    def _hand_over(self, whom: Callable[[Any], object], outcome: object) -> None:
        self._waiting -= 1
        if not self._closed:
            whom(outcome)
