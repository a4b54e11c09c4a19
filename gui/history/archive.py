"""The store as the window uses it: opened late, on the worker's thread, and never on the UI's."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from unmask.realtime.history.export import csv_text, json_text
from unmask.realtime.history.records import Entry, Query, ScanRecord, SessionRecord
from unmask.realtime.history.store import History
from unmask.realtime.history.words import record_lines
from unmask.realtime.writing import write_whole


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, how many the query finds in all, and what there was to say on opening."""

    entries: list[Entry]
    total: int
    notice: str


@dataclass(frozen=True, slots=True)
class Details:
    """An entry with the lines to show, the source to open again, and small pictures (JPEG)."""

    entry: Entry
    lines: list[str]
    sources: list[str]
    pictures: list[tuple[float, bytes]]


class Archive:
    """Every method but ``close`` is called on one thread, and may raise ``HistoryError``."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._history: History | None = None
        self._notice = ""

    @property
    def history(self) -> History:
        """Opened when it is first needed."""
        if self._history is None:
            self._history = History(self._path)
            self._notice = self._history.notice
        return self._history

    def page(self, query: Query, after: Entry | None, limit: int) -> Page:
        entries = self.history.entries(query, limit=limit, after=after)
        notice, self._notice = self._notice, ""
        return Page(entries, self.history.count(query), notice)

    def details(self, entry_id: int) -> Details:
        record: SessionRecord | ScanRecord = self.history.record(entry_id)
        lines = record_lines(record, time.time())
        if isinstance(record, ScanRecord):
            return Details(record.entry, lines, [record.path], [])
        pictures: list[tuple[float, bytes]] = []
        for event in record.events:
            pictures += self.history.pictures(event.event_id) if event.pictures else []
        return Details(record.entry, lines, [source.source for source in record.sources], pictures)

    def export(self, target: Path, query: Query) -> int:
        """JSON where the name ends with .json, else CSV; returns how many entries it holds."""
        as_json = target.suffix.lower() == ".json"
        text = json_text(self.history, query) if as_json else csv_text(self.history.entries(query))
        write_whole(target, "".join(text))
        return self.history.count(query)

    def close(self) -> None:
        if self._history is not None:
            self._history.close()
            self._history = None
