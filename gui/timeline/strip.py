"""The model of the strip: only what is in view is decoded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from unmask.gui.i18n import tr
from unmask.gui.qt import (
    QAbstractListModel,
    QColor,
    QFont,
    QFontMetrics,
    QGuiApplication,
    QModelIndex,
    QPainter,
    QPixmap,
    QSize,
    Qt,
)
from unmask.gui.shapes import COLOURS
from unmask.gui.timeline.kept import decoded
from unmask.gui.timeline.times import TimeWords
from unmask.gui.wording import face_lines
from unmask.realtime.sinks.ring import KeptFrame
from unmask.realtime.types import Event, Verdict

#: How high a picture in the strip is, in device-independent pixels.
THUMB_PX = 64
_EDGE = 4


class StripModel(QAbstractListModel):
    """A row per picture: its time, a small picture, and a mark on those in which the alarm was on."""

    def __init__(self, frames: Sequence[KeptFrame], event: Event, times: TimeWords) -> None:
        super().__init__()
        self._frames, self._event, self._times = frames, event, times
        self._small: dict[int, QPixmap] = {}
        first = frames[0] if frames else None
        self.proportion = max(0.5, min(2.5, first.width / first.height)) if first is not None else 1.0
        text = QFontMetrics(QGuiApplication.font())
        wide = max(round(THUMB_PX * self.proportion), text.horizontalAdvance("▸ 00:00:00.0")) + 12
        self.cell = QSize(wide, THUMB_PX + text.height() + 12)

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008  # Qt's own signature
        return 0 if parent.isValid() else len(self._frames)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        kept = self._frames[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            mark = "▸ " if self._in_alarm(kept) else ""
            return f"{mark}{self._times.words(kept.time_s, 0.5)}"
        if role == Qt.ItemDataRole.DecorationRole:
            return self._thumb(index.row())
        if role == Qt.ItemDataRole.SizeHintRole:
            return self.cell
        if role == Qt.ItemDataRole.FontRole:
            font = QFont(QGuiApplication.font())
            font.setBold(self._in_alarm(kept))
            return font
        if role in (Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole):
            return self._words(kept)
        return None

    def _in_alarm(self, kept: KeptFrame) -> bool:
        end_s = self._event.end_s
        return self._event.start_s <= kept.time_s and (end_s is None or kept.time_s <= end_s)

    def _words(self, kept: KeptFrame) -> str:
        parts = [self._times.words(kept.time_s, 0.5), *(", ".join(face_lines(face)) for face in kept.faces)]
        if self._in_alarm(kept):
            parts.append(tr("during the alarm", "timeline"))
        return "; ".join(parts)

    def _thumb(self, row: int) -> QPixmap:
        if row not in self._small:
            screen = QGuiApplication.primaryScreen()
            ratio = screen.devicePixelRatio() if screen is not None else 1.0
            picture = QPixmap.fromImage(decoded(self._frames[row], round(THUMB_PX * ratio)))
            if any(face.verdict is Verdict.SIGNS for face in self._frames[row].faces):
                painter = QPainter(picture)
                edge = round(_EDGE * ratio)
                signs: QColor = COLOURS[Verdict.SIGNS]
                painter.fillRect(0, picture.height() - edge, picture.width(), edge, signs)
                painter.end()
            picture.setDevicePixelRatio(ratio)
            self._small[row] = picture
        return self._small[row]
