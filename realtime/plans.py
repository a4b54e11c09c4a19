"""What a session is told: which sources, and how it is to treat them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from unmask.realtime.capture import ReconnectPolicy
from unmask.realtime.faces.finder import FaceFinder
from unmask.realtime.need import NeedSettings
from unmask.realtime.sources.base import FrameSource


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """One source to watch. ``make`` builds it (unopened); it is called again for every reconnect.
    ``finder`` is this source's own: the session closes it. ``pace`` for this source alone; ``None``: as the settings
    of the session say."""

    source_id: str
    make: Callable[[], FrameSource]
    finder: FaceFinder
    pace: bool | None = None


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """``alarms_per_hour`` is the false-alarm budget; ``pace`` plays files at their own speed;
    a live source that sends nothing is called stalled after ``stall_after_s`` and opened again
    after ``restart_after_s``; the alarms of one that is away end after ``alarms_end_after_s``. An engine
    or a search for faces that does not answer is named after ``hang_after_s``. ``cpu_budget``: at most so many
    cores. ``stays``: the session goes on when all its sources are over, until ``stop``. ``need``:
    the settled faces of live sources are scored less often; ``None`` scores every face at every stride."""

    alarms_per_hour: float = 1.0
    pace: bool = False
    stall_after_s: float = 2.0
    restart_after_s: float = 8.0
    reconnect: ReconnectPolicy | None = None
    alarms_end_after_s: float = 3.0
    hang_after_s: float = 5.0
    cpu_budget: float | None = None
    stays: bool = False
    need: NeedSettings | None = field(default_factory=NeedSettings)
