"""The pill: the verdict on everything that is watched as one dot and a word or two, always on top."""

from __future__ import annotations

from collections.abc import Mapping

from unmask.gui.i18n import tr
from unmask.gui.qt import (
    QColor,
    QContextMenuEvent,
    QFont,
    QFontMetricsF,
    QGuiApplication,
    QKeyEvent,
    QMenu,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QPoint,
    QRectF,
    QSize,
    QSizeF,
    Qt,
    QWidget,
    pyqtSignal,
)
from unmask.gui.shapes import COLOURS, draw_box
from unmask.realtime.types import SourceState, Update, Verdict

_PAD, _DOT = 9.0, 15.0
_GRAVEST = (Verdict.SIGNS, Verdict.CANNOT_JUDGE, Verdict.NO_SIGNS)
_STEP = 10
_STEPS = {
    Qt.Key.Key_Left: QPoint(-_STEP, 0),
    Qt.Key.Key_Right: QPoint(_STEP, 0),
    Qt.Key.Key_Up: QPoint(0, -_STEP),
    Qt.Key.Key_Down: QPoint(0, _STEP),
}


def pill_state(updates: Mapping[str, Update]) -> tuple[Verdict, str]:
    """The verdict on all sources together, and the words for it. Signs in one are signs; while one cannot be
    judged, the others do not speak for it."""
    running = [update for update in updates.values() if update.state is not SourceState.ENDED]
    if not running:
        return Verdict.CANNOT_JUDGE, tr("Nothing is watched")
    if all(update.state is SourceState.PAUSED for update in running):
        return Verdict.CANNOT_JUDGE, tr("Paused")
    verdict = min((update.verdict for update in running), key=_GRAVEST.index)
    words = tr(verdict.words)
    return verdict, words[0].upper() + words[1:]


class Pill(QWidget):
    """Drag it with the mouse or move it with the arrow keys; click it, or press Enter, for the window; P pauses;
    the right button or the menu key opens its menu. ``moved`` tells where it was put, in logical pixels."""

    opened = pyqtSignal()
    pause_wanted = pyqtSignal(bool)
    quit_wanted = pyqtSignal()
    dismissed = pyqtSignal()
    moved = pyqtSignal(int, int)

    def __init__(self) -> None:
        super().__init__(
            None,
            Qt.WindowType.Tool
            | Qt.WindowType.FramelessWindowHint
            | Qt.WindowType.WindowStaysOnTopHint
            | Qt.WindowType.NoDropShadowWindowHint,
        )
        self._verdict, self._words = Verdict.CANNOT_JUDGE, tr("Nothing is watched")
        self._paused = False
        self._grip: QPoint | None = None
        self._pressed, self._corner = QPoint(), QPoint()
        self._bold = QFont(self.font())
        self._bold.setBold(True)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setWindowTitle(tr("Unmask pill"))
        self._say()
        self.resize(self.sizeHint())

    @property
    def words(self) -> str:
        return self._words

    @property
    def verdict(self) -> Verdict:
        return self._verdict

    def sizeHint(self) -> QSize:
        """Wide enough for every verdict, so that it does not change its size with each."""
        metric = QFontMetricsF(self._bold)
        said = [self._words, *(tr(verdict.words).capitalize() for verdict in Verdict)]
        wide = max(metric.horizontalAdvance(words) for words in said)
        return QSizeF(wide + _DOT + 3.5 * _PAD, max(metric.height(), _DOT) + 1.4 * _PAD).toSize()

    def show_updates(self, updates: Mapping[str, Update]) -> None:
        """Repaints only when the verdict or the words are others."""
        verdict, words = pill_state(updates)
        running = [update for update in updates.values() if update.state is not SourceState.ENDED]
        self._paused = bool(running) and all(update.state is SourceState.PAUSED for update in running)
        if (verdict, words) == (self._verdict, self._words):
            return
        self._verdict, self._words = verdict, words
        self._say()
        self.resize(self.sizeHint())
        self.update()

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        signs = self._verdict is Verdict.SIGNS
        palette = self.palette()
        ground = COLOURS[Verdict.SIGNS] if signs else palette.color(QPalette.ColorRole.Window)
        ink = QColor(255, 255, 255) if signs else palette.color(QPalette.ColorRole.WindowText)
        painter.fillRect(self.rect(), ground)
        edge = (
            palette.color(QPalette.ColorRole.Highlight)
            if self.hasFocus()
            else QColor(ink.red(), ink.green(), ink.blue(), 90)
        )
        painter.setPen(QPen(edge, 2 if self.hasFocus() else 1))
        painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
        dot = QRectF(_PAD + 2, (self.height() - _DOT) / 2, _DOT, _DOT)
        draw_box(painter, dot, self._verdict, 2.5, ink if signs else COLOURS[self._verdict])
        painter.setFont(self._bold)
        painter.setPen(ink)
        room = QRectF(self.rect()).adjusted(dot.right() + _PAD, 0, 0, 0)
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self._words)
        painter.end()

    def menu(self) -> QMenu:
        """A new context menu; the caller owns it."""
        menu = QMenu(self)
        for words, act in (
            (tr("Open the window"), self.opened.emit),
            (tr("Resume") if self._paused else tr("Pause"), self._toggle_pause),
            (tr("Hide the pill"), self.dismissed.emit),
            (tr("Quit"), self.quit_wanted.emit),
        ):
            action = menu.addAction(words)
            if action is not None:
                action.triggered.connect(act)
        return menu

    def contextMenuEvent(self, a0: QContextMenuEvent | None) -> None:
        if a0 is not None:
            menu = self.menu()
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(a0.globalPos())

    def put(self, corner: QPoint) -> None:
        """Move it there. Some window managers make ``pos`` lie about a window without a frame: what was asked
        for is kept here instead."""
        self._corner = corner
        self.move(corner)

    def mousePressEvent(self, a0: QMouseEvent | None) -> None:
        if a0 is not None and a0.button() is Qt.MouseButton.LeftButton:
            self._pressed = a0.globalPosition().toPoint()
            self._grip = a0.position().toPoint()

    def mouseMoveEvent(self, a0: QMouseEvent | None) -> None:
        if a0 is None or self._grip is None:
            return
        here = a0.globalPosition().toPoint()
        if (here - self._pressed).manhattanLength() >= _STEP:
            handle = self.windowHandle()
            # Wayland lets nobody but its compositor move a window.
            if _wayland() and handle is not None and handle.startSystemMove():
                self._grip = None
            else:
                self.put(here - self._grip)

    def mouseReleaseEvent(self, a0: QMouseEvent | None) -> None:
        if a0 is None or self._grip is None or a0.button() is not Qt.MouseButton.LeftButton:
            return
        grip, self._grip = self._grip, None
        if (a0.globalPosition().toPoint() - self._pressed).manhattanLength() < _STEP:
            self.opened.emit()
        else:
            self.put(a0.globalPosition().toPoint() - grip)
            self.moved.emit(self._corner.x(), self._corner.y())

    def keyPressEvent(self, a0: QKeyEvent | None) -> None:
        if a0 is None:
            return
        key = Qt.Key(a0.key())
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.opened.emit()
        elif key is Qt.Key.Key_P:
            self._toggle_pause()
        elif key in _STEPS:
            self.put(self._corner + _STEPS[key])
            self.moved.emit(self._corner.x(), self._corner.y())
        else:
            super().keyPressEvent(a0)

    def _toggle_pause(self) -> None:
        self.pause_wanted.emit(not self._paused)

    def _say(self) -> None:
        self.setAccessibleName(tr("Unmask: {verdict}").format(verdict=self._words))
        self.setAccessibleDescription(tr("Enter opens the window, P pauses, the arrow keys move the pill."))
        self.setToolTip(tr("A hint, never proof: confirm through another channel."))


def _wayland() -> bool:
    return QGuiApplication.platformName().startswith("wayland")
