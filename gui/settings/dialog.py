"""The settings dialog, drawn from the table. Every change applies at once."""

from __future__ import annotations

from collections.abc import Sequence

from unmask.gui.i18n import tr
from unmask.gui.qt import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    Qt,
    QVBoxLayout,
    QWidget,
)
from unmask.gui.settings.preferences import Preferences
from unmask.gui.settings.rows import SettingRow
from unmask.gui.settings.table import GROUPS, TABLE, Value
from unmask.gui.spoken import counted
from unmask.gui.theme import without_pictures


class SettingsDialog(QDialog):
    """Groups on the left, the settings of one on the right, a search above, "Restore defaults" below.

    ``pages`` are more groups, each a name and a widget that the dialog takes over.
    """

    def __init__(
        self, preferences: Preferences, pages: Sequence[tuple[str, QWidget]] = (), parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._preferences = preferences
        self._undo: dict[str, Value] = {}
        self.setWindowTitle(self.tr("Settings"))
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search settings"))
        self.search.setAccessibleName(self.tr("Search settings"))
        self.search.setClearButtonEnabled(True)
        self.groups = QListWidget()
        self.groups.setSpacing(2)
        self.groups.setAccessibleName(self.tr("Groups of settings"))
        self.stack = QStackedWidget()
        self.rows = [SettingRow(setting, preferences) for setting in TABLE if setting.label]
        self._by_key = {row.setting.key: row for row in self.rows}
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.undo = QPushButton(self.tr("&Undo"))
        self.undo.hide()
        for group in GROUPS:
            self._add_page(tr(group), _column([row for row in self.rows if row.setting.group == group]))
        for name, page in pages:
            self._add_page(name, page)
        self._lay_out()
        self._connect()
        self.resize(680, 500)

    def show_page(self, name: str) -> None:
        """Turn to the group or page of that name; nothing happens where there is none."""
        for number in range(self.groups.count()):
            item = self.groups.item(number)
            if item is not None and item.text() == name:
                self.groups.setCurrentRow(number)

    def search_for(self, words: str) -> None:
        """Show only the settings that match, and turn to the first group that has one."""
        first = None
        for number, group in enumerate(GROUPS):
            found = False
            for row in self.rows:
                if row.setting.group == group:
                    row.setVisible(row.matches(words))
                    found = found or row.matches(words)
            item = self.groups.item(number)
            if item is not None:
                item.setHidden(not found)
            if found and first is None:
                first = number
        for number in range(len(GROUPS), self.groups.count()):
            item = self.groups.item(number)
            if item is not None:
                item.setHidden(words.strip().casefold() not in item.text().casefold())
                first = number if first is None and not item.isHidden() else first
        current = self.groups.currentItem()
        if first is not None and (current is None or current.isHidden()):
            self.groups.setCurrentRow(first)
        self.stack.setVisible(first is not None)
        self._say("" if first is not None else self.tr("No setting matches “{words}”.").format(words=words))

    def restore_defaults(self) -> None:
        """Set everything in the dialog back; "Undo" takes that back."""
        changed = {
            row.setting.key: self._preferences.value(row.setting.key)
            for row in self.rows
            if self._preferences.value(row.setting.key) != row.setting.default
        }
        self._preferences.restore(changed)
        self._say(self.tr("Back at the default: {what}.").format(what=counted(len(changed), "setting")))
        self._undo = changed
        self.undo.setVisible(bool(changed))

    def _take_back(self) -> None:
        for key, value in self._undo.items():
            self._preferences.set(key, value)
        self._say("")

    def _say(self, words: str) -> None:
        self.status.setText(words)
        self._undo = {}
        self.undo.hide()

    def _refresh(self, key: str) -> None:
        if key in self._by_key:
            self._by_key[key].refresh()

    def _add_page(self, name: str, page: QWidget) -> None:
        self.groups.addItem(name)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setAccessibleName(name)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(page)
        self.stack.addWidget(area)

    def _lay_out(self) -> None:
        buttons = without_pictures(QDialogButtonBox(QDialogButtonBox.StandardButton.Close))
        self.restore = QPushButton(self.tr("&Restore defaults"))
        self.restore.setAutoDefault(False)
        self.undo.setAutoDefault(False)
        buttons.addButton(self.restore, QDialogButtonBox.ButtonRole.ResetRole)
        buttons.rejected.connect(self.reject)
        self.groups.setFixedWidth(max(130, self.groups.sizeHintForColumn(0) + 32))
        middle = QHBoxLayout()
        middle.addWidget(self.groups)
        middle.addWidget(self.stack, 1)
        foot = QHBoxLayout()
        foot.addWidget(self.status, 1)
        foot.addWidget(self.undo)
        column = QVBoxLayout(self)
        column.addWidget(self.search)
        column.addLayout(middle, 1)
        column.addLayout(foot)
        column.addWidget(buttons)

    def _connect(self) -> None:
        self.groups.currentRowChanged.connect(self.stack.setCurrentIndex)
        self.groups.setCurrentRow(0)
        self.search.textChanged.connect(self.search_for)
        self.restore.clicked.connect(self.restore_defaults)
        self.undo.clicked.connect(self._take_back)
        self._preferences.changed.connect(self._refresh)


def _column(rows: Sequence[SettingRow]) -> QWidget:
    holder = QWidget()
    column = QVBoxLayout(holder)
    for row in rows:
        column.addWidget(row)
    column.addStretch(1)
    return holder
