"""What this process has used so far: time, processor time by thread, memory, threads, file handles."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

_PROC = Path("/proc/self")


class Stopwatch:
    """Wall and processor seconds of the whole process, all threads, over a ``with`` block."""

    wall_s = 0.0
    cpu_s = 0.0

    def __enter__(self) -> Self:
        self._wall, self._cpu = time.monotonic(), time.process_time()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wall_s, self.cpu_s = time.monotonic() - self._wall, time.process_time() - self._cpu


def cpu_by_thread() -> dict[str, float]:
    """Processor seconds by the name of each thread that lives now; Python's own threads only, Linux only.

    Names that several threads share are added up. Empty where the system keeps no such count.
    """
    spent: dict[str, float] = {}
    for thread in threading.enumerate():
        try:
            # First number: nanoseconds on a processor. ``stat`` counts in steps of 10 ms, too coarse here.
            words = (_PROC / "task" / str(thread.native_id) / "schedstat").read_text(encoding="ascii").split()
            spent[thread.name] = spent.get(thread.name, 0.0) + int(words[0]) / 1e9
        except (OSError, ValueError, IndexError):
            continue
    return spent


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process holds at one moment; ``None`` where the system does not tell.

    ``memory_mib`` is the resident memory, ``os_threads`` counts those of libraries too.
    """

    memory_mib: float | None
    os_threads: int | None
    handles: int | None

    @classmethod
    def now(cls) -> Self:
        return cls(_resident_mib(), _entries("task"), _entries("fd"))


def _resident_mib() -> float | None:
    try:
        pages = int((_PROC / "statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def _entries(folder: str) -> int | None:
    try:
        return len(os.listdir(_PROC / folder))
    except OSError:
        return None
