"""What was said of each source so far: its last update, its alarms, its rate, and the last word on it."""

from __future__ import annotations

import dataclasses
import threading
from collections import deque
from collections.abc import Iterable
from typing import Protocol

from unmask.realtime.judge import Judgement
from unmask.realtime.source_status import SourceStatus
from unmask.realtime.types import Cause, Event, Frame, SourceState, StageTimes, Update, Verdict

_FPS_OVER_S = 2.0
# An update carries every alarm so far; a session that cries wolf all day must not grow for ever.
_MOST_EVENTS = 1000
# A source that is not there: a picture of it that is still on its way shows what is past.
_AWAY = frozenset({SourceState.STALLED, SourceState.RECONNECTING, SourceState.OPENING, SourceState.PAUSED})


class HandOut(Protocol):
    def __call__(self, update: Update, *, lossless: bool) -> None: ...


class Seat:
    """One source as the scoring knows it. Its fields are guarded by the lock of ``Seats``."""

    def __init__(self, source_id: str, status: SourceStatus) -> None:
        self.source_id = source_id
        self.status = status
        self.last: Update | None = None
        self.events: dict[tuple[int, float], Event] = {}
        self.rate = _Rate()
        self.finished = False

    def remember(self, events: Iterable[Event]) -> tuple[Event, ...]:
        """Take in what became of alarms; all of them, oldest first."""
        for event in events:
            self.events[event.track_id, event.start_s] = event
        while len(self.events) > _MOST_EVENTS:
            self.events.pop(next(iter(self.events)))
        return tuple(self.events.values())

    def end_alarms(self) -> tuple[Event, ...]:
        """End the alarms that are still on, at the last picture that was judged."""
        if self.last is not None and self.last.frame is not None:
            seen_s = self.last.frame.time_s
            still_on = [event for event in self.events.values() if event.end_s is None]
            self.remember(dataclasses.replace(event, end_s=max(event.start_s, seen_s)) for event in still_on)
        return tuple(self.events.values())


class Seats:
    """The seats of a session, by the key of their channel. Any thread may call it.

    ``engine`` says what runs now, ``lowered`` what is done less often; both go into every update.
    """

    def __init__(self, hand_out: HandOut) -> None:
        self._hand_out = hand_out
        self._lock = threading.Lock()
        self._seats: dict[int, Seat] = {}
        self.engine = ""
        self.lowered: tuple[str, ...] = ()

    def add(self, key: int, source_id: str, status: SourceStatus) -> None:
        with self._lock:
            self._seats[key] = Seat(source_id, status)

    def remove(self, key: int) -> None:
        """Whatever still comes from this source is not said any more."""
        with self._lock:
            self._seats.pop(key, None)

    def status_of(self, key: int) -> SourceStatus | None:
        """``None`` for a source that was removed, or had its last word."""
        with self._lock:
            seat = self._seats.get(key)
            return None if seat is None or seat.finished else seat.status

    @property
    def unfinished(self) -> list[int]:
        """The sources of which more may be said."""
        with self._lock:
            return [key for key, seat in self._seats.items() if not seat.finished]

    def publish(
        self, key: int, frame: Frame, judged: Judgement, stages: StageTimes, *, message: str, lossless: bool
    ) -> None:
        """Say what was found in ``frame``; of a source that is away only that it is."""
        with self._lock:
            seat = self._seats.get(key)
            if seat is None or seat.finished:
                return
            view = seat.status.view()
            events = seat.remember([*(face.event for face in judged.faces if face.event is not None), *judged.ended])
            if view.state in _AWAY and not lossless:
                self._say(seat, self._silent(seat), lossless=False)
                return
            update = Update(
                source_id=seat.source_id,
                # Also where the reading is over: its end is the last word.
                state=view.state if view.state is SourceState.PAUSED else SourceState.RUNNING,
                verdict=judged.verdict,
                causes=judged.causes,
                faces=judged.faces,
                frame=frame,
                stages=stages,
                counters=view.counters,
                fps=seat.rate.tick(stages),
                engine=self.engine,
                events=events,
                message=message,
                sequence=seat.last.sequence + 1 if seat.last else 1,
                lowered=self.lowered,
            )
            self._say(seat, update, lossless=lossless)

    def publish_silent(
        self, key: int, *, causes: tuple[Cause, ...] = (), message: str = "", alarms_are_over: bool = False
    ) -> None:
        """Say how a source is of which no picture can be judged now, because of ``causes`` or of its state."""
        with self._lock:
            seat = self._seats.get(key)
            if seat is None or seat.finished:
                return
            if alarms_are_over:
                seat.end_alarms()
            self._say(seat, self._silent(seat, causes, message), lossless=False)

    def end_alarms(self) -> None:
        """Of every source: nobody knows any more what became of them."""
        with self._lock:
            for seat in self._seats.values():
                seat.end_alarms()

    def finish(self, key: int, ended: Iterable[Event] = ()) -> None:
        """The last word on a source that is over: its verdict stays, its alarms have an end."""
        with self._lock:
            seat = self._seats.get(key)
            if seat is None or seat.finished:
                return
            seat.finished = True
            status = seat.status.view()
            seat.remember(ended)
            events = seat.end_alarms()
            last = seat.last
            if last is None or status.state is SourceState.FAILED:
                last = self._silent(seat)
            update = dataclasses.replace(
                last,
                state=status.state,
                message=status.message,
                counters=status.counters,
                events=events,
                lowered=(),
            )
            self._say(seat, update, lossless=True)

    def _silent(self, seat: Seat, causes: tuple[Cause, ...] = (), message: str = "") -> Update:
        status, last = seat.status.view(), seat.last
        if status.state is SourceState.PAUSED:
            causes, message = (Cause.PAUSED,), ""
        return Update(
            source_id=seat.source_id,
            state=status.state,
            verdict=Verdict.CANNOT_JUDGE,
            causes=causes or (Cause.SOURCE_STALLED,),
            faces=(),
            frame=last.frame if last else None,
            stages=None,
            counters=status.counters,
            fps=0.0,
            engine=self.engine,
            events=tuple(seat.events.values()),
            message=message or status.message,
            sequence=last.sequence if last else 0,
            lowered=self.lowered,
        )

    def _say(self, seat: Seat, update: Update, *, lossless: bool) -> None:
        seat.last = update
        self._hand_out(update, lossless=lossless)


class _Rate:
    """Frames per second over the last two seconds of the wall clock."""

    def __init__(self) -> None:
        self._at: deque[int] = deque()

    def tick(self, stages: StageTimes) -> float:
        self._at.append(stages.published)
        while self._at[-1] - self._at[0] > _FPS_OVER_S * 1e9:
            self._at.popleft()
        spent_s = (self._at[-1] - self._at[0]) / 1e9
        return (len(self._at) - 1) / spent_s if spent_s > 0 else 0.0
