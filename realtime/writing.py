"""Writing a file all at once."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from unmask.engines.errors import UsageError


def write_whole(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` all at once: an interruption leaves what was there before.

    Links are followed, and what is no file (a pipe, /dev/stdout) is written to, never replaced. A file name
    need not be Unicode: its stray bytes become ``\\udcXX``, which JSON reads as they were.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
        return
    try:
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise UsageError(f"Cannot write {path}: {error.strerror}. Give a file in a folder you own.") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        os.replace(part, path)
    except BaseException:
        os.unlink(part)
        raise
