"""Between the history's values and the rows they are stored as. What is read back is checked: ``DamagedRow``."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from unmask.realtime.history import checks
from unmask.realtime.history.checks import DamagedRow
from unmask.realtime.history.records import (
    Entry,
    EventRecord,
    Judging,
    Kind,
    Query,
    ScanRecord,
    SessionRecord,
    SourceAccount,
)
from unmask.realtime.types import Cause, Verdict

_ESCAPES = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})
_KINDS: dict[object, Kind] = {"session": "session", "scan": "scan"}


def entry_of(row: sqlite3.Row) -> Entry:
    kind = _KINDS.get(row["kind"])
    verdict = next((verdict for verdict in Verdict if verdict.value == row["verdict"]), None)
    if kind is None or verdict is None:
        raise DamagedRow("its kind or its verdict is none that there is")
    return Entry(
        row["id"],
        kind,
        checks.moment(row["at"], "its time"),
        checks.text(row["title"], "its title"),
        verdict,
        checks.texts(row["causes"], "the causes"),
        checks.number_or_none(row["score"], "its score"),
        checks.whole(row["alarms"], "the number of its alarms"),
        checks.text(row["detector"], "its detector"),
        checks.text(row["note"], "its note"),
    )


def listed(row: sqlite3.Row) -> Entry:
    """``entry_of``, and for a damaged row an entry that says so: one of them must not hide all the others."""
    try:
        return entry_of(row)
    except DamagedRow as error:
        try:
            at = checks.moment(row["at"], "its time")
        except DamagedRow:
            at = 0.0
        note = f"the entry is damaged ({error}): delete it"
        return Entry(
            row["id"], _KINDS.get(row["kind"], "scan"), at, "(damaged)", Verdict.CANNOT_JUDGE, (), None, 0, "", note
        )


def judging_of(row: sqlite3.Row) -> Judging:
    return checks.judging(row["judging"])


def session_of(
    row: sqlite3.Row, sources: Iterable[sqlite3.Row], events: Iterable[sqlite3.Row], entry_row: sqlite3.Row
) -> SessionRecord:
    return SessionRecord(
        entry_of(entry_row),
        checks.moment_or_none(row["ended_at"], "its end"),
        checks.moment(row["seen_at"], "its last moment"),
        judging_of(entry_row),
        tuple(_account_of(found) for found in sources),
        tuple(_event_of(found) for found in events),
    )


def _account_of(found: sqlite3.Row) -> SourceAccount:
    return SourceAccount(
        checks.text(found["source"], "a source"),
        *(checks.number(found[name], name) for name in ("watched_s", "face_s", "judged_s", "no_signs_s")),
        alarms=checks.whole(found["alarms"], "the number of a source's alarms"),
        state=checks.text(found["state"], "a source's state"),
        message=checks.text(found["message"], "a source's message"),
        causes=checks.texts(found["causes"], "a source's causes"),
    )


def _event_of(found: sqlite3.Row) -> EventRecord:
    return EventRecord(
        checks.text(found["source"], "an alarm's source"),
        checks.whole(found["track"], "an alarm's face"),
        checks.number(found["start_s"], "an alarm's start"),
        checks.number_or_none(found["end_s"], "an alarm's end"),
        checks.number(found["peak_score"], "an alarm's score"),
        checks.moment(found["at"], "an alarm's time"),
        checks.text(found["detector"], "an alarm's detector"),
        found["id"],
        found["pictures"],
    )


def scan_of(row: sqlite3.Row, entry_row: sqlite3.Row) -> ScanRecord:
    size = row["size"]
    return ScanRecord(
        entry_of(entry_row),
        checks.text(row["path"], "its path"),
        checks.text(row["item_kind"], "its kind"),
        None if size is None else checks.whole(size, "its size"),
        checks.shown_moment(row["changed_at"], "the time of the file"),
        judging_of(entry_row),
        checks.finding(row["finding"]),
    )


def picture_of(row: sqlite3.Row) -> tuple[float, bytes]:
    if not isinstance(row["jpeg"], bytes):
        raise DamagedRow("a picture is none")
    return checks.number(row["time_s"], "a picture's time"), row["jpeg"]


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
