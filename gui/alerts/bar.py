"""The alert inside the window: what, where, when, what to do, and three buttons; and a line while it is snoozed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from unmask.gui.alerts import words
from unmask.gui.alerts.alerter import Alert
from unmask.gui.qt import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPainter,
    QPaintEvent,
    QPushButton,
    QRectF,
    QSizePolicy,
    Qt,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)
from unmask.gui.shapes import draw_box
from unmask.gui.theme import verdict_colour
from unmask.realtime.types import Verdict

_STRIPE, _MARK = 6, 22


class AlertBar(QFrame):
    """Shows the newest alert and how many more there are, until it is dismissed or snoozed.

    PyQt6 has no accessible announcements; the change of the bar's accessible name is what screen readers hear, and
    the notification of the desktop.
    """

    frames_wanted = pyqtSignal(object)
    """The ``Alert``."""
    snoozed = pyqtSignal(object)
    """The source's id, ``None`` for all sources."""
    dismissed = pyqtSignal()

    def __init__(self, minutes: int = 10, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.alerts: list[Alert] = []
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.title, self.body, self.advice = QLabel(), QLabel(), QLabel()
        for label in (self.title, self.body, self.advice):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        large = self.title.font()
        large.setBold(True)
        large.setPointSizeF(large.pointSizeF() * 1.25)
        self.title.setFont(large)
        self.frames = QPushButton(self.tr("Show &frames"))
        self.snooze, self.snooze_all = QPushButton(), QPushButton()
        self.dismiss = QPushButton(self.tr("&Dismiss"))
        self.set_minutes(minutes)
        self.frames.clicked.connect(lambda: self.frames_wanted.emit(self.alerts[-1]))
        self.snooze.clicked.connect(lambda: self._end(self.alerts[-1].source_id))
        self.snooze_all.clicked.connect(lambda: self._end(None))
        self.dismiss.clicked.connect(self.clear)
        self._lay_out()
        self.hide()

    def show_alert(self, alert: Alert, *, several_sources: bool = False) -> None:
        """Bring ``alert`` to the front."""
        self.alerts.append(alert)
        more = len(self.alerts) - 1
        others = self.tr(" (and {number} more, see the alarms)").format(number=more) if more else ""
        self.title.setText(words.title(alert) + others)
        self.body.setText(words.where_and_when(alert))
        self.advice.setText(words.advice())
        self.snooze_all.setVisible(several_sources)
        self.setAccessibleName(self.tr("Alert: {words}").format(words=words.spoken(alert)))
        self.show()

    def clear(self) -> None:
        """Take the alerts as read."""
        self.alerts.clear()
        self.hide()
        self.dismissed.emit()

    def set_minutes(self, minutes: int) -> None:
        """For how long the snooze buttons say that they are."""
        self.snooze.setText(self.tr("&Snooze {minutes} min").format(minutes=minutes))
        self.snooze_all.setText(self.tr("Snooze &all sources"))
        self.snooze.setAccessibleDescription(self.tr("No alerts of this source meanwhile; they are still listed."))
        self.snooze_all.setAccessibleDescription(self.tr("No alerts at all meanwhile; they are still listed."))

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        super().paintEvent(a0)
        painter = QPainter(self)
        colour = verdict_colour(Verdict.SIGNS, self.palette())
        painter.fillRect(0, 0, _STRIPE, self.height(), colour)
        draw_box(painter, QRectF(_STRIPE + 12, 14, _MARK, _MARK), Verdict.SIGNS, 2.0, colour)
        painter.end()

    def _end(self, source_id: str | None) -> None:
        self.snoozed.emit(source_id)
        self.clear()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(_STRIPE + _MARK + 26, 8, 10, 8)
        column.setSpacing(4)
        for label in (self.title, self.body, self.advice):
            column.addWidget(label)
        row = QHBoxLayout()
        for button in (self.frames, self.snooze, self.snooze_all, self.dismiss):
            button.setAutoDefault(True)
            row.addWidget(button)
        row.addStretch(1)
        column.addLayout(row)


class SnoozeLine(QWidget):
    """Says while alerts are snoozed that they are, and until when; ``woken`` asks for them again."""

    woken = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.label = QLabel()
        self.label.setTextFormat(Qt.TextFormat.PlainText)
        self.label.setWordWrap(True)
        self.wake = QPushButton(self.tr("&Alert me again"))
        self.wake.clicked.connect(self.woken)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 2, 6, 2)
        row.addWidget(self.label, 1)
        row.addWidget(self.wake)
        self.hide()

    def show_snoozes(self, snoozes: Mapping[str | None, float], now: datetime) -> None:
        """``snoozes`` as ``Alerter.snoozes`` gives them; hidden where there are none."""
        parts = []
        for source_id, left_s in snoozes.items():
            # Rounded, so that a clock that is read again does not make other words.
            until = f"{now + timedelta(seconds=round(left_s)):%H:%M}"
            words = self.tr("All alerts are snoozed until {time}.") if source_id is None else ""
            words = words or self.tr("Alerts of {source} are snoozed until {time}.")
            parts.append(words.format(source=source_id, time=until))
        text = " ".join(parts)
        if text != self.label.text():
            self.label.setText(text)
        if self.isHidden() is bool(parts):
            self.setVisible(bool(parts))
