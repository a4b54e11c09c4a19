"""How a verdict looks: a colour and a shape that mean the same in the window and in recordings."""

from __future__ import annotations

from collections.abc import Sequence

from unmask.gui.qt import (
    QColor,
    QFont,
    QFontMetricsF,
    QPainter,
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
#: What of each side of a box is drawn.
_SPANS = {
    Verdict.SIGNS: [(0.0, 1.0)],
    Verdict.NO_SIGNS: [(0.0, _REACH), (1.0 - _REACH, 1.0)],
    Verdict.CANNOT_JUDGE: [(part / _DASHES, (part + 1) / _DASHES) for part in range(0, _DASHES, 2)],
}


def box_bars(rect: QRectF, verdict: Verdict, thick: float) -> list[QRectF]:
    """The lines of a box around ``rect`` as bars that nowhere lie over one another: a full box for signs, corners for
    no signs, dashes for cannot judge."""
    bars, half = [], thick / 2
    left, right, top, bottom = rect.left(), rect.right(), rect.top(), rect.bottom()
    for first, last in _SPANS[verdict]:
        # The corners belong to the bars that lie.
        ends = (half if first == 0.0 else 0.0), (half if last == 1.0 else 0.0)
        start, end = left + first * rect.width() - ends[0], left + last * rect.width() + ends[1]
        bars += [QRectF(start, y - half, end - start, thick) for y in (top, bottom)]
        start, end = top + first * rect.height() + ends[0], top + last * rect.height() - ends[1]
        if end > start:
            bars += [QRectF(x - half, start, thick, end - start) for x in (left, right)]
    return bars


def draw_box(painter: QPainter, rect: QRectF, verdict: Verdict, thick: float, colour: QColor | None = None) -> None:
    """Draw the verdict's box with a dark rim, so that it shows on any picture. Signs are twice as thick.

    ``colour`` stands in for the verdict's own where the ground already has that. As filled bars: Qt takes ten
    times as long to stroke thick lines.
    """
    thick = 2 * thick if verdict is Verdict.SIGNS else thick
    painter.setPen(Qt.PenStyle.NoPen)
    for ink, width in ((_HALO, thick + 2), (colour or COLOURS[verdict], thick)):
        painter.setBrush(ink)
        painter.drawRects(*box_bars(rect, verdict, width))
    painter.setBrush(Qt.BrushStyle.NoBrush)


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
