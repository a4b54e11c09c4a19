"""The history page: a list to search, what is known of the selected entry, and what can be done with it."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from pathlib import Path

from unmask.gui.background import Worker
from unmask.gui.history.archive import Archive, Details, Page
from unmask.gui.history.model import PAGE, VERDICT, WHAT, WHEN, HistoryModel
from unmask.gui.i18n import mark
from unmask.gui.qt import (
    QAbstractItemView,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPixmap,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    Qt,
    QTableView,
    QTimer,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)
from unmask.realtime.history.records import Entry, Query
from unmask.realtime.types import Verdict

_SEARCH_AFTER_MS = 200
_DAY_S = 86_400.0
_MOST_PICTURES = 12


class HistoryPage(QWidget):
    """``open_again`` tells the source or file that the person wants to look at again, and whether it was a scan.

    ``path`` is the history's file (default: the user's own). Whoever owns the page calls ``close_store``.
    """

    open_again = pyqtSignal(str, bool)

    def __init__(self, path: Path | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._archive = Archive(path)
        self._worker = Worker("history-page", self)
        self._shown: Details | None = None
        self._asked = 0
        self.model = HistoryModel(self._load_more)
        self._make_widgets()
        self._lay_out()
        self._search_soon = QTimer(self)
        self._search_soon.setSingleShot(True)
        self._search_soon.setInterval(_SEARCH_AFTER_MS)
        self._search_soon.timeout.connect(self.reload)
        self.search.textChanged.connect(self._search_soon.start)
        for box in (self.verdicts, self.kinds, self.times):
            box.currentIndexChanged.connect(self.reload)
        selection = self.table.selectionModel()
        assert selection is not None
        selection.selectionChanged.connect(self._selected)
        self._selected()

    def query(self) -> Query:
        """What the search box and the filters ask for."""
        days = self.times.currentData()
        since = None if days is None else time.time() - days * _DAY_S
        return Query(self.search.text(), since, None, self.verdicts.currentData(), self.kinds.currentData())

    def reload(self) -> None:
        """Read the list anew; what is shown stays until it is there."""
        self._asked += 1
        job = functools.partial(self._archive.page, self.query(), None, PAGE)
        self._worker.do(job, functools.partial(self._show_page, self._asked), self.say)

    def close_store(self) -> list[str]:
        """End the thread and let go of the file. The thread's name where it does not end."""
        self._search_soon.stop()
        left = self._worker.close()
        self._archive.close()
        return left

    def say(self, sentence: str) -> None:
        self.status.setText(sentence)

    def selected_entries(self) -> list[Entry]:
        selection = self.table.selectionModel()
        rows = selection.selectedRows() if selection is not None else []
        return [self.model.entries[index.row()] for index in rows]

    def delete_selected(self) -> None:
        entries = self.selected_entries()
        one, more = self.tr("Delete this entry for good?"), self.tr("Delete these {count} entries for good?")
        question = (one if len(entries) == 1 else more).format(count=len(entries))
        if entries and self._agrees(question):
            numbers = [entry.entry_id for entry in entries]
            self._delete(lambda: self._archive.history.delete(numbers))

    def delete_all(self) -> None:
        if self._agrees(self.tr("Delete the whole history for good, with all its pictures?")):
            self._delete(lambda: self._archive.history.delete_all())

    def export(self) -> None:
        """Write what the list shows to a file that the person names."""
        title, kinds = self.tr("Export what the list shows"), "JSON (*.json);;CSV (*.csv)"
        name, kind = QFileDialog.getSaveFileName(self, title, "unmask-history.json", kinds)
        if name:
            path = Path(name)
            if path.suffix.lower() not in (".json", ".csv"):
                path = path.with_name(path.name + (".csv" if "csv" in kind else ".json"))
            self.export_to(path)

    def export_to(self, path: Path) -> None:
        words = self.tr("{count} exported to {path}, without pictures.")
        job = functools.partial(self._archive.export, path, self.query())
        self._worker.do(job, lambda count: self.say(words.format(count=count, path=path)), self.say)

    def _open_again(self) -> None:
        if self._shown is not None and self._shown.sources:
            self.open_again.emit(self._shown.sources[0], self._shown.entry.kind == "scan")

    def _agrees(self, question: str) -> bool:
        answer = QMessageBox.question(self, self.tr("History"), question)
        return answer == QMessageBox.StandardButton.Yes

    def _delete(self, job: Callable[[], int]) -> None:
        words = self.tr("Deleted for good: {count}.")

        def told(sentence: str) -> None:
            self.reload()
            self.say(sentence)

        self._worker.do(job, lambda count: told(words.format(count=count)), told)

    def _load_more(self, after: Entry) -> None:
        job = functools.partial(self._archive.page, self.query(), after, PAGE)
        self._worker.do(job, lambda page: self.model.append(after, page.entries), self.say)

    def _show_page(self, asked: int, page: Page) -> None:
        if asked != self._asked:
            return  # somebody typed on: another one is on its way
        self.model.show_entries(page.entries)
        self._selected()
        if page.notice:
            self.say(page.notice)
        self.count.setText(self.tr("{count} found").format(count=page.total) if page.total else self._nothing())

    def _nothing(self) -> str:
        if self.query() == Query():
            return self.tr("Nothing has been kept so far.")
        return self.tr("Nothing of that kind.")

    def _selected(self, *_: object) -> None:
        entries = self.selected_entries()
        self.remove.setEnabled(bool(entries))
        self.again.setEnabled(False)
        self._shown = None
        if len(entries) != 1:
            self.details.setPlainText("")
            self._show_pictures([])
            return
        job = functools.partial(self._archive.details, entries[0].entry_id)
        self._worker.do(job, functools.partial(self._show_details, entries[0]), self.say)

    def _show_details(self, wanted: Entry, details: Details) -> None:
        if [entry.entry_id for entry in self.selected_entries()] != [wanted.entry_id]:
            return
        self._shown = details
        self.details.setPlainText("\n".join(details.lines))
        self.again.setText(self.tr("Scan again") if details.entry.kind == "scan" else self.tr("Watch again"))
        self.again.setEnabled(bool(details.sources))
        self._show_pictures(details.pictures[:_MOST_PICTURES])

    def _show_pictures(self, pictures: list[tuple[float, bytes]]) -> None:
        while (item := self._pictures.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        for time_s, jpeg in pictures:
            pixmap, label = QPixmap(), QLabel()
            pixmap.loadFromData(jpeg)
            label.setPixmap(pixmap.scaledToHeight(80, Qt.TransformationMode.SmoothTransformation))
            label.setToolTip(f"{time_s:.1f} s")
            label.setAccessibleName(self.tr("The face at {seconds} s").format(seconds=f"{time_s:.1f}"))
            self._pictures.addWidget(label)
        self._pictures.addStretch(1)

    def _make_widgets(self) -> None:
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search"))
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName(self.tr("Search the history"))
        self.verdicts, self.kinds, self.times = QComboBox(), QComboBox(), QComboBox()
        self.verdicts.addItem(self.tr("Any verdict"), None)
        for verdict in Verdict:
            self.verdicts.addItem(self.tr(verdict.words), verdict)
        kinds = ((mark("Sessions and scans"), None), (mark("Sessions"), "session"), (mark("Scans"), "scan"))
        for words, kind in kinds:
            self.kinds.addItem(self.tr(words), kind)
        times = ((mark("Any time"), None), (mark("Last day"), 1), (mark("Last week"), 7), (mark("Last month"), 30))
        for words, days in times:
            self.times.addItem(self.tr(words), days)
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setTabKeyNavigation(False)
        self.table.setWordWrap(False)
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # both ends of a path tell something
        self.details = QPlainTextEdit()
        self.details.setReadOnly(True)
        self.details.setTabChangesFocus(True)
        self.again = QPushButton(self.tr("Watch again"))
        self.remove, self.remove_all = QPushButton(self.tr("Delete …")), QPushButton(self.tr("Delete all …"))
        self.save, self.count, self.status = QPushButton(self.tr("Export …")), QLabel(), QLabel()
        self.status.setWordWrap(True)
        self.status.setTextFormat(Qt.TextFormat.PlainText)
        for widget, name in (
            (self.verdicts, self.tr("Verdict to show")),
            (self.kinds, self.tr("Kind to show")),
            (self.times, self.tr("Time to show")),
            (self.table, self.tr("History, the newest first")),
            (self.details, self.tr("Details of the selected entry")),
            (self.count, self.tr("How many were found")),
            (self.status, self.tr("What was done")),
        ):
            widget.setAccessibleName(name)
        for button, act in (
            (self.again, self._open_again),
            (self.remove, self.delete_selected),
            (self.remove_all, self.delete_all),
            (self.save, self.export),
        ):
            button.clicked.connect(act)

    def _lay_out(self) -> None:
        rows, columns = self.table.verticalHeader(), self.table.horizontalHeader()
        if rows is not None and columns is not None:
            rows.setVisible(False)
            columns.setSectionResizeMode(WHAT, QHeaderView.ResizeMode.Stretch)
            self.table.setColumnWidth(WHEN, 160)
            self.table.setColumnWidth(VERDICT, 300)
        filters, buttons = QHBoxLayout(), QHBoxLayout()
        filters.addWidget(self.search, 1)
        for widget in (self.verdicts, self.kinds, self.times, self.count):
            filters.addWidget(widget)
        buttons.addWidget(self.again)
        buttons.addStretch(1)
        for button in (self.save, self.remove, self.remove_all):
            buttons.addWidget(button)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.addWidget(self.table)
        splitter.addWidget(self.details)
        splitter.setStretchFactor(0, 2)
        splitter.setStretchFactor(1, 1)
        self._pictures = QHBoxLayout()
        column = QVBoxLayout(self)
        column.addLayout(filters)
        column.addWidget(splitter, 1)
        column.addLayout(self._pictures)
        column.addLayout(buttons)
        column.addWidget(self.status)
