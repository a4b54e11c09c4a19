"""Ways to tell of an alert beyond the window's own bar: a notification, and a flashing window."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from unmask.gui.alerts import words
from unmask.gui.alerts.alerter import Alert
from unmask.gui.i18n import tr
from unmask.gui.qt import (
    QApplication,
    QColor,
    QEvent,
    QIcon,
    QObject,
    QPainter,
    QPen,
    QPixmap,
    QRectF,
    QSystemTrayIcon,
    Qt,
)
from unmask.gui.shapes import COLOURS
from unmask.realtime.types import Verdict

if TYPE_CHECKING:
    from unmask.gui.window import MonitorWindow

_SHOWN_MS = 15_000
_ICON_SIZES = (16, 22, 32, 48, 64, 128)


class Output(Protocol):
    """``key`` is the setting that switches it. Used from the UI thread."""

    key: str

    def prepare(self) -> str:
        """Make ready what takes a moment. Returns one sentence where nothing can be told this way here, else ""."""
        ...

    def tell(self, alert: Alert) -> str:
        """Tell of it; returns one sentence where that cannot be done, else ""."""
        ...

    def close(self) -> None: ...


class Notification:
    """A message of the desktop, from an icon in its tray. ``clicked`` is called when a person clicks either."""

    key = "alerts/notify"

    def __init__(self, clicked: Callable[[], object]) -> None:
        self._clicked = clicked
        self._tray: QSystemTrayIcon | None = None

    def prepare(self) -> str:
        if not QSystemTrayIcon.isSystemTrayAvailable() or not QSystemTrayIcon.supportsMessages():
            return tr("This desktop has no tray for notifications: alerts are shown in the window only.")
        if self._tray is None:
            self._tray = QSystemTrayIcon(app_icon())
            self._tray.setToolTip("Unmask")
            self._tray.messageClicked.connect(self._clicked)
            self._tray.activated.connect(lambda _reason: self._clicked())
            self._tray.show()
        return ""

    def tell(self, alert: Alert) -> str:
        problem = self.prepare()  # a tray may have come, or gone, since
        if not problem and self._tray is not None:
            text = f"{words.where_and_when(alert)}\n{words.advice()}"
            self._tray.showMessage(words.title(alert), text, QSystemTrayIcon.MessageIcon.Warning, _SHOWN_MS)
        return problem

    def close(self) -> None:
        if self._tray is not None:
            self._tray.hide()
            self._tray = None


class Flash(QObject):
    """The window asks for attention in the taskbar, and its title tells of the alert, until a person turns to it."""

    key = "alerts/flash"

    def __init__(self, window: MonitorWindow) -> None:
        super().__init__()
        self._window = window
        window.installEventFilter(self)

    def prepare(self) -> str:
        return ""

    def tell(self, alert: Alert) -> str:
        if not self._window.isActiveWindow():
            self._window.title_note = tr("Alert {time}").format(time=f"{alert.at:%H:%M:%S}")
        QApplication.alert(self._window, 0)
        return ""

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:
        if a1 is not None and a1.type() == QEvent.Type.WindowActivate:
            self._window.title_note = ""
        return False

    def close(self) -> None:
        self._window.removeEventFilter(self)


def app_icon() -> QIcon:
    """A face in a frame, drawn at every size that desktops ask for."""
    icon = QIcon()
    for size in _ICON_SIZES:
        pixmap = QPixmap(size, size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        unit = size / 16
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor("#20262e"))
        painter.drawRoundedRect(QRectF(0, 0, size, size), 3 * unit, 3 * unit)
        painter.setBrush(QColor("#f2f2f2"))
        painter.drawEllipse(QRectF(5 * unit, 4 * unit, 6 * unit, 8 * unit))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(COLOURS[Verdict.SIGNS], 1.4 * unit))
        painter.drawRect(QRectF(2.5 * unit, 2 * unit, 11 * unit, 12 * unit))
        painter.end()
        icon.addPixmap(pixmap)
    return icon
