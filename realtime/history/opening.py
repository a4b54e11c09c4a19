"""Opening the history's file: whose it is, who may read it, and what happens to a damaged one."""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
import threading
from pathlib import Path

import platformdirs

from unmask.engines.plain_text import plain
from unmask.realtime.history.records import HistoryError
from unmask.realtime.history.schema import misfit, prepare

#: How long to wait for another process that is writing.
_WAIT_S = 5.0
# SQLite keeps these two beside the file while it is in use.
_COMPANIONS = ("-wal", "-shm", "-journal")
_making = threading.Lock()


def history_file() -> Path:
    """Where the history lies unless told otherwise: in the user's data folder. Makes nothing."""
    return Path(platformdirs.user_data_dir("unmask", appauthor=False)) / "history.sqlite"


def connect(path: Path) -> tuple[sqlite3.Connection, str]:
    """An open, checked and current database, and one sentence where a damaged one had to be set aside (else "").

    The file is made where there is none, readable by its owner only. A damaged one is renamed to ``NAME.broken``
    (``.broken-2``, ...). Raises ``HistoryError`` where it cannot be opened at all.
    """
    _make_private(path)
    before = _identity(path)
    try:
        return _opened(path), ""
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise HistoryError(f"The history {path} cannot be opened: {remedy(error)}.") from error
        kept = _set_aside(path, before)
        _make_private(path)
        try:
            opened = _opened(path)
        except sqlite3.DatabaseError as again:
            raise HistoryError(f"The history {path} cannot be opened: {remedy(again)}.") from again
        if kept is None:  # another process was quicker, and has said so
            return opened, ""
        why = plain(" ".join(str(error).split()))
        return opened, f"The history {path} was damaged ({why}): it was kept as {kept.name}, and a new one begun."


def remedy(error: sqlite3.Error) -> str:
    """What is wrong, in words that a person can act on; without the full stop."""
    said = plain(" ".join(str(error).split()))
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        primary = code & 0xFF
        if primary == sqlite3.SQLITE_FULL:
            return "the disk is full; make room on it"
        if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            return "it may not be written; check the permissions of the file and of its folder"
        if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return "another program holds it; close the other Unmask and try again"
        if primary == sqlite3.SQLITE_IOERR:
            return f"the disk does not take or give it ({said}); check that there is room and that the disk is well"
    if is_damage(error):
        return f"it is damaged ({said}); close Unmask and start it again, which sets the damaged file aside"
    return said


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is no database, or a broken one."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _opened(path: Path) -> sqlite3.Connection:
    # One lock of the store's own stands for the check of threads. Transactions are begun by hand.
    connection = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        # A damaged letter costs itself, and not everything that is asked for with it.
        connection.text_factory = functools.partial(str, encoding="utf-8", errors="replace")
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
        # With a log ahead, a power cut costs the last moments at most, and no write waits for the disk.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")
        # What was deleted must not lie about in a temporary file either.
        connection.execute("PRAGMA temp_store = MEMORY")
        _prepare(connection, path)
        # The quick check looks past an index that tells of other rows: a list by pages would then lack some.
        broken = misfit(connection) or connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if broken != "ok":
            raise _damage(broken)
    except UnicodeDecodeError as error:  # SQLite complains in the words of the file, which are no text
        connection.close()
        raise _damage("its tables have no names") from error
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    try:
        prepare(connection, str(path))
    except sqlite3.OperationalError as error:
        # What a file of some version lacks or has already: somebody else had it in hand.
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_ERROR:
            raise _damage(str(error)) from error
        raise


def _damage(words: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(words)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _make_private(path: Path) -> None:
    """SQLite gives its companions the rights of the file: it is made before SQLite could make it for everybody.

    A file that is there is never opened here: closing it would let go of the locks that this process holds on it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _making:
            try:
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            except FileExistsError:
                if not path.is_file():  # SQLite would wait for the other end of a pipe
                    raise HistoryError(f"The history {path} is not an ordinary file: move it away.") from None
                if os.name == "posix" and path.stat().st_mode & 0o077:
                    path.chmod(0o600)
    except OSError as error:
        raise HistoryError(
            f"The history {path} cannot be written ({error.strerror}): check the permissions of its folder and "
            "that the disk has room."
        ) from error


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _set_aside(path: Path, damaged: tuple[int, int]) -> Path | None:
    """Rename the damaged file; ``None`` where it is another file by now: somebody else has renamed it."""
    number, kept = 1, path.with_name(f"{path.name}.broken")
    while kept.exists():
        number += 1
        kept = path.with_name(f"{path.name}.broken-{number}")
    try:
        if _identity(path) != damaged:
            return None
        path.rename(kept)
        for suffix in _COMPANIONS:
            with contextlib.suppress(FileNotFoundError):
                path.with_name(path.name + suffix).rename(kept.with_name(kept.name + suffix))
    except OSError as error:
        raise HistoryError(
            f"The history {path} is damaged and cannot be set aside ({error.strerror}): move it away yourself."
        ) from error
    return kept
