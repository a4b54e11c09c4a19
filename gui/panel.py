"""Everything about one source: the verdict in large words, the picture, what troubles it, the head-up line."""

from __future__ import annotations

from unmask.gui.banner import TroubleBanner
from unmask.gui.clocks import ClockTable, head_up_numbers
from unmask.gui.picture import PictureView
from unmask.gui.qt import (
    QFocusEvent,
    QFont,
    QHBoxLayout,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QRectF,
    Qt,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from unmask.gui.verdict_line import ElidedLabel, VerdictLine, plain_tip
from unmask.gui.wording import dropped_words, head_up_line, lowered_words
from unmask.realtime.metrics.clocks import Clocks
from unmask.realtime.types import Update

_RING = 2.0
_BY_KEYBOARD = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)


class SourcePanel(QWidget):
    """One source. ``show_update`` at any rate; ``refresh_numbers`` a few times a second, so that they can be read.

    A ring is drawn around the one that is selected among several, and around one that has the focus by keyboard.
    """

    def __init__(self, source_id: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.source_id = source_id
        self.newest: Update | None = None
        self.verdict_line = VerdictLine()
        self.picture = PictureView(source_id)
        self.banner = TroubleBanner(source_id)
        self.name_line = ElidedLabel(source_id, Qt.TextElideMode.ElideMiddle)
        self.name_line.setToolTip(plain_tip(source_id))
        bold = QFont(self.font())
        bold.setBold(True)
        self.name_line.setFont(bold)
        self.head_up = ElidedLabel(self.tr("Opening …"))
        self.head_up.setAccessibleName(self.tr("How {source} fares").format(source=source_id))
        self.remark = ElidedLabel("")
        self.remark.setAccessibleName(self.tr("What troubles the monitoring of {source}").format(source=source_id))
        self.remark.hide()
        self.clock_table = ClockTable(source_id)
        self.clock_button = QToolButton()
        self.clock_button.setText(self.tr("Clocks"))
        self.clock_button.setCheckable(True)
        self.clock_button.setAutoRaise(True)
        self.clock_button.setAccessibleName(self.tr("Show the clocks of {source}").format(source=source_id))
        self.clock_button.toggled.connect(self._show_clocks)
        self.clock_button.hide()
        self._clocks: Clocks | None = None
        self._selected = self._by_keyboard = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Source {source}").format(source=source_id))
        self._lay_out()

    def _lay_out(self) -> None:
        column, foot = QVBoxLayout(self), QHBoxLayout()
        room = round(2 * _RING)
        column.setContentsMargins(room, room, room, room)
        column.setSpacing(4)
        foot.addWidget(self.head_up, 1)
        foot.addWidget(self.clock_button)
        for widget in (self.verdict_line, self.picture, self.banner, self.name_line, self.remark):
            column.addWidget(widget, 1 if widget is self.picture else 0)
        column.addLayout(foot)
        column.addWidget(self.clock_table)

    def show_update(self, update: Update) -> None:
        self.newest = update
        self.verdict_line.show_update(update)
        self.picture.show_update(update)
        self.banner.show_update(update)

    def mark_selected(self, selected: bool) -> None:
        """Whether to draw the ring of the one that is selected among several."""
        if selected != self._selected:
            self._selected = selected
            self.setAccessibleDescription(self.tr("selected") if selected else "")
            self.update()

    def refresh_numbers(self, clocks: Clocks | None = None) -> None:
        """``clocks``: how the whole monitor fares, where somebody measures it."""
        self._clocks = clocks
        if self.newest is not None:
            spread, load = head_up_numbers(clocks, self.source_id)
            line = head_up_line(self.newest, self.picture.painted_age_ms, spread, load)
            self.head_up.say(line, f"{line}\n{dropped_words(self.newest.counters)}")
        self.clock_button.setVisible(clocks is not None)
        self.clock_table.show_clocks(clocks)
        told = clocks.sources.get(self.source_id) if clocks is not None else None
        remarks = [*(told.remarks if told is not None else ()), *lowered_words(self.newest)]
        self.remark.say(" ".join(remarks), "\n".join(remarks))
        self.remark.setVisible(bool(remarks))

    def _show_clocks(self, wanted: bool) -> None:
        self.clock_table.setVisible(wanted)
        self.clock_table.show_clocks(self._clocks)

    def focusInEvent(self, a0: QFocusEvent | None) -> None:
        self._by_keyboard = a0 is not None and a0.reason() in _BY_KEYBOARD
        self.update()

    def focusOutEvent(self, a0: QFocusEvent | None) -> None:
        self._by_keyboard = False
        self.update()

    def mousePressEvent(self, a0: QMouseEvent | None) -> None:
        """A click anywhere in the panel selects it: the picture and the lines leave it to their panel."""
        self.setFocus(Qt.FocusReason.MouseFocusReason)

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        if not (self._selected or self._by_keyboard):
            return
        painter = QPainter(self)
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Highlight), _RING))
        inset = _RING / 2
        painter.drawRect(QRectF(self.rect()).adjusted(inset, inset, -inset, -inset))
        painter.end()
