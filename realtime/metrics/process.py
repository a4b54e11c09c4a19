"""What the process takes from the machine: processor time, memory, threads, open handles."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc/self")
#: Over how many seconds the cores in use are reckoned, and how far apart samples lie at least.
_OVER_S, _EVERY_S = 10.0, 0.5


@dataclass(frozen=True, slots=True)
class ProcessView:
    """``cores`` is how many processor cores were kept busy on average over the last ten seconds, threads
    of the runtimes included. ``None`` stands for what this system does not tell (memory and handles are
    read from Linux's /proc), or not yet."""

    cpu_s: float
    cores: float | None
    rss_bytes: int | None
    threads: int
    handles: int | None


class ProcessMeter:
    """Any thread may ``sample`` it (cheap, at any rate) and ``view`` it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._samples: deque[tuple[float, float]] = deque()
        self.sample()

    def sample(self) -> None:
        self.note(time.monotonic(), time.process_time())

    def note(self, wall_s: float, cpu_s: float) -> None:
        with self._lock:
            if self._samples and wall_s - self._samples[-1][0] < _EVERY_S:
                return
            self._samples.append((wall_s, cpu_s))
            while len(self._samples) > 2 and wall_s - self._samples[1][0] >= _OVER_S:
                self._samples.popleft()

    def cores(self) -> float | None:
        with self._lock:
            (wall_0, cpu_0), (wall_1, cpu_1) = self._samples[0], self._samples[-1]
        return (cpu_1 - cpu_0) / (wall_1 - wall_0) if wall_1 > wall_0 else None

    def view(self) -> ProcessView:
        self.sample()
        tasks = _entries("task")
        return ProcessView(
            cpu_s=time.process_time(),
            cores=self.cores(),
            rss_bytes=_rss_bytes(),
            threads=threading.active_count() if tasks is None else tasks,
            handles=_entries("fd"),
        )


def _rss_bytes() -> int | None:
    try:
        for line in (_PROC / "status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


def _entries(folder: str) -> int | None:
    try:
        return sum(1 for _ in (_PROC / folder).iterdir())
    except OSError:
        return None
