"""What the keys do, from the table of actions."""

from __future__ import annotations

from collections.abc import Sequence

from unmask.gui.qt import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget


class KeyboardPage(QWidget):
    """``rows`` as ``ActionSet.keyboard_rows`` gives them: the keys and what they do."""

    def __init__(self, rows: Sequence[tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table = QTableWidget(0, 2)
        self.table.setHorizontalHeaderLabels([self.tr("Keys"), self.tr("What they do")])
        self.table.setAccessibleName(self.tr("What the keys do"))
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setTabKeyNavigation(False)
        self.table.setShowGrid(False)
        self.table.setAlternatingRowColors(True)
        more = [
            (self.tr("Tab / Shift+Tab"), self.tr("To the next control, and back")),
            (self.tr("Esc"), self.tr("Leave the full screen; close this window or the program")),
        ]
        for keys, words in [*rows, *more]:
            self.table.insertRow(self.table.rowCount())
            for column, text in enumerate((keys, words)):
                self.table.setItem(self.table.rowCount() - 1, column, QTableWidgetItem(text))
        down, across = self.table.verticalHeader(), self.table.horizontalHeader()
        if down is not None and across is not None:
            down.setVisible(False)
            across.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            across.setStretchLastSection(True)
        column_layout = QVBoxLayout(self)
        column_layout.setContentsMargins(0, 0, 0, 0)
        column_layout.addWidget(self.table)
