"""The plot of one source: follows what is live, can be dragged back, and walks from alarm to alarm by keys."""

from __future__ import annotations

from unmask.gui.i18n import tr
from unmask.gui.qt import (
    QEvent,
    QFocusEvent,
    QFontMetricsF,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPointF,
    QRectF,
    QResizeEvent,
    Qt,
    QToolTip,
    pyqtSignal,
)
from unmask.gui.timeline.lanes import LanesItem
from unmask.gui.timeline.layout import laid_out
from unmask.gui.timeline.series import SourceSeries
from unmask.gui.timeline.style import style_for
from unmask.gui.timeline.times import TimeWords, step_for
from unmask.gui.timeline.words import event_words, moment_words
from unmask.realtime.types import Event

import pyqtgraph as pg  # isort: skip  # after our Qt, so that it binds the same one

#: Seconds that are shown at first, at least and at most.
SPAN_S, _LEAST_S, _MOST_S = 60.0, 2.0, 24 * 3600.0
_ROOM = 0.02  # of the span, right of the newest moment
_MARK_PX = 90
_CLICK_PX = 4
_KEYS = {Qt.Key.Key_Left: -0.2, Qt.Key.Key_Right: 0.2}


class TimeAxis(pg.AxisItem):
    """Marks on round times, in the source's own words."""

    def __init__(self) -> None:
        super().__init__("bottom")
        self.times = TimeWords()

    def tickSpacing(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, float]]:
        step = step_for(maxVal - minVal, max(1.0, size / _MARK_PX))
        return [(step, -self.times.shift(maxVal) % step)]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        return [self.times.words(value, spacing) for value in values]


class TimelinePlot(pg.GraphicsView):
    """``chosen`` is emitted with the ``Event`` that was clicked or opened by Enter; ``followed`` with whether the
    newest moment is kept in view; ``hidden_changed`` with how many lanes have no room. ``refresh`` paints what is
    new: the caller says when."""

    chosen = pyqtSignal(object)
    followed = pyqtSignal(bool)
    hidden_changed = pyqtSignal(int)

    def __init__(self) -> None:
        super().__init__()
        self.following, self._span_s = True, SPAN_S
        self._pressed: QPointF | None = None
        self.item = LanesItem(style_for(self.palette()))
        # No PlotWidget: that makes seven menus which outlive it.
        self._box = pg.ViewBox(enableMenu=False, enableMouse=True)
        self.axis, self._scores = TimeAxis(), pg.AxisItem("left")
        self._arrange()
        self._box.setMouseEnabled(x=True, y=False)
        self._box.setLimits(minXRange=_LEAST_S, maxXRange=_MOST_S)
        self._box.addItem(self.item, ignoreBounds=True)
        self._box.sigRangeChangedManually.connect(self._moved)
        self._box.sigRangeChanged.connect(self._fit_item)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumHeight(110)
        self.take_palette()

    def _arrange(self) -> None:
        frame = pg.GraphicsLayout()
        frame.setContentsMargins(6, 2, 6, 2)
        frame.setSpacing(0)
        frame.addItem(self._scores, 0, 0)
        frame.addItem(self._box, 0, 1)
        frame.addItem(self.axis, 1, 1)
        self.setCentralItem(frame)
        for axis in (self.axis, self._scores):
            axis.linkToView(self._box)

    def show_source(self, series: SourceSeries, times: TimeWords) -> None:
        """Show another source, from its newest moment."""
        self.item.series, self.axis.times = series, times
        self.item.selected = None
        self.follow()

    def refresh(self) -> None:
        """Paint what is new in the series."""
        self._lay_out()
        if self.following:
            self._to_newest()
        self.axis.picture = None  # its words may mean another time of day now
        self.axis.update()
        self.item.update()

    def follow(self) -> None:
        """Keep the newest moment in view from now on."""
        if not self.following:
            self.following = True
            self.followed.emit(True)
        self.refresh()

    def show_event(self, event: Event) -> None:
        """Select an alarm, and bring it into view where it is not."""
        self.item.selected = event
        begin_s, end_s = self._box.viewRange()[0]
        until_s = self.item.series.last_s if event.end_s is None else event.end_s
        if event.start_s < begin_s or until_s > end_s:
            span = max(self._span_s, (until_s - event.start_s) * 1.2)
            self._go(event.start_s - (span - min(span, until_s - event.start_s)) / 2, span)
        self.refresh()

    def take_palette(self) -> None:
        """Dark or light, as the window is now."""
        style = style_for(self.palette())
        self.item.style = style
        self.setBackground(style.ground)
        for axis in (self.axis, self._scores):
            axis.enableAutoSIPrefix(False)
            axis.setPen(pg.mkPen(style.faint))
            axis.setTextPen(pg.mkPen(style.ink))
            axis.setStyle(tickFont=self.font(), tickLength=-4 if axis is self.axis else 0)
        self.refresh()

    def words_at(self, place: QPointF) -> str:
        """What was said there, in words; empty outside the lanes. ``place`` is in pixels of the widget."""
        here = self._box.mapSceneToView(self.mapToScene(place.toPoint()))
        if not self._box.sceneBoundingRect().contains(self.mapToScene(place.toPoint())):
            return ""
        series, lane = self.item.series, self.item.layout.lane_at(here.y())
        lines = []
        for face in self.item.visible_faces():
            moment = series.moment_at(face.track_id, here.x()) if face.lane == lane else None
            if moment is not None:
                lines.append(moment_words(face.track_id, moment, series.calibrated))
        event = self.event_at(place)
        if event is not None:
            lines.append(event_words(event, series.events.index(event) + 1, self.axis.times, series.calibrated))
        when = self.axis.times.words(here.x(), 0.5)
        return "\n".join([when, *(lines or [tr("No face here.", "timeline")])])

    def event_at(self, place: QPointF) -> Event | None:
        """The alarm that is painted there."""
        hits = [(span.width(), number) for number, (span, _) in enumerate(self.item.spans) if span.contains(place)]
        return self.item.spans[min(hits)[1]][1] if hits else None

    def step_event(self, step: int) -> None:
        """Select the next or the previous alarm."""
        events, chosen = self.item.series.events, self.item.selected
        if not events:
            return
        keys = [(event.track_id, event.start_s) for event in events]
        if chosen is None or (chosen.track_id, chosen.start_s) not in keys:
            self.show_event(events[0 if step > 0 else -1])
            return
        at = keys.index((chosen.track_id, chosen.start_s)) + step
        self.show_event(events[min(len(events) - 1, max(0, at))])

    def keyPressEvent(self, ev: QKeyEvent) -> None:
        key, control = Qt.Key(ev.key()), bool(ev.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if key in _KEYS and control:
            self.step_event(1 if key == Qt.Key.Key_Right else -1)
        elif key in _KEYS:
            begin_s, end_s = self._box.viewRange()[0]
            self._go(begin_s + _KEYS[key] * (end_s - begin_s))
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self._zoom(2.0 if key == Qt.Key.Key_Minus else 0.5)
        elif key == Qt.Key.Key_Home:
            self._go((self.item.series.first_s or 0.0) - _ROOM * self._span_s)
        elif key == Qt.Key.Key_End:
            self.follow()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.item.selected is not None:
            self.chosen.emit(self._current(self.item.selected))
        else:
            ev.ignore()

    def mousePressEvent(self, ev: QMouseEvent) -> None:
        self._pressed = ev.position()
        super().mousePressEvent(ev)

    def mouseReleaseEvent(self, ev: QMouseEvent) -> None:
        super().mouseReleaseEvent(ev)
        pressed, self._pressed = self._pressed, None
        if pressed is None or ev.button() != Qt.MouseButton.LeftButton:
            return
        if (ev.position() - pressed).manhattanLength() <= _CLICK_PX and (event := self.event_at(pressed)) is not None:
            self.item.selected = event
            self.refresh()
            self.chosen.emit(event)

    def viewportEvent(self, event: QEvent | None) -> bool:
        if isinstance(event, QHelpEvent):
            words = self.words_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), words, self)
            return True
        return super().viewportEvent(event)

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        super().focusInEvent(event)
        self._mark_focus()

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        super().focusOutEvent(event)
        self._mark_focus()

    def resizeEvent(self, ev: QResizeEvent | None) -> None:
        super().resizeEvent(ev)
        if hasattr(self, "item"):  # pyqtgraph resizes in its constructor
            self._lay_out()

    def _mark_focus(self) -> None:
        self.item.focused = self.hasFocus()
        self.item.update()

    def _current(self, event: Event) -> Event:
        """What has become of an alarm since it was selected."""
        same = (
            one for one in self.item.series.events if (one.track_id, one.start_s) == (event.track_id, event.start_s)
        )
        return next(same, event)

    def _to_newest(self) -> None:
        """The newest moment at the right; a source that has just begun grows from the left."""
        series = self.item.series
        room = _ROOM * self._span_s
        first_s = series.first_s or 0.0
        begin_s = max(first_s - room, series.last_s + room - self._span_s)
        self._box.setXRange(begin_s, begin_s + self._span_s, padding=0)

    def _go(self, begin_s: float, span_s: float | None = None) -> None:
        span_s = span_s or self._span_s
        self._box.setXRange(begin_s, begin_s + span_s, padding=0)
        self._moved()

    def _zoom(self, factor: float) -> None:
        begin_s, end_s = self._box.viewRange()[0]
        span_s = min(_MOST_S, max(_LEAST_S, (end_s - begin_s) * factor))
        if self.following:
            self._span_s = span_s
            self.refresh()
        else:
            self._go((begin_s + end_s - span_s) / 2, span_s)

    def _moved(self, *_: object) -> None:
        """By hand: it is followed as long as the newest moment is in view."""
        begin_s, end_s = self._box.viewRange()[0]
        self._span_s = end_s - begin_s
        following = begin_s <= self.item.series.last_s <= end_s
        if following != self.following:
            self.following = following
            self.followed.emit(following)
        self.refresh()

    def _fit_item(self, *_: object) -> None:
        self.item.set_bounds(QRectF(self._box.viewRect()))

    def _lay_out(self) -> None:
        """Lanes for the faces in view, and the marks of their scores."""
        series, (begin_s, end_s) = self.item.series, self._box.viewRange()[0]
        events = (one for one in series.events if one.start_s <= end_s and (one.end_s or end_s) >= begin_s)
        layout = laid_out(
            (face.lane for face in self.item.visible_faces()),
            (series.lane_of(event) for event in events),
            self._box.height(),
            QFontMetricsF(self.font()).height() + 3,
        )
        if layout == self.item.layout:
            return
        hidden, self.item.layout = self.item.layout.hidden, layout
        self._box.setYRange(-len(layout.lanes), 0, padding=0)
        marks = [(layout.y(lane, score), words) for lane in layout.lanes for score, words in layout.words.items()]
        self._scores.setTicks([marks])
        if layout.hidden != hidden:
            self.hidden_changed.emit(layout.hidden)

    def changeEvent(self, a0: QEvent | None) -> None:
        super().changeEvent(a0)
        if a0 is not None and a0.type() == QEvent.Type.PaletteChange and hasattr(self, "item"):
            self.take_palette()
