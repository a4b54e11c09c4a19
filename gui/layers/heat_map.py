"""The heat map: what each part of a face said to the model, for signs or against them. It is no evidence."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.gui.i18n import tr
from unmask.gui.layers.colours import STEPS, premultiplied
from unmask.gui.layers.placing import in_picture, picture_in_widget
from unmask.gui.layers.plate import Plate
from unmask.gui.picture import PictureView
from unmask.gui.qt import QFontMetricsF, QImage, QPainter, QRectF, QSizeF, Qt
from unmask.realtime.types import FaceLook, Update

#: A cell that says so much, in calibrated log-odds, has the strongest colour. Alone it would make 99.8 % of an even
#: score; the cells of one face reach it where the model sees most.
FULL_LOG_ODDS = 6.0
# Cells are drawn this fine at most; the rest of the way Qt scales them.
_FINE, _SMALLEST = 128, 16
# A map holds until the next one is late by a stride, and is gone another stride later.
_HOLD_STRIDES, _FADE_STRIDES = 2.0, 1.0
_BAR_HIGH, _BAR_WIDE = 8.0, 120.0


def strengths(activation: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """-1 (strongly against signs) to 1 (strongly for them), 0 where a cell says nothing. The scale is fixed, in
    calibrated log-odds, so that a weak map looks weak: nothing is stretched."""
    return np.clip(activation * np.float32(scale / FULL_LOG_ODDS), -1.0, 1.0)


def heat_image(activation: NDArray[np.float32], scale: float) -> QImage:
    """The map as a picture with transparency; it owns its memory. Cells are joined smoothly."""
    rows, columns = activation.shape
    fine = max(1, min(_SMALLEST, _FINE // max(rows, columns)))
    smooth = cv2.resize(strengths(activation, scale), (columns * fine, rows * fine), interpolation=cv2.INTER_CUBIC)
    steps = np.clip(np.round((smooth + 1) * ((STEPS - 1) / 2)), 0, STEPS - 1).astype(np.intp)
    words = np.ascontiguousarray(premultiplied()[steps])
    high, wide = words.shape
    return QImage(words.tobytes(), wide, high, 4 * wide, QImage.Format.Format_ARGB32_Premultiplied).copy()


@dataclass(slots=True)
class _Map:
    look: FaceLook
    image: QImage


class HeatMapLayer:
    """Draws the newest map of every face where its crop was cut, and a legend. One for each picture."""

    def __init__(self) -> None:
        self._maps: dict[int, _Map] = {}
        self._legend = _Legend(at_foot=False)

    def paint(self, painter: QPainter, view: PictureView, update: Update) -> None:
        if update.frame is None:
            return
        self._take(update)
        now_s, to_widget = update.frame.time_s, picture_in_widget(view)
        painter.setClipRect(view.picture_rect())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        ground = painter.transform()
        for face in update.faces:
            kept = self._maps.get(face.track.track_id)
            strength = _left(kept.look, now_s) if kept is not None else 0.0
            if kept is None or strength <= 0:
                continue
            painter.setOpacity(strength)
            painter.setTransform(in_picture(kept.look, face.track.face) * to_widget * ground)
            painter.drawImage(QRectF(0, 0, kept.look.size, kept.look.size), kept.image)

    def words_rect(self, view: PictureView) -> QRectF:
        return self._legend.rect(view)

    def paint_words(self, painter: QPainter, view: PictureView) -> None:
        self._legend.paint(painter, view)

    def _take(self, update: Update) -> None:
        """The maps of the faces that are there, each turned into a picture once."""
        maps: dict[int, _Map] = {}
        for face in update.faces:
            number, look = face.track.track_id, face.look
            kept = self._maps.get(number)
            if look is not None and look.activation is not None and (kept is None or kept.look is not look):
                kept = _Map(look, heat_image(look.activation, look.logit_scale))
            if kept is not None:
                maps[number] = kept
        self._maps = maps


def _left(look: FaceLook, now_s: float) -> float:
    """How much of a map is still shown, 0..1."""
    stride_s = max(look.due_s - look.time_s, 1e-3)
    late = (now_s - look.time_s) / stride_s
    if late < 0:  # another timeline
        return 0.0
    return min(1.0, max(0.0, 1.0 - (late - _HOLD_STRIDES) / _FADE_STRIDES))


class _Legend(Plate):
    """The words that make it no evidence, and what the colours mean."""

    def __init__(self, *, at_foot: bool) -> None:
        super().__init__(at_foot=at_foot)
        self.words = tr("Where the model looked, not evidence")
        self._ends = tr("against signs"), tr("for signs")

    def more(self, view: PictureView) -> QSizeF:
        metrics = QFontMetricsF(view.font())
        wide = sum(metrics.horizontalAdvance(end) for end in self._ends) + 2 * metrics.averageCharWidth()
        return QSizeF(max(_BAR_WIDE, wide), _BAR_HIGH + metrics.height())

    def paint_more(self, painter: QPainter, rect: QRectF, view: PictureView) -> None:
        words = np.ascontiguousarray(premultiplied()[np.newaxis])
        bar = QImage(words.tobytes(), STEPS, 1, 4 * STEPS, QImage.Format.Format_ARGB32_Premultiplied).copy()
        strip = QRectF(rect.left(), rect.top(), rect.width(), _BAR_HIGH)
        painter.drawImage(strip, bar)
        ends = QRectF(rect.left(), strip.bottom(), rect.width(), rect.height() - _BAR_HIGH)
        painter.drawText(ends, int(Qt.AlignmentFlag.AlignLeft), self._ends[0])
        painter.drawText(ends, int(Qt.AlignmentFlag.AlignRight), self._ends[1])
