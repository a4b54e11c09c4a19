"""Scanning as a part of the window: a file is dropped or chosen, its findings get a dock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmask.gui.qt import QDockWidget, QFileDialog, Qt
from unmask.gui.scanning.drops import DropTarget
from unmask.gui.scanning.job import Keep, ScanJob
from unmask.gui.scanning.panel import ScanPanel
from unmask.realtime.history.scans import judging_from, scan_record
from unmask.realtime.history.store import History
from unmask.realtime.scan.results import ItemFinding
from unmask.realtime.scan.scanner import ScanSettings
from unmask.realtime.types import Update

if TYPE_CHECKING:
    from unmask.gui.window import MonitorWindow


class ScanFeature:
    """A ``Feature``. ``history`` is the history's file (default: the user's own); it is written where the person
    wants a history."""

    def __init__(self, history: Path | None = None) -> None:
        self._history = history
        self._window: MonitorWindow | None = None
        self._dock: QDockWidget | None = None
        self.panel = ScanPanel()

    def attach(self, window: MonitorWindow) -> None:
        self._window = window
        if window.controller is None:
            return
        window.commands.bind("scan_file", self.choose)
        bottom = Qt.DockWidgetArea.BottomDockWidgetArea
        self._dock = window.docks.add("scan", window.tr("Scan"), self.panel, bottom, shown=False)
        self.panel.watch_instead.connect(window.controller.open_only)
        DropTarget(window, self.scan)

    def choose(self) -> None:
        """Ask which files, and scan them."""
        names, _ = QFileDialog.getOpenFileNames(self._window, self.panel.tr("Choose what to scan"))
        if names:
            self.scan(names)

    def scan(self, paths: Sequence[str]) -> None:
        """Scan these files, folders or archives, after those before them."""
        window = self._window
        if window is None or window.controller is None:
            return
        controller = window.controller
        settings = ScanSettings(alarms_per_hour=controller.alarms_per_hour)
        self.panel.scan(ScanJob(paths, controller.services, controller.choice, settings, self._keeper()))
        if self._dock is not None:
            if self._dock.isHidden():
                self._lay_over_the_timeline()
            self._dock.show()
            self._dock.raise_()

    def _lay_over_the_timeline(self) -> None:
        """In a tab with it: side by side neither has room for its columns."""
        if self._window is None or self._dock is None:
            return
        timeline = self._window.findChild(QDockWidget, "timeline")
        there = timeline is not None  # pyright: ignore[reportUnnecessaryComparison] - Qt may find none
        if there and not timeline.isFloating():  # also where it is folded away for now
            self._window.tabifyDockWidget(timeline, self._dock)

    def show_updates(self, updates: Mapping[str, Update]) -> None:
        """Nothing: the panel looks by a timer of its own, while it scans."""

    def close(self) -> None:
        self.panel.close_jobs()

    def _keeper(self) -> Keep | None:
        preferences = self._window.preferences if self._window is not None else None
        return self._keep if preferences is not None and bool(preferences.value("privacy/history")) else None

    def _keep(self, finding: ItemFinding, header: dict[str, Any]) -> None:
        """On the job's thread."""
        budget = float(header["settings"]["false alarms accepted per hour"])
        with History(self._history) as history:
            history.put_scan(scan_record(finding, judging_from(header, budget)))
