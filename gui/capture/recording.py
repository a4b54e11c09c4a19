"""The recording that a person starts and stops, and the sign that says that it runs."""

from __future__ import annotations

import time
from pathlib import Path

from unmask.gui.i18n import tr
from unmask.gui.qt import QColor, QFontMetricsF, QPainter, QPaintEvent, QPalette, QRectF, QSize, Qt, QTimer, QWidget
from unmask.realtime.sinks.video import VideoSink
from unmask.realtime.types import Update

_PULSE_MS = 600
_RED = QColor(204, 51, 17)


class Recording:
    """A ``Sink``: the video of one source, and what became of it. ``failure`` is one sentence, empty while all is
    well; it may be read from any thread."""

    every_update = True

    def __init__(self, path: Path, source_id: str) -> None:
        """Raises ``UsageError`` for a name or folder that cannot be recorded to."""
        self._video = VideoSink(path, source_id)
        self.path, self.source_id = path, source_id
        self.failure = ""
        self.frames = 0

    def take(self, update: Update) -> None:
        try:
            self._video.take(update)
        except Exception as error:
            self._fail(error)
            raise
        self.frames += update.source_id == self.source_id and update.frame is not None

    def close(self) -> None:
        try:
            self._video.close()
        except Exception as error:
            self._fail(error)
            raise

    def _fail(self, error: Exception) -> None:
        if not self.failure:
            self.failure = tr("The recording stopped: {error}").format(error=error)


class RecordingSign(QWidget):
    """A dot that pulses, with the words for it: what is recorded, and for how long. Hidden when nothing is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words, self._lit = "", True
        self._name, self._since = "", 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(_PULSE_MS)
        self._timer.timeout.connect(self._pulse)
        self.setAccessibleName(self.tr("Recording"))
        self.hide()

    @property
    def words(self) -> str:
        return self._words

    def begin(self, source_id: str, path: Path) -> None:
        self._name, self._since = f"{source_id} → {path.name}", time.monotonic()
        self.setToolTip(str(path))
        self.setAccessibleDescription(self.tr("Recording {what}").format(what=self._name))
        self._pulse()
        self._timer.start()
        self.show()

    def end(self) -> None:
        self._timer.stop()
        self._words = ""
        self.hide()

    def sizeHint(self) -> QSize:
        metrics = QFontMetricsF(self.font())
        return QSize(
            round(metrics.horizontalAdvance(self._words) + 2 * metrics.height()), round(1.6 * metrics.height())
        )

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        high = QFontMetricsF(self.font()).height()
        dot = QRectF(high / 3, (self.height() - high * 0.7) / 2, high * 0.7, high * 0.7)
        painter.setPen(_RED)
        painter.setBrush(_RED if self._lit else Qt.BrushStyle.NoBrush)
        painter.drawEllipse(dot)
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        rest = QRectF(self.rect()).adjusted(dot.right() + high / 3, 0, 0, 0)
        painter.drawText(rest, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self._words)
        painter.end()

    def _pulse(self) -> None:
        minutes, seconds = divmod(int(time.monotonic() - self._since), 60)
        self._lit = not self._lit
        self._words = self.tr("Recording {what}, {time}").format(what=self._name, time=f"{minutes}:{seconds:02}")
        self.updateGeometry()
        self.update()
