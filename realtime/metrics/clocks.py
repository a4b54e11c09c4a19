"""How the monitor fares at one moment: immutable, for the window, the terminal, files and Prometheus alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from unmask.realtime.metrics.health import Trouble
from unmask.realtime.metrics.histogram import EMPTY, Durations
from unmask.realtime.metrics.process import ProcessView
from unmask.realtime.types import Counters, SourceState, StageTimes, Update, Verdict

#: Stage -> the stamp of ``StageTimes`` at its end; it began at the stamp before. In the order of the pipeline.
STAGES = {
    "wait": "taken",
    "detect": "detected",
    "track": "tracked",
    "crop": "cropped",
    "queue": "received",
    "encode": "encoded",
    "score": "scored",
    "publish": "published",
}
#: What the window adds: how long painting took, and how old a frame was when it was painted.
PAINT, PAINT_AGE = "paint", "paint_age"
#: From the grab to the published verdict.
AGE = "age"
EVERY_CLOCK = (*STAGES, AGE, PAINT, PAINT_AGE)


def spent_in(stages: StageTimes) -> list[tuple[str, int]]:
    """Nanoseconds in each stage that the frame went through; where one left no stamp, it is part of the next."""
    spent, last = [], stages.captured
    for stage, stamp in STAGES.items():
        at = getattr(stages, stamp)
        if at:
            spent.append((stage, at - last))
            last = at
    return spent


@dataclass(frozen=True, slots=True)
class Clock:
    """One stage of one source: all its durations, and those of the last ten seconds or a little more."""

    total: Durations = EMPTY
    recent: Durations = EMPTY


@dataclass(frozen=True, slots=True)
class Standing:
    """What the newest update said of a source, without its picture."""

    state: SourceState
    verdict: Verdict
    counters: Counters
    fps: float
    engine: str
    faces: int
    alarming: int
    lowered: tuple[str, ...] = ()

    @classmethod
    def of(cls, update: Update) -> Standing:
        """``alarming``: how many alarms are on."""
        on = sum(face.event is not None and face.event.end_s is None for face in update.faces)
        faces = len(update.faces)
        return cls(update.state, update.verdict, update.counters, update.fps, update.engine, faces, on, update.lowered)


@dataclass(frozen=True, slots=True)
class SourceClocks:
    """One source. ``clocks`` has an entry for each of ``EVERY_CLOCK`` that anything was measured of;
    ``remarks`` are the sentences on what is not as it should be."""

    source_id: str
    clocks: Mapping[str, Clock]
    alarms: int
    standing: Standing | None
    remarks: tuple[str, ...] = ()
    troubles: frozenset[Trouble] = frozenset()

    def recent(self, stage: str) -> Durations:
        clock = self.clocks.get(stage)
        return clock.recent if clock else EMPTY


@dataclass(frozen=True, slots=True)
class Flow:
    """What a session tells of itself. ``depths``: how much lies in a queue now, by queue and source (or sink);
    ``sink_dropped``: updates a sink was too slow for; ``sink_failures``: a sentence for each that stopped;
    ``real_time``: the sources that do not wait for the monitor."""

    depths: Mapping[tuple[str, str], int] = field(default_factory=dict)
    sink_dropped: Mapping[str, int] = field(default_factory=dict)
    real_time: frozenset[str] = frozenset()
    sink_failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Clocks:
    """Everything at one moment. ``trouble_counts``: how often a trouble began, by source ("" is the machine)."""

    sources: Mapping[str, SourceClocks]
    process: ProcessView
    flow: Flow
    trouble_counts: Mapping[tuple[str, Trouble], int]
    uptime_s: float
