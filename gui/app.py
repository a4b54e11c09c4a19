"""Running the window over a session: one timer looks for news, nothing emits a signal per frame."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Protocol

from unmask.gui.controller import Controller
from unmask.gui.features import Feature, Remembered
from unmask.gui.garbage import collected_here
from unmask.gui.grid import Named
from unmask.gui.instance import FirstInstance
from unmask.gui.qt import QApplication, QDialog, QEventLoop, QTimer, application, sip
from unmask.gui.window import MonitorWindow
from unmask.realtime.metrics.collector import MetricsCollector
from unmask.realtime.types import Update

_POLL_EVERY_MS = 33


class Watched(Protocol):
    """What the window needs of a session: ``Session`` has it, and so has ``Controller``."""

    @property
    def channels(self) -> Sequence[Named]: ...

    @property
    def failures(self) -> list[str]: ...

    def updates(self) -> dict[str, Update]: ...


def run_window(
    session: Watched,
    *,
    notices: Sequence[str] = (),
    max_seconds: float | None = None,
    interrupted: threading.Event | None = None,
    collector: MetricsCollector | None = None,
    controller: Controller | None = None,
    preferences: Remembered | None = None,
    features: Sequence[Feature] = (),
    first: FirstInstance | None = None,
) -> None:
    """Show a started session until the window is closed, ``interrupted`` is set, or ``max_seconds`` passed.

    ``collector``, one of the session's sinks, gives the clocks and is told of every painting. With a
    ``controller`` (then it is the ``session`` too) a person can change what is watched. ``first`` brings the window
    to the front when the program is started again. When every source is over the window stays, with the last
    pictures. The caller stops the session.
    Call it from the main thread. Raises ``UnmaskError`` where no window can be shown; whatever goes
    wrong inside Qt's callbacks is raised here, after the window is gone.
    """
    application()
    window = MonitorWindow(session.channels, notices, collector, controller=controller, preferences=preferences)
    until = time.monotonic() + max_seconds if max_seconds is not None else None
    loop, timer = QEventLoop(), QTimer()

    def leave() -> None:
        # A dialog has an event loop of its own, which would go on.
        if isinstance(dialog := QApplication.activeModalWidget(), QDialog):
            dialog.reject()
        loop.quit()

    def look() -> None:
        if (interrupted is not None and interrupted.is_set()) or (until is not None and time.monotonic() >= until):
            leave()
            return
        window.show_sources(session.channels)
        window.show_updates(session.updates())
        window.show_failures(session.failures)

    timer.timeout.connect(look)
    window.closed.connect(leave)
    if first is not None:
        first.raised.connect(window.raise_from_afar)
    try:
        with _callbacks_may_raise(leave), collected_here():
            for feature in features:
                window.add_feature(feature)
            look()
            window.show()
            timer.start(_POLL_EVERY_MS)
            loop.exec()
    finally:
        timer.stop()
        window.closed.disconnect()
        window.close()
        # Deleted here and now: a window that waits for the collector would keep frames and a place on screen.
        for made in (timer, window, loop):
            sip.delete(made)


@contextmanager
def _callbacks_may_raise(stop: Callable[[], object]) -> Iterator[None]:
    """Raise here the first exception of a callback. PyQt would end the process with a core dump instead."""
    failures: list[BaseException] = []
    before = sys.excepthook

    def keep(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        failures.append(error.with_traceback(trace))
        stop()

    sys.excepthook = keep
    try:
        yield
    finally:
        sys.excepthook = before
    if failures:
        raise failures[0]
