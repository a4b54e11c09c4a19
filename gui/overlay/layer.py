"""The window that lies over the desktop: see-through, above all others, and deaf to mouse and keyboard."""

from __future__ import annotations

import time
from collections.abc import Sequence

from unmask.gui.overlay.marks import BAR_THICK, THICK, Kind, Mark
from unmask.gui.qt import QColor, QFont, QPainter, QPaintEvent, QPointF, QRect, QRectF, QRegion, Qt, QWidget
from unmask.gui.shapes import COLOURS, draw_box, draw_label
from unmask.realtime.types import Verdict

#: Two colours that footage hardly ever has side by side; the self-check looks for them.
PATTERN_COLOURS = (QColor(255, 0, 220), QColor(0, 255, 40))
_STRIPE = 4
_RIM = QColor(0, 0, 0, 170)
_SPANS = {
    Verdict.SIGNS: ((0.0, 1.0),),
    Verdict.NO_SIGNS: ((0.0, 0.28), (0.72, 1.0)),
    Verdict.CANNOT_JUDGE: tuple((part / 7, (part + 1) / 7) for part in range(0, 7, 2)),
}


class LayerWindow(QWidget):
    """Shows marks on one monitor. Coordinates are logical pixels of the desktop.

    ``canvas`` is what of the desktop it covers. ``composited``: whether the desktop blends windows; where
    it does not, the window is cut to the shape of its marks. ``spare`` is never drawn on.
    ``painted_ns`` is how long the last painting took, ``painted_at`` when it was done (monotonic ns, 0 before).
    """

    def __init__(self, canvas: QRect, *, composited: bool) -> None:
        super().__init__(
            None,
            Qt.WindowType.Tool  # no place in the taskbar
            | Qt.WindowType.FramelessWindowHint
            | Qt.WindowType.WindowStaysOnTopHint
            | Qt.WindowType.WindowTransparentForInput
            | Qt.WindowType.WindowDoesNotAcceptFocus
            | Qt.WindowType.NoDropShadowWindowHint
            # On X11 only: a window manager would put it below a full-screen call, and back onto the desk.
            | Qt.WindowType.X11BypassWindowManagerHint,
        )
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
        self.setWindowTitle(self.tr("Unmask marks"))
        self.setAccessibleName(self.tr("Unmask marks on the desktop"))
        self.composited = composited
        self.painted_ns = self.painted_at = 0
        self._marks: tuple[Mark, ...] = ()
        self._spare = QRegion()
        self._label_font = QFont(self.font())
        self._label_font.setBold(True)
        self.setGeometry(canvas)

    @property
    def marks(self) -> tuple[Mark, ...]:
        return self._marks

    @property
    def label_font(self) -> QFont:
        return self._label_font

    def place(self, canvas: QRect) -> None:
        """Cover another part of the desktop; what is shown goes with the next ``set_marks``."""
        if canvas != self.geometry():
            self.setGeometry(canvas)
            self.set_marks(())

    def set_marks(self, marks: Sequence[Mark], spare: Sequence[QRectF] = ()) -> None:
        """Show these. Only what changed is painted; a window without marks is hidden."""
        region = QRegion()
        for rect in spare:
            region = region.united(self._local(rect.toAlignedRect()))
        changed = [mark for mark in self._marks if mark not in marks] + [
            mark for mark in marks if mark not in self._marks
        ]
        if not changed and region == self._spare:
            return
        reshape = region != self._spare or not self.composited
        self._marks, self._spare = tuple(marks), region
        dirty = QRegion()
        for mark in changed:
            dirty = dirty.united(self._touched(mark))
        if reshape:
            self.setMask(self._shape())
            dirty = QRegion(self.rect())
        self.update(dirty)
        self.setVisible(bool(marks))

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        began = time.monotonic_ns()
        dirty = a0.region() if a0 is not None else QRegion(self.rect())
        painter = QPainter(self)
        painter.setClipRegion(dirty.subtracted(self._spare))
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        painter.fillRect(self.rect(), Qt.GlobalColor.transparent)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.translate(-self.x(), -self.y())
        for mark in self._marks:
            if dirty.intersects(self._touched(mark)):
                self._draw(painter, mark)
        painter.end()
        self.painted_at = time.monotonic_ns()
        self.painted_ns = self.painted_at - began

    def _draw(self, painter: QPainter, mark: Mark) -> None:
        if mark.kind is Kind.LABEL:
            draw_label(painter, mark.rect, mark.lines, [self._label_font] * len(mark.lines), COLOURS[mark.verdict])
        elif mark.kind is Kind.PATTERN:
            draw_pattern(painter, mark.rect)
        elif mark.kind is Kind.BAR:
            draw_bar(painter, mark.rect, mark.verdict)
        else:
            draw_box(painter, mark.rect, mark.verdict, THICK)

    def _touched(self, mark: Mark) -> QRegion:
        """The pixels of the window that a mark may touch; a frame or ring is hollow."""
        outer = self._local(mark.bounds.toAlignedRect())
        if mark.kind not in (Kind.RING, Kind.FRAME):
            return outer
        reach = mark.bounds.right() - mark.rect.right()
        inner = mark.rect.adjusted(reach, reach, -reach, -reach).toRect().adjusted(1, 1, -1, -1)
        return outer.subtracted(self._local(inner)) if inner.isValid() else outer

    def _shape(self) -> QRegion:
        """What of the window there is. Without blending, the marks alone; never what must be spared."""
        if self.composited:
            return QRegion(self.rect()).subtracted(self._spare)
        shape = QRegion()
        for mark in self._marks:
            shape = shape.united(self._touched(mark))
        # Qt takes an empty mask for none at all; a window without marks is hidden anyway.
        return shape.subtracted(self._spare) or QRegion(0, 0, 1, 1)

    def _local(self, rect: QRect) -> QRegion:
        return QRegion(rect.translated(-self.x(), -self.y()))


def draw_bar(painter: QPainter, line: QRectF, verdict: Verdict) -> None:
    """A side of the verdict's box (``shapes.box_bars``) as a bar along ``line``, which has no height or no width:
    whole for signs, its ends for no signs, dashes for cannot judge. A dark rim shows on any ground."""
    for first, last in _SPANS[verdict]:
        start = line.topLeft() + (line.bottomRight() - line.topLeft()) * first
        end = line.topLeft() + (line.bottomRight() - line.topLeft()) * last
        across = QPointF(0, BAR_THICK / 2) if line.width() else QPointF(BAR_THICK / 2, 0)
        bar = QRectF(start - across, end + across)
        painter.fillRect(bar.adjusted(-1, -1, 1, 1), _RIM)
        painter.fillRect(bar, COLOURS[verdict])


def draw_pattern(painter: QPainter, rect: QRectF) -> None:
    """Stripes of the two colours, so that any sliver of the rectangle has both."""
    whole = rect.toAlignedRect()
    painter.fillRect(whole, PATTERN_COLOURS[0])
    for row in range(0, whole.height(), 2 * _STRIPE):
        for column in range(0, whole.width(), 2 * _STRIPE):
            for across, down in ((0, 0), (_STRIPE, _STRIPE)):
                block = QRect(whole.left() + column + across, whole.top() + row + down, _STRIPE, _STRIPE)
                painter.fillRect(block.intersected(whole), PATTERN_COLOURS[1])
