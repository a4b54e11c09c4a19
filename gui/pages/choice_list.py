"""A list to choose one of: what cannot be chosen here is greyed, and says why to eyes and ears alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unmask.gui.i18n import tr
from unmask.gui.qt import QListWidget, QListWidgetItem, QSize, Qt, QWidget, pyqtSignal
from unmask.gui.theme import disabled_words
from unmask.gui.verdict_line import plain_tip

_ID = Qt.ItemDataRole.UserRole
_PROBLEM = Qt.ItemDataRole.UserRole + 1
_ROWS_SHOWN = 4.5


@dataclass(frozen=True, slots=True)
class Option:
    """``words`` on its first line, ``note`` on the next; a ``problem`` stands there instead, and greys it."""

    id: str
    words: str
    note: str = ""
    problem: str = ""


class ChoiceList(QListWidget):
    """The arrows reach greyed options too: a reason that nobody can get at helps nobody.

    ``option_changed`` tells that another option is current; ``problem`` why it cannot be used.
    """

    option_changed = pyqtSignal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setWordWrap(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.setSpacing(1)
        self.say(tr("Looking what there is …"))
        self.currentItemChanged.connect(lambda *_: self.option_changed.emit())

    def sizeHint(self) -> QSize:
        return QSize(320, round(2 * self.fontMetrics().height() * _ROWS_SHOWN))

    @property
    def current(self) -> str:
        """The id of the option chosen; "" where there is none."""
        item = self.currentItem()
        return str(item.data(_ID) or "") if item is not None else ""

    @property
    def problem(self) -> str:
        """Why the current option cannot be used; "" where it can."""
        item = self.currentItem()
        return str(item.data(_PROBLEM) or "") if item is not None else tr("Nothing is chosen.")

    def say(self, words: str) -> None:
        """One line in place of options."""
        self.clear()
        item = QListWidgetItem(words)
        item.setData(_PROBLEM, words)
        self.addItem(item)

    def show_options(self, options: Sequence[Option], current: str) -> None:
        """Have these, in the order given but with what can be used first, and choose ``current`` if it is there."""
        self.clear()
        grey = disabled_words(self.palette())
        for option in sorted(options, key=lambda option: bool(option.problem)):
            note = option.problem or option.note
            item = QListWidgetItem(f"{option.words}\n{note}" if note else option.words)
            item.setData(_ID, option.id)
            item.setData(_PROBLEM, option.problem)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{option.words}, {note}" if note else option.words)
            item.setToolTip(plain_tip(note))
            if option.problem:
                item.setForeground(grey)
            self.addItem(item)
            if option.id == current:
                self.setCurrentItem(item)
        if not options:
            self.say(tr("There is none."))
