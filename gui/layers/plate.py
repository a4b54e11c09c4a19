"""Words in a corner of the picture that belong to a layer: painted once, shown until they or their room change."""

from __future__ import annotations

from unmask.gui.picture import PictureView
from unmask.gui.qt import QColor, QFontMetricsF, QPainter, QPixmap, QPointF, QRectF, QSizeF, Qt

_GROUND, _INK = QColor(18, 18, 18, 225), QColor(255, 255, 255)
_PAD, _MARGIN = 6.0, 8.0
_FLAGS = Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextWordWrap


class Plate:
    """A dark plate with white words. A child paints more below them: ``more`` is the size that it needs."""

    def __init__(self, *, at_foot: bool) -> None:
        self._at_foot = at_foot
        self._drawn: QPixmap | None = None
        self._drawn_for: object = None
        self._rect = QRectF()
        self._rect_for: object = None
        self.words = ""

    def rect(self, view: PictureView) -> QRectF:
        """Where it lies in the widget: in a corner of that, which may be beside the picture."""
        wanted = (self.words, view.size(), view.font().key())
        if wanted != self._rect_for:
            self._rect, self._rect_for = self._place(view), wanted
        return self._rect

    def _place(self, view: PictureView) -> QRectF:
        room = QRectF(view.rect()).adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
        text = self._text_rect(view, room.width() - 2 * _PAD)
        more = self.more(view)
        gap = _PAD / 2 if more.height() else 0.0
        size = QSizeF(max(text.width(), more.width()) + 2 * _PAD, text.height() + gap + more.height() + 2 * _PAD)
        corner = room.bottomLeft() - QPointF(0, size.height()) if self._at_foot else room.topLeft()
        return QRectF(corner, size)

    def more(self, view: PictureView) -> QSizeF:
        """The room below the words."""
        return QSizeF(0, 0)

    def paint_more(self, painter: QPainter, rect: QRectF, view: PictureView) -> None:
        """Fill it."""

    def paint(self, painter: QPainter, view: PictureView) -> None:
        rect, ratio = self.rect(view), view.devicePixelRatioF()
        wanted = (self.words, rect.size(), ratio, view.font().key())
        if self._drawn is None or self._drawn_for != wanted:
            self._drawn, self._drawn_for = self._draw(view, rect.size(), ratio), wanted
        painter.drawPixmap(rect.topLeft(), self._drawn)

    def _text_rect(self, view: PictureView, room: float) -> QRectF:
        return QFontMetricsF(view.font()).boundingRect(QRectF(0, 0, max(room, 1.0), 10_000), int(_FLAGS), self.words)

    def _draw(self, view: PictureView, size: QSizeF, ratio: float) -> QPixmap:
        pixmap = QPixmap((size * ratio).toSize().expandedTo((QSizeF(1, 1)).toSize()))
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(_GROUND)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(view.font())
        painter.setPen(_INK)
        inside = QRectF(_PAD, _PAD, size.width() - 2 * _PAD, size.height() - 2 * _PAD)
        painter.drawText(inside, int(_FLAGS), self.words)
        high = self.more(view).height()
        self.paint_more(painter, QRectF(inside.left(), inside.bottom() - high, inside.width(), high), view)
        painter.end()
        return pixmap
