"""Writing a file all at once, with the rights that the person's umask gives.

The rule of the whole program: what it keeps in the person's own folders only they can read (0600, or a folder of
0700); what a person names with a path is theirs to pass on, and gets the rights that any program would give it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unmask.engines.errors import UsageError

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write ``content`` to ``path`` all at once: an interruption, or a power cut, leaves what was there before.

    Links are followed, a file that is replaced hands on its rights, and what is no file (a pipe, /dev/stdout) is
    written to, never replaced. A file name need not be Unicode: its stray bytes become ``\\udcXX``, which JSON reads
    as they were. Raises ``UsageError`` where it cannot be written. Waits for the disk: not for the thread of a window.
    """
    path, data = path.resolve(), _encoded(content)
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)
            return
        rights = path.stat().st_mode & 0o777 if path.exists() else None
        with _written_beside(path, data, rights, durable=True) as part:
            os.replace(part, path)
    except OSError as error:
        raise UsageError(
            f"Cannot write {path}: {error.strerror or error}. Give a file in a folder you own, on a disk with room."
        ) from None


def write_new(path: Path, content: str | bytes) -> None:
    """As ``write_whole``, but never over another file, and without waiting for the disk.

    Raises ``FileExistsError``, and ``OSError`` for the rest.
    """
    with _written_beside(path, _encoded(content), None, durable=False) as part:
        # No system call claims a name and fills it on every file system: claimed first, so that nothing is lost.
        os.close(os.open(path, _NEW, 0o666))
        try:
            os.replace(part, path)
        except BaseException:
            os.unlink(path)
            raise


def _encoded(content: str | bytes) -> bytes:
    return content.encode("utf-8", errors="backslashreplace") if isinstance(content, str) else content


@contextmanager
def _written_beside(path: Path, data: bytes, rights: int | None, *, durable: bool) -> Iterator[Path]:
    """A file beside ``path`` with all of ``data``; it is gone afterwards, unless it was renamed. Without ``rights``
    it has those of the umask; with them nobody else can read it before it has them."""
    part = path.with_name(f".unmask-{secrets.token_hex(6)}.part")
    # Not tempfile: its files are for the owner alone, whatever the umask says.
    handle = os.open(part, _NEW, 0o666 if rights is None else 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        if rights is not None:
            part.chmod(rights)
        yield part
    finally:
        part.unlink(missing_ok=True)
