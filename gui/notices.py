"""The bar above everything: what the person must know at the start, and what failed since."""

from __future__ import annotations

from collections.abc import Sequence

from unmask.gui.qt import QFrame, QHBoxLayout, QLabel, QSizePolicy, Qt, QToolButton, QWidget


class NoticeBar(QFrame):
    """Lines of text that can be selected and dismissed. New lines bring a dismissed bar back, alone."""

    def __init__(self, lines: Sequence[str] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines: list[str] = []
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.label = QLabel()
        self.label.setTextFormat(Qt.TextFormat.PlainText)
        self.label.setWordWrap(True)
        self.label.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.label.setAccessibleName("Notices")
        self.dismiss = QToolButton()
        self.dismiss.setText("Dismiss")
        self.dismiss.setAutoRaise(True)
        self.dismiss.setAccessibleName("Dismiss the notices")
        self.dismiss.clicked.connect(self._dismiss)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 6, 6, 6)
        row.addWidget(self.label, 1)
        row.addWidget(self.dismiss, 0, Qt.AlignmentFlag.AlignTop)
        self.add(lines)

    def add(self, lines: Sequence[str]) -> None:
        self._lines += lines
        self.label.setText("\n".join(self._lines))
        self.setVisible(bool(self._lines))

    def _dismiss(self) -> None:
        self._lines.clear()
        self.hide()
