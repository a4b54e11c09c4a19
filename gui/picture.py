"""The widget that shows a source's newest frame with a box and a label per face."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from unmask.gui.labels import Labels
from unmask.gui.qt import (
    QColor,
    QEvent,
    QFont,
    QImage,
    QPainter,
    QPaintEvent,
    QPointF,
    QRect,
    QRectF,
    QSize,
    QSizeF,
    QSizePolicy,
    Qt,
    QWidget,
    sip,
)
from unmask.gui.scaling import ScreenPicture
from unmask.gui.shapes import COLOURS, draw_box, place_label
from unmask.gui.spoken import cause_name
from unmask.gui.wording import face_lines, state_words, verdict_words
from unmask.realtime.types import FaceState, Image, SourceState, Update, Verdict

_SURROUND = QColor(16, 16, 16)
_VEIL = QColor(0, 0, 0, 150)
#: States in which the picture on show is not what the source sends now.
_STALE = (SourceState.OPENING, SourceState.STALLED, SourceState.RECONNECTING, SourceState.FAILED)
_URGENCY = (Verdict.SIGNS, Verdict.NO_SIGNS, Verdict.CANNOT_JUDGE)


def image_over(pixels: Image) -> QImage:
    """A QImage over BGR uint8 (H, W, 3) memory, not a copy: the caller keeps ``pixels`` alive and unchanged.

    Rows may lie apart by any stride. Pixels that do not lie side by side (a mirrored or
    transposed view) cannot be described to Qt: those alone are copied, and the copy is kept alive here.
    """
    if pixels.strides[1:] != (3, 1) or pixels.strides[0] < 3 * pixels.shape[1]:
        pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    address: Any = sip.voidptr(pixels.ctypes.data)  # the stubs know bytes only, which would be a copy
    image = QImage(address, width, height, pixels.strides[0], QImage.Format.Format_BGR888)
    image.pixels = pixels  # pyright: ignore[reportAttributeAccessIssue]
    return image


class Layer(Protocol):
    """Something more to see in the picture: ``PictureView.add_layer`` takes it. To be quick: 30 times a second."""

    def paint(self, painter: QPainter, view: PictureView, update: Update) -> None:
        """Draw over the picture and under the boxes; ``view.in_widget`` turns its pixels into the widget's."""
        ...

    def words_rect(self, view: PictureView) -> QRectF:
        """Where in the widget it has words that must stay legible: the labels of faces keep clear of them. Empty
        where it has none."""
        ...

    def paint_words(self, painter: QPainter, view: PictureView) -> None:
        """Draw them, over everything else."""
        ...


class PictureView(QWidget):
    """Shows updates of one source. Boxes and words are drawn in the widget's own resolution.

    ``show_update`` asks for a repaint only when something that shows has changed. ``painted_age_ms``
    is how old the frame was, from its capture, when it was last painted. ``on_painted``, if set, is told
    how many nanoseconds each painting took, and how old the frame was where it is a new one.
    """

    def __init__(self, source_id: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._update: Update | None = None
        self._image: QImage | None = None
        self._scaled = ScreenPicture()
        self._labels = Labels(self.font())
        self._shown: object = None
        self._aged = 0
        self._layers: list[Layer] = []
        self.painted_age_ms: float | None = None
        self.on_painted: Callable[[int, int | None], None] | None = None
        self.setAccessibleName(self.tr("Picture of {source}").format(source=source_id))
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(240, 90)

    def sizeHint(self) -> QSize:
        """Small: it takes what room there is. A layout that reckons with words in lines asks for the whole hint, and a
        panel with a banner would have a larger picture than those beside it."""
        return QSize(240, 90)

    @property
    def image(self) -> QImage | None:
        """What is painted: it shares the memory of the frame of the last update."""
        return self._image

    def add_layer(self, layer: Layer) -> None:
        """Let ``layer`` paint from now on, over those that came before it."""
        self._layers.append(layer)
        self.update()

    def remove_layer(self, layer: Layer) -> None:
        if layer in self._layers:
            self._layers.remove(layer)
            self.update()

    def show_update(self, update: Update) -> None:
        shown = (update.sequence, update.state, update.verdict, update.causes, update.message)
        if shown == self._shown:
            return
        self._shown = shown
        if update.frame is None:
            self._image = None
            self._scaled.forget()
        elif self._update is None or self._update.frame is not update.frame:
            self._image = image_over(update.frame.image)
            self._scaled.forget()
        self._update = update  # keeps the frame, and so the image's memory, alive
        self._describe(update)
        self.update()

    def picture_rect(self) -> QRectF:
        """Where the picture lies in the widget: as large as fits, in its own proportions."""
        area = QRectF(self.rect())
        if self._image is None:
            return area
        size = QSizeF(self._image.size()).scaled(area.size(), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRectF(area.topLeft(), size)
        place.moveCenter(area.center())
        return place

    def face_rect(self, face: FaceState) -> QRectF:
        """A face's box in the widget, kept within the picture."""
        box = face.track.face
        rect = self.in_widget(QRectF(box.x0, box.y0, box.width, box.height))
        return rect.intersected(self.picture_rect())

    def in_widget(self, rect: QRectF) -> QRectF:
        """A rectangle of the frame, in its pixels, where it lies in the widget."""
        place = self.picture_rect()
        scale = place.width() / (self._image.width() if self._image is not None else 1)
        scaled = QRectF(rect.x() * scale, rect.y() * scale, rect.width() * scale, rect.height() * scale)
        return scaled.translated(place.topLeft())

    def label_rects(self) -> list[tuple[QRectF, Sequence[str], FaceState]]:
        """Where each face's label goes, and its lines; the gravest verdict has the first choice."""
        faces = self._update.faces if self._update is not None else ()
        bounds, placed = self.picture_rect(), []
        words = [layer.words_rect(self) for layer in self._layers]
        boxes = [(face, self.face_rect(face)) for face in faces]
        for face, box in sorted(boxes, key=lambda each: _URGENCY.index(each[0].verdict)):
            lines = face_lines(face)
            others = [other for each, other in boxes if each is not face]
            taken = words + [rect for rect, _, _ in placed]
            size = self._labels.size(lines, bounds.size())
            placed.append((place_label(size, box, bounds, taken, others), lines, face))
        return placed

    def changeEvent(self, a0: QEvent | None) -> None:
        if a0 is not None and a0.type() == QEvent.Type.FontChange:
            self._labels = Labels(self.font())
        super().changeEvent(a0)

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        began, aged = time.monotonic_ns(), self._aged
        painter = QPainter(self)
        self._paint_surround(painter)
        if self._image is not None:
            self._paint_picture(painter)
        if self._update is not None:
            self._note_age(self._update)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            if self._update.state in _STALE:
                painter.fillRect(self.rect(), _VEIL)
            for layer in self._layers:
                painter.save()
                layer.paint(painter, self, self._update)
                painter.restore()
            self._paint_faces(painter)
            for layer in self._layers:
                layer.paint_words(painter, self)
            self._paint_state(painter, state_words(self._update)[0])
        painter.end()
        if self.on_painted is not None:
            age_ms = self.painted_age_ms if self._aged != aged else None
            self.on_painted(time.monotonic_ns() - began, None if age_ms is None else round(age_ms * 1e6))

    def _paint_surround(self, painter: QPainter) -> None:
        """What the picture does not cover: the rest would be painted twice."""
        wide, high = self.width(), self.height()
        inner = self.picture_rect().toRect().adjusted(1, 1, -1, -1) if self._image is not None else QRect()
        painter.fillRect(0, 0, wide, inner.top(), _SURROUND)
        painter.fillRect(0, inner.bottom() + 1, wide, high - inner.bottom() - 1, _SURROUND)
        painter.fillRect(0, inner.top(), inner.left(), inner.height(), _SURROUND)
        painter.fillRect(inner.right() + 1, inner.top(), wide - inner.right() - 1, inner.height(), _SURROUND)

    def _paint_picture(self, painter: QPainter) -> None:
        """The frame at the widget's size in the screen's own pixels, scaled once for as often as it is painted."""
        assert self._image is not None
        # Of what is painted on: a picture of the widget may be denser than its screen.
        place, ratio = self.picture_rect(), painter.deviceTransform().m11()
        size = (max(1, round(place.width() * ratio)), max(1, round(place.height() * ratio)))
        scaled = self._scaled.image
        if scaled is None or (scaled.width(), scaled.height()) != size:
            pixels: Image = self._image.pixels  # pyright: ignore[reportAttributeAccessIssue]
            scaled = self._scaled.scale(pixels, *size)
        scaled.setDevicePixelRatio(ratio)
        # A place between two pixels would have Qt interpolate it all once more.
        corner = QPointF(round(place.x() * ratio) / ratio, round(place.y() * ratio) / ratio)
        painter.drawImage(corner, scaled)

    def _paint_faces(self, painter: QPainter) -> None:
        labels = self.label_rects()
        thick = max(2.5, min(self.picture_rect().width(), self.picture_rect().height()) / 160)
        for _, _, face in reversed(labels):
            inset = thick if face.verdict is Verdict.SIGNS else thick / 2
            draw_box(painter, self.face_rect(face).adjusted(inset, inset, -inset, -inset), face.verdict, thick)
        ratio = painter.deviceTransform().m11()
        for rect, lines, face in reversed(labels):
            self._labels.paint(painter, rect, lines, COLOURS[face.verdict], ratio)

    def _paint_state(self, painter: QPainter, headline: str) -> None:
        """A plate: in the middle where the picture is not live or absent, else at the foot of it. Why it is so,
        and what can be done, is the banner's to say."""
        if not headline:
            return
        area = QRectF(self.rect()).adjusted(16, 12, -16, -12)
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.setFont(_scaled(self.font(), 1.6, bold=True))
        painter.setPen(Qt.GlobalColor.white)  # without a pen, which boxes are drawn without, words have no size
        plate = painter.boundingRect(area, flags, headline).adjusted(-16, -10, 16, 10)
        plate.moveCenter(area.center())
        assert self._update is not None
        if self._update.state not in _STALE and self._image is not None:
            plate.moveBottom(area.bottom())
        painter.fillRect(plate, QColor(18, 18, 18, 225))
        painter.drawText(plate, flags, headline)

    def _note_age(self, update: Update) -> None:
        """Take the age once per frame: a repaint because the window was uncovered says nothing of it."""
        if update.frame is None or update.state is not SourceState.RUNNING:
            self.painted_age_ms = None
        elif self._aged != update.sequence:
            self._aged = update.sequence
            self.painted_age_ms = (time.monotonic_ns() - update.frame.captured_at) / 1e6

    def _describe(self, update: Update) -> None:
        """The same in words, for a screen reader; without scores, which would make it talk all the time."""
        causes = [cause_name(cause) for cause in update.causes]
        faces = [self.tr("face {lines}").format(lines=face_lines(face)[0]) for face in update.faces]
        parts = [state_words(update)[0], verdict_words(update)[0], *causes, *faces]
        words = "; ".join(part for part in parts if part)
        if words != self.accessibleDescription():
            self.setAccessibleDescription(words)


def _scaled(font: QFont, factor: float, *, bold: bool = False) -> QFont:
    changed = QFont(font)
    if font.pointSizeF() > 0:
        changed.setPointSizeF(font.pointSizeF() * factor)
    else:
        changed.setPixelSize(max(1, round(font.pixelSize() * factor)))
    changed.setBold(bold)
    return changed
