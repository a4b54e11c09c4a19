"""The list of alarms: one row per alarm of any source, oldest first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from unmask.gui.i18n import mark
from unmask.gui.qt import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    Qt,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)
from unmask.gui.spoken import counted
from unmask.gui.verdict_line import plain_tip
from unmask.gui.wording import event_span
from unmask.realtime.types import Event, Update

_COLUMNS = (mark("Seen at"), mark("Face"), mark("In the source"), mark("Score"), mark("Source"))
_SPAN, _SCORE, _SOURCE = 2, 3, 4


class AlarmList(QWidget):
    """Alarms with the time of day at which this window first saw them and their span in the source.

    The score is the highest of the alarm. The source has a column where there are several; once shown it stays.
    ``event_chosen`` is emitted with the source's id and the ``Event`` of a row that was opened (double click, Enter).
    """

    event_chosen = pyqtSignal(str, object)

    def __init__(self, several_sources: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: dict[tuple[str, int, float], int] = {}
        self._events: dict[str, tuple[Event, ...]] = {}
        self.title = QLabel(self.tr("No alarms so far"))
        self.table = QTableWidget(0, len(_COLUMNS))
        self.table.setHorizontalHeaderLabels([self.tr(name) for name in _COLUMNS])
        self.table.setColumnHidden(_SOURCE, not several_sources)
        self.table.setAccessibleName(self.tr("Alarms"))
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setTabKeyNavigation(False)  # Tab leaves the table; the arrows move in it
        self.table.cellActivated.connect(self._choose)
        self.table.setWordWrap(False)
        self.table.setTextElideMode(Qt.TextElideMode.ElideLeft)  # the end of a path tells most
        rows, columns = self.table.verticalHeader(), self.table.horizontalHeader()
        if rows is not None and columns is not None:
            rows.setVisible(False)
            columns.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            columns.setStretchLastSection(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.title)
        column.addWidget(self.table, 1)

    def tell_sources_apart(self, several: bool) -> None:
        """Whether there is a column for the source."""
        self.table.setColumnHidden(_SOURCE, not several)

    def forget(self, source_id: str) -> None:
        """What comes of that name from now on is another source, or the same from its beginning: the rows stay."""
        self._events.pop(source_id, None)
        for key in [key for key in self._rows if key[0] == source_id]:
            del self._rows[key]

    def show_updates(self, updates: Mapping[str, Update]) -> None:
        """Add the alarms that are new and renew those that last."""
        for source_id, update in updates.items():
            before = self._events.get(source_id, ())
            if update.events != before:
                self._events[source_id] = update.events
                known = set(before)
                for event in update.events:
                    if event not in known:
                        self._show(source_id, event)
        number = self.table.rowCount()
        title = counted(number, "alarm") if number else self.tr("No alarms so far")
        if title != self.title.text():
            self.title.setText(title)

    def _choose(self, row: int) -> None:
        for (source_id, track_id, start_s), place in self._rows.items():
            for event in self._events.get(source_id, ()) if place == row else ():
                if (event.track_id, event.start_s) == (track_id, start_s):
                    self.event_chosen.emit(source_id, event)

    def _show(self, source_id: str, event: Event) -> None:
        key = (source_id, event.track_id, event.start_s)
        if key not in self._rows:
            self._rows[key] = row = self.table.rowCount()
            self.table.insertRow(row)
            words = (f"{datetime.now():%H:%M:%S}", str(event.track_id), "", "", source_id)
            for column, word in enumerate(words):
                item = QTableWidgetItem(word)
                item.setToolTip(plain_tip(word))
                self.table.setItem(row, column, item)
            self.table.scrollToBottom()
        row = self._rows[key]
        for column, word in ((_SPAN, event_span(event)), (_SCORE, f"{event.peak_score:.2f}")):
            item = self.table.item(row, column)
            if item is not None and item.text() != word:
                item.setText(word)
