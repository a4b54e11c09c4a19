"""The scan panel: what was dropped, how far it is, and what was found in it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unmask.gui.background import Worker
from unmask.gui.history.model import verdict_icon
from unmask.gui.qt import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QProgressBar,
    QPushButton,
    Qt,
    QTableWidget,
    QTableWidgetItem,
    QTimer,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)
from unmask.gui.scanning.job import Progress, Row, ScanJob
from unmask.gui.scanning.report import write_report
from unmask.gui.spoken import verdict_name
from unmask.gui.verdict_line import plain_tip
from unmask.gui.wording import HINT
from unmask.realtime.scan.results import ItemFinding

_LOOK_EVERY_MS = 100
_ITEM, _VERDICT, _SCORE, _FACES = range(4)


class ScanPanel(QWidget):
    """Runs jobs one after another and shows their items. ``watch_instead`` tells a file that the person wants to
    watch rather than scan. ``close_jobs`` ends what runs."""

    watch_instead = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._waiting: list[ScanJob] = []
        self._job: ScanJob | None = None
        self._first_row = self._reported_from = 0
        self._shown: list[Row] = []
        self._header: dict[str, object] = {}
        self._worker = Worker("scan-report", self)
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_EVERY_MS)
        self._timer.timeout.connect(self._look)
        self._make_widgets()
        self._lay_out()
        self._refresh_buttons()

    @property
    def running(self) -> bool:
        return self._job is not None

    @property
    def findings(self) -> list[ItemFinding]:
        return [row.finding for row in self._shown if row.finding is not None]

    @property
    def reported(self) -> list[ItemFinding]:
        """Those that a report can be about: judged as its header says."""
        rows = self._shown[self._reported_from :]
        return [row.finding for row in rows if row.finding is not None]

    def scan(self, job: ScanJob) -> None:
        """Begin ``job``, or have it wait for those before it."""
        self._waiting.append(job)
        if self._job is None:
            self._begin_next()

    def cancel(self) -> None:
        """Break off what runs and forget what waits; what was found stays."""
        self._waiting.clear()
        if self._job is not None:
            self.status.setText(self.tr("Cancelling …"))
            self._job.cancel()

    def close_jobs(self, within_s: float = 3.0) -> list[str]:
        """The names of threads that did not end in time."""
        self._timer.stop()
        self.cancel()
        left = self._job.join(within_s) if self._job is not None else []
        return left + self._worker.close()

    def save_report(self) -> None:
        kinds = "HTML (*.html);;JSON (*.json)"
        name, kind = QFileDialog.getSaveFileName(self, self.tr("Save the report"), "unmask-report.html", kinds)
        if name:
            path = Path(name)
            if path.suffix.lower() not in (".html", ".htm", ".json"):
                path = path.with_name(path.name + (".json" if "json" in kind else ".html"))
            self.save_report_to(path)

    def save_report_to(self, path: Path) -> None:
        findings = self.reported
        job = functools.partial(write_report, path, findings, self._header)
        words = self.tr("The report was saved to {path}.").format(path=path)
        if (left_out := len(self.findings) - len(findings)) > 0:
            more = self.tr("{count} scanned with another detector or sensitivity are not in it: scan them again.")
            words += " " + more.format(count=left_out)
        self._worker.do(job, lambda _: self.status.setText(words), self.status.setText)

    def _begin_next(self) -> None:
        self._job = self._waiting.pop(0) if self._waiting else None
        if self._job is None:
            self._timer.stop()
        else:
            self._first_row = len(self._shown)
            self._job.start()
            self._timer.start()
            self._look()
        self._refresh_buttons()

    def _look(self) -> None:
        if self._job is None:
            return
        state = self._job.look()
        self._show_rows(state)
        if state.header and state.header != self._header:
            self._header, self._reported_from = state.header, self._first_row
        self._show_bar(state)
        if state.over:
            self._job.join(1.0)
            self.status.setText(self._outcome(state))
            self._job = None
            self._begin_next()

    def _show_bar(self, state: Progress) -> None:
        done = sum(1.0 if row.finding is not None else row.done or 0.0 for row in state.rows)
        self.bar.setRange(0, 1000 if state.header else 0)
        self.bar.setValue(round(1000 * done / max(1, len(state.rows))))
        if not state.over:
            words = self.tr("Scanning: {what}").format(what=state.doing)
            if words != self.status.text():
                self.status.setText(words)

    def _outcome(self, state: Progress) -> str:
        if state.problem:
            return state.problem
        if state.cancelled:
            return self.tr("Cancelled. What was not finished is not shown.")
        done = self.tr("Scanned with {detector}.").format(detector=_judge(state.header))
        return " ".join(part for part in (done, state.unkept, self.tr(HINT)) if part)

    def _show_rows(self, state: Progress) -> None:
        """Only what changed is written anew: a folder may hold thousands."""
        first, rows = self._first_row, list(state.rows)
        before = self._shown[first:]
        if rows == before:
            return
        if self.table.rowCount() != first + len(rows):
            self.table.setRowCount(first + len(rows))
        for number, row in enumerate(rows):
            if number >= len(before) or before[number] is not row:
                self._show_row(first + number, row)
        self._shown[first:] = rows

    def _show_row(self, number: int, row: Row) -> None:
        finding = row.finding
        if finding is None:
            waits = self.tr("waits") if row.done is None else f"{row.done:.0%}"
            cells = (Path(row.path).name or row.path, waits, "", "")
        else:
            score = "" if finding.score is None else f"{finding.score:.2f}"
            words = f"{verdict_name(finding.verdict)}{finding.why}"
            cells = (Path(row.path).name or row.path, words, score, str(len(finding.faces)))
        for column, words in enumerate(cells):
            item = self.table.item(number, column)
            if item is None:
                item = QTableWidgetItem()
                self.table.setItem(number, column, item)
            if item.text() != words:
                item.setText(words)
                item.setToolTip(plain_tip(row.path if column == _ITEM else words))
        verdict_cell = self.table.item(number, _VERDICT)
        if verdict_cell is not None and finding is not None:
            verdict_cell.setIcon(verdict_icon(finding.verdict))

    def _watch(self) -> None:
        rows = self.table.selectionModel()
        chosen = [index.row() for index in rows.selectedRows()] if rows is not None else []
        if chosen:
            path = self._shown[chosen[0]].path
            self.cancel()
            self.watch_instead.emit(_on_disk(path))

    def _clear(self) -> None:
        self._shown.clear()
        self._reported_from = 0
        self.table.setRowCount(0)
        self.status.clear()
        self._refresh_buttons()

    def _refresh_buttons(self) -> None:
        busy = self._job is not None
        self.stop.setEnabled(busy)
        self.bar.setVisible(busy)
        self.save.setEnabled(not busy and bool(self.findings))
        self.clear.setEnabled(not busy and bool(self._shown))
        chosen = self.table.selectionModel()
        self.watch.setEnabled(chosen is not None and chosen.hasSelection())

    def _make_widgets(self) -> None:
        self.table = QTableWidget(0, 4)
        self.table.setHorizontalHeaderLabels([self.tr("Item"), self.tr("Verdict"), self.tr("Score"), self.tr("Faces")])
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setTabKeyNavigation(False)
        self.table.setWordWrap(False)
        self.table.itemSelectionChanged.connect(self._refresh_buttons)
        self.bar, self.status = QProgressBar(), QLabel()
        self.bar.setFormat("%p %")
        self.status.setWordWrap(True)
        self.status.setTextFormat(Qt.TextFormat.PlainText)
        self.stop, self.save = QPushButton(self.tr("Cancel")), QPushButton(self.tr("Save report …"))
        self.watch, self.clear = QPushButton(self.tr("Watch it instead")), QPushButton(self.tr("Clear"))
        for button, act in (
            (self.stop, self.cancel),
            (self.save, self.save_report),
            (self.watch, self._watch),
            (self.clear, self._clear),
        ):
            button.clicked.connect(act)
        for widget, name in (
            (self.table, self.tr("Scanned items")),
            (self.bar, self.tr("Progress of the scan")),
            (self.status, self.tr("State of the scan")),
        ):
            widget.setAccessibleName(name)

    def _lay_out(self) -> None:
        rows, columns = self.table.verticalHeader(), self.table.horizontalHeader()
        if rows is not None and columns is not None:
            rows.setVisible(False)
            columns.setSectionResizeMode(_VERDICT, QHeaderView.ResizeMode.Stretch)
            self.table.setColumnWidth(_ITEM, 260)
            self.table.setColumnWidth(_SCORE, 70)
            self.table.setColumnWidth(_FACES, 70)
        foot, buttons = QHBoxLayout(), QHBoxLayout()
        foot.addWidget(self.status, 1)
        foot.addWidget(self.bar)
        for button in (self.stop, self.watch):
            buttons.addWidget(button)
        buttons.addStretch(1)
        for button in (self.save, self.clear):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.addWidget(self.table, 1)
        column.addLayout(foot)
        column.addLayout(buttons)


def _judge(header: Mapping[str, Any]) -> str:
    """The detector and its version, as the report's header has them."""
    detector = header["detector"]
    return f"{detector['name']} {detector['version']}"


def _on_disk(path: str) -> str:
    """The file itself, or the archive that holds it: that can be watched."""
    return next((str(place) for place in (Path(path), *Path(path).parents) if place.is_file()), path)
