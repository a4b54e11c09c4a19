"""A page as a window of its own, with a button that closes it."""

from __future__ import annotations

from unmask.gui.qt import QDialog, QDialogButtonBox, QFrame, QScrollArea, QSize, Qt, QVBoxLayout, QWidget
from unmask.gui.theme import without_pictures


class PageDialog(QDialog):
    """``page`` in a scroll area; it is deleted when it is closed."""

    def __init__(self, title: str, page: QWidget, size: QSize, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.page = page
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setAccessibleName(title)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(page)
        buttons = close_button()
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(area, 1)
        column.addWidget(buttons)
        screen = self.screen()
        self.resize(size.boundedTo(screen.availableSize()) if screen is not None else size)


def close_button() -> QDialogButtonBox:
    """ "Close" alone."""
    return without_pictures(QDialogButtonBox(QDialogButtonBox.StandardButton.Close))
