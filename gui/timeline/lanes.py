"""What stands in the plot: a lane per face with gaps, alarms, threshold and score, painted in one pass."""

from __future__ import annotations

import numpy as np

from unmask.gui.i18n import tr
from unmask.gui.qt import (
    QBrush,
    QColor,
    QFontMetricsF,
    QPainter,
    QPen,
    QPointF,
    QPolygonF,
    QRectF,
    Qt,
    QTransform,
    QWidget,
)
from unmask.gui.spoken import cause_name
from unmask.gui.timeline.layout import Layout
from unmask.gui.timeline.series import FaceSeries, SourceSeries, gap_spans, thinned
from unmask.gui.timeline.style import Style
from unmask.gui.timeline.words import score_words
from unmask.realtime.types import Event

import pyqtgraph as pg  # isort: skip  # after our Qt, so that it binds the same one

# Three weeks either way. Qt reckons in 32-bit pixels what of an item is to be painted: more would overflow there.
_EVERYWHERE = QRectF(-2e6, -1e3, 4e6, 2e3)
_PAD = 4.0
_LINE = 1.75  # pixels
_NARROWEST = 14.0  # pixels of an alarm that can still be hit
_FLAG, _SAMPLE = 8.0, 18.0


class LanesItem(pg.GraphicsObject):
    """Everything of the selected source that lies in the visible time. ``spans`` are where alarms were painted,
    in pixels of the plot."""

    def __init__(self, style: Style) -> None:
        super().__init__()
        self.style = style
        self.series = SourceSeries()
        self.layout = Layout()
        self.selected: Event | None = None
        self.focused = False
        self.spans: list[tuple[QRectF, Event]] = []
        self._bounds = QRectF()

    def set_bounds(self, bounds: QRectF) -> None:
        """What of the axes is in view."""
        self._bounds = bounds

    def boundingRect(self) -> QRectF:
        """More than can ever be seen: one that moved with the view would have the plot painted twice each time."""
        return QRectF(_EVERYWHERE)

    def visible_faces(self) -> list[FaceSeries]:
        begin_s, end_s = self._bounds.left(), self._bounds.right()
        faces = self.series.faces.values()
        return [face for face in faces if len(face) and face.first_s <= end_s and face.last_s >= begin_s]

    def paint(self, painter: QPainter | None, option: object, widget: QWidget | None = None) -> None:
        assert painter is not None
        p = painter
        to_pixels = QTransform(p.transform())
        p.save()
        p.resetTransform()  # text and dashes keep their size in pixels
        area = to_pixels.mapRect(self._bounds)
        faces = [face for face in self.visible_faces() if face.lane in self.layout.lanes]
        self.spans = []
        self._paint_ground(p, area, to_pixels)
        points = {face.track_id: self._points_of(face, area) for face in faces}
        for face in faces:
            self._paint_gaps(p, face, points[face.track_id], to_pixels, area)
        self._paint_alarms(p, to_pixels, area)
        for lane in self.layout.lanes:
            self._paint_threshold(p, lane, to_pixels, area)
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        for face in faces:
            self._paint_line(p, face, points[face.track_id], to_pixels)
        p.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        self._paint_flags(p, area, self._paint_names(p, faces, to_pixels, area))
        if self.focused:
            p.setBrush(Qt.BrushStyle.NoBrush)
            p.setPen(QPen(self.style.focus, 2))
            p.drawRect(area.adjusted(1, 1, -1, -1))
        p.restore()

    def _points_of(self, face: FaceSeries, area: QRectF) -> np.ndarray:
        points = face.between(self._bounds.left(), self._bounds.right())
        if len(points) > 2 * area.width():
            points = thinned(points, 2 * self._bounds.width() / max(1.0, area.width()))
        return points

    def _paint_ground(self, p: QPainter, area: QRectF, to_pixels: QTransform) -> None:
        p.setPen(QPen(self.style.faint, 1))
        for lane in self.layout.lanes:
            for score in self.layout.marks:
                y = round(to_pixels.map(QPointF(0, self.layout.y(lane, score))).y())
                p.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))

    def _lane_rect(self, lane: int, begin_s: float, end_s: float, to_pixels: QTransform, area: QRectF) -> QRectF:
        """Where that time of a lane is, from the highest score to the lowest, within ``area``."""
        top = to_pixels.map(QPointF(begin_s, self.layout.y(lane, 1.0)))
        foot = to_pixels.map(QPointF(end_s, self.layout.y(lane, 0.0)))
        left, right = max(area.left(), top.x()), min(area.right(), foot.x())
        return QRectF(left, top.y(), right - left, foot.y() - top.y())

    def _paint_gaps(
        self, p: QPainter, face: FaceSeries, points: np.ndarray, to_pixels: QTransform, area: QRectF
    ) -> None:
        hatch = QBrush(self.style.hatch, Qt.BrushStyle.BDiagPattern)
        metric = QFontMetricsF(p.font())
        for begin_s, end_s, cause in gap_spans(points):
            rect = self._lane_rect(face.lane, begin_s, end_s, to_pixels, area)
            if rect.width() <= 0.5:
                continue
            p.fillRect(rect, hatch)
            words = cause_name(cause) if cause is not None else ""
            plate = QRectF(0, 0, metric.horizontalAdvance(words) + 2 * _PAD, metric.height())
            if words and plate.width() < rect.width() and plate.height() < rect.height():
                plate.moveCenter(rect.center())
                p.fillRect(plate, self.style.ground)
                p.setPen(self.style.ink)
                p.drawText(plate, Qt.AlignmentFlag.AlignCenter, words)

    def _paint_alarms(self, p: QPainter, to_pixels: QTransform, area: QRectF) -> None:
        for event in self.series.events:
            end_s = self.series.last_s if event.end_s is None else event.end_s
            if end_s < self._bounds.left() or event.start_s > self._bounds.right():
                continue
            lane = self.series.lane_of(event)
            if lane not in self.layout.lanes:
                continue
            rect = self._lane_rect(lane, event.start_s, end_s, to_pixels, area)
            rect.setTop(rect.top() - self.layout.header_px + 1)
            rect.setWidth(max(rect.width(), 3.0))
            p.fillRect(rect, self.style.wash)
            self._paint_brackets(p, event, rect, area)
            hit = QRectF(rect)
            if hit.width() < _NARROWEST:
                hit.adjust(-(_NARROWEST - hit.width()) / 2, 0, (_NARROWEST - hit.width()) / 2, 0)
            self.spans.append((hit, event))

    def _paint_brackets(self, p: QPainter, event: Event, rect: QRectF, area: QRectF) -> None:
        """An edge where it began and one where it ended; an alarm that lasts is open to the right."""
        chosen = self._is_selected(event)
        p.setPen(QPen(self.style.focus if chosen else self.style.signs, 3 if chosen else 2))
        p.drawLine(rect.topLeft(), rect.topRight())
        if rect.left() > area.left():
            p.drawLine(rect.topLeft(), rect.bottomLeft())
        if event.end_s is not None and rect.right() < area.right():
            p.drawLine(rect.topRight(), rect.bottomRight())
        if chosen:
            p.drawLine(rect.bottomLeft(), rect.bottomRight())

    def _is_selected(self, event: Event) -> bool:
        chosen = self.selected
        return chosen is not None and (chosen.track_id, chosen.start_s) == (event.track_id, event.start_s)

    def _paint_threshold(self, p: QPainter, lane: int, to_pixels: QTransform, area: QRectF) -> None:
        thresholds = self.series.thresholds
        p.setPen(self.style.threshold())
        for number, (begin_s, threshold) in enumerate(thresholds):
            end_s = thresholds[number + 1][0] if number + 1 < len(thresholds) else self._bounds.right()
            begin_s = max(begin_s, self._bounds.left())
            if end_s > begin_s:
                y = self.layout.y(lane, threshold)
                p.drawLine(to_pixels.map(QPointF(begin_s, y)), to_pixels.map(QPointF(end_s, y)))
        if thresholds and self.layout.roomy:
            self._paint_threshold_words(p, lane, thresholds[-1][1], to_pixels, area)

    def _paint_threshold_words(
        self, p: QPainter, lane: int, threshold: float, to_pixels: QTransform, area: QRectF
    ) -> None:
        """Under the line, at the right: no score lies there that has been for long."""
        words = tr("threshold {}", "timeline").format(score_words(threshold, self.series.calibrated))
        metric = QFontMetricsF(p.font())
        y = to_pixels.map(QPointF(0, self.layout.y(lane, threshold))).y()
        plate = QRectF(0, y + 2, metric.horizontalAdvance(words) + _PAD, metric.height())
        plate.moveRight(area.right() - _PAD)
        p.drawText(plate, Qt.AlignmentFlag.AlignCenter, words)

    def _paint_line(self, p: QPainter, face: FaceSeries, points: np.ndarray, to_pixels: QTransform) -> None:
        if not len(points):
            return
        layout = self.layout
        low, high = layout.y(face.lane, 0.0), layout.y(face.lane, 1.0)
        x = points["time_s"] * to_pixels.m11() + to_pixels.dx()
        y = (low + points["score"].astype(np.float64) * (high - low)) * to_pixels.m22() + to_pixels.dy()
        p.setBrush(Qt.BrushStyle.NoBrush)
        pen = self.style.line(face.number)
        path = pg.arrayToQPath(x, y, connect="finite")
        # Qt strokes a thin line 25 times faster than a thick one: so it is drawn a few times, side by side.
        device = p.device()
        screen_px = device.devicePixelRatioF() if device is not None else 1.0
        passes = max(2, round(_LINE * screen_px))
        if dashes := pen.dashPattern():
            pen.setDashPattern([dash * _LINE * screen_px for dash in dashes])
        pen.setCosmetic(True)
        pen.setWidthF(1.0)
        p.setPen(pen)
        for number in range(passes):
            p.save()
            beside = (number - (passes - 1) / 2) * 0.7 / screen_px
            p.translate(beside, beside)
            p.drawPath(path)
            p.restore()
        there = np.isfinite(y)
        alone = there & ~np.concatenate([[False], there[:-1]]) & ~np.concatenate([there[1:], [False]])
        p.setBrush(QBrush(pen.color()))
        for at in np.flatnonzero(alone):
            p.drawEllipse(QPointF(x[at], y[at]), 1.5, 1.5)

    def _paint_names(self, p: QPainter, faces: list[FaceSeries], to_pixels: QTransform, area: QRectF) -> list[QRectF]:
        """A face's name and a piece of its line above where it begins, or at the edge; the newest where they meet.
        Returns where they stand."""
        metric, taken = QFontMetricsF(p.font()), []
        for face in sorted(faces, key=lambda face: -face.number):
            words = tr("face {}", "timeline").format(face.track_id)
            top = to_pixels.map(QPointF(0, self.layout.top(face.lane))).y()
            left = max(area.left() + _PAD, to_pixels.map(QPointF(face.first_s, 0)).x())
            plate = QRectF(left, top + 1, _SAMPLE + _PAD + metric.horizontalAdvance(words), self.layout.header_px - 2)
            if plate.right() > area.right() or any(plate.intersects(other) for other in taken):
                continue
            taken.append(plate)
            middle = plate.center().y()
            p.setPen(self.style.line(face.number))
            p.drawLine(QPointF(left, middle), QPointF(left + _SAMPLE, middle))
            p.setPen(self.style.ink)
            p.drawText(QPointF(left + _SAMPLE + _PAD, middle + metric.capHeight() / 2), words)
        return taken

    def _paint_flags(self, p: QPainter, area: QRectF, taken: list[QRectF]) -> None:
        """A pennant and a word at the head of each alarm, beside the names. The word goes where there is no room."""
        metric = QFontMetricsF(p.font())
        numbers = {(one.track_id, one.start_s): number for number, one in enumerate(self.series.events, 1)}
        for span, event in self.spans:
            words = tr("alarm {}", "timeline").format(numbers[event.track_id, event.start_s])
            wide = metric.horizontalAdvance(words) + _FLAG + 3 * _PAD
            for size in (wide, _FLAG + 2 * _PAD):
                plate = QRectF(max(span.left(), area.left()), span.top() + 1, size, self.layout.header_px - 3)
                plate.moveRight(min(plate.right(), area.right()))
                # Right of a name that is in the way, where the alarm reaches so far.
                for other in taken:
                    if plate.intersects(other) and other.right() + _PAD + size <= span.right():
                        plate.moveLeft(other.right() + _PAD)
                if not any(plate.intersects(other) for other in taken):
                    taken.append(plate)
                    self._paint_flag(p, plate, words if size == wide else "")
                    break

    def _paint_flag(self, p: QPainter, plate: QRectF, words: str) -> None:
        p.fillRect(plate, self.style.flag)
        left, top, foot = plate.left() + _PAD, plate.top() + 3, plate.bottom() - 3
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        p.setPen(Qt.PenStyle.NoPen)
        p.setBrush(QColor(255, 255, 255))
        p.drawPolygon(QPolygonF([QPointF(left, top), QPointF(left + _FLAG, (top + foot) / 2), QPointF(left, foot)]))
        p.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        p.setPen(QColor(255, 255, 255))
        middle = plate.center().y() + QFontMetricsF(p.font()).capHeight() / 2
        p.drawText(QPointF(left + _FLAG + _PAD, middle), words)
