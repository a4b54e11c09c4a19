"""Between the history's values and the rows they are stored as."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from unmask.realtime.history.records import Entry, EventRecord, Judging, Query, ScanRecord, SessionRecord, SourceAccount
from unmask.realtime.types import Cause, Verdict

_ESCAPES = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})


def entry_of(row: sqlite3.Row) -> Entry:
    return Entry(
        row["id"],
        row["kind"],
        row["at"],
        row["title"],
        Verdict(row["verdict"]),
        tuple(json.loads(row["causes"])),
        row["score"],
        row["alarms"],
        row["detector"],
        row["note"],
    )


def judging_of(row: sqlite3.Row) -> Judging:
    return Judging(**json.loads(row["judging"]))


def session_of(
    row: sqlite3.Row, sources: Iterable[sqlite3.Row], events: Iterable[sqlite3.Row], entry_row: sqlite3.Row
) -> SessionRecord:
    accounts = tuple(
        SourceAccount(
            found["source"],
            found["watched_s"],
            found["face_s"],
            found["judged_s"],
            found["no_signs_s"],
            found["alarms"],
            found["state"],
            found["message"],
            tuple(json.loads(found["causes"])),
        )
        for found in sources
    )
    alarms = tuple(
        EventRecord(
            found["source"],
            found["track"],
            found["start_s"],
            found["end_s"],
            found["peak_score"],
            found["at"],
            found["detector"],
            found["id"],
            found["pictures"],
        )
        for found in events
    )
    return SessionRecord(entry_of(entry_row), row["ended_at"], row["seen_at"], judging_of(entry_row), accounts, alarms)


def scan_of(row: sqlite3.Row, entry_row: sqlite3.Row) -> ScanRecord:
    finding = json.loads(row["finding"])
    return ScanRecord(
        entry_of(entry_row),
        row["path"],
        row["item_kind"],
        row["size"],
        row["changed_at"],
        judging_of(entry_row),
        finding,
    )


def entry_values(entry: Entry, judging: Judging, more_words: Sequence[str] = ()) -> dict[str, Any]:
    """The columns of ``entries``, without the number. ``words`` is all that a search looks through."""
    causes = [Cause(value).words for value in entry.causes if value in set(Cause)]
    words = [entry.title, entry.kind, entry.verdict.words, *causes, entry.note, entry.detector, judging.engine]
    return {
        "kind": entry.kind,
        "at": entry.at,
        "title": storable(entry.title),
        "verdict": entry.verdict.value,
        "causes": json.dumps(list(entry.causes)),
        "score": entry.score,
        "alarms": entry.alarms,
        "note": storable(entry.note),
        "detector": entry.detector,
        "judging": json.dumps(dataclasses.asdict(judging)),
        "words": storable(" ".join([*words, *more_words]).casefold()),
    }


def storable(text: str) -> str:
    """SQLite keeps Unicode only; the stray bytes that a file name may hold are written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def condition(query: Query) -> tuple[str, list[object]]:
    """The WHERE clause for ``query``, and its values."""
    parts: list[str] = []
    values: list[object] = []
    for word in query.text.casefold().split():
        parts.append("words LIKE ? ESCAPE '\\'")
        values.append(f"%{storable(word).translate(_ESCAPES)}%")
    for clause, value in (
        ("at >= ?", query.since),
        ("at < ?", query.until),
        ("verdict = ?", query.verdict.value if query.verdict is not None else None),
        ("kind = ?", query.kind),
    ):
        if value is not None:
            parts.append(clause)
            values.append(value)
    return (f" WHERE {' AND '.join(parts)}" if parts else ""), values
