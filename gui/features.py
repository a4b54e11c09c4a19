"""How parts of the window that have a file of their own are attached to it: alerts, recording, timeline, overlay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from unmask.realtime.types import Update

if TYPE_CHECKING:
    from unmask.gui.window import MonitorWindow


class Feature(Protocol):
    """Attached with ``window.add_feature(feature)``; everything of it is called on the UI thread.

    In ``attach`` it takes its place: ``window.commands.bind("record", self.toggle)`` gives a row of the table in
    ``gui/actions.py`` something to do (a row that nobody bound is not shown), ``window.docks.add`` gives a widget
    a dock, ``window.grid.panel_added`` and ``panel_removed`` tell of panels, whose ``picture`` takes layers
    (``gui/picture.py``), ``window.grid.selected`` names the source that actions are about.
    """

    def attach(self, window: MonitorWindow) -> None:
        """Called once. ``window.controller`` and ``window.preferences`` may be ``None`` in a window that only
        shows what it is given."""
        ...

    def show_updates(self, updates: Mapping[str, Update]) -> None:
        """Called by the window's one timer, about 30 times a second, after the panels have them. Return within a
        few milliseconds, and repaint only what changed."""
        ...

    def close(self) -> None:
        """Called once when the window closes, before it is deleted: end threads and timers here."""
        ...


class Remembered(Protocol):
    """What the window needs of the preferences (``gui/settings/preferences.py`` has it)."""

    @property
    def problem(self) -> str:
        """What was wrong with the file of settings, in one sentence; empty when nothing was."""
        ...

    def value(self, key: str) -> bool | int | float | str | list[str]: ...

    def set(self, key: str, value: bool | int | float | str | list[str]) -> None: ...
