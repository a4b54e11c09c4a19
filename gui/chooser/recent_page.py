"""What was watched before, and forgetting it."""

from __future__ import annotations

from unmask.gui.chooser import chosen as memory
from unmask.gui.chooser.chosen import ChosenSource
from unmask.gui.chooser.page import Page, wrapped
from unmask.gui.features import Remembered
from unmask.gui.qt import QHBoxLayout, QKeySequence, QListWidget, QPushButton, QShortcut, Qt, QVBoxLayout, QWidget


class RecentPage(Page):
    def __init__(self, preferences: Remembered | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._preferences = preferences
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Watched before"))
        self.list.addItems(memory.recent(preferences))
        self.list.setCurrentRow(0)
        self.setFocusProxy(self.list)
        self.forget_button = QPushButton(self.tr("For&get"))
        self.forget_button.setToolTip(self.tr("Remember the selected source no more (Delete)"))
        self.forget_all_button = QPushButton(self.tr("Forget &all"))
        buttons = QHBoxLayout()
        for button, act in ((self.forget_button, self._forget), (self.forget_all_button, self._forget_all)):
            button.clicked.connect(act)
            buttons.addWidget(button)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(wrapped(self._note()))
        column.addWidget(self.list, 1)
        column.addLayout(buttons)
        delete = QShortcut(QKeySequence("Delete"), self.list)
        delete.setContext(Qt.ShortcutContext.WidgetShortcut)
        delete.activated.connect(self._forget)
        self.list.currentItemChanged.connect(lambda *_: self.changed.emit())
        self.list.itemActivated.connect(lambda *_: self.asked.emit())
        self._update_buttons()

    def choice(self) -> ChosenSource | None:
        item = self.list.currentItem()
        return ChosenSource(item.text()) if item is not None else None

    def _note(self) -> str:
        if self._preferences is not None and not self._preferences.value("privacy/history"):
            return self.tr("Nothing is remembered: the history is switched off on the privacy page.")
        return self.tr("What you watched before; the newest first. An address with a password is not remembered.")

    def _forget(self) -> None:
        item = self.list.currentItem()
        if item is not None:
            memory.forget(self._preferences, [item.text()])
            self.list.takeItem(self.list.row(item))
            self._update_buttons()
            self.changed.emit()

    def _forget_all(self) -> None:
        memory.forget(self._preferences, memory.recent(self._preferences))
        self.list.clear()
        self._update_buttons()
        self.changed.emit()

    def _update_buttons(self) -> None:
        for button in (self.forget_button, self.forget_all_button):
            button.setEnabled(self.list.count() > 0)
