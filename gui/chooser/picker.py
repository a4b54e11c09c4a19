"""Drawing a region over the desktop: a full-screen window on every monitor, with the monitor's picture dimmed in it.

The picture is painted rather than seen through the window: without a compositor an X11 window that asks to be
translucent is black. It also is what a capture gives, pixel for pixel.
"""

from __future__ import annotations

from collections.abc import Sequence

from unmask.gui.chooser import region as regions
from unmask.gui.overlay.geometry import Monitor, region_rect
from unmask.gui.picture import image_over
from unmask.gui.qt import (
    QColor,
    QDialog,
    QFont,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPointF,
    QRectF,
    QScreen,
    Qt,
    QVBoxLayout,
    QWidget,
)
from unmask.realtime.sources.screen import Region
from unmask.realtime.types import Image

_STEP, _SMALL_STEP = 10, 1
_KEYS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
_FLAGS = Qt.WindowType.FramelessWindowHint | Qt.WindowType.WindowStaysOnTopHint
_DIM, _BOX, _WORDS = QColor(0, 0, 0, 130), QColor(20, 20, 22, 225), QColor(255, 255, 255)
_BAND, _RIM = QColor(86, 180, 233), QColor(0, 0, 0)
_PAD, _GAP = 6.0, 6.0


class RegionPicker(QDialog):
    """``region`` is what was drawn, in captured pixels, once it is accepted.

    ``screens``, ``monitors`` and ``pictures`` (BGR, of the whole monitor) belong together, one of each per
    monitor. Show it with ``begin``.
    """

    def __init__(
        self,
        screens: Sequence[QScreen],
        monitors: Sequence[Monitor],
        pictures: Sequence[Image],
        start: Region | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent, Qt.WindowType.Window | _FLAGS)
        self.setWindowTitle(self.tr("Draw a region"))
        self.setModal(True)
        self._screens, self._monitors = list(screens), tuple(monitors)
        self.desktop = regions.desktop_of(monitors)
        begun = start.within(self.desktop) if start is not None else None
        self.region = begun if begun is not None and regions.large_enough(begun) else regions.middle_of(monitors[0])
        self._anchor: QPointF | None = None
        self._held: QPointF | None = None
        self.panes = [
            _Pane(self, monitor, picture, window=number > 0)
            for number, (monitor, picture) in enumerate(zip(monitors, pictures, strict=True))
        ]
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.panes[0])
        self._changed()

    def begin(self) -> None:
        """Cover every monitor."""
        for window, screen in zip([self, *self.panes[1:]], self._screens, strict=True):
            window.setScreen(screen)
            window.setGeometry(screen.geometry())
            window.showFullScreen()
        self.raise_()
        self.activateWindow()
        self.panes[0].setFocus()

    def done(self, a0: int) -> None:
        for pane in self.panes[1:]:
            pane.hide()
        super().done(a0)

    def press(self, point: QPointF) -> None:
        """A mouse button went down at a point of the desktop: inside the band it takes hold of it."""
        here = regions.to_captured(point, self._monitors)
        if region_rect(self.region).contains(here) and self.region != self.desktop:
            self._held = here
        else:
            self._anchor = here

    def drag(self, point: QPointF) -> None:
        here = regions.to_captured(point, self._monitors)
        if self._anchor is not None:
            self._take(regions.spanned(self._anchor, here, self.desktop))
        elif self._held is not None:
            across, down = round(here.x() - self._held.x()), round(here.y() - self._held.y())
            self._held += QPointF(across, down)
            self._take(regions.moved(self.region, across, down, self.desktop))

    def release(self) -> None:
        self._anchor = self._held = None

    def press_key(self, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Whether the key meant something."""
        step = _SMALL_STEP if modifiers & Qt.KeyboardModifier.ControlModifier else _STEP
        if key in _KEYS:
            across, down = (step * way for way in _KEYS[Qt.Key(key)])
            change = regions.resized if modifiers & Qt.KeyboardModifier.ShiftModifier else regions.moved
            self._take(change(self.region, across, down, self.desktop))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.take()
        elif key == Qt.Key.Key_Escape:
            self.reject()
        else:
            return False
        return True

    def take(self) -> None:
        if regions.large_enough(self.region):
            self.accept()

    def words(self) -> str:
        """The size, and what is wrong with it."""
        size = f"{self.region.width} × {self.region.height}"
        if regions.large_enough(self.region):
            return size
        least = self.tr("too small: at least {smallest} × {smallest} pixels").format(smallest=regions.SMALLEST)
        return f"{size}, {least}"

    def _take(self, region: Region) -> None:
        if region != self.region:
            self.region = region
            self._changed()

    def _changed(self) -> None:
        place = self.tr("{size} at {left}, {top}").format(size=self.words(), left=self.region.left, top=self.region.top)
        for pane in self.panes:
            pane.setAccessibleDescription(place)
            pane.update()


class _Pane(QWidget):
    """The picker's part on one monitor."""

    def __init__(self, picker: RegionPicker, monitor: Monitor, picture: Image, *, window: bool) -> None:
        super().__init__(picker, Qt.WindowType.Window | _FLAGS if window else Qt.WindowType.Widget)
        self._picker, self._monitor = picker, monitor
        self._image = image_over(picture)
        self._help = self.tr(
            "Drag to draw a region. Arrows move it, Shift+arrows resize it, with Ctrl by single pixels. "
            "Enter takes it, Escape cancels."
        )
        self.setWindowTitle(picker.windowTitle())
        self.setAccessibleName(f"{self.tr('Draw a region')}. {self._help}")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)

    def keyPressEvent(self, a0: QKeyEvent | None) -> None:
        if a0 is not None and not self._picker.press_key(a0.key(), a0.modifiers()):
            super().keyPressEvent(a0)

    def mousePressEvent(self, a0: QMouseEvent | None) -> None:
        if a0 is not None and a0.button() == Qt.MouseButton.LeftButton:
            self._picker.press(a0.globalPosition())

    def mouseMoveEvent(self, a0: QMouseEvent | None) -> None:
        if a0 is not None:
            self._picker.drag(a0.globalPosition())

    def mouseReleaseEvent(self, a0: QMouseEvent | None) -> None:
        self._picker.release()

    def mouseDoubleClickEvent(self, a0: QMouseEvent | None) -> None:
        self._picker.take()

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        here = QRectF(self.rect())
        painter.drawImage(here, self._image)
        band = regions.on_monitor(self._picker.region, self._monitor)
        for shade in _around(here, band):
            painter.fillRect(shade, _DIM)
        for colour, width in ((_RIM, 4.0), (_BAND, 2.0)):
            painter.setPen(QPen(colour, width))
            painter.drawRect(band)
        self._say_help(painter, here)
        if band.intersects(here):
            self._say_size(painter, here, band)
        painter.end()

    def _say_help(self, painter: QPainter, here: QRectF) -> None:
        wide = QFontMetricsF(self.font()).horizontalAdvance(self._help) + 4 * _PAD
        width = min(here.width() - 40, wide)
        lines = 1 if width >= wide else 2
        height = QFontMetricsF(self.font()).height() * lines + 2 * _PAD
        _write(painter, QRectF(here.center().x() - width / 2, here.top() + 14, width, height), self._help)

    def _say_size(self, painter: QPainter, here: QRectF, band: QRectF) -> None:
        """Below the band, or inside it where there is no room."""
        bold = QFont(self.font())
        bold.setBold(True)
        painter.setFont(bold)
        metrics = QFontMetricsF(bold)
        words = self._picker.words()
        width, height = metrics.horizontalAdvance(words) + 4 * _PAD, metrics.height() + 2 * _PAD
        top = band.bottom() + _GAP
        if top + height > here.bottom():
            top = min(band.bottom(), here.bottom()) - height - _GAP
        left = min(max(band.left(), here.left() + _GAP), here.right() - width - _GAP)
        _write(painter, QRectF(left, top, width, height), words)


def _write(painter: QPainter, box: QRectF, words: str) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_BOX)
    painter.drawRoundedRect(box, 5, 5)
    painter.setPen(_WORDS)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
    painter.drawText(box.adjusted(_PAD, _PAD, -_PAD, -_PAD), int(flags), words)


def _around(here: QRectF, band: QRectF) -> list[QRectF]:
    """What of a pane lies outside the band."""
    band = band.intersected(here)
    if band.isEmpty():
        return [here]
    above = QRectF(here.left(), here.top(), here.width(), band.top() - here.top())
    below = QRectF(here.left(), band.bottom(), here.width(), here.bottom() - band.bottom())
    left = QRectF(here.left(), band.top(), band.left() - here.left(), band.height())
    right = QRectF(band.right(), band.top(), here.right() - band.right(), band.height())
    return [above, below, left, right]
