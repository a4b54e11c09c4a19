"""Which alarms a person is told of, and when. No Qt in here.

An alarm is told once. Not told are: alarms that were over before the window first saw their source; alarms of a
snoozed source that end before the snooze does; and, while a source comes and goes, alarms that begin anew after a
reconnect within a minute of the last one that was told: they are the same one to a person.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from unmask.realtime.types import Event, FaceState, Update

SAME_ALARM_S = 60.0


@dataclass(frozen=True, slots=True)
class Alert:
    """An alarm that a person is to be told of now. ``at`` is the time of day at which it was first seen."""

    source_id: str
    event: Event
    at: datetime
    calibrated: bool = False


@dataclass(slots=True)
class _Source:
    events: tuple[Event, ...] = ()
    known: set[tuple[int, float]] = field(default_factory=set)
    seen_at: dict[tuple[int, float], datetime] = field(default_factory=dict)
    """Alarms that wait for the end of a snooze."""
    reconnects: int = 0
    back_s: float | None = None
    told_s: float | None = None


class Alerter:
    """Turns updates into alerts. ``monotonic_s`` and ``now`` are for tests. Used from one thread."""

    def __init__(
        self, *, monotonic_s: Callable[[], float] = time.monotonic, now: Callable[[], datetime] = datetime.now
    ) -> None:
        self._monotonic_s, self._now = monotonic_s, now
        self._sources: dict[str, _Source] = {}
        self._snoozed: dict[str | None, float] = {}

    def look(self, updates: Mapping[str, Update]) -> list[Alert]:
        """The alerts that are due, oldest first. Cheap where nothing changed."""
        found: list[Alert] = []
        for source_id, update in updates.items():
            source = self._sources.get(source_id)
            if source is None:
                source = self._sources[source_id] = _Source(reconnects=update.counters.reconnects)
                source.known = {_key(event) for event in update.events if event.end_s is not None}
            if update.counters.reconnects != source.reconnects:
                source.reconnects, source.back_s = update.counters.reconnects, self._monotonic_s()
            # Elements are compared by identity first: this is quick for long tuples too.
            if update.events != source.events or source.seen_at:
                source.events = update.events
                found += self._due(source_id, source, update)
        return found

    def snooze(self, minutes: float, source_id: str | None = None) -> None:
        """Tell nothing of this source, or of any, for so long; counted from now."""
        self._snoozed[source_id] = self._monotonic_s() + minutes * 60

    def wake(self) -> None:
        """End every snooze. What still lasts is told at the next look."""
        self._snoozed.clear()

    def snoozes(self) -> dict[str | None, float]:
        """The seconds left of every snooze, by source; ``None`` stands for all sources."""
        now_s = self._monotonic_s()
        self._snoozed = {name: until for name, until in self._snoozed.items() if until > now_s}
        return {name: until - now_s for name, until in self._snoozed.items()}

    def _due(self, source_id: str, source: _Source, update: Update) -> list[Alert]:
        snoozes = self.snoozes()
        snoozed = None in snoozes or source_id in snoozes
        found: list[Alert] = []
        for event in update.events:
            key = _key(event)
            if key in source.known:
                continue
            if snoozed and event.end_s is None:
                source.seen_at.setdefault(key, self._now())
                continue
            source.known.add(key)
            at = source.seen_at.pop(key, None) or self._now()
            if snoozed or self._same_alarm(source):
                continue
            source.told_s = self._monotonic_s()
            found.append(Alert(source_id, event, at, _calibrated(update.faces, event)))
        if source.seen_at:  # a list that begins anew takes with it what waited
            there = {_key(event) for event in update.events}
            source.seen_at = {key: at for key, at in source.seen_at.items() if key in there}
        return found

    def _same_alarm(self, source: _Source) -> bool:
        if source.told_s is None or source.back_s is None or source.back_s < source.told_s:
            return False
        return self._monotonic_s() - source.told_s < SAME_ALARM_S


def _key(event: Event) -> tuple[int, float]:
    return event.track_id, event.start_s


def _calibrated(faces: tuple[FaceState, ...], event: Event) -> bool:
    return any(face.calibrated for face in faces if face.track.track_id == event.track_id)
