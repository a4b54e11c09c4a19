"""The scoring thread's work: one for all sources, so that their faces share an encoder call where that pays."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.engines.errors import EngineLost, UnmaskError
from unmask.realtime.channel import Analysed
from unmask.realtime.detector import Detector
from unmask.realtime.judge import FaceJudge
from unmask.realtime.looks import with_activation
from unmask.realtime.mailbox import Mailbox
from unmask.realtime.need import reads_order
from unmask.realtime.seats import Seats
from unmask.realtime.types import Cause, FaceLook

#: More crops than this go to the encoder in several calls.
LARGEST_BATCH = 16
# How soon a worker notices that it is to retire when nothing comes.
_LOOK_UP_S = 0.1


class Abandoned(Exception):
    """The engine answered after another worker had taken over: what it says is of no use any more."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Of one source's crops, in their order: ``embeddings`` (N, D), ``activations`` (N, rows, columns) where
    somebody wants to see them and the detector gives them."""

    embeddings: NDArray[np.float32]
    activations: NDArray[np.float32] | None = None


class Scoring:
    """Takes what the detect threads left, encodes the crops, lets each source's judge decide.

    Where the engine gains by a batch the crops of all sources go into one call; elsewhere each source has its own,
    the one that waited longest first, and is judged before the next: nobody waits for the others' faces.
    One worker at a time serves the ``inbox``; it owns its judges, so that another one starts with empty
    windows. ``generation`` names the detector: crops that were cut for another one are left out.
    """

    def __init__(
        self,
        detector: Detector,
        threshold: float,
        generation: int,
        seats: Seats,
        inbox: Mailbox[int, Analysed | None],
    ) -> None:
        self.detector = detector
        self.generation = generation
        self._threshold = threshold
        self._seats = seats
        self._inbox = inbox
        self._wanted = threshold
        self._judges: dict[int, FaceJudge] = {}
        self._reads_order: bool | None = None
        self._retired = threading.Event()
        self._abandoned = threading.Event()
        # Of the encoder's last call. It holds for the frames after it too, until the next crop is due.
        self._trouble: UnmaskError | None = None
        self._trouble_until_s = 0.0
        #: ``time.monotonic()`` since when the engine is at work, 0 while it is not.
        self.busy_since = 0.0
        self.failures: list[str] = []

    def retire(self) -> None:
        """Leave the inbox to another worker after what was taken from it is done."""
        self._retired.set()

    def retune(self, threshold: float) -> None:
        """Before the next frames are judged let every judge begin anew with this threshold. Any thread may call."""
        self._wanted = threshold

    def abandon(self) -> None:
        """Another worker takes over at once: nothing that comes of the call in progress may be said."""
        self._abandoned.set()
        self._retired.set()

    def run(self) -> None:
        """Until it is retired, or the inbox is closed and empty. A failing detector makes verdicts abstain; it
        ends nothing. Raises ``Abandoned`` when it was."""
        while not self._retired.is_set() and (taken := self._inbox.take(_LOOK_UP_S)) is not None:
            self._take_up_threshold()
            frames = {key: analysed for key, analysed in taken.items() if analysed is not None}
            # First: an engine that hangs now must not swallow that a source is over.
            for key in taken.keys() - frames.keys():
                self._finish(key)
            for part in self._calls(frames):
                received = time.monotonic_ns()
                results = self._encode(part)
                encoded = time.monotonic_ns()
                for key, analysed in part.items():
                    stages = dataclasses.replace(analysed.stages, received=received, encoded=encoded)
                    self._judge(key, dataclasses.replace(analysed, stages=stages), results.get(key))
        if self._abandoned.is_set():
            raise Abandoned
        if self._retired.is_set():
            self._hand_over()
        else:
            for key in self._seats.unfinished:
                self._finish(key)

    def _calls(self, frames: Mapping[int, Analysed]) -> Sequence[Mapping[int, Analysed]]:
        """Which frames share a call of the encoder, in the order in which they came."""
        if self.detector.gains_by_batch:
            return [frames]
        return [{key: analysed} for key, analysed in frames.items()]

    def _take_up_threshold(self) -> None:
        if self._wanted != self._threshold:
            self._threshold = self._wanted
            self._seats.end_alarms()
            for judge in self._judges.values():
                judge.retune(self._threshold)

    def _hand_over(self) -> None:
        self._seats.end_alarms()
        self._judges.clear()

    def _finish(self, key: int) -> None:
        judge = self._judges.pop(key, None)
        self._seats.finish(key, judge.finish() if judge is not None else ())

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Around a call of the engine: so that somebody notices when it does not answer."""
        self.busy_since = time.monotonic()
        try:
            yield
        finally:
            self.busy_since = 0.0
            if self._abandoned.is_set():
                raise Abandoned

    def _encode(self, taken: Mapping[int, Analysed]) -> dict[int, Encoded]:
        """What every source's crops gave; nothing, and the trouble kept, when the detector failed."""
        jobs = {key: analysed.selection.jobs for key, analysed in taken.items() if analysed.cut_for == self.generation}
        crops = [job.crop for of_source in jobs.values() for job in of_source]
        if not crops:
            if time.monotonic() > self._trouble_until_s:
                self._trouble = None  # nobody asks the detector now: it may be back
            return {}
        explain = any("activation" in analysed.selection.wanted for analysed in taken.values())
        try:
            parts: list[Encoded] = []
            for first in range(0, len(crops), LARGEST_BATCH):
                with self._asking():  # each call has its time: a crowd takes several
                    parts.append(self._ask(np.stack(crops[first : first + LARGEST_BATCH]), explain))
        except UnmaskError as error:
            self._remember(str(error))
            self._trouble = error
            self._trouble_until_s = time.monotonic() + 2 * self.detector.manifest.window.stride_ms / 1000
            return {}
        self._trouble = None
        every = np.concatenate([part.embeddings for part in parts])
        maps = [part.activations for part in parts if part.activations is not None]
        every_map = np.concatenate(maps) if maps else None
        results: dict[int, Encoded] = {}
        begin = 0
        for key, of_source in jobs.items():
            end = begin + len(of_source)
            results[key] = Encoded(every[begin:end], None if every_map is None else every_map[begin:end])
            begin = end
        return results

    def _ask(self, crops: NDArray[np.uint8], explain: bool) -> Encoded:
        if explain and self.detector.gives_activation:
            return Encoded(*self.detector.encode_and_explain(crops))
        return Encoded(self.detector.encode(crops))

    def _looks(self, analysed: Analysed, encoded: Encoded | None) -> dict[int, FaceLook]:
        """What was seen of the faces of a frame, those that were not fit for the encoder too."""
        looks = dict(analysed.selection.refused)
        maps = encoded.activations if encoded is not None else None
        scale = self.detector.manifest.calibration.scale
        for row, job in enumerate(analysed.selection.jobs):
            if job.look is not None:
                looks[job.track_id] = with_activation(job.look, None if maps is None else maps[row], scale)
        return looks

    def _judge(self, key: int, analysed: Analysed, encoded: Encoded | None) -> None:
        status = self._seats.status_of(key)
        if status is None:
            self._judges.pop(key, None)
            return
        trouble = self._trouble
        picture_causes = analysed.followed.causes
        jobs = analysed.selection.jobs
        if analysed.followed.glimpsed and not (analysed.followed.faces or picture_causes):
            picture_causes = (Cause.TOO_FEW_FRAMES,)  # else it would say that there is no face
        if trouble is not None:
            picture_causes = (*picture_causes, _cause_of(trouble))
        nothing = np.zeros((0, self.detector.manifest.embedding), np.float32)
        embeddings = nothing if encoded is None else encoded.embeddings
        if encoded is None:
            jobs = ()
        looks, wanted = self._looks(analysed, encoded), analysed.selection.wanted
        time_s, faces, quality = analysed.frame.time_s, analysed.followed.faces, analysed.selection.causes
        judge = self._judges.get(key)
        if judge is None:
            need = analysed.needs.settings if analysed.needs is not None else None
            judge = self._judges[key] = FaceJudge(self.detector, self._threshold, need=need)
        try:
            with self._asking():
                if analysed.needs is not None and self._reads_order is None:
                    self._reads_order = reads_order(self.detector)
                judged = judge.accept(time_s, faces, jobs, embeddings, quality, picture_causes, looks, wanted)
        except UnmaskError as error:
            trouble = error
            self._remember(str(error))
            causes = (*picture_causes, _cause_of(error))
            judged = judge.accept(time_s, faces, (), nothing, quality, causes, looks, wanted)
        if analysed.needs is not None and self._reads_order is False:
            analysed.needs.settled = judge.settled
        self._seats.engine = self.detector.provider
        scored = time.monotonic_ns()
        status.count("scored_crops", len(jobs))
        stages = dataclasses.replace(analysed.stages, scored=scored, published=time.monotonic_ns())
        self._seats.publish(key, analysed.frame, judged, stages, message=str(trouble or ""), lossless=analysed.lossless)

    def _remember(self, sentence: str) -> None:
        if sentence not in self.failures:
            self.failures.append(sentence)


def _cause_of(trouble: UnmaskError) -> Cause:
    return Cause.SERVER_UNREACHABLE if isinstance(trouble, EngineLost) else Cause.DETECTOR_UNAVAILABLE
