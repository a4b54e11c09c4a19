"""Writing the pictures of an alarm, one after another between two events of the window: it never stands still."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from unmask.gui.i18n import tr
from unmask.gui.qt import QBuffer, QFont, QImage, QIODevice, QObject, QTimer, pyqtSignal
from unmask.gui.timeline.kept import marked
from unmask.realtime import writing
from unmask.realtime.sinks.ring import KeptFrame

# Of 100: less packed, three times as quick, so that a picture takes less than the 50 ms the window may stand still.
_QUICK = 75


class PictureSaver(QObject):
    """Writes marked PNGs into ``folder``, never over another file. ``finished`` says in one sentence what became
    of it; ``stop`` ends it between two pictures."""

    progressed = pyqtSignal(int, int)
    finished = pyqtSignal(str)

    def __init__(self, frames: Sequence[tuple[KeptFrame, str]], stem: str, folder: Path, font: QFont) -> None:
        """Each of ``frames`` comes with the words for its time."""
        super().__init__()
        self._frames, self._stem, self._folder, self._font = list(frames), stem, folder, font
        self._done = 0
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._step)

    def start(self) -> None:
        self._timer.start()

    def stop(self) -> None:
        self._timer.stop()

    def _step(self) -> None:
        if self._done == len(self._frames):
            self._end(tr("{} pictures were saved in {}.", "timeline").format(self._done, self._folder))
            return
        kept, when = self._frames[self._done]
        name = f"{self._stem} {self._done + 1:03} {when.replace(':', '.')}"
        try:
            write_new(self._folder, name, _png(marked(kept, when, self._font)))
        except OSError as error:
            words = tr("Cannot write to {} ({}): choose another folder.", "timeline")
            self._end(words.format(self._folder, error.strerror or error))
            return
        self._done += 1
        self.progressed.emit(self._done, len(self._frames))

    def _end(self, sentence: str) -> None:
        self._timer.stop()
        self.finished.emit(sentence)


def write_new(folder: Path, name: str, data: bytes) -> Path:
    """Write ``name.png``, or ``name (2).png`` where there is one already. Raises ``OSError``."""
    number = 1
    while True:
        path = folder / (f"{name}.png" if number == 1 else f"{name} ({number}).png")
        try:
            writing.write_new(path, data)
        except FileExistsError:
            number += 1
        else:
            return path


def _png(image: QImage) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG", _QUICK)
    return buffer.data().data()
