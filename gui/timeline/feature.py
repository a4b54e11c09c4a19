"""The timeline's place in the window: a dock, the pictures of alarms, and what the settings say about both."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from unmask.gui.i18n import tr
from unmask.gui.qt import QDockWidget, Qt, sip
from unmask.gui.timeline.event_dialog import EventDialog
from unmask.gui.timeline.series import SourceSeries
from unmask.gui.timeline.times import TimeWords
from unmask.gui.timeline.view import TimelineView
from unmask.realtime.sinks.ring import FrameRing
from unmask.realtime.types import Event, Update

if TYPE_CHECKING:
    from unmask.gui.window import MonitorWindow

_SETTINGS_EVERY_S = 0.5


class TimelineFeature:
    """``ring`` is one of the session's sinks; without it alarms have no pictures."""

    def __init__(self, ring: FrameRing | None = None) -> None:
        self.ring = ring
        self.view = TimelineView()
        self.dock: QDockWidget | None = None
        self._window: MonitorWindow | None = None
        self._dialogs: list[EventDialog] = []
        self._looked_s = float("-inf")

    def attach(self, window: MonitorWindow) -> None:
        self._window = window
        shown = window.preferences is None or bool(window.preferences.value("view/timeline"))
        area = Qt.DockWidgetArea.BottomDockWidgetArea
        title = tr("Timeline", "timeline")
        self.dock = window.docks.add(
            "timeline", title, self.view, area, action="timeline", shown=shown, of_sources=True
        )
        window.resizeDocks([self.dock], [self.view.sizeHint().height()], Qt.Orientation.Vertical)
        self._select(window.grid.selected or "")
        window.grid.selection_changed.connect(self._select)
        window.grid.panel_removed.connect(self.view.forget)
        self.view.event_chosen.connect(self.open_event)
        window.alarms.event_chosen.connect(self.open_event)

    def show_updates(self, updates: Mapping[str, Update]) -> None:
        now_s = time.monotonic()
        if now_s - self._looked_s >= _SETTINGS_EVERY_S:
            self._looked_s = now_s
            self._look_at_settings()
        self.view.show_updates(updates)

    def open_event(self, source_id: str, event: Event) -> None:
        """Show an alarm in the timeline, and its pictures in a window of their own."""
        if self.view.knows(source_id):
            self.view.show_event(source_id, event)
            series, times = self.view.series_of(source_id), self.view.times_of(source_id)
        else:  # the alarms of a source that is watched no more stay in the list
            series, times = SourceSeries(), TimeWords()
        keys = [(one.track_id, one.start_s) for one in series.events]
        key = (event.track_id, event.start_s)
        frames = self.ring.frames(source_id, event) if self.ring is not None else ()
        dialog = EventDialog(
            series.events[keys.index(key)] if key in keys else event,
            keys.index(key) + 1 if key in keys else 1,
            frames,
            times,
            seconds=self.ring.seconds if self.ring is not None else 0.0,
            calibrated=series.calibrated,
            parent=self._window,
        )
        self._dialogs = [one for one in self._dialogs if not sip.isdeleted(one)]
        self._dialogs.append(dialog)
        dialog.show()

    def forget_pictures(self) -> None:
        """Delete every kept picture now, also those that are being looked at."""
        if self.ring is not None:
            self.ring.clear()
        self._close_dialogs()

    def close(self) -> None:
        self._close_dialogs()
        self.view.close_plot()

    def _close_dialogs(self) -> None:
        for dialog in self._dialogs:
            if not sip.isdeleted(dialog):
                dialog.close()
        self._dialogs = []

    def _select(self, source_id: str) -> None:
        if source_id:
            self.view.select(source_id)

    def _look_at_settings(self) -> None:
        """The threshold, which sources are live, and for how long pictures are kept: cheap, so nobody must tell."""
        window = self._window
        if window is None:
            return
        if window.preferences is not None and self.ring is not None:
            seconds = window.preferences.value("privacy/ring_s")
            if isinstance(seconds, int | float) and seconds != self.ring.seconds:
                self.ring.set_seconds(float(seconds))
        session = window.controller.session if window.controller is not None else None
        if session is None:
            return
        for channel in session.channels:
            self.view.set_threshold(channel.source_id, session.threshold.score)
            if (info := channel.status.view().info) is not None:
                self.view.set_live(channel.source_id, info.live)
