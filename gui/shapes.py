"""How a verdict looks: a colour and a shape that mean the same in the window and in recordings."""

from __future__ import annotations

from collections.abc import Sequence

from unmask.gui.qt import (
    QColor,
    QFont,
    QFontMetricsF,
    QPainter,
    QPainterPath,
    QPen,
    QPointF,
    QRectF,
    QSizeF,
    Qt,
)
from unmask.realtime import annotate
from unmask.realtime.types import Verdict

#: The palette of the recordings, told apart with every common kind of colour blindness.
COLOURS = {verdict: QColor(*reversed(bgr)) for verdict, bgr in annotate.COLOURS.items()}
_HALO = QColor(0, 0, 0, 170)
_PLATE = QColor(18, 18, 18, 225)
_WORDS = QColor(255, 255, 255)
_PAD = 5.0
_REACH = 0.28
_DASHES = 7  # parts of a side, every other one drawn


def box_path(rect: QRectF, verdict: Verdict) -> QPainterPath:
    """A full box for signs, corners for no signs, dashes for cannot judge."""
    path = QPainterPath()
    if verdict is Verdict.SIGNS:
        path.addRect(rect)
        return path
    if verdict is Verdict.NO_SIGNS:
        spans = [(0.0, _REACH), (1.0 - _REACH, 1.0)]
    else:
        spans = [(part / _DASHES, (part + 1) / _DASHES) for part in range(0, _DASHES, 2)]
    corners = [rect.topLeft(), rect.topRight(), rect.bottomRight(), rect.bottomLeft()]
    for start, end in zip(corners, [*corners[1:], corners[0]], strict=True):
        for first, last in spans:
            path.moveTo(start + (end - start) * first)
            path.lineTo(start + (end - start) * last)
    return path


def draw_box(painter: QPainter, rect: QRectF, verdict: Verdict, thick: float, colour: QColor | None = None) -> None:
    """Draw the verdict's box with a dark rim, so that it shows on any picture. Signs are twice as thick.

    ``colour`` stands in for the verdict's own where the ground already has that.
    """
    path = box_path(rect, verdict)
    thick = 2 * thick if verdict is Verdict.SIGNS else thick
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for ink, width in ((_HALO, thick + 2), (colour or COLOURS[verdict], thick)):
        pen = QPen(ink, width)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
        painter.setPen(pen)
        painter.drawPath(path)


def label_size(lines: Sequence[str], fonts: Sequence[QFont], most: QSizeF) -> QSizeF:
    """The size of a label with these lines, at most ``most``."""
    metrics = [QFontMetricsF(font) for font in fonts]
    wide = max(metric.horizontalAdvance(line) for metric, line in zip(metrics, lines, strict=True))
    high = sum(metric.height() for metric in metrics)
    return QSizeF(wide + 3 * _PAD + 1, high + 2 * _PAD).boundedTo(most)


def draw_label(painter: QPainter, rect: QRectF, lines: Sequence[str], fonts: Sequence[QFont], colour: QColor) -> None:
    """White lines on a dark plate with an edge in ``colour``; a line that is too long ends in an ellipsis."""
    painter.fillRect(rect, _PLATE)
    painter.fillRect(QRectF(rect.topLeft(), QSizeF(_PAD, rect.height())), colour)
    painter.save()
    painter.setClipRect(rect)
    painter.setPen(_WORDS)
    top = rect.top() + _PAD
    for line, font in zip(lines, fonts, strict=True):
        metric = QFontMetricsF(font)
        painter.setFont(font)
        words = metric.elidedText(line, Qt.TextElideMode.ElideRight, rect.width() - 3 * _PAD)
        painter.drawText(QPointF(rect.left() + 2 * _PAD, top + metric.ascent()), words)
        top += metric.height()
    painter.restore()


def place_label(size: QSizeF, box: QRectF, bounds: QRectF, labels: Sequence[QRectF], boxes: Sequence[QRectF]) -> QRectF:
    """Where a label of a box goes: wholly inside ``bounds``, and over as little as can be.

    Below the box where that is free, else above, beside, or inside it. Covering another label
    weighs most, then another face's box, then its own.
    """
    candidates = [
        (box.left(), box.bottom() + 4),
        (box.left(), box.top() - size.height() - 4),
        (box.right() + 4, box.top()),
        (box.left() - size.width() - 4, box.top()),
        (box.right() - size.width(), box.bottom() + 4),
        (box.left(), box.bottom() - size.height()),
    ]
    places = [_inside(QRectF(QPointF(left, top), size), bounds) for left, top in candidates]

    def cost(place: QRectF) -> float:
        covered = 4 * sum(_shared(place, label) for label in labels)
        return covered + sum(_shared(place, other) for other in boxes) + 0.5 * _shared(place, box)

    return min(places, key=cost)


def _inside(rect: QRectF, bounds: QRectF) -> QRectF:
    left = max(bounds.left(), min(rect.left(), bounds.right() - rect.width()))
    top = max(bounds.top(), min(rect.top(), bounds.bottom() - rect.height()))
    return QRectF(left, top, min(rect.width(), bounds.width()), min(rect.height(), bounds.height()))


def _shared(one: QRectF, other: QRectF) -> float:
    both = one.intersected(other)
    return both.width() * both.height()
