"""What the window shows while nothing is watched: the ways to begin."""

from __future__ import annotations

from dataclasses import dataclass

from unmask.gui.i18n import mark
from unmask.gui.qt import QFont, QGridLayout, QLabel, QPushButton, QSizePolicy, Qt, QVBoxLayout, QWidget, pyqtSignal
from unmask.gui.wording import HINT


@dataclass(frozen=True, slots=True)
class Way:
    """A way to begin: ``kind`` is that of the sources (``unmask sources`` names them)."""

    kind: str
    words: str
    tip: str


WAYS = (
    Way("camera", mark("Camera"), mark("Your own picture, or a capture card")),
    Way("screen", mark("Screen"), mark("Everything on a monitor")),
    Way("region", mark("Region"), mark("A part of the screen that you draw")),
    Way("window", mark("Window"), mark("The window of a call, wherever it moves")),
    Way("file", mark("File"), mark("A recording, a picture, a folder or a zip of pictures")),
    Way("address", mark("Address"), mark("A network stream: rtsp, http, udp")),
)
_COLUMNS = 2


class StartPage(QWidget):
    """``chosen`` tells the kind of source that a person wants to begin with."""

    chosen = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Choose what to watch"))
        title = QLabel(self.tr("Choose what to watch"))
        large = QFont(self.font())
        large.setPointSizeF(self.font().pointSizeF() * 1.8)
        large.setBold(True)
        title.setFont(large)
        promise = QLabel(
            self.tr("Everything is analysed on this machine alone. No picture is kept unless you ask for it.")
        )
        self.busy = QLabel()
        self.busy.setTextFormat(Qt.TextFormat.PlainText)  # it names files
        self.busy.setAccessibleName(self.tr("What is being done"))
        self.buttons = {way.kind: self._button(way) for way in WAYS}
        self.setFocusProxy(self.buttons["camera"])
        grid = QGridLayout()
        grid.setSpacing(12)
        for number, button in enumerate(self.buttons.values()):
            grid.addWidget(button, *divmod(number, _COLUMNS))
        for column in range(_COLUMNS):
            grid.setColumnMinimumWidth(column, max(button.sizeHint().width() for button in self.buttons.values()))
            grid.setColumnStretch(column, 1)
        column = QVBoxLayout(self)
        column.setSpacing(16)
        column.addStretch(2)
        for label in (title, promise):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            label.setWordWrap(True)
            column.addWidget(label)
        column.addLayout(_centred(grid))
        self.busy.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self.busy)
        hint = QLabel(self.tr(HINT))
        hint.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        hint.setWordWrap(True)
        column.addStretch(3)
        column.addWidget(hint)

    def say(self, words: str) -> None:
        """What is being done now; the buttons wait for it."""
        if words != self.busy.text():
            self.busy.setText(words)
            for button in self.buttons.values():
                button.setEnabled(not words)

    def _button(self, way: Way) -> QPushButton:
        words, tip = self.tr(way.words), self.tr(way.tip)
        button = QPushButton(f"{words}\n{tip}")
        button.setAccessibleName(words)
        button.setAccessibleDescription(tip)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button.setMinimumHeight(round(self.fontMetrics().height() * 4.5))
        button.clicked.connect(lambda: self.chosen.emit(way.kind))
        return button


def _centred(grid: QGridLayout) -> QGridLayout:
    around = QGridLayout()
    around.addLayout(grid, 0, 1)
    for column in (0, 2):
        around.setColumnStretch(column, 1)
    return around
