"""What is kept, where, for how long and how much of it; and a button for each that deletes it now."""

from __future__ import annotations

from collections.abc import Sequence

from unmask.gui.background import Worker
from unmask.gui.pages.kept import Kept
from unmask.gui.qt import QFormLayout, QGroupBox, QHBoxLayout, QLabel, QPushButton, Qt, QVBoxLayout, QWidget, pyqtSignal
from unmask.gui.settings.preferences import Preferences
from unmask.gui.settings.rows import row_for

_SETTINGS = ("privacy/history", "privacy/history_days", "privacy/pictures", "privacy/ring_s")


class PrivacyPage(QWidget):
    """A box for each of ``kept``, then the settings that decide about it."""

    def __init__(self, kept: Sequence[Kept], preferences: Preferences, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._preferences = preferences
        self.promise = _text(
            self.tr(
                "Nothing leaves this machine: Unmask sends no picture, no score and no statistics to anybody. There "
                "is one exception, which you have to choose yourself: the engine “remote” sends cropped faces to the "
                "server that you name."
            )
        )
        self.background = Worker("privacy-page", self)
        column = QVBoxLayout(self)
        column.addWidget(self.promise)
        self.boxes = [KeptBox(one, self.background) for one in kept]
        for box in self.boxes:
            box.over.connect(self._refresh_boxes)
            column.addWidget(box)
        settings = QGroupBox(self.tr("What is to be kept"))
        rows = QVBoxLayout(settings)
        self.rows = {key: row_for(key, preferences) for key in _SETTINGS}
        for row in self.rows.values():
            rows.addWidget(row)
        column.addWidget(settings)
        column.addStretch(1)
        preferences.changed.connect(self._refresh)

    def _refresh(self, key: str) -> None:
        if key in self.rows:
            self.rows[key].refresh()
        if key in self.rows or key == "general/sources":
            self._refresh_boxes()

    def _refresh_boxes(self) -> None:
        """Together: the pictures lie in the history, and the sources in the settings."""
        for box in self.boxes:
            box.refresh()


class KeptBox(QGroupBox):
    """One thing that is kept. "Delete now" asks once more, in place: what is gone is gone. ``over`` tells that
    deleting came to an end."""

    over = pyqtSignal()

    def __init__(self, kept: Kept, background: Worker, parent: QWidget | None = None) -> None:
        super().__init__(kept.name, parent)
        self._kept, self._background = kept, background
        self.where, self.how_long, self.how_much = _text(""), _text(""), _text("")
        self.delete = QPushButton(self.tr("Delete now"))
        self.delete.setAccessibleName(self.tr("Delete now: {what}").format(what=kept.name))
        self.sure = QPushButton(self.tr("Delete for good"))
        self.sure.setAccessibleName(self.tr("Delete for good: {what}").format(what=kept.name))
        self.keep = QPushButton(self.tr("Keep"))
        self.keep.setAccessibleName(self.tr("Keep: {what}").format(what=kept.name))
        self.status = _text("")
        self.status.setAccessibleName(self.tr("What came of deleting: {what}").format(what=kept.name))
        self._lay_out()
        self._ask(False)
        self.delete.clicked.connect(lambda: self._ask(True))
        self.keep.clicked.connect(lambda: self._ask(False))
        self.sure.clicked.connect(self._delete)
        self.refresh()

    def refresh(self) -> None:
        """Look anew at what is kept."""
        self.where.setText(self._kept.where())
        self.how_long.setText(self._kept.how_long())
        self._background.do(self._kept.how_much, self.how_much.setText, self.how_much.setText)

    def _ask(self, asking: bool) -> None:
        had_focus = self.delete.hasFocus() or self.keep.hasFocus() or self.sure.hasFocus()
        self.delete.setVisible(not asking)
        self.sure.setVisible(asking)
        self.keep.setVisible(asking)
        if had_focus:
            (self.keep if asking else self.delete).setFocus()

    def _delete(self) -> None:
        self._ask(False)
        self.delete.setEnabled(False)
        self.status.setText(self.tr("Deleting …"))
        self._background.do(self._kept.delete, lambda _: self._deleted(), self._failed)

    def _deleted(self) -> None:
        try:
            self._kept.deleted()
        except OSError as error:
            self._failed(str(error))
            return
        self._over(self.tr("Deleted."))

    def _failed(self, why: str) -> None:
        self._over(why)

    def _over(self, words: str) -> None:
        self.delete.setEnabled(True)
        self.status.setText(words)
        self.over.emit()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.addWidget(_text(self._kept.what))
        form = QFormLayout()
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for words, label in (
            (self.tr("Where"), self.where),
            (self.tr("For how long"), self.how_long),
            (self.tr("How much"), self.how_much),
        ):
            label.setAccessibleName(words)
            form.addRow(words, label)
        column.addLayout(form)
        row = QHBoxLayout()
        for widget in (self.delete, self.sure, self.keep):
            row.addWidget(widget)
        row.addWidget(self.status, 1)
        column.addLayout(row)


def _text(words: str) -> QLabel:
    label = QLabel(words)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
