"""Work that a page must not wait for: done on a thread of its own, its outcome handed to the UI thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from unmask.engines.errors import UnmaskError
from unmask.gui.qt import QObject, pyqtSignal, sip

Outcome = TypeVar("Outcome")


class Background(QObject):
    """Runs one piece of work at a time per call of ``run``; a deleted page hears nothing any more."""

    _over = pyqtSignal(object, object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._threads: list[threading.Thread] = []
        self._over.connect(self._hand_over)

    def run(
        self, work: Callable[[], Outcome], then: Callable[[Outcome], object], failed: Callable[[str], object]
    ) -> None:
        """Call ``work`` on a thread, then on the UI thread ``then`` with what it returned, or ``failed`` with the
        sentence of the ``UnmaskError`` or ``OSError`` that it raised. Call it on the UI thread."""

        def act() -> None:
            try:
                outcome = work()
            except (UnmaskError, OSError) as error:
                self._emit(failed, str(error))
            else:
                self._emit(then, outcome)

        thread = threading.Thread(target=act, name="unmask-page", daemon=True)
        self._threads = [other for other in self._threads if other.is_alive()] + [thread]
        thread.start()

    def wait(self, within_s: float = 1.0) -> bool:
        """Wait for what is under way. ``False`` where it takes longer."""
        for thread in self._threads:
            thread.join(within_s)
        return not any(thread.is_alive() for thread in self._threads)

    def _emit(self, call: Callable[[Any], object], outcome: object) -> None:
        try:
            if not sip.isdeleted(self):
                self._over.emit(call, outcome)
        except RuntimeError:  # deleted between the two lines
            return

    def _hand_over(self, call: Callable[[Any], object], outcome: object) -> None:
        call(outcome)
