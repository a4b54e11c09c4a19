"""How moments are called: time of day for live sources, minutes and seconds for files. No Qt in here."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable
from datetime import datetime

from unmask.realtime.types import Frame

#: Steps between marks on the axis, in seconds.
STEPS = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
# Less is jitter between two clocks; more means that the machine slept, or its clock was set.
_LEAP_S = 1.0


class TimeWords:
    """One source's timeline in words. ``live`` may be set at any time."""

    def __init__(
        self, *, wall_s: Callable[[], float] = time.time, now_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self.live = False
        self._wall_s, self._now_ns = wall_s, now_ns
        self._offsets: list[tuple[float, float]] = []  # from which time on, and what the time of day is more than it

    def note(self, frame: Frame) -> None:
        """Learn the time of day of the source's timeline."""
        wall_s = self._wall_s() - (self._now_ns() - frame.captured_at) / 1e9
        offset = wall_s - frame.time_s
        if self._offsets and frame.time_s < self._offsets[-1][0]:
            self._offsets = []
        if not self._offsets:
            self._offsets = [(float("-inf"), offset)]
        elif abs(offset - self._offsets[-1][1]) > _LEAP_S:
            self._offsets.append((frame.time_s, offset))

    def shift(self, time_s: float) -> float:
        """What makes marks fall on whole minutes of the day; 0 for files."""
        return self._offset(time_s) if self.live else 0.0

    def words(self, time_s: float, step_s: float = 1.0) -> str:
        """``14:03:20`` or ``2:05``; with tenths where ``step_s`` is below a second, ``14:03`` from a minute on."""
        if self.live and self._offsets:
            moment = datetime.fromtimestamp(time_s + self._offset(time_s) + (0.05 if step_s < 1 else 0.5))
            if step_s < 1:
                return f"{moment:%H:%M:%S}.{moment.microsecond // 100_000}"
            return f"{moment:%H:%M}" if step_s >= 60 else f"{moment:%H:%M:%S}"
        tenths = round(max(0.0, time_s) * 10) if step_s < 1 else round(max(0.0, time_s)) * 10
        minutes, rest = divmod(tenths, 600)
        hours, minutes = divmod(minutes, 60)
        hour = f"{hours}:{minutes:02}" if hours else f"{minutes}"
        return f"{hour}:{rest / 10:04.1f}" if step_s < 1 else f"{hour}:{rest // 10:02}"

    def _offset(self, time_s: float) -> float:
        if not self._offsets:
            return 0.0
        return self._offsets[max(0, bisect_right(self._offsets, time_s, key=lambda one: one[0]) - 1)][1]


def step_for(span_s: float, most_marks: float) -> float:
    """The smallest step that puts at most ``most_marks`` marks on the axis."""
    return next((step for step in STEPS if span_s / step <= most_marks), STEPS[-1])
