"""Labels that were drawn once and are painted many times: the words of a face seldom change from frame to frame."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TypeVar

from unmask.gui.qt import QColor, QFont, QPainter, QPixmap, QPointF, QRectF, QSizeF, Qt
from unmask.gui.shapes import draw_label, label_size

_MOST = 64
Key = TypeVar("Key")
Kept = TypeVar("Kept")


class Labels:
    """The labels of one picture in a ``font``, whose first line is bold. The oldest are forgotten."""

    def __init__(self, font: QFont) -> None:
        self._plain, self._bold = QFont(font), QFont(font)
        self._bold.setBold(True)
        self._sizes: OrderedDict[tuple[str, ...], QSizeF] = OrderedDict()
        self._drawn: OrderedDict[object, QPixmap] = OrderedDict()

    def size(self, lines: Sequence[str], most: QSizeF) -> QSizeF:
        """The size of a label with these lines, at most ``most``."""
        key = tuple(lines)
        size = self._sizes.get(key)
        if size is None:
            size = label_size(lines, self._fonts(lines), QSizeF(1e6, 1e6))
            _keep(self._sizes, key, size)
        return size.boundedTo(most)

    def paint(self, painter: QPainter, rect: QRectF, lines: Sequence[str], colour: QColor, ratio: float) -> None:
        """Paint it, ``ratio`` pixels of the screen to one of the widget."""
        key = (tuple(lines), rect.width(), rect.height(), colour.rgb(), ratio)
        drawn = self._drawn.get(key)
        if drawn is None:
            drawn = self._draw(rect.size(), lines, colour, ratio)
            _keep(self._drawn, key, drawn)
        # A place between two pixels would blur the words.
        painter.drawPixmap(QPointF(round(rect.x() * ratio) / ratio, round(rect.y() * ratio) / ratio), drawn)

    def _draw(self, size: QSizeF, lines: Sequence[str], colour: QColor, ratio: float) -> QPixmap:
        pixels = (size * ratio).toSize()
        drawn = QPixmap(max(1, pixels.width()), max(1, pixels.height()))
        drawn.setDevicePixelRatio(ratio)
        drawn.fill(Qt.GlobalColor.transparent)
        painter = QPainter(drawn)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        draw_label(painter, QRectF(QPointF(0, 0), size), lines, self._fonts(lines), colour)
        painter.end()
        return drawn

    def _fonts(self, lines: Sequence[str]) -> list[QFont]:
        return [self._plain if number else self._bold for number in range(len(lines))]


def _keep(kept: OrderedDict[Key, Kept], key: Key, value: Kept) -> None:
    kept[key] = value
    if len(kept) > _MOST:
        kept.popitem(last=False)
