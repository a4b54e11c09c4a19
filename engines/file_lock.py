"""A lock between processes that the system takes back when its holder dies.

Written here, with what Python brings: a package for it would be one more dependency of the core for forty
lines. ``flock`` and ``msvcrt.locking`` hold between threads of one process too, because each holder opens
the file anew.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from unmask.engines.errors import EngineError

_PAUSE_S = 0.1


@contextlib.contextmanager
def locked(path: Path, *, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the lock ``path`` (made where it is missing, left there afterwards: removing it would let two in).

    ``waiting`` is called every tenth of a second while somebody else holds it; whatever it raises ends the
    wait. Raises ``EngineError`` where the file cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise EngineError(
            f"The lock {path} cannot be made ({error.strerror or error}): make its folder yours, or free some "
            "space there."
        ) from error
    try:
        while not _take(handle):
            if waiting is not None:
                waiting()
            time.sleep(_PAUSE_S)
        try:
            yield
        finally:
            _give_back(handle)
    finally:
        os.close(handle)


if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> bool:
        try:
            os.lseek(handle, 0, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _give_back(handle: int) -> None:
        os.lseek(handle, 0, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _take(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _give_back(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)
