"""Where the marks of the desktop layer lie, in logical pixels of the desktop. No widget in here.

Two ways to place them. *At the face*: a ring and a label, where our own capture does not see the layer.
*Around*: nothing inside what is watched, but a frame about it, and for each face a bar, as long as the face, on the
nearest side, with a label. Why nothing inside: drawn over the
picture, even outside the detector's crop, a ring moves every box that the face finder gives and loses it
faces (docs/OVERLAY.md has the numbers), and a label that changes over a frozen picture would thaw it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from unmask.gui.qt import QFont, QPointF, QRectF, QSizeF
from unmask.gui.shapes import label_size, place_label
from unmask.realtime.types import Verdict

THICK, BAR_THICK = 2.5, 5.0
_FRAME_AT, _BAR_AT = 5.0, 14.0  # from the side of the area to the middle of the line
_LABEL_GAP = 8.0  # from the middle of the bar
_ROWS = 3
#: How far around the area marks may reach.
MARGIN = 240.0


class Kind(Enum):
    RING = "ring"
    FRAME = "frame"
    BAR = "bar"
    LABEL = "label"
    PATTERN = "pattern"


@dataclass(frozen=True)
class Mark:
    """One thing to draw. A bar is a rectangle without height or without width."""

    kind: Kind
    rect: QRectF
    verdict: Verdict = Verdict.CANNOT_JUDGE
    lines: tuple[str, ...] = ()

    @property
    def bounds(self) -> QRectF:
        """Everything that drawing it may touch: the dark rim and half a pixel of smoothing too."""
        if self.kind in (Kind.LABEL, Kind.PATTERN):
            return self.rect
        wide = BAR_THICK if self.kind is Kind.BAR else 2 * THICK if self.verdict is Verdict.SIGNS else THICK
        reach = wide / 2 + 1.5
        return self.rect.adjusted(-reach, -reach, reach, reach)


@dataclass(frozen=True)
class Face:
    """A face to be marked: its place in logical pixels, and what its label says."""

    rect: QRectF
    verdict: Verdict
    line: str


def at_faces(faces: Sequence[Face], bounds: QRectF, font: QFont) -> list[Mark]:
    """A ring and a label for each face; the labels within ``bounds``, off each other and off other faces."""
    marks: list[Mark] = []
    labels: list[QRectF] = []
    for face in faces:
        marks.append(Mark(Kind.RING, _steady(face.rect), face.verdict))
        size = _words_size(face.line, font, bounds.size())
        others = [other.rect for other in faces if other is not face]
        labels.append(_steady(place_label(size, face.rect, bounds, labels, others)))
        marks.append(Mark(Kind.LABEL, labels[-1], face.verdict, (face.line,)))
    return marks


def around(faces: Sequence[Face], area: QRectF, verdict: Verdict, bounds: QRectF, font: QFont) -> list[Mark]:
    """A frame about ``area``, and for each face a bar and a label on a side of it; nothing touches the area.

    ``bounds`` is what of the monitor there is. What would lie outside it is left out: where the area fills
    the monitor, that is everything.
    """
    outer = area.adjusted(-_FRAME_AT, -_FRAME_AT, _FRAME_AT, _FRAME_AT)
    marks = [Mark(Kind.FRAME, outer, verdict)] if bounds.intersected(area) != bounds else []
    labels: list[QRectF] = []
    for face in faces:
        seen = face.rect.intersected(area)
        if seen.isEmpty():
            continue
        bar, label = _place(_sides(_steady(seen), area), _words_size(face.line, font, bounds.size()), bounds, labels)
        if bar is not None:
            marks.append(Mark(Kind.BAR, bar, face.verdict))
        if label is not None:
            labels.append(label)
            marks.append(Mark(Kind.LABEL, label, face.verdict, (face.line,)))
    return marks


def pattern_places(area: QRectF, bounds: QRectF, size: QSizeF) -> list[QRectF]:
    """One place for the self-check's pattern on each side of the area that has room for it, close to its middle."""
    middle, gap = area.center(), 2.0
    left, top = middle.x() - size.width() / 2, middle.y() - size.height() / 2
    corners = (
        QPointF(left, area.top() - gap - size.height()),
        QPointF(left, area.bottom() + gap),
        QPointF(area.left() - gap - size.width(), top),
        QPointF(area.right() + gap, top),
    )
    return [place for corner in corners if bounds.contains(place := _steady(QRectF(corner, size)))]


@dataclass(frozen=True)
class _Side:
    """A side of the area as a face sees it: how far it is, where the bar lies, and the way outwards."""

    far: float
    bar: QRectF
    out: QPointF


def _sides(face: QRectF, area: QRectF) -> list[_Side]:
    """The nearest first."""
    left, top, wide, high = face.left(), face.top(), face.width(), face.height()
    return sorted(
        (
            _Side(top - area.top(), QRectF(left, area.top() - _BAR_AT, wide, 0), QPointF(0, -1)),
            _Side(area.bottom() - face.bottom(), QRectF(left, area.bottom() + _BAR_AT, wide, 0), QPointF(0, 1)),
            _Side(left - area.left(), QRectF(area.left() - _BAR_AT, top, 0, high), QPointF(-1, 0)),
            _Side(area.right() - face.right(), QRectF(area.right() + _BAR_AT, top, 0, high), QPointF(1, 0)),
        ),
        key=lambda side: side.far,
    )


def _place(
    sides: Sequence[_Side], size: QSizeF, bounds: QRectF, labels: Sequence[QRectF]
) -> tuple[QRectF | None, QRectF | None]:
    """The bar and the label on the nearest side with room for both, further out where another label lies; where
    no side has that, the bar alone; where none has room for that either, nothing."""
    sides = [side for side in sides if _fits(side.bar, bounds)]
    for side in sides:
        for row in range(_ROWS):
            label = _steady(_label(side, size, row, bounds))
            if bounds.contains(label) and not any(label.intersects(other) for other in labels):
                return side.bar, label
    return (sides[0].bar, None) if sides else (None, None)


def _label(side: _Side, size: QSizeF, row: int, bounds: QRectF) -> QRectF:
    """Beside the middle of the bar, shifted along it to stay within ``bounds``; rows go outwards above and below,
    downwards at the left and the right."""
    middle, wide, high = side.bar.center(), size.width(), size.height()
    if side.out.x():
        left = middle.x() + side.out.x() * _LABEL_GAP - (wide if side.out.x() < 0 else 0)
        top = max(bounds.top(), min(middle.y() - high / 2, bounds.bottom() - high)) + row * high
    else:
        left = max(bounds.left(), min(middle.x() - wide / 2, bounds.right() - wide))
        top = middle.y() + side.out.y() * (_LABEL_GAP + row * high) - (high if side.out.y() < 0 else 0)
    return QRectF(QPointF(left, top), size)


def _fits(bar: QRectF, bounds: QRectF) -> bool:
    """Whether the middle of the bar shows in all its thickness; a face may reach beyond the monitor."""
    reach, middle = BAR_THICK, bar.center()
    return bounds.contains(QRectF(middle.x() - reach, middle.y() - reach, 2 * reach, 2 * reach))


def _words_size(line: str, font: QFont, most: QSizeF) -> QSizeF:
    size = label_size([line], [font], most)
    return QSizeF(math.ceil(size.width()), math.ceil(size.height()))


def _steady(rect: QRectF) -> QRectF:
    """On whole pixels: a face that trembles by less than one is not painted anew."""
    return QRectF(round(rect.x()), round(rect.y()), round(rect.width()), round(rect.height()))
