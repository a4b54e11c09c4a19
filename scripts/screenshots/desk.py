"""A plain desk that fills the screen, and a clip playing in a window on it: ``desk.py [CLIP LEFT TOP]``."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtGui import QColor, QImage, QPainter, QPalette
from PyQt6.QtWidgets import QApplication, QWidget

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "support"))

from player import load


class Desk(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("Desk")
        self.setWindowFlags(Qt.WindowType.FramelessWindowHint | Qt.WindowType.WindowStaysOnBottomHint)
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
        image = QImage(picture.data, width, height, picture.strides[0], QImage.Format.Format_BGR888)
        QPainter(self).drawImage(0, 0, image)


def main(words: list[str]) -> int:
    app = QApplication([])
    screen = app.primaryScreen()
    assert screen is not None
    desk = Desk()
    desk.setGeometry(screen.geometry())
    desk.show()
    windows = [desk]
    if words:
        player = Player(Path(words[0]))
        player.move(int(words[1]), int(words[2]))
        player.show()
        windows.append(player)
    return app.exec()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
