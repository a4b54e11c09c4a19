"""The file of a search: an Optuna study per phase, in SQLite, used by one process at a time."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unmask.engines.errors import UnmaskError


class StudyError(UnmaskError):
    """The file of a search cannot be used, or belongs to another search."""


@contextlib.contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold ``path``.lock. Raises ``StudyError`` while another process does; a killed one holds nothing.

    Two at once would each take the other's running trial for one that was cut off.
    """
    try:
        # A lock of SQLite's own works alike on every system, which file locks do not.
        with contextlib.closing(sqlite3.connect(f"{path}.lock", timeout=0.0)) as lock:
            lock.execute("BEGIN EXCLUSIVE")
            yield
    except sqlite3.OperationalError as error:
        raise StudyError(f"Another process is using {path}, or it cannot be written: {error}.") from error


def check_file(path: Path) -> None:
    """Raise ``StudyError`` unless ``path`` is new, or a file of Optuna's."""
    if not path.resolve().parent.is_dir():
        raise StudyError(f"{path} cannot be made: the folder it should lie in does not exist.")
    if not path.exists():
        return
    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as opened:
            tables = {row[0] for row in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.Error as error:
        raise StudyError(f"{path} is no SQLite file: give a new one for this search.") from error
    if tables and "studies" not in tables:
        raise StudyError(f"{path} is a database of something else: give a new file for this search.")


def open_storage(path: Path) -> Any:
    """Optuna's storage in ``path``. Raises ``StudyError``."""
    import optuna

    check_file(path)
    try:
        return optuna.storages.RDBStorage(f"sqlite:///{path.resolve().as_posix()}")
    except RuntimeError as error:  # written by another version of Optuna
        reason = str(error).splitlines()[0]
        raise StudyError(f"{path} cannot be read: {reason}") from error
