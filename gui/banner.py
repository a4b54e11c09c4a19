"""A line across a source's panel: what is wrong with it or that it is over, and buttons for what can be done."""

from __future__ import annotations

import time
from collections.abc import Callable

from unmask.gui.qt import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, Qt, QVBoxLayout, QWidget, pyqtSignal
from unmask.gui.troubles import AGAIN, ENGINE, REMOVE, RESUME, SWITCH, Trouble, trouble_of
from unmask.realtime.types import Update


class TroubleBanner(QFrame):
    """Hidden while all is well. ``asked`` tells which button was pressed, by the name of its action."""

    asked = pyqtSignal(str)

    def __init__(
        self,
        source_id: str,
        parent: QWidget | None = None,
        *,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(parent)
        self._monotonic_s = monotonic_s
        self._kind, self._since_s = "", 0.0
        self.setFrameShape(QFrame.Shape.StyledPanel)
        # As high as the words need at this width, and never at the cost of the words.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.setAccessibleName(self.tr("What is wrong with {source}").format(source=source_id))
        self.label = QLabel()
        self.label.setTextFormat(Qt.TextFormat.PlainText)
        self.label.setWordWrap(True)
        self.label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column, row = QVBoxLayout(self), QHBoxLayout()
        column.setContentsMargins(8, 6, 8, 6)
        column.addWidget(self.label)
        column.addLayout(row)
        self.buttons = {name: self._button(name, words) for name, words in self._words().items()}
        for button in self.buttons.values():
            row.addWidget(button)
        row.addStretch(1)
        self.hide()

    def show_update(self, update: Update) -> None:
        """Show its trouble once that has lasted long enough, and hide when it is over."""
        trouble, now_s = trouble_of(update), self._monotonic_s()
        kind = trouble.kind if trouble is not None else ""
        if kind != self._kind:
            self._kind, self._since_s = kind, now_s
        if trouble is None or now_s - self._since_s < trouble.after_s:
            if not self.isHidden():
                self.hide()
            return
        self._show(trouble)

    def allow(self, names: frozenset[str]) -> None:
        """Offer only these: where nobody can do what a button asks for it is not there."""
        for name, button in self.buttons.items():
            button.setEnabled(name in names)

    def _show(self, trouble: Trouble) -> None:
        if trouble.sentence != self.label.text():
            self.label.setText(trouble.sentence)
            self.setAccessibleDescription(trouble.sentence)
        for name, button in self.buttons.items():
            button.setVisible(name in trouble.asks and button.isEnabled())
        if trouble.kind == "ended" or AGAIN not in trouble.asks:
            self.buttons[AGAIN].setText(self.tr("Watch again"))
        else:
            self.buttons[AGAIN].setText(self.tr("Try again"))
        if self.isHidden():
            self.show()

    def _button(self, name: str, words: str) -> QPushButton:
        button = QPushButton(words)
        button.setAutoDefault(False)
        button.clicked.connect(lambda: self.asked.emit(name))
        button.hide()
        return button

    def _words(self) -> dict[str, str]:
        return {
            AGAIN: self.tr("Try again"),
            RESUME: self.tr("Resume"),
            ENGINE: self.tr("Choose another engine"),
            SWITCH: self.tr("Choose another source"),
            REMOVE: self.tr("Remove"),
        }
