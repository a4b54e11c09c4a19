"""The history in other programs' hands: JSON with everything but pictures, CSV with a line per entry."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from unmask.realtime.history.records import DamagedEntry, Entry, Query, ScanRecord, SessionRecord
from unmask.realtime.history.store import History

VERSION = 1
_COLUMNS = ("number", "kind", "at", "what", "verdict", "why", "highest score", "alarms", "detector")
#: A table program would take a cell that begins so for a formula, and file names are written by strangers.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_json(record: SessionRecord | ScanRecord) -> dict[str, Any]:
    """One entry with all that is known of it; times as ISO 8601 in UTC. Pictures are counted, never included."""
    entry = record.entry
    plain: dict[str, Any] = {
        "number": entry.entry_id,
        "kind": entry.kind,
        "at": iso(entry.at),
        "what": entry.title,
        "verdict": entry.verdict.value,
        "causes": list(entry.causes),
        "score": entry.score,
        "alarms": entry.alarms,
        "note": entry.note,
        "judged_by": dataclasses.asdict(record.judging),
    }
    if isinstance(record, ScanRecord):
        changed = None if record.changed_at is None else iso(record.changed_at)
        return plain | {"size": record.size, "changed_at": changed, "finding": dict(record.finding)}
    return plain | {
        "ended_at": None if record.ended_at is None else iso(record.ended_at),
        "seen_at": iso(record.seen_at),
        "watched_s": record.watched_s,
        "coverage": _rounded(record.coverage),
        "sources": [dataclasses.asdict(source) | {"coverage": _rounded(source.coverage)} for source in record.sources],
        "events": [
            {name: value for name, value in dataclasses.asdict(event).items() if name not in ("event_id", "at")}
            | {"at": iso(event.at)}
            for event in record.events
        ],
    }


def listed_as_json(history: History, entry: Entry) -> dict[str, Any]:
    """``as_json`` of an entry; of a damaged one its number and what is wrong with it."""
    try:
        return as_json(history.record(entry.entry_id))
    except DamagedEntry as error:
        return {"number": entry.entry_id, "kind": entry.kind, "damaged": str(error)}


def json_text(history: History, query: Query | None = None) -> Iterator[str]:
    """The whole document piece by piece: a long history need not fit into memory twice."""
    yield f'{{"version": {VERSION}, "hint": "A hint, never proof: confirm through another channel.", "entries": ['
    between = "\n"
    for entry in history.entries(query):
        yield between + json.dumps(listed_as_json(history, entry), ensure_ascii=False)
        between = ",\n"
    yield "\n]}\n"


def csv_text(entries: Iterable[Entry]) -> Iterator[str]:
    """A line of names and a line per entry."""
    yield _csv_line(_COLUMNS)
    for entry in entries:
        score = "" if entry.score is None else f"{entry.score:.4f}"
        yield _csv_line(
            [
                str(entry.entry_id),
                entry.kind,
                iso(entry.at),
                entry.title,
                entry.verdict.words,
                entry.why.lstrip(",:; "),
                score,
                str(entry.alarms),
                entry.detector,
            ]
        )


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def _csv_line(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(
        [f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells]
    )
    return line.getvalue()


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
