"""The history's file with other bytes, and with other values in its rows: read, shown, exported and deleted."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import time
from pathlib import Path

from hostile_files import ODD_VALUES, sentence
from hypothesis import strategies as st
from sound_files import sound_history


def check_history(raw: bytes, folder: Path) -> None:
    place = folder / "history"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    path = place / "history.sqlite"
    path.write_bytes(raw)
    _use_history(path)


def _use_history(path: Path) -> None:
    from unmask.realtime.history.export import csv_text, json_text
    from unmask.realtime.history.records import HistoryError, Query, SessionRecord
    from unmask.realtime.history.store import History
    from unmask.realtime.history.words import day_and_time, record_lines

    try:
        with History(path) as history:
            assert history.notice == "" or sentence(history.notice)
            entries = history.entries()
            assert len(entries) == history.count()
            for entry in entries:
                assert entry.why is not None
                day_and_time(entry.at)
                try:
                    record = history.record(entry.entry_id)
                    record_lines(record, time.time())
                    for event in record.events if isinstance(record, SessionRecord) else ():
                        history.pictures(event.event_id)
                except HistoryError as error:
                    sentence(error)
            pages, last = [], None
            while (page := history.entries(limit=2, after=last)) and len(pages) <= len(entries):
                pages += page
                last = page[-1]
            assert pages == entries
            history.entries(Query("camera", since=1.0))
            json.loads("".join(json_text(history)))
            "".join(csv_text(entries))
            history.pictures_kept()
            assert history.delete([entry.entry_id for entry in entries]) == len(entries)
    except HistoryError as error:
        sentence(error)


_COLUMNS = {
    "entries": ("kind", "at", "title", "verdict", "causes", "score", "alarms", "note", "detector", "judging", "words"),
    "sessions": ("ended_at", "seen_at"),
    "session_sources": (
        "source",
        "watched_s",
        "face_s",
        "judged_s",
        "no_signs_s",
        "alarms",
        "state",
        "message",
        "causes",
    ),
    "events": ("source", "track", "start_s", "end_s", "peak_score", "at", "detector"),
    "scans": ("path", "item_kind", "size", "changed_at", "finding"),
    "pictures": ("time_s", "score", "jpeg"),
}


def changed_rows() -> st.SearchStrategy[bytes]:
    """(table, column, value) of rows that are overwritten, as JSON."""
    columns = [(table, column) for table, names in _COLUMNS.items() for column in names]
    plain = [value for value in ODD_VALUES if not isinstance(value, list | dict) and value not in (10**30, 10**400)]
    texts = st.sampled_from(['["no_face"]', "[1]", "{}", "[" * 3000, '{"detector": 3}', '{"faces": [{"track": "x"}]}'])
    value = st.one_of(st.sampled_from([one for one in plain if one != "\ud800"]), texts, st.floats())
    one = st.tuples(st.sampled_from(columns), value).map(lambda drawn: [*drawn[0], drawn[1]])
    return st.lists(one, min_size=1, max_size=3).map(lambda rows: json.dumps(rows).encode())


def rows_of(raw: bytes) -> list[tuple[str, str, object]]:
    """What ``changed_rows`` wrote; of other bytes nothing."""
    try:
        rows = json.loads(raw)
        return [
            (table, column, value)
            for table, column, value in rows
            if column in _COLUMNS.get(table, ()) and not isinstance(value, list | dict)
        ]
    except (ValueError, TypeError, RecursionError):
        return []


def check_history_rows(raw: bytes, folder: Path) -> None:
    place = folder / "rows"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    path = place / "history.sqlite"
    path.write_bytes(sound_history())
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    for table, column, value in rows_of(raw):
        with contextlib.suppress(sqlite3.IntegrityError, OverflowError):
            connection.execute(f"UPDATE OR IGNORE {table} SET {column} = ?", (value,))
    connection.commit()
    connection.close()
    _use_history(path)
