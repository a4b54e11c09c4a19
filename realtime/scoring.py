"""The scoring thread: one for all sources, so that the faces of all of them share an encoder call."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from unmask.engines.errors import UnmaskError
from unmask.realtime.channel import Analysed
from unmask.realtime.detector import Detector
from unmask.realtime.judge import FaceJudge
from unmask.realtime.mailbox import Mailbox
from unmask.realtime.source_status import SourceStatus
from unmask.realtime.types import Cause, Event, FaceState, SourceState, StageTimes, Update, Verdict

#: More crops than this go to the encoder in several calls: a batch beyond it saves nothing on a CPU.
LARGEST_BATCH = 16
_FPS_OVER_S = 2.0
# An update carries every alarm so far; a session that cries wolf all day must not grow for ever.
_MOST_EVENTS = 1000
# A live source that is not there: a picture of it that is still on its way shows what is past.
_AWAY = frozenset({SourceState.STALLED, SourceState.RECONNECTING, SourceState.OPENING})


class HandOut(Protocol):
    def __call__(self, update: Update, *, lossless: bool) -> None: ...


class Scoring:
    """Takes what the detect threads left, encodes all crops together, lets each source's judge decide."""

    def __init__(
        self,
        detector: Detector,
        judges: Mapping[str, FaceJudge],
        statuses: Mapping[str, SourceStatus],
        inbox: Mailbox[str, Analysed | None],
        hand_out: HandOut,
    ) -> None:
        self._detector = detector
        self._judges = judges
        self._statuses = statuses
        self._inbox = inbox
        self._hand_out = hand_out
        self._last: dict[str, Update] = {}
        self._rates = {source_id: _Rate() for source_id in judges}
        self._events: dict[str, dict[tuple[int, float], Event]] = {source_id: {} for source_id in judges}
        self._lock = threading.Lock()
        self._finished: set[str] = set()
        self.failures: list[str] = []

    def run(self) -> None:
        """Until the inbox is closed and empty. A failing detector makes verdicts abstain; it ends nothing."""
        while (taken := self._inbox.take()) is not None:
            frames = {source_id: analysed for source_id, analysed in taken.items() if analysed is not None}
            embeddings, trouble = self._encode(frames)
            for source_id, analysed in frames.items():
                self._judge(source_id, analysed, embeddings.get(source_id), trouble)
            for source_id in taken.keys() - frames.keys():
                self._finish(source_id)
        self.finish()

    def finish(self) -> None:
        """The last word on every source that has not had it: the session was stopped, or ``run`` failed."""
        for source_id in self.unfinished:
            self._finish(source_id)

    @property
    def unfinished(self) -> list[str]:
        """The sources of which more may be said."""
        return [source_id for source_id in self._judges if source_id not in self._finished]

    def publish_status(self, source_id: str) -> None:
        """Say how a source is that sends no frames now: nothing of its last picture can be judged any more."""
        with self._lock:
            self._publish(self._silent(source_id), lossless=False)

    def _finish(self, source_id: str) -> None:
        """The last word on a source that is over: its verdict stays, its alarms have an end."""
        self._finished.add(source_id)
        ended = self._judges[source_id].finish()
        with self._lock:
            status = self._statuses[source_id].view()
            last = self._last.get(source_id)
            if last is None or status.state is SourceState.FAILED:
                last = self._silent(source_id)
            update = dataclasses.replace(
                last,
                state=status.state,
                message=status.message,
                counters=status.counters,
                events=self._events_after(source_id, (), ended),
            )
            self._publish(update, lossless=True)

    def _silent(self, source_id: str) -> Update:
        status = self._statuses[source_id].view()
        last = self._last.get(source_id)
        return Update(
            source_id=source_id,
            state=status.state,
            verdict=Verdict.CANNOT_JUDGE,
            causes=(Cause.SOURCE_STALLED,),
            faces=(),
            frame=last.frame if last else None,
            stages=None,
            counters=status.counters,
            fps=0.0,
            engine=self._detector.provider,
            events=tuple(self._events[source_id].values()),
            message=status.message,
            sequence=last.sequence if last else 0,
        )

    def _encode(self, taken: Mapping[str, Analysed]) -> tuple[dict[str, NDArray[np.float32]], str]:
        """The embeddings of every source's crops, and one sentence when the detector failed."""
        crops = [job.crop for analysed in taken.values() for job in analysed.selection.jobs]
        if not crops:
            return {}, ""
        try:
            parts = [
                self._detector.encode(np.stack(crops[first : first + LARGEST_BATCH]))
                for first in range(0, len(crops), LARGEST_BATCH)
            ]
        except UnmaskError as error:
            self._remember(str(error))
            return {}, str(error)
        every = np.concatenate(parts)
        embeddings: dict[str, NDArray[np.float32]] = {}
        begin = 0
        for source_id, analysed in taken.items():
            end = begin + len(analysed.selection.jobs)
            embeddings[source_id] = every[begin:end]
            begin = end
        return embeddings, ""

    def _judge(self, source_id: str, analysed: Analysed, embeddings: NDArray[np.float32] | None, trouble: str) -> None:
        picture_causes = analysed.followed.causes
        jobs = analysed.selection.jobs
        if trouble:
            picture_causes = (*picture_causes, Cause.DETECTOR_UNAVAILABLE)
        if embeddings is None:
            jobs, embeddings = (), np.zeros((0, self._detector.manifest.embedding), np.float32)
        time_s = analysed.frame.time_s
        judge = self._judges[source_id]
        try:
            judged = judge.accept(
                time_s, analysed.followed.faces, jobs, embeddings, analysed.selection.causes, picture_causes
            )
        except UnmaskError as error:
            trouble = str(error)
            self._remember(trouble)
            nothing = np.zeros((0, self._detector.manifest.embedding), np.float32)
            causes = (*picture_causes, Cause.DETECTOR_UNAVAILABLE)
            judged = judge.accept(time_s, analysed.followed.faces, (), nothing, analysed.selection.causes, causes)
        scored = time.monotonic_ns()
        status = self._statuses[source_id]
        status.count("scored_crops", len(jobs))
        stages = dataclasses.replace(analysed.stages, scored=scored, published=time.monotonic_ns())
        with self._lock:
            view = status.view()
            events = self._events_after(source_id, judged.faces, judged.ended)
            if view.state in _AWAY:
                self._publish(self._silent(source_id), lossless=False)
                return
            update = Update(
                source_id=source_id,
                state=SourceState.RUNNING,  # also where the reading is over: its end is the last word
                verdict=judged.verdict,
                causes=judged.causes,
                faces=judged.faces,
                frame=analysed.frame,
                stages=stages,
                counters=view.counters,
                fps=self._rates[source_id].tick(stages),
                engine=self._detector.provider,
                events=events,
                message=trouble,
                sequence=self._sequence(source_id),
            )
            self._publish(update, lossless=analysed.lossless)

    def _events_after(
        self, source_id: str, faces: tuple[FaceState, ...], ended: tuple[Event, ...]
    ) -> tuple[Event, ...]:
        events = self._events[source_id]
        for event in (*(face.event for face in faces if face.event is not None), *ended):
            events[event.track_id, event.start_s] = event
        while len(events) > _MOST_EVENTS:
            events.pop(next(iter(events)))
        return tuple(events.values())

    def _sequence(self, source_id: str) -> int:
        last = self._last.get(source_id)
        return last.sequence + 1 if last else 1

    def _publish(self, update: Update, *, lossless: bool) -> None:
        self._last[update.source_id] = update
        self._hand_out(update, lossless=lossless)

    def _remember(self, sentence: str) -> None:
        if sentence not in self.failures:
            self.failures.append(sentence)


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
