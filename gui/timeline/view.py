"""The timeline as a widget: the plot of the selected source, and what is said above it."""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from unmask.gui.i18n import tr
from unmask.gui.qt import QHBoxLayout, QLabel, QSize, Qt, QToolButton, QVBoxLayout, QWidget, pyqtSignal
from unmask.gui.spoken import counted
from unmask.gui.timeline.series import SourceSeries
from unmask.gui.timeline.times import TimeWords
from unmask.gui.timeline.words import description
from unmask.gui.verdict_line import ElidedLabel
from unmask.realtime.types import Event, Update

if TYPE_CHECKING:
    from unmask.gui.timeline.plot import TimelinePlot

#: The plot is painted at most so often.
REFRESH_S = 0.2


class TimelineView(QWidget):
    """Feed it all updates, whichever source is selected. ``event_chosen`` is emitted with the source's id and the
    ``Event`` that was clicked. pyqtgraph (half a second) is loaded on a thread when it is shown first."""

    event_chosen = pyqtSignal(str, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot: TimelinePlot | None = None
        self._series: dict[str, SourceSeries] = {}
        self._times: dict[str, TimeWords] = {}
        self._selected: str | None = None
        self._changed, self._refreshed_s = False, 0.0
        self._loading: threading.Thread | None = None
        self._problem: ImportError | None = None
        self.title = ElidedLabel("", Qt.TextElideMode.ElideMiddle)
        self.back = QToolButton()
        self.back.setText(tr("Back to now (End)", "timeline"))
        self.back.setAccessibleName(tr("Back to now", "timeline"))
        self.back.hide()
        self.waiting = QLabel(tr("Loading the timeline …", "timeline"))
        self.waiting.setAlignment(Qt.AlignmentFlag.AlignCenter)
        row = QHBoxLayout()
        row.addWidget(self.title, 1)
        row.addWidget(self.back)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(6, 2, 6, 0)
        self._column.setSpacing(2)
        self._column.addLayout(row)
        self._column.addWidget(self.waiting, 1)
        self.setAccessibleName(tr("Timeline", "timeline"))

    def sizeHint(self) -> QSize:
        return QSize(800, 210)

    @property
    def selected(self) -> str | None:
        return self._selected

    def knows(self, source_id: str) -> bool:
        """Whether that source has a timeline: not one that is watched no more."""
        return source_id in self._series

    def series_of(self, source_id: str) -> SourceSeries:
        """What is known of a source; from now on it has a timeline, which may be empty."""
        return self._series.setdefault(source_id, SourceSeries())

    def times_of(self, source_id: str) -> TimeWords:
        return self._times.setdefault(source_id, TimeWords())

    def show_updates(self, updates: Mapping[str, Update]) -> None:
        """Take what is new; the plot is painted at most five times a second, and only where it can be seen."""
        for source_id, update in updates.items():
            if self.series_of(source_id).take(update):
                if update.frame is not None and update.stages is not None:
                    self.times_of(source_id).note(update.frame)
                self._changed |= source_id == self._selected
            if self._selected is None:
                self.select(source_id)
        if self.isVisible():
            self._load()
            now_s = time.monotonic()
            if self._changed and self.plot is not None and now_s - self._refreshed_s >= REFRESH_S:
                self._refreshed_s, self._changed = now_s, False
                self.plot.refresh()
                self._describe()

    def select(self, source_id: str) -> None:
        """Show this source: its time axis, its faces."""
        if source_id == self._selected:
            return
        self._selected = source_id
        if self.plot is not None:
            self.plot.show_source(self.series_of(source_id), self.times_of(source_id))
            self._refreshed_s, self._changed = time.monotonic(), False  # that painted it
        self._describe()

    def forget(self, source_id: str) -> None:
        """The source is watched no more."""
        self._series.pop(source_id, None)
        self._times.pop(source_id, None)
        if source_id == self._selected:
            self._selected = None
            if others := list(self._series):
                self.select(others[0])
            elif self.plot is not None:
                self.plot.show_source(SourceSeries(), TimeWords())
                self._describe()

    def set_threshold(self, source_id: str, threshold: float) -> None:
        """It is drawn from now on; what was before keeps the line that it was judged by."""
        self._changed |= self.series_of(source_id).set_threshold(threshold)

    def set_live(self, source_id: str, live: bool) -> None:
        """Time of day for a live source, minutes and seconds for a file."""
        times = self.times_of(source_id)
        self._changed |= times.live != live
        times.live = live

    def show_event(self, source_id: str, event: Event) -> None:
        """Select the source, and bring the alarm into view."""
        self.select(source_id)
        if self.plot is not None:
            self.plot.show_event(event)

    def close_plot(self) -> None:
        """Wait for the loading, if it has begun: no thread outlives the window."""
        if self._loading is not None:
            self._loading.join()

    def _load(self) -> None:
        """Import the plot on a thread, then make it here."""
        if self.plot is not None:
            return
        if self._loading is None:
            self._loading = threading.Thread(target=self._import, name="unmask-load-timeline", daemon=True)
            self._loading.start()
        if self._problem is not None:
            words = tr("There is no timeline ({error}): install Unmask's gui extra again.", "timeline")
            self.waiting.setText(words.format(error=self._problem))
        if not self._loading.is_alive() and self._problem is None:
            self._make_plot()

    def _import(self) -> None:
        try:
            importlib.import_module("unmask.gui.timeline.plot")
        except ImportError as error:
            self._problem = error

    def _make_plot(self) -> None:
        from unmask.gui.timeline.plot import TimelinePlot

        self.plot = plot = TimelinePlot()
        self._column.replaceWidget(self.waiting, plot)
        self.waiting.hide()
        self._column.setStretchFactor(plot, 1)
        plot.chosen.connect(self._choose)
        plot.followed.connect(self._followed)
        plot.hidden_changed.connect(self._describe)
        self.back.clicked.connect(self._back)
        self.setFocusProxy(plot)
        if self._selected is not None:
            plot.show_source(self.series_of(self._selected), self.times_of(self._selected))
        self._describe()

    def _choose(self, event: Event) -> None:
        if self._selected is not None:
            self.event_chosen.emit(self._selected, event)

    def _followed(self, following: bool) -> None:
        self.back.setVisible(not following)
        self._describe()

    def _back(self) -> None:
        if self.plot is not None:
            self.plot.follow()
            self.plot.setFocus()

    def _describe(self, *_: object) -> None:
        """The same in words: for the line above, and for a screen reader."""
        series = self.series_of(self._selected) if self._selected is not None else SourceSeries()
        alarms = len(series.events)
        number = counted(alarms, "alarm") if alarms else tr("no alarms", "timeline")
        parts = [self._selected or "", number]
        if self.plot is not None and (hidden := self.plot.item.layout.hidden):
            parts.append(tr("{} more faces: make this higher to see them", "timeline").format(hidden))
        self.title.say(" · ".join(part for part in parts if part), self._selected or "")
        words = description(series, self.plot is None or self.plot.following)
        for widget in (self, self.plot):
            if widget is not None and widget.accessibleDescription() != words:
                widget.setAccessibleDescription(words)
        if self.plot is not None:
            name = tr("Timeline of {}", "timeline").format(self._selected or "")
            if self.plot.accessibleName() != name:
                self.plot.setAccessibleName(name)
