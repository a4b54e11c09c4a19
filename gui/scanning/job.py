"""One scan beside the window: opens what it needs, looks at one item after another, and can be cancelled."""

from __future__ import annotations

import contextlib
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from unmask.engines.errors import UnmaskError
from unmask.gui.i18n import tr
from unmask.gui.services import DetectorChoice, Services
from unmask.realtime.scan.header import report_header
from unmask.realtime.scan.items import expand
from unmask.realtime.scan.results import ItemFinding
from unmask.realtime.scan.scanner import ScanCancelled, Scanner, ScanSettings
from unmask.realtime.sources.registry import SourceOptions
from unmask.realtime.verdict import threshold_for

#: Told of each finding, with the report's header, on the job's thread. After an ``UnmaskError`` it is told of no more,
#: and the scan goes on.
Keep = Callable[[ItemFinding, dict[str, Any]], object]


@dataclass(frozen=True, slots=True)
class Row:
    """One item: ``done`` is 0..1 while it is looked at, ``None`` before; then there is its ``finding``."""

    path: str
    done: float | None = None
    finding: ItemFinding | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a job stands. ``doing`` is for a person, empty when it is over; ``problem`` is why it broke off,
    ``unkept`` why findings are not in the history."""

    rows: tuple[Row, ...] = ()
    doing: str = ""
    problem: str = ""
    unkept: str = ""
    over: bool = False
    cancelled: bool = False
    header: dict[str, Any] = field(default_factory=dict)


class ScanJob:
    """Scans ``paths`` with a detector and a face finder of its own, which it closes. ``start`` once."""

    def __init__(
        self,
        paths: Sequence[str],
        services: Services,
        choice: DetectorChoice,
        settings: ScanSettings,
        keep: Keep | None = None,
    ) -> None:
        self.paths = tuple(paths)
        self._services, self._choice, self._settings, self._keep = services, choice, settings, keep
        self._progress = Progress(doing=tr("looking for files"))
        self._lock = threading.Lock()
        self._cancelled = threading.Event()
        self._scanner: Scanner | None = None
        self._thread = threading.Thread(target=self._run, name="unmask-scan", daemon=True)
        self._canceller = threading.Thread(target=self._cancel_scanner, name="unmask-scan-cancel", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def look(self) -> Progress:
        """The newest state; cheap: call it from a timer."""
        return self._progress

    def cancel(self) -> None:
        """Returns at once; soon after it is over. Findings that are there stay."""
        if not self._cancelled.is_set():
            self._cancelled.set()
            self._canceller.start()  # closing a source may wait for a moment

    def join(self, within_s: float) -> list[str]:
        """Wait; the names of threads that did not end in time."""
        threads = [thread for thread in (self._thread, self._canceller) if thread.ident is not None]
        for thread in threads:
            thread.join(within_s)
        return [thread.name for thread in threads if thread.is_alive()]

    def _cancel_scanner(self) -> None:
        with self._lock:
            scanner = self._scanner
        if scanner is not None:
            scanner.cancel()

    def _run(self) -> None:
        try:
            self._scan_all()
        except ScanCancelled:
            self._say(cancelled=True)
        except UnmaskError as error:
            self._say(problem=str(error))
        except Exception:  # noqa: BLE001 - a bug, which is told and does not end the program
            last = traceback.format_exc().strip().splitlines()[-1]
            self._say(problem=f"{last} (a bug of Unmask; please report it)")
        rows = tuple(row for row in self._progress.rows if row.finding is not None)
        self._say(rows=rows, doing="", over=True)

    def _scan_all(self) -> None:
        items = expand(self.paths, SourceOptions())
        self._say(rows=tuple(Row(item.path) for item in items), doing=tr("loading the detector"))
        self._go_on()
        with contextlib.ExitStack() as kept:
            detector = kept.enter_context(self._services.open_detector(self._choice))
            self._go_on()
            threshold = threshold_for(detector.manifest, self._settings.alarms_per_hour)
            finder = self._services.face_finder()
            kept.callback(finder.close)
            header = report_header([(detector, threshold)], finder.description, self._settings)
            scanner = Scanner([(detector, threshold.score)], finder, self._settings)
            with self._lock:
                self._scanner = scanner
            self._go_on()
            self._say(header=header)
            for number, item in enumerate(items):
                self._say(doing=tr("item {number} of {count}").format(number=number + 1, count=len(items)))
                self._set_row(number, Row(item.path, 0.0))
                tell = self._teller(number, item.path)
                finding = scanner.scan(item, tell)
                self._set_row(number, Row(item.path, 1.0, finding))
                self._keep_finding(finding, header)

    def _keep_finding(self, finding: ItemFinding, header: dict[str, Any]) -> None:
        if self._keep is not None:
            try:
                self._keep(finding, header)
            except UnmaskError as error:
                self._keep = None
                self._say(unkept=str(error))

    def _teller(self, number: int, path: str) -> Callable[[float], None]:
        return lambda done: self._set_row(number, Row(path, done))

    def _set_row(self, number: int, row: Row) -> None:
        rows = list(self._progress.rows)
        rows[number] = row
        self._say(rows=tuple(rows))

    def _say(self, **changes: Any) -> None:
        """Only the job's thread writes; whoever looks gets the old state or the new one, whole."""
        self._progress = replace(self._progress, **changes)

    def _go_on(self) -> None:
        if self._cancelled.is_set():
            raise ScanCancelled("The scan was cancelled.")
