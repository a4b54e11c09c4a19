"""How busy the analysis of one source is, and how to hold a file back so that it takes only so many cores."""

from __future__ import annotations

# Of a source's last frames: a second's worth at most sources.
_MEMORY = 0.9
_LONGEST_PAUSE_S = 1.0


class Load:
    """The share of the time between two frames that a searched one takes, smoothed. Used from one thread."""

    def __init__(self) -> None:
        self._last_at = 0
        self._between = self._spent = 0.0

    @property
    def share(self) -> float:
        """Above 1 a source sends more than can be searched; 0 while too little is known."""
        return self._spent / self._between if self._between > 0 else 0.0

    def add(self, captured_at: int, spent: int) -> None:
        """A frame grabbed at ``captured_at`` (monotonic ns) took ``spent`` ns; 0 where it was not searched."""
        if self._last_at and captured_at > self._last_at:
            self._between = _mixed(self._between, captured_at - self._last_at)
        self._last_at = captured_at
        if spent:
            self._spent = _mixed(self._spent, spent)


class Throttle:
    """Tells who works at a source that can wait how long to rest, for the whole process to stay within a budget."""

    def __init__(self) -> None:
        self._since: tuple[float, float] | None = None

    def pause_s(self, cores: float, wall_s: float, cpu_s: float) -> float:
        """Seconds to rest now; ``wall_s`` and ``cpu_s`` are readings of the clocks, ``cores`` may be infinite."""
        since, self._since = self._since, (wall_s, cpu_s)
        if since is None:
            return 0.0
        rest_s = min(max((cpu_s - since[1]) / cores - (wall_s - since[0]), 0.0), _LONGEST_PAUSE_S)
        self._since = (wall_s + rest_s, cpu_s)
        return rest_s


def _mixed(before: float, now: float) -> float:
    return _MEMORY * before + (1 - _MEMORY) * now if before else float(now)
