"""The bar above everything: what the person must know, what failed, and what can be done about it."""

from __future__ import annotations

from collections.abc import Sequence

from unmask.gui.qt import QAction, QFrame, QHBoxLayout, QLabel, QSizePolicy, Qt, QToolButton, QVBoxLayout, QWidget

# The oldest go first: a bar that grows would leave no room for pictures.
_MOST_LINES = 8


class NoticeBar(QFrame):
    """Lines of text that can be selected and dismissed. New lines bring a dismissed bar back, alone."""

    def __init__(self, lines: Sequence[str] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines: list[str] = []
        self._header: list[str] = []
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.label = QLabel()
        self.label.setTextFormat(Qt.TextFormat.PlainText)
        self.label.setWordWrap(True)
        self.label.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.label.setAccessibleName(self.tr("Notices"))
        self.remedy = QToolButton()
        self.remedy.setAccessibleName(self.tr("What can be done"))
        self.remedy.hide()
        self.dismiss = QToolButton()
        self.dismiss.setText(self.tr("Dismiss"))
        self.dismiss.setAutoRaise(True)
        self.dismiss.setAccessibleName(self.tr("Dismiss the notices"))
        self.dismiss.clicked.connect(self._dismiss)
        row, buttons = QHBoxLayout(self), QVBoxLayout()
        row.setContentsMargins(10, 6, 6, 6)
        row.addWidget(self.label, 1)
        row.addLayout(buttons)
        buttons.addWidget(self.dismiss, 0, Qt.AlignmentFlag.AlignRight)
        buttons.addWidget(self.remedy, 0, Qt.AlignmentFlag.AlignRight)
        buttons.addStretch(1)
        self.add(lines)

    def add(self, lines: Sequence[str]) -> None:
        self._lines += lines
        del self._lines[:-_MOST_LINES]
        self._tell()

    def set_header(self, lines: Sequence[str]) -> None:
        """What stands first in the bar, in place of the header before. It comes back when it changes."""
        if list(lines) != self._header:
            self._lines = [*lines, *(line for line in self._lines if line not in self._header)]
            self._header = list(lines)
            self._tell()

    def offer(self, action: QAction | None, words: str = "") -> None:
        """Put a button for ``action`` beside the lines, or take it away."""
        self.remedy.setVisible(action is not None)
        if action is not None:
            self.remedy.setDefaultAction(action)
            self.remedy.setText(words)
            self.remedy.setAccessibleName(words)

    def _tell(self) -> None:
        text = "\n".join(self._lines)
        if text != self.label.text():
            self.label.setText(text)
            self.label.setAccessibleDescription(text)
        self.setVisible(bool(self._lines))

    def _dismiss(self) -> None:
        self._lines.clear()
        self.label.clear()
        self.hide()
