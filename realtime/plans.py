"""What a session is told: which sources, and how it is to treat them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from unmask.realtime.capture import ReconnectPolicy
from unmask.realtime.faces.finder import FaceFinder
from unmask.realtime.sources.base import FrameSource


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """One source to watch. ``make`` builds it (unopened); it is called again for every reconnect.
    ``finder`` is this source's own: the session closes it."""

    source_id: str
    make: Callable[[], FrameSource]
    finder: FaceFinder


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """``alarms_per_hour`` is the false-alarm budget; ``pace`` plays files at their own speed;
    a live source that sends nothing is called stalled after ``stall_after_s`` and opened again
    after ``restart_after_s``; the alarms of one that is away end after ``alarms_end_after_s``. An engine
    that does not answer is named after ``hang_after_s``. ``cpu_budget``: at most so many cores."""

    alarms_per_hour: float = 1.0
    pace: bool = False
    stall_after_s: float = 2.0
    restart_after_s: float = 8.0
    reconnect: ReconnectPolicy | None = None
    alarms_end_after_s: float = 3.0
    hang_after_s: float = 5.0
    cpu_budget: float | None = None
