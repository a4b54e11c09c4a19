"""The verdict on a whole picture in large words, and a line of text that never widens the window."""

from __future__ import annotations

import html

from unmask.gui.qt import (
    QColor,
    QFont,
    QFontMetricsF,
    QLabel,
    QPainter,
    QPaintEvent,
    QPalette,
    QPointF,
    QRectF,
    QSize,
    QSizePolicy,
    Qt,
    QWidget,
)
from unmask.gui.shapes import COLOURS, draw_box
from unmask.gui.wording import verdict_words
from unmask.realtime.types import Update, Verdict

_MARGIN = 8
_SMALLEST_HEADLINE = 0.9  # of the ordinary font's size


def plain_tip(words: str) -> str:
    """What a tooltip is given so that it shows ``words`` as they are: a file may be called ``<b>.mp4``."""
    return f"<p>{html.escape(words)}</p>".replace("\n", "<br>") if "<" in words else words


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
        if (tip := plain_tip(tip)) != self.toolTip():
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
        self.setAccessibleName(self.tr("Verdict"))

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
