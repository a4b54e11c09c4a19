"""The monitor's own window, drawn in memory, for measuring how old a frame is when it is painted."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unmask.realtime.session import Session
    from unmask.realtime.types import Update


def offscreen_painter() -> Callable[[Session, float], Sequence[float]] | None:
    """A function that shows a session for so many seconds and returns the age in ms of each painted frame;
    ``None`` where PyQt6 is absent. Only the main thread may call it."""
    if importlib.util.find_spec("PyQt6") is None:
        return None
    os.environ["QT_QPA_PLATFORM"] = "offscreen"  # a window on a screen would measure the screen as well
    return _show


def _show(session: Session, seconds: float) -> Sequence[float]:
    from unmask.gui.app import run_window

    watched = _Watched(session)
    run_window(watched, max_seconds=seconds)
    return watched.ages_ms


class _Watched:
    """A session that looks, each time the window asks for news, at how old its last picture was."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._last: dict[str, float | None] = {}
        self.ages_ms: list[float] = []

    @property
    def channels(self) -> Any:
        return self._session.channels

    @property
    def failures(self) -> list[str]:
        return self._session.failures

    def updates(self) -> dict[str, Update]:
        from unmask.gui.qt import application
        from unmask.gui.window import MonitorWindow

        for window in application().topLevelWidgets():
            if isinstance(window, MonitorWindow):
                for name, panel in window.panels.items():
                    age = panel.picture.painted_age_ms
                    if age is not None and age != self._last.get(name):
                        self._last[name] = age
                        self.ages_ms.append(age)
        return self._session.updates()
