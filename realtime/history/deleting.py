"""Deleting so that nothing of it can be read in the file any more."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from unmask.realtime.history.records import HistoryError


def forget(connection: sqlite3.Connection, which: str, values: Sequence[object]) -> int:
    """Within a transaction: delete the entries for which ``which`` holds, with their events and pictures."""
    command = f"DELETE FROM entries WHERE {which}"  # noqa: S608 - `which` is written here, values are bound
    return connection.execute(command, values).rowcount


def forget_set_aside(path: Path) -> None:
    """Overwrite and remove the damaged files that were kept beside the history: they hold what it held."""
    for kept in path.parent.glob(f"{path.name}.broken*"):
        with contextlib.suppress(OSError), kept.open("r+b") as file:
            file.write(bytes(kept.stat().st_size))
        kept.unlink(missing_ok=True)


def scrub(connection: sqlite3.Connection, where: str) -> None:
    """Rebuild the file without free pages and empty its log: the log still holds what was there before.

    Raises ``HistoryError`` where another process that reads or writes keeps it from being done now; then the rows
    are gone, overwritten in the file, and the next deletion does the rest.
    """
    try:
        connection.execute("VACUUM")
        busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise
        busy = 1
    if busy:
        raise HistoryError(
            f"The entries are deleted, but {where} is in use by another Unmask, so traces stay in its log for now: "
            "close that one and delete once more."
        )
