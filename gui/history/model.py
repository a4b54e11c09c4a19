"""The history's list for Qt's views: page by page, loaded beside the window."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from unmask.gui.i18n import mark, tr
from unmask.gui.qt import (
    QAbstractTableModel,
    QApplication,
    QColor,
    QIcon,
    QModelIndex,
    QPainter,
    QPalette,
    QPixmap,
    QRectF,
    Qt,
)
from unmask.gui.shapes import COLOURS, draw_box
from unmask.gui.spoken import verdict_name
from unmask.gui.theme import readable
from unmask.gui.verdict_line import plain_tip
from unmask.realtime.history.records import Entry
from unmask.realtime.history.words import day_and_time
from unmask.realtime.types import Verdict

PAGE = 200
WHEN, WHAT, VERDICT, ALARMS, KIND = range(5)
_NAMES = (mark("When"), mark("What"), mark("Verdict"), mark("Alarms"), mark("Kind"))
_KINDS = {"session": mark("session"), "scan": mark("scan")}
_NOWHERE = QModelIndex()


class HistoryModel(QAbstractTableModel):
    """Shows the entries it was given. When a view nears the end it asks ``more`` for those after the last one;
    whoever loads them calls ``append``."""

    def __init__(self, more: Callable[[Entry], object]) -> None:
        super().__init__()
        self._ask = more
        self._entries: list[Entry] = []
        self._there_is_more = False
        self._asked = False

    @property
    def entries(self) -> list[Entry]:
        return self._entries

    def show_entries(self, entries: list[Entry]) -> None:
        """In place of what was shown. A full page may be followed by another one."""
        self.beginResetModel()
        self._entries = list(entries)
        self._there_is_more, self._asked = len(entries) >= PAGE, False
        self.endResetModel()

    def append(self, after: Entry, entries: list[Entry]) -> None:
        """The page after ``after``; a page that is for another list by now is left alone."""
        if not self._entries or self._entries[-1] != after:
            return
        self._there_is_more, self._asked = len(entries) >= PAGE, False
        if entries:
            first = len(self._entries)
            self.beginInsertRows(_NOWHERE, first, first + len(entries) - 1)
            self._entries += entries
            self.endInsertRows()

    def rowCount(self, parent: QModelIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._entries)

    def columnCount(self, parent: QModelIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(_NAMES)

    def canFetchMore(self, parent: QModelIndex) -> bool:
        return not parent.isValid() and self._there_is_more and not self._asked

    def fetchMore(self, parent: QModelIndex) -> None:
        if self.canFetchMore(parent):
            self._asked = True
            self._ask(self._entries[-1])

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> str | None:
        if orientation is not Qt.Orientation.Horizontal or role != Qt.ItemDataRole.DisplayRole:
            return None
        return tr(_NAMES[section])

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        entry, column = self._entries[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return _cell(entry, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            words = f"{verdict_name(entry.verdict)}{entry.why}" if column == VERDICT else _cell(entry, column)
            return plain_tip(words)
        if role == Qt.ItemDataRole.DecorationRole and column == VERDICT:
            return verdict_icon(entry.verdict)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return _cell(entry, column)
        return None


def verdict_icon(verdict: Verdict) -> QIcon:
    """The verdict's colour and shape, small: as the box around a face has them, made to be seen on what lists lie
    on now."""
    palette = QApplication.palette()
    grounds = (palette.color(role).rgb() for role in (QPalette.ColorRole.Base, QPalette.ColorRole.Highlight))
    return _icon(verdict, *grounds)


@functools.cache
def _icon(verdict: Verdict, ground: int, chosen: int) -> QIcon:
    icon = QIcon(_mark(verdict, QColor(ground)))
    # Qt would wash out the colour in the row that is selected, and it has to be told from another ground there.
    icon.addPixmap(_mark(verdict, QColor(chosen)), QIcon.Mode.Selected)
    return icon


def _mark(verdict: Verdict, ground: QColor) -> QPixmap:
    ratio, side = 2, 18
    pixmap = QPixmap(side * ratio, side * ratio)
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(QColor(0, 0, 0, 0))
    painter = QPainter(pixmap)
    draw_box(painter, QRectF(3, 3, side - 6, side - 6), verdict, 2.0, readable(COLOURS[verdict], ground))
    painter.end()
    return pixmap


def _cell(entry: Entry, column: int) -> str:
    if column == WHEN:
        return day_and_time(entry.at)
    if column == WHAT:
        return entry.title
    if column == VERDICT:
        return f"{verdict_name(entry.verdict)}{entry.why}"
    if column == ALARMS:
        return str(entry.alarms) if entry.alarms else ""
    return tr(_KINDS[entry.kind])
