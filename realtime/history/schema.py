"""The tables of the history and how an older file becomes the present one. ``user_version`` tells which it is."""

from __future__ import annotations

import contextlib
import functools
import sqlite3
from collections.abc import Sequence

from unmask.realtime.history.records import HistoryError

VERSION = 2

# One list of entries for both kinds, so that the list, the search and the numbers a person types need no union.
_FIRST = """
CREATE TABLE entries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL CHECK (kind IN ('session', 'scan')), at REAL NOT NULL,
    title TEXT NOT NULL, verdict TEXT NOT NULL, causes TEXT NOT NULL DEFAULT '[]', score REAL,
    alarms INTEGER NOT NULL DEFAULT 0, note TEXT NOT NULL DEFAULT '', detector TEXT NOT NULL, judging TEXT NOT NULL,
    words TEXT NOT NULL);
CREATE INDEX entries_by_time ON entries (at DESC, id DESC);
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY REFERENCES entries (id) ON DELETE CASCADE, ended_at REAL, seen_at REAL NOT NULL);
CREATE TABLE session_sources (
    session INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE, source TEXT NOT NULL,
    watched_s REAL NOT NULL, face_s REAL NOT NULL, judged_s REAL NOT NULL, no_signs_s REAL NOT NULL,
    alarms INTEGER NOT NULL, state TEXT NOT NULL, message TEXT NOT NULL, causes TEXT NOT NULL,
    PRIMARY KEY (session, source)) WITHOUT ROWID;
CREATE TABLE events (
    id INTEGER PRIMARY KEY, session INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    source TEXT NOT NULL, track INTEGER NOT NULL, start_s REAL NOT NULL, end_s REAL, peak_score REAL NOT NULL,
    at REAL NOT NULL, detector TEXT NOT NULL, UNIQUE (session, source, track, start_s));
CREATE TABLE scans (
    id INTEGER PRIMARY KEY REFERENCES entries (id) ON DELETE CASCADE, path TEXT NOT NULL, item_kind TEXT NOT NULL,
    size INTEGER, changed_at REAL, finding TEXT NOT NULL);
"""

_PICTURES = """
CREATE TABLE pictures (
    id INTEGER PRIMARY KEY, event INTEGER NOT NULL REFERENCES events (id) ON DELETE CASCADE, time_s REAL NOT NULL,
    score REAL, jpeg BLOB NOT NULL);
CREATE INDEX pictures_by_event ON pictures (event);
"""

#: What brings a file of version N to N + 1, at place N.
STEPS = (_FIRST, _PICTURES)


def prepare(connection: sqlite3.Connection, where: str) -> None:
    """Bring the file to ``VERSION``, all at once or not at all; two processes may try it at the same time.

    Raises ``HistoryError`` for a file of a newer Unmask, and leaves that as it is.
    """
    if _version(connection) != VERSION:
        connection.execute("BEGIN IMMEDIATE")
        try:
            found = _version(connection)  # again: another process may have been here first
            if found > VERSION:
                raise HistoryError(
                    f"The history {where} was written by a newer Unmask (its form is {found}, this one reads "
                    f"{VERSION}): update Unmask, or move the file away."
                )
            _run(connection, STEPS[found:])
            connection.execute(f"PRAGMA user_version = {VERSION}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # SQLite itself rolls back on a full disk
                connection.execute("ROLLBACK")
            raise


def misfit(connection: sqlite3.Connection) -> str:
    """In words, what the tables of a file of ``VERSION`` lack or have besides; empty where they are those of a history.
    A view or a trigger would make of every question whatever somebody wrote into the file."""
    lacking = sorted(_columns_wanted() - _columns(connection))
    if lacking:
        return f"it lacks {'.'.join(lacking[0])}"
    others = "SELECT name FROM sqlite_master WHERE type NOT IN ('table', 'index')"
    found = connection.execute(others).fetchone()
    return f"it holds {found[0]!r}, which is no table" if found else ""


@functools.cache
def _columns_wanted() -> frozenset[tuple[str, str]]:
    with contextlib.closing(sqlite3.connect(":memory:")) as fresh:
        _run(fresh, STEPS)
        return _columns(fresh)


def _columns(connection: sqlite3.Connection) -> frozenset[tuple[str, str]]:
    """(table, column) of every table."""
    rows = connection.execute(
        "SELECT t.name, c.name FROM sqlite_master AS t, pragma_table_info(t.name) AS c WHERE t.type = 'table'"
    )
    return frozenset((row[0], row[1]) for row in rows)


def _run(connection: sqlite3.Connection, steps: Sequence[str]) -> None:
    for step in steps:
        for statement in step.split(";\n"):
            if statement.strip():
                connection.execute(statement)


def _version(connection: sqlite3.Connection) -> int:
    return connection.execute("PRAGMA user_version").fetchone()[0]
