"""The history as a whole: what is written while watching and scanning, and what is looked up later."""

from __future__ import annotations

import functools
import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from unmask.realtime.history.checks import DamagedRow
from unmask.realtime.history.deleting import forget, forget_set_aside, scrub
from unmask.realtime.history.opening import connect, history_file, remedy
from unmask.realtime.history.records import (
    DamagedEntry,
    Entry,
    EventRecord,
    HistoryError,
    Judging,
    Query,
    ScanRecord,
    SessionRecord,
    SourceAccount,
)
from unmask.realtime.history.rows import condition, entry_values, listed, picture_of, scan_of, session_of, storable


class History:
    """One open history. Any thread may use it, one at a time; other processes may use the file meanwhile.

    Every method raises ``HistoryError`` (one sentence) where the file cannot be read or written.
    ``notice`` is one sentence where a damaged file was set aside on opening, else empty.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or history_file()
        self._lock = threading.RLock()
        self._connection, self.notice = connect(self.path)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Writing

    def put_session(
        self,
        entry: Entry,
        judging: Judging,
        sources: Sequence[SourceAccount],
        *,
        ended_at: float | None = None,
    ) -> int:
        """Store a session, or what became of it where ``entry`` has a number; returns the number.

        Where it was deleted meanwhile, nothing is written and 0 is returned.
        """
        with self._writing() as connection:
            words = [source.message for source in sources]
            number = _put_entry(connection, entry, judging, words)
            if number == 0:
                return 0
            connection.execute(
                "INSERT INTO sessions VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at, "
                "seen_at = excluded.seen_at",
                (number, ended_at, time.time()),
            )
            connection.executemany(
                "INSERT OR REPLACE INTO session_sources VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [_source_values(number, source) for source in sources],
            )
            return number

    def put_event(self, session: int, event: EventRecord) -> int:
        """Store an alarm, or what became of it; returns its number, 0 where the session was deleted."""
        with self._writing() as connection:
            if connection.execute("SELECT 1 FROM sessions WHERE id = ?", (session,)).fetchone() is None:
                return 0
            connection.execute(
                "INSERT INTO events (session, source, track, start_s, end_s, peak_score, at, detector) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (session, source, track, start_s) DO UPDATE SET "
                "end_s = excluded.end_s, peak_score = excluded.peak_score",
                (
                    session,
                    storable(event.source),
                    event.track,
                    event.start_s,
                    event.end_s,
                    event.peak_score,
                    event.at,
                    event.detector,
                ),
            )
            found = connection.execute(
                "SELECT id FROM events WHERE session = ? AND source = ? AND track = ? AND start_s = ?",
                (session, storable(event.source), event.track, event.start_s),
            )
            return found.fetchone()[0]

    def put_picture(self, event: int, time_s: float, score: float | None, jpeg: bytes) -> None:
        """Keep one picture of an alarm's face. Only where the person allowed it: nobody asks again here."""
        with self._writing() as connection:
            connection.execute(
                "INSERT INTO pictures (event, time_s, score, jpeg) SELECT ?, ?, ?, ? "
                "WHERE EXISTS (SELECT 1 FROM events WHERE id = ?)",
                (event, time_s, score, jpeg, event),
            )

    def put_scan(self, scan: ScanRecord) -> int:
        """Store the finding on one item; returns its number."""
        with self._writing() as connection:
            number = _put_entry(connection, scan.entry, scan.judging, [scan.path])
            finding = storable(json.dumps(scan.finding, ensure_ascii=False))
            connection.execute(
                "INSERT INTO scans VALUES (?, ?, ?, ?, ?, ?)",
                (number, storable(scan.path), scan.item_kind, scan.size, scan.changed_at, finding),
            )
            return number

    # Reading

    def entries(
        self, query: Query | None = None, *, limit: int | None = None, after: Entry | None = None
    ) -> list[Entry]:
        """The newest first; at most ``limit``, those that follow ``after``: so a long list comes page by page."""
        where, values = condition(query or Query())
        if after is not None:
            # By what is stored: a damaged time is listed as another one. The entry may be gone by now.
            stored = "coalesce((SELECT at FROM entries WHERE id = ?), ?)"
            where += (" AND" if where else " WHERE") + f" (at, id) < ({stored}, ?)"
            values += [after.entry_id, after.at, after.entry_id]
        with self._reading() as connection:
            rows = connection.execute(
                f"SELECT * FROM entries{where} ORDER BY at DESC, id DESC LIMIT ?",  # noqa: S608 - `where` has marks only
                (*values, -1 if limit is None else limit),
            )
            return [listed(row) for row in rows]

    def count(self, query: Query | None = None) -> int:
        where, values = condition(query or Query())
        with self._reading() as connection:
            count = f"SELECT count(*) FROM entries{where}"  # noqa: S608 - `where` has marks only
            return connection.execute(count, values).fetchone()[0]

    def require(self, entry_id: int) -> None:
        """Raise ``HistoryError`` where there is no such entry (any more); a damaged one is there."""
        with self._reading() as connection:
            _entry_row(connection, entry_id)

    def record(self, entry_id: int) -> SessionRecord | ScanRecord:
        """Everything about one entry but its pictures. Raises ``HistoryError`` where there is none (any more),
        ``DamagedEntry`` where it cannot be understood."""
        with self._reading() as connection:
            entry = _entry_row(connection, entry_id)
            one = functools.partial(_rows_of, connection, number=entry_id)
            try:
                if entry["kind"] == "scan":
                    return scan_of(_first(one("SELECT * FROM scans WHERE id = ?")), entry)
                events = one(
                    "SELECT *, (SELECT count(*) FROM pictures WHERE event = events.id) AS pictures FROM events "
                    "WHERE session = ? ORDER BY at, id"
                )
                sources = one("SELECT * FROM session_sources WHERE session = ? ORDER BY source")
                return session_of(_first(one("SELECT * FROM sessions WHERE id = ?")), sources, events, entry)
            except DamagedRow as error:
                raise DamagedEntry(
                    f"Entry {entry_id} of the history is damaged ({error}): delete it, with `unmask history delete "
                    f"{entry_id}` or in the window."
                ) from error

    def pictures(self, event: int) -> list[tuple[float, bytes]]:
        """(seconds on the source's timeline, JPEG) of one alarm, in order."""
        with self._reading() as connection:
            rows = connection.execute("SELECT time_s, jpeg FROM pictures WHERE event = ? ORDER BY time_s, id", (event,))
            try:
                return [picture_of(row) for row in rows]
            except DamagedRow as error:
                raise DamagedEntry(
                    f"The pictures of alarm {event} in the history are damaged ({error}): delete its entry."
                ) from error

    def pictures_kept(self) -> tuple[int, int]:
        """How many pictures there are in all, and how many bytes they take."""
        with self._reading() as connection:
            return tuple(connection.execute("SELECT count(*), coalesce(sum(length(jpeg)), 0) FROM pictures").fetchone())

    # Deleting

    def delete(self, entry_ids: Iterable[int]) -> int:
        """Delete entries with all that belongs to them, and overwrite what they took; returns how many there were."""
        with self._writing() as connection:
            gone = sum(forget(connection, "id = ?", [entry_id]) for entry_id in entry_ids)
        return self._scrubbed(gone)

    def delete_all(self) -> int:
        """Delete everything, damaged files that were set aside too; returns how many entries there were."""
        with self._writing() as connection:
            gone = forget(connection, "1", [])
        forget_set_aside(self.path)
        return self._scrubbed(gone)

    def delete_older(self, days: float) -> int:
        """Keep to the time for which the person wants things kept; returns how many entries went."""
        with self._writing() as connection:
            gone = forget(connection, "at < ?", [time.time() - days * 86_400])
        return self._scrubbed(gone) if gone else 0

    def delete_pictures(self) -> int:
        """Delete every picture and nothing else; returns how many there were."""
        with self._writing() as connection:
            gone = connection.execute("DELETE FROM pictures").rowcount
        return self._scrubbed(gone)

    def _scrubbed(self, gone: int) -> int:
        with self._lock, _named(self.path, "written"):
            scrub(self._connection, str(self.path))
        return gone

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """One moment of the history, whatever is written meanwhile."""
        with self._transaction("DEFERRED", "read") as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing. A transaction that means to write says so at once: it waits, it never fails later."""
        with self._transaction("IMMEDIATE", "written") as connection:
            yield connection

    @contextmanager
    def _transaction(self, kind: str, doing: str) -> Iterator[sqlite3.Connection]:
        with self._lock, _named(self.path, doing):
            self._connection.execute(f"BEGIN {kind}")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


@contextmanager
def _named(path: Path, doing: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise HistoryError(f"The history {path} cannot be {doing}: {remedy(error)}.") from error
    except UnicodeDecodeError as error:  # SQLite complains in the words of a damaged file
        raise HistoryError(
            f"The history {path} cannot be {doing}: it is damaged; close Unmask and start it again, which sets the "
            "damaged file aside."
        ) from error


def _entry_row(connection: sqlite3.Connection, entry_id: int) -> sqlite3.Row:
    entry = connection.execute("SELECT * FROM entries WHERE id = ?", (entry_id,)).fetchone()
    if entry is None:
        raise HistoryError(f"The history has no entry {entry_id}: see `unmask history list`.")
    return entry


def _first(rows: list[sqlite3.Row]) -> sqlite3.Row:
    if not rows:
        raise DamagedRow("half of it is missing")
    return rows[0]


def _rows_of(connection: sqlite3.Connection, statement: str, *, number: int) -> list[sqlite3.Row]:
    return connection.execute(statement, (number,)).fetchall()


def _put_entry(connection: sqlite3.Connection, entry: Entry, judging: Judging, words: Sequence[str]) -> int:
    values = entry_values(entry, judging, words)
    if entry.entry_id:
        changes = ", ".join(f"{name} = :{name}" for name in values)
        command = f"UPDATE entries SET {changes} WHERE id = :id"  # noqa: S608 - names of columns and marks
        done = connection.execute(command, {**values, "id": entry.entry_id})
        return entry.entry_id if done.rowcount else 0
    names = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    command = f"INSERT INTO entries ({names}) VALUES ({marks})"  # noqa: S608 - names of columns and marks
    done = connection.execute(command, values)
    assert done.lastrowid is not None
    return done.lastrowid


def _source_values(session: int, source: SourceAccount) -> tuple[object, ...]:
    return (
        session,
        storable(source.source),
        source.watched_s,
        source.face_s,
        source.judged_s,
        source.no_signs_s,
        source.alarms,
        source.state,
        storable(source.message),
        json.dumps(list(source.causes)),
    )
