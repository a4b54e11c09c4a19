"""Reading a file that somebody else may have put there: a pipe hangs nobody, an endless one does not fill memory."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

#: Without blocking: a pipe would wait for its other end.
FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def read_ordinary(path: Path, limit: int) -> bytes:
    """The bytes of an ordinary file of at most ``limit`` bytes.

    Raises ``OSError``, whose ``strerror`` says what is wrong in words: also for a pipe, a device, a folder, a path
    that is none, and a file that is larger or that grows meanwhile.
    """
    try:
        # Looked at before it is opened, because opening a device may already do something; and once more after.
        _checked(path.stat(), path, limit)
        with open(os.open(path, FLAGS), "rb") as stream:
            size = _checked(os.fstat(stream.fileno()), path, limit)
            raw = stream.read(size + 1)
    except ValueError as error:  # a null byte in the path
        raise OSError(errno.EINVAL, str(error), str(path)) from error
    if len(raw) > size:
        raise OSError(errno.EBUSY, "it grows while it is read", str(path))
    return raw


def _checked(facts: os.stat_result, path: Path, limit: int) -> int:
    """Its size in bytes."""
    if not stat.S_ISREG(facts.st_mode):
        raise OSError(errno.EINVAL, "it is not an ordinary file", str(path))
    if facts.st_size > limit:
        size = f"{limit >> 20} MiB" if limit >= 1 << 20 else f"{limit >> 10} KiB"
        raise OSError(errno.EFBIG, f"it is larger than {size}", str(path))
    return facts.st_size
