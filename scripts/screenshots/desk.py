"""A plain desk that fills the screen, a clip in a window on it, and some notes: ``desk.py [CLIP LEFT TOP]``."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from player import load
from PyQt6 import sip
from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtGui import QColor, QImage, QPainter, QPalette
from PyQt6.QtWidgets import QApplication, QPlainTextEdit, QWidget

NOTES = """Before the call
- Is the light good? Is the face large enough?
- What would only she know?

If in doubt: call back on the number from the address book."""


class Desk(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("Desktop")
        # No window to the window manager, so that it is none to choose: it lies where it was put, below all others.
        self.setWindowFlags(Qt.WindowType.FramelessWindowHint | Qt.WindowType.BypassWindowManagerHint)
        palette = QPalette()
        palette.setColor(QPalette.ColorRole.Window, QColor("#3b4a58"))
        self.setPalette(palette)


class Player(QWidget):
    """Plays ``clip`` again and again in a window with a frame, pixel by pixel."""

    def __init__(self, clip: Path) -> None:
        super().__init__()
        self._pictures, self._rate = load(clip)
        self._began_s = time.monotonic()
        height, width = self._pictures[0].shape[:2]
        self.setWindowTitle("Video call")
        self.setFixedSize(width, height)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.update)
        self._timer.start(round(1000 / self._rate))

    def paintEvent(self, a0: object) -> None:
        number = int((time.monotonic() - self._began_s) * self._rate) % len(self._pictures)
        picture = self._pictures[number]
        height, width = picture.shape[:2]
        address: Any = sip.voidptr(picture.ctypes.data)  # the stubs know bytes only, which would be a copy
        image = QImage(address, width, height, picture.strides[0], QImage.Format.Format_BGR888)
        QPainter(self).drawImage(0, 0, image)


def main(words: list[str]) -> int:
    app = QApplication([])
    screen = app.primaryScreen()
    assert screen is not None
    desk = Desk()
    desk.setGeometry(screen.geometry())
    desk.show()
    desk.lower()
    windows: list[QWidget] = [desk]
    if words:
        player = Player(Path(words[0]))
        player.move(int(words[1]), int(words[2]))
        player.show()
        notes = QPlainTextEdit(NOTES)
        notes.setWindowTitle("Notes")
        notes.setGeometry(int(words[1]), player.geometry().bottom() + 60, 440, 180)
        notes.show()
        windows += [player, notes]
    return app.exec()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
