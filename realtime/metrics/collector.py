"""Reads the clocks off every update, and holds one snapshot of them for everybody who shows or keeps them."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from unmask.realtime.metrics.clocks import (
    AGE,
    EVERY_CLOCK,
    PAINT,
    PAINT_AGE,
    Clock,
    Clocks,
    Flow,
    SourceClocks,
    Standing,
    spent_in,
)
from unmask.realtime.metrics.health import Bounds, Health, MachineClocks, Seen
from unmask.realtime.metrics.histogram import EMPTY, Durations, Histogram
from unmask.realtime.metrics.process import ProcessMeter
from unmask.realtime.types import Event, SourceState, Update

#: "Recent" is the last ten to twelve seconds: the step that runs, and five of two seconds before it.
_STEP_S, _STEPS = 2.0, 6
# What the monitor leaves out because somebody asked it to is no trouble.
_BY_DESIGN = frozenset({"processor budget"})
# Whoever asks more often gets the same snapshot again.
_HOLD_S = 0.2


class MetricsCollector:
    """A sink. Of a live source it may miss an update when the machine is very busy: the histograms then hold
    a sample of the frames, while the counters, which come with every update, stay exact.

    ``attach`` tells it where to read queue depths and which sources are real time; without it nothing is
    known of queues, and no source is called late. ``monotonic_s`` and ``machine`` are for tests.
    """

    every_update = True

    def __init__(
        self,
        bounds: Bounds | None = None,
        *,
        monotonic_s: Callable[[], float] = time.monotonic,
        machine: Callable[[], MachineClocks] | None = None,
    ) -> None:
        self._monotonic_s = monotonic_s
        self._machine = machine or read_machine_clocks
        self._lock = threading.Lock()
        self._sources: dict[str, _Source] = {}
        self._health = Health(bounds)
        self._process = ProcessMeter()
        self._flow: Callable[[], Flow] = Flow
        self._real_time: frozenset[str] = frozenset()
        self._began_s = monotonic_s()
        self._looked_s = float("-inf")
        self._held: tuple[float, Clocks] | None = None

    def attach(self, flow: Callable[[], Flow]) -> None:
        """Ask ``flow`` from now on, at most a few times a second and from any thread."""
        self._flow = flow

    def take(self, update: Update) -> None:
        now_s = self._monotonic_s()
        if now_s - self._looked_s >= _STEP_S / 2:
            self._looked_s = now_s
            flow = self._flow()
            self._real_time = flow.real_time
            self._process.sample()
            machine = self._machine()
            with self._lock:
                self._health.tick(machine)
                self._health.sinks(flow.sink_failures)
        with self._lock:
            source = self._source(update.source_id)
            new = source.take(update, now_s)
            if update.state is not SourceState.RUNNING:
                self._health.forget_time(update.source_id)
            elif new and update.frame is not None:
                real = update.source_id in self._real_time
                seen = Seen(
                    time_s=update.frame.time_s,
                    index=update.sequence,
                    age_p99_ms=source.age_p99_ms if real else None,
                    dropped_share=source.dropped_share if real else None,
                    causes=update.causes,
                )
                self._health.look(update.source_id, now_s, seen)

    def painted(self, source_id: str, spent_ns: int, age_ns: int | None) -> None:
        """The window painted a picture: how long that took, and how old a new frame then was. From one thread."""
        with self._lock:
            histograms = self._source(source_id).histograms
        histograms[PAINT].add(spent_ns)
        if age_ns is not None:
            histograms[PAINT_AGE].add(age_ns)

    def close(self) -> None:
        """Nothing to finish: the clocks stay readable."""

    def clocks(self) -> Clocks:
        """The newest snapshot, at most a fifth of a second old. Cheap; any thread may call it."""
        now_s = self._monotonic_s()
        held = self._held
        if held is not None and 0 <= now_s - held[0] < _HOLD_S:
            return held[1]
        flow, process = self._flow(), self._process.view()
        with self._lock:
            self._health.sinks(flow.sink_failures)
            sources = {
                source_id: SourceClocks(
                    source_id,
                    source.clocks(),
                    source.alarms,
                    source.standing,
                    self._health.remarks(source_id, now_s),
                    self._health.active(source_id, now_s),
                )
                for source_id, source in self._sources.items()
            }
            counts = self._health.counts()
        clocks = Clocks(sources, process, flow, counts, now_s - self._began_s)
        self._held = (now_s, clocks)
        return clocks

    def _source(self, source_id: str) -> _Source:
        if source_id not in self._sources:
            self._sources[source_id] = _Source()
        return self._sources[source_id]


@dataclass(frozen=True, slots=True)
class _Mark:
    """What was counted when a step of the recent past began."""

    durations: Mapping[str, Durations]
    captured: int
    dropped: int


class _Source:
    """The histograms of one source. Its stages are filled by the collector's thread, its paint by the window's."""

    def __init__(self) -> None:
        self.histograms = {clock: Histogram() for clock in EVERY_CLOCK}
        self.standing: Standing | None = None
        self.alarms = 0
        self.age_p99_ms: float | None = None
        self.dropped_share: float | None = None
        self._sequence = 0
        self._newest_alarm: tuple[int, float] | None = None
        self._marks = deque([_Mark(dict.fromkeys(EVERY_CLOCK, EMPTY), 0, 0)], maxlen=_STEPS)
        self._marked_s: float | None = None

    def take(self, update: Update, now_s: float) -> bool:
        """Count an update; ``False`` where it tells of no frame that was not counted before."""
        self.standing = Standing.of(update)
        self._count_alarms(update.events)
        new = update.stages is not None and update.sequence != self._sequence
        if new and update.stages is not None:
            self._sequence = update.sequence
            for stage, spent in spent_in(update.stages):
                self.histograms[stage].add(spent)
            self.histograms[AGE].add(round(update.stages.age_ms * 1e6))
        if self._marked_s is None:
            self._marked_s = now_s
        elif now_s - self._marked_s >= _STEP_S:
            self._marked_s = now_s
            self._step(update)
        return new

    def clocks(self) -> dict[str, Clock]:
        before = self._marks[0].durations
        totals = {name: histogram.snapshot() for name, histogram in self.histograms.items()}
        return {name: Clock(total, total.minus(before[name])) for name, total in totals.items() if total.count}

    def _step(self, update: Update) -> None:
        """Reckon what the recent past was like, and let its oldest step go."""
        now = {name: histogram.snapshot() for name, histogram in self.histograms.items()}
        captured = update.counters.captured
        dropped = sum(number for cause, number in update.counters.dropped.items() if cause not in _BY_DESIGN)
        oldest = self._marks[0]
        self.age_p99_ms = now[AGE].minus(oldest.durations[AGE]).quantile_ms(0.99)
        came = captured - oldest.captured
        self.dropped_share = (dropped - oldest.dropped) / came if came > 0 else None
        self._marks.append(_Mark(now, captured, dropped))

    def _count_alarms(self, events: tuple[Event, ...]) -> None:
        """New ones stand at the end; the oldest may be gone from an update of a very long session."""
        for event in reversed(events):
            if (event.track_id, event.start_s) == self._newest_alarm:
                break
            self.alarms += 1
        if events:
            self._newest_alarm = (events[-1].track_id, events[-1].start_s)


def read_machine_clocks() -> MachineClocks:
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    boot_s = time.clock_gettime(boot) if boot is not None else None
    return MachineClocks(time.monotonic(), time.time(), boot_s)
