"""Alerts as a part of the window: see ``gui/features.py``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from unmask.gui.alerts.alerter import Alert, Alerter
from unmask.gui.alerts.bar import AlertBar, SnoozeLine
from unmask.gui.alerts.outputs import Flash, Notification, Output
from unmask.gui.alerts.sound import Sound
from unmask.gui.qt import QBoxLayout
from unmask.gui.settings.table import BY_KEY, Value
from unmask.realtime.types import Event, Update

if TYPE_CHECKING:
    from unmask.gui.window import MonitorWindow


class AlertFeature:
    """Tells of alarms in the window, and in whatever ways the settings name.

    ``show_event`` is asked to show the frames of an alarm (``TimelineFeature.open_event``); without it the button is
    not there. ``alerter`` and ``outputs`` are for tests. What cannot be told in some way is said once.
    """

    def __init__(
        self,
        show_event: Callable[[str, Event], object] | None = None,
        *,
        alerter: Alerter | None = None,
        outputs: Sequence[Output] | None = None,
    ) -> None:
        self.alerter = alerter or Alerter()
        self.bar, self.snooze_line = AlertBar(), SnoozeLine()
        self.outputs: list[Output] = list(outputs or [])
        self._own_outputs = outputs is None
        self._show_event = show_event
        self._window: MonitorWindow | None = None
        self._sources = 0
        self._said: set[str] = set()
        self._prepared: set[str] = set()
        self.bar.frames.setVisible(show_event is not None)
        self.bar.frames_wanted.connect(self._show_frames)
        self.bar.snoozed.connect(self._snooze)
        self.snooze_line.woken.connect(self.alerter.wake)

    def attach(self, window: MonitorWindow) -> None:
        self._window = window
        if self._own_outputs:
            self.outputs = [Notification(window.raise_from_afar), Sound(), Flash(window)]
        middle = window.centralWidget()
        column = middle.layout() if middle is not None else None
        if isinstance(column, QBoxLayout):
            column.insertWidget(0, self.bar)
            column.insertWidget(1, self.snooze_line)
        self._prepare()

    def show_updates(self, updates: Mapping[str, Update]) -> None:
        self._sources = len(updates)
        for alert in self.alerter.look(updates):
            self._tell(alert)
        snoozes = self.alerter.snoozes()
        if snoozes or not self.snooze_line.isHidden():
            self.snooze_line.show_snoozes(snoozes, datetime.now())
        self._prepare()

    def close(self) -> None:
        for output in self.outputs:
            output.close()

    def _prepare(self) -> None:
        """Make ready what was switched on, before the alarm that needs it."""
        for output in self.outputs:
            if output.key not in self._prepared and self._value(output.key):
                self._prepared.add(output.key)
                self._say(output.prepare())

    def _tell(self, alert: Alert) -> None:
        self.bar.set_minutes(self._minutes)
        self.bar.show_alert(alert, several_sources=self._sources > 1)
        for output in self.outputs:
            if self._value(output.key):
                self._say(output.tell(alert))

    def _say(self, problem: str) -> None:
        if problem and problem not in self._said and self._window is not None:
            self._said.add(problem)
            self._window.notices.add([problem])

    def _show_frames(self, alert: Alert) -> None:
        if self._show_event is not None:
            self._show_event(alert.source_id, alert.event)

    def _snooze(self, source_id: str | None) -> None:
        self.alerter.snooze(self._minutes, source_id)

    @property
    def _minutes(self) -> int:
        minutes = self._value("alerts/snooze_minutes")
        return minutes if isinstance(minutes, int) else 10

    def _value(self, key: str) -> Value:
        preferences = self._window.preferences if self._window is not None else None
        return BY_KEY[key].default if preferences is None else preferences.value(key)
