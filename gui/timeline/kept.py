"""A kept picture with its boxes and labels: on the screen, small in a strip, and marked in a file."""

from __future__ import annotations

import re

from unmask.gui.i18n import tr
from unmask.gui.qt import (
    QBuffer,
    QByteArray,
    QColor,
    QFont,
    QFontMetricsF,
    QImage,
    QImageReader,
    QIODevice,
    QPainter,
    QPaintEvent,
    QRectF,
    QSize,
    QSizeF,
    QSizePolicy,
    Qt,
    QWidget,
)
from unmask.gui.shapes import COLOURS, draw_box, draw_label, label_size, place_label
from unmask.gui.wording import face_lines
from unmask.realtime.sinks.ring import KeptFrame
from unmask.realtime.types import FaceState

_SURROUND = QColor(16, 16, 16)
_FOOT = QColor(18, 18, 18)


def decoded(kept: KeptFrame, height: int | None = None) -> QImage:
    """The picture, at most ``height`` pixels high: a small one is decoded small, which is quicker."""
    data = QBuffer()
    data.setData(QByteArray(kept.jpeg))
    data.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(data, b"jpeg")
    if height is not None and height < kept.height:
        reader.setScaledSize(QSize(max(1, round(kept.width * height / kept.height)), height))
    return reader.read()


def paint_faces(painter: QPainter, kept: KeptFrame, place: QRectF, font: QFont) -> None:
    """The box and the label of each face of the picture that lies in ``place``."""
    scale = place.width() / kept.width
    thick = max(2.0, min(place.width(), place.height()) / 160)
    bold = QFont(font)
    bold.setBold(True)
    rects = [_rect(face, place, scale) for face in kept.faces]
    labels: list[QRectF] = []
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for face, rect in zip(kept.faces, rects, strict=True):
        draw_box(painter, rect, face.verdict, thick)
    for face, rect in zip(kept.faces, rects, strict=True):
        lines = face_lines(face)
        fonts = [bold, *([font] * (len(lines) - 1))]
        others = [other for other in rects if other is not rect]
        label = place_label(label_size(lines, fonts, place.size()), rect, place, labels, others)
        draw_label(painter, label, lines, fonts, COLOURS[face.verdict])
        labels.append(label)


def _rect(face: FaceState, place: QRectF, scale: float) -> QRectF:
    box = face.track.face
    rect = QRectF(box.x0 * scale, box.y0 * scale, box.width * scale, box.height * scale)
    return rect.translated(place.topLeft()).intersected(place)


def marked(kept: KeptFrame, when: str, font: QFont) -> QImage:
    """The picture for a file: boxes, labels, and below them what it is, and that it is no proof."""
    # A picture may be passed on: the folders of this machine and the host of a stream are nobody's business.
    name = re.split(r"[/\\]", kept.source_id)[-1]
    lines = [tr("Unmask: signs of manipulation, a hint, never proof", "timeline"), f"{when}  {name}"]
    font = QFont(font)
    font.setPixelSize(14)
    metric = QFontMetricsF(font)
    foot = round(metric.height() * len(lines)) + 12
    image = QImage(max(kept.width, 360), kept.height + foot, QImage.Format.Format_RGB888)
    image.fill(_FOOT)
    painter = QPainter(image)
    place = QRectF((image.width() - kept.width) // 2, 0, kept.width, kept.height)
    painter.drawImage(place, decoded(kept))
    painter.setFont(font)
    paint_faces(painter, kept, place, font)
    painter.setPen(Qt.GlobalColor.white)
    for number, line in enumerate(lines):
        words = metric.elidedText(line, Qt.TextElideMode.ElideRight, image.width() - 16)
        painter.drawText(8, round(kept.height + 6 + metric.ascent() + number * metric.height()), words)
    painter.end()
    image.setText("Description", " ".join(lines))
    return image


class KeptPicture(QWidget):
    """One kept picture as large as fits."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kept: KeptFrame | None = None
        self._image = QImage()
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(320, 180)
        self.setAccessibleName(tr("Picture of the alarm", "timeline"))

    def sizeHint(self) -> QSize:
        return QSize(720, 405)

    def show_kept(self, kept: KeptFrame, words: str) -> None:
        """``words`` are what a screen reader says of it."""
        self._kept, self._image = kept, decoded(kept)
        self.setAccessibleDescription(words)
        self.update()

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), _SURROUND)
        if self._kept is not None:
            area = QRectF(self.rect())
            size = QSizeF(self._kept.width, self._kept.height).scaled(area.size(), Qt.AspectRatioMode.KeepAspectRatio)
            place = QRectF(area.topLeft(), size)
            place.moveCenter(area.center())
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(place, self._image)
            paint_faces(painter, self._kept, place, self.font())
        painter.end()
