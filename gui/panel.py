"""Everything about one source: the verdict in large words, the picture, the head-up line."""

from __future__ import annotations

from unmask.gui.clocks import ClockTable, head_up_numbers
from unmask.gui.picture import PictureView
from unmask.gui.qt import (
    QColor,
    QFont,
    QFontMetricsF,
    QHBoxLayout,
    QLabel,
    QPainter,
    QPaintEvent,
    QPalette,
    QPointF,
    QRectF,
    QSize,
    QSizePolicy,
    Qt,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from unmask.gui.shapes import COLOURS, draw_box
from unmask.gui.wording import dropped_words, head_up_line, lowered_words, verdict_words
from unmask.realtime.metrics.clocks import Clocks
from unmask.realtime.types import Update, Verdict

_MARGIN = 8
_SMALLEST_HEADLINE = 0.9  # of the ordinary font's size


class ElidedLabel(QLabel):
    """One line of text that ends in an ellipsis where it does not fit, and never widens the window."""

    def __init__(self, text: str, elide: Qt.TextElideMode = Qt.TextElideMode.ElideRight) -> None:
        super().__init__(text)
        self._elide = elide
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def say(self, text: str, tip: str) -> None:
        if text != self.text():
            self.setText(text)
        if tip != self.toolTip():
            self.setToolTip(tip)

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        words = self.fontMetrics().elidedText(self.text(), self._elide, self.width())
        painter.drawText(self.rect(), self.alignment() | Qt.AlignmentFlag.AlignVCenter, words)
        painter.end()


class VerdictLine(QWidget):
    """The verdict on the whole picture: its shape, its words large, and below them what it rests on."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._verdict = Verdict.CANNOT_JUDGE
        self._headline, self._reason = "", ""
        self._large, self._small = QFont(self.font()), QFont(self.font())
        self._large.setPointSizeF(self.font().pointSizeF() * 1.7)
        self._large.setBold(True)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Verdict")

    def sizeHint(self) -> QSize:
        high = QFontMetricsF(self._large).height() + QFontMetricsF(self._small).height()
        return QSize(240, round(high) + 2 * _MARGIN)

    @property
    def words(self) -> str:
        return "; ".join(part for part in (self._headline, self._reason) if part)

    def headline_font(self, room: float) -> QFont:
        """The large font, or what of it lets the verdict fit in ``room``: those words are never cut short."""
        font = QFont(self._large)
        # By steps: hinted glyphs do not shrink in proportion to the size.
        while (
            QFontMetricsF(font).horizontalAdvance(self._headline) > room
            and font.pointSizeF() > _SMALLEST_HEADLINE * self._small.pointSizeF()
        ):
            font.setPointSizeF(font.pointSizeF() - 0.5)
        return font

    def show_update(self, update: Update) -> None:
        said = (update.verdict, *verdict_words(update))
        if said == (self._verdict, self._headline, self._reason):
            return
        if said[:2] != (self._verdict, self._headline):  # a new score alone is not worth an announcement
            self.setAccessibleDescription("; ".join(part for part in said[1:] if part))
        self._verdict, self._headline, self._reason = said
        self.setToolTip(self.words)
        self.update()

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen, ink = self.palette().color(QPalette.ColorRole.WindowText), COLOURS[self._verdict]
        if self._headline and self._verdict is Verdict.SIGNS:
            painter.fillRect(self.rect(), ink)
            pen = ink = QColor(255, 255, 255)
        side = self.height() - 2.0 * _MARGIN - 4
        if self._headline:
            draw_box(painter, QRectF(_MARGIN + 2, _MARGIN + 2, side, side), self._verdict, 4, ink)
        left = 3.0 * _MARGIN + side
        painter.setPen(pen)
        top = float(_MARGIN)
        room = self.width() - left - _MARGIN
        for words, font in ((self._headline, self.headline_font(room)), (self._reason, self._small)):
            metric = QFontMetricsF(font)
            painter.setFont(font)
            fitting = metric.elidedText(words, Qt.TextElideMode.ElideRight, room)
            painter.drawText(QPointF(left, top + metric.ascent()), fitting)
            top += metric.height()
        painter.end()


class SourcePanel(QWidget):
    """One source. ``show_update`` at any rate; ``refresh_numbers`` a few times a second, so that they can be read."""

    def __init__(self, source_id: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.source_id = source_id
        self.newest: Update | None = None
        self.verdict_line = VerdictLine()
        self.picture = PictureView(source_id)
        self.name_line = ElidedLabel(source_id, Qt.TextElideMode.ElideMiddle)
        self.name_line.setToolTip(source_id)
        bold = QFont(self.font())
        bold.setBold(True)
        self.name_line.setFont(bold)
        self.head_up = ElidedLabel("Opening …")
        self.head_up.setAccessibleName(f"How {source_id} fares")
        self.remark = ElidedLabel("")
        self.remark.setAccessibleName(f"What troubles the monitoring of {source_id}")
        self.remark.hide()
        self.clock_table = ClockTable(source_id)
        self.clock_button = QToolButton()
        self.clock_button.setText("Clocks")
        self.clock_button.setCheckable(True)
        self.clock_button.setAutoRaise(True)
        self.clock_button.setAccessibleName(f"Show the clocks of {source_id}")
        self.clock_button.toggled.connect(self._show_clocks)
        self.clock_button.hide()
        self._clocks: Clocks | None = None
        self.setAccessibleName(f"Source {source_id}")
        self._lay_out()

    def _lay_out(self) -> None:
        column, foot = QVBoxLayout(self), QHBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        foot.addWidget(self.head_up, 1)
        foot.addWidget(self.clock_button)
        for widget in (self.verdict_line, self.picture, self.name_line, self.remark):
            column.addWidget(widget, 1 if widget is self.picture else 0)
        column.addLayout(foot)
        column.addWidget(self.clock_table)

    def show_update(self, update: Update) -> None:
        self.newest = update
        self.verdict_line.show_update(update)
        self.picture.show_update(update)

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
