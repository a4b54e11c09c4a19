"""A window that plays a clip at its own speed, again and again: ``python player.py CLIP TITLE LEFT TOP``.

The pictures are shown pixel by pixel, without a frame. Below them a strip of black and white blocks
carries the number of the picture, so that a capture of the window tells which one it shows. A line on
standard output says when the window shows its first picture. For tests: it runs as a program of its own,
since Qt's windows and the code under test must not share a process.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

STRIP = 16
_BLOCK, _BITS = 16, 12


def stamp(number: int, width: int) -> NDArray[np.uint8]:
    """The strip (STRIP, width, 3) of picture ``number``, below 4096: two marks, then the bits."""
    strip = np.full((STRIP, width, 3), 128, np.uint8)
    for place, bit in enumerate((0, 1, *(number >> bit & 1 for bit in range(_BITS)))):
        strip[:, place * _BLOCK : (place + 1) * _BLOCK] = 255 * bit
    return strip


def read_stamp(strip: NDArray[np.uint8]) -> int | None:
    """The number in a captured strip; ``None`` where it is none."""
    row = strip[STRIP // 2, _BLOCK // 2 :: _BLOCK, 1][: 2 + _BITS]
    if len(row) < 2 + _BITS or row[0] != 0 or row[1] != 255 or not set(row[2:].tolist()) <= {0, 255}:
        return None
    return sum(1 << place for place, level in enumerate(row[2:]) if level)


def load(clip: Path) -> tuple[list[NDArray[np.uint8]], float]:
    """Every picture of ``clip`` as BGR (H, W, 3), and how many there are in a second."""
    with av.open(str(clip)) as container:
        rate = container.streams.video[0].average_rate
        assert rate is not None
        pictures = [np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in container.decode(video=0)]
    return pictures, float(rate)


def main(clip: str, title: str, left: int, top: int) -> int:
    from PyQt6.QtCore import Qt, QTimer
    from PyQt6.QtGui import QImage, QPainter
    from PyQt6.QtWidgets import QApplication, QWidget

    pictures, rate = load(Path(clip))
    shown = [np.vstack([picture, stamp(number, picture.shape[1])]) for number, picture in enumerate(pictures)]
    height, width = shown[0].shape[:2]

    class Screen(QWidget):
        began: float | None = None

        def paintEvent(self, a0: object) -> None:
            if self.began is None:
                self.began = time.monotonic()
                print("showing", flush=True)
            picture = shown[int((time.monotonic() - self.began) * rate) % len(shown)]
            image = QImage(picture.data, width, height, picture.strides[0], QImage.Format.Format_BGR888)
            QPainter(self).drawImage(0, 0, image)

    app = QApplication([])
    screen = Screen()
    screen.setWindowFlag(Qt.WindowType.FramelessWindowHint)
    screen.setWindowTitle(title)
    screen.setGeometry(left, top, width, height)
    screen.show()
    timer = QTimer(screen)
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(screen.update)
    timer.start(round(1000 / rate))
    return app.exec()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
