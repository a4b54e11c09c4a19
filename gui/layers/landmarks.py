"""The five points that the face finder placed, each with a shape and a number of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.gui.i18n import tr
from unmask.gui.layers.placing import picture_in_widget
from unmask.gui.layers.plate import Plate
from unmask.gui.picture import PictureView
from unmask.gui.qt import (
    QColor,
    QFont,
    QFontMetricsF,
    QPainter,
    QPainterPath,
    QPen,
    QPixmap,
    QPointF,
    QPolygonF,
    QRectF,
    QSizeF,
    Qt,
)
from unmask.realtime.types import FaceBox, FaceState, Update

_INK, _HALO = QColor(255, 255, 255), QColor(0, 0, 0, 190)
# Between two searches for faces the points go along with their box for so long, then they fade.
_HOLD_S, _FADE_S = 0.4, 0.4


@dataclass(slots=True)
class _Points:
    found_s: float
    face: FaceBox
    points: NDArray[np.float32]


class LandmarksLayer:
    """Draws the newest points of every face, and says what they are. One for each picture."""

    def __init__(self) -> None:
        self._points: dict[int, _Points] = {}
        self._marks = _Marks()
        self._legend = Plate(at_foot=True)
        self._named = tr("1, 2 eyes; 3 nose; 4, 5 corners of the mouth")
        self._none = tr("This face finder gives no landmarks")
        self._legend.words = self._named

    def paint(self, painter: QPainter, view: PictureView, update: Update) -> None:
        if update.frame is None:
            return
        now_s = update.frame.time_s
        self._take(update.faces, now_s)
        to_widget = picture_in_widget(view)
        painter.setClipRect(view.picture_rect())
        for face in update.faces:
            if (kept := self._points.get(face.track.track_id)) is None:
                continue
            late_s = now_s - kept.found_s
            painter.setOpacity(min(1.0, max(0.0, 1.0 - (late_s - _HOLD_S) / _FADE_S)))
            for number, (x, y) in enumerate(_moved(kept, face.track.face).tolist(), start=1):
                self._marks.draw(painter, view, to_widget.map(QPointF(x, y)), number)

    def words_rect(self, view: PictureView) -> QRectF:
        return self._legend.rect(view)

    def paint_words(self, painter: QPainter, view: PictureView) -> None:
        self._legend.paint(painter, view)

    def _take(self, faces: tuple[FaceState, ...], now_s: float) -> None:
        points: dict[int, _Points] = {}
        for face in faces:
            number, kept = face.track.track_id, self._points.get(face.track.track_id)
            for found_s, box in _found(face, now_s):
                if box.landmarks is not None and (kept is None or found_s > kept.found_s):
                    kept = _Points(found_s, box, box.landmarks)
            if kept is not None and 0 <= now_s - kept.found_s < _HOLD_S + _FADE_S:
                points[number] = kept
        self._points = points
        found = [box.landmarks is not None for face in faces for _, box in _found(face, now_s)]
        if found:
            self._legend.words = self._named if any(found) else self._none


def _found(face: FaceState, now_s: float) -> list[tuple[float, FaceBox]]:
    """When and where the finder saw this face, oldest first. The update that tells of a search itself may have been
    replaced by the next one before anybody painted it: the look is there for longer."""
    found = [] if face.look is None else [(face.look.time_s, face.look.face)]
    return [*found, (now_s, face.track.face)] if face.track.detected else found


def _moved(kept: _Points, face: FaceBox) -> NDArray[np.float32]:
    """The points (5, 2) after the box went from where it was to where ``face`` is."""
    then, now = np.array(kept.face.centre, np.float32), np.array(face.centre, np.float32)
    return (kept.points - then) * np.float32(face.size / kept.face.size) + now


class _Marks:
    """The five marks, drawn once for each size: drawn anew each time they take ten times as long."""

    def __init__(self) -> None:
        self._marks: list[QPixmap] = []
        self._made_for: object = None
        self._reach = 0.0

    def draw(self, painter: QPainter, view: PictureView, at: QPointF, number: int) -> None:
        """The mark of that number, 1 to 5, around ``at`` in the widget."""
        ratio, font = view.devicePixelRatioF(), view.font()
        if self._made_for != (ratio, font.key()):
            self._made_for = ratio, font.key()
            self._make(font, max(3.0, view.fontMetrics().height() / 4), ratio)
        corner = (at - QPointF(self._reach, self._reach)) * ratio
        # On whole pixels of the screen: otherwise each mark is blurred, and that takes time.
        painter.drawPixmap(QPointF(round(corner.x()) / ratio, round(corner.y()) / ratio), self._marks[number - 1])

    def _make(self, font: QFont, radius: float, ratio: float) -> None:
        small = QFont(font)
        if font.pointSizeF() > 0:
            small.setPointSizeF(font.pointSizeF() * 0.8)
        metrics = QFontMetricsF(small)
        self._reach = max(1.3 * radius + 3, metrics.height())
        side = QSizeF(2 * self._reach + radius + metrics.maxWidth(), 2 * self._reach) * ratio
        self._marks = []
        for number in range(1, 6):
            mark = QPixmap(side.toSize())
            mark.setDevicePixelRatio(ratio)
            mark.fill(Qt.GlobalColor.transparent)
            painter = QPainter(mark)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setFont(small)
            _draw_point(painter, QPointF(self._reach, self._reach), radius, number)
            painter.end()
            self._marks.append(mark)


def _draw_point(painter: QPainter, at: QPointF, radius: float, number: int) -> None:
    digit = str(number)
    path, corner = _shape(number, at, radius), at + QPointF(radius + 2, -radius)
    for ink, width in ((_HALO, 4.0), (_INK, 1.8)):
        painter.setPen(QPen(ink, width))
        painter.drawPath(path)
    metrics = QFontMetricsF(painter.font())
    painter.fillRect(QRectF(corner, metrics.size(0, digit)), _HALO)
    painter.drawText(corner + QPointF(0, metrics.ascent()), digit)


def _shape(number: int, at: QPointF, radius: float) -> QPainterPath:
    """A ring for the eyes, a triangle for the nose, a diamond for the corners of the mouth."""
    path = QPainterPath()
    if number <= 2:
        path.addEllipse(at, radius, radius)
        return path
    corners = [(0, -1.2), (1.1, 0.8), (-1.1, 0.8)] if number == 3 else [(0, -1.2), (1.2, 0), (0, 1.2), (-1.2, 0)]
    path.addPolygon(QPolygonF([at + QPointF(radius * x, radius * y) for x, y in corners]))
    path.closeSubpath()
    return path
