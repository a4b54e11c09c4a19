"""The faces of one source before the detector: a window and a verdict machine for every track."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unmask.engines.manifest import Rule
from unmask.realtime.detector import Detector
from unmask.realtime.looks import NOTHING, Sight, as_wanted
from unmask.realtime.need import Need, NeedSettings
from unmask.realtime.types import Cause, Event, FaceLook, FaceState, TrackedFace, Verdict
from unmask.realtime.verdict import HOLD_S, FaceVerdict, VerdictMachine, picture_verdict
from unmask.realtime.window import Added, FrameWindow

if TYPE_CHECKING:
    from unmask.realtime.selection import CropJob

# A slow detector's scores are a stride apart: a verdict must outlive at least one late frame.
_HOLD_STRIDES = 2.0

#: A face that cannot be judged has its causes here, one that was scored its number.
Finding = float | tuple[Cause, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is said of one source at one moment. ``ended`` are the alarms that ended with this call."""

    faces: tuple[FaceState, ...]
    verdict: Verdict
    causes: tuple[Cause, ...]
    ended: tuple[Event, ...]


class FaceJudge:
    """Judges the faces of one source. Owned by the scoring thread; the detector may be shared.

    ``threshold`` is the calibrated score at which an alarm begins. With ``single_image`` one picture
    is all there will be: it is scored as a window of one frame, without smoothing and dwell, if the
    detector's manifest allows it; otherwise no face can be judged (too few frames). With ``need`` it
    tells whose verdict is ``settled``, so that they can be scored less often.
    """

    def __init__(
        self, detector: Detector, threshold: float, *, single_image: bool = False, need: NeedSettings | None = None
    ) -> None:
        manifest = detector.manifest
        self._detector = detector
        self._threshold = threshold
        self._need = need
        self._rule: Rule = manifest.rule
        self._frames_needed = manifest.window.min_frames
        self._stride_s = manifest.window.stride_ms / 1000
        self._max_gap_s = manifest.window.max_gap_ms / 1000
        if single_image:
            self._rule = manifest.rule.model_copy(update={"smoothing_s": 0.0, "dwell_s": 0.0})
            # A window never holds more than its length, so this many are never reached.
            self._frames_needed = 1 if manifest.single_image else manifest.window.length + 1
        self._tracks: dict[int, _Track] = {}

    def accept(
        self,
        time_s: float,
        faces: Sequence[TrackedFace],
        jobs: Sequence[CropJob],
        embeddings: NDArray[np.float32],
        quality: Mapping[int, tuple[Cause, ...]],
        picture_causes: Sequence[Cause] = (),
        looks: Mapping[int, FaceLook] = MappingProxyType({}),
        wanted: frozenset[Sight] = NOTHING,
    ) -> Judgement:
        """Judge one analysed frame at ``time_s`` of the source's timeline.

        ``faces`` are all tracks that live (one that is missing is dropped, and its alarm ends);
        ``embeddings`` float32 (len(jobs), D) belong to ``jobs`` in order; ``quality`` says by track
        why a face cannot be judged; ``picture_causes`` hold for all faces. A face with any cause is
        not scored, and its window does not grow; one with neither crop nor cause keeps its verdict
        for a while (its crop is not due, or its track coasts between two detections). Of ``looks`` what
        is ``wanted`` is kept, by track, until there is a newer one or it is wanted no more. Raises
        ``EngineError`` when the head fails; then the same moment may be handed in again.
        """
        if len(jobs) != len(embeddings):
            raise ValueError(f"There are {len(embeddings)} embeddings for {len(jobs)} crops.")
        findings = self._findings(faces, quality, picture_causes)
        changed = self._fill_windows(jobs, embeddings, findings)
        findings.update(self._score(changed))
        states: list[FaceState] = []
        ended: list[Event] = []
        for face in faces:
            track = self._tracks[face.track_id]
            finding = findings.get(face.track_id)
            if isinstance(finding, tuple):
                said = track.machine.update(time_s, None, finding)
            else:
                said = track.machine.update(time_s, finding)
            _weigh_need(track, time_s, finding, said)
            track.look = as_wanted(looks.get(face.track_id, track.look), wanted)
            states.append(self._state(face, track, said))
            if said.ended is not None:
                ended.append(said.ended)
        ended += self._drop_all_but({face.track_id for face in faces})
        verdict, causes = picture_verdict(states, picture_causes)
        return Judgement(tuple(states), verdict, causes, tuple(ended))

    def retune(self, threshold: float) -> None:
        """Judge by another threshold from now on. The windows stay; verdicts begin anew, and alarms that were on
        are forgotten: whoever keeps them ends them."""
        self._threshold = threshold
        for track_id, track in self._tracks.items():
            track.machine = self._new_machine(track_id)
            track.need = self._new_need()

    @property
    def settled(self) -> frozenset[int]:
        """The tracks that need no score at every stride now; none without ``need``."""
        return frozenset(
            track_id for track_id, track in self._tracks.items() if track.need is not None and track.need.settled
        )

    def finish(self) -> tuple[Event, ...]:
        """The source has ended: forget all tracks; the alarms that were still on, ended at the last frame."""
        return tuple(self._drop_all_but(set()))

    def _findings(
        self,
        faces: Sequence[TrackedFace],
        quality: Mapping[int, tuple[Cause, ...]],
        picture_causes: Sequence[Cause],
    ) -> dict[int, Finding]:
        """The causes of the faces that cannot be judged now. Begins the tracks that are new."""
        findings: dict[int, Finding] = {}
        for face in faces:
            if face.track_id not in self._tracks:
                self._tracks[face.track_id] = self._new_track(face.track_id)
            causes = (*picture_causes, *quality.get(face.track_id, ()))
            if causes:
                findings[face.track_id] = tuple(dict.fromkeys(causes))
        return findings

    def _fill_windows(
        self, jobs: Sequence[CropJob], embeddings: NDArray[np.float32], findings: dict[int, Finding]
    ) -> list[int]:
        """Add the embeddings; the ids of the tracks whose window can be scored anew."""
        ready: list[int] = []
        for job, embedding in zip(jobs, embeddings, strict=True):
            track = self._tracks.get(job.track_id)
            if track is None or job.track_id in findings:
                continue
            added = track.window.add(job.time_s, embedding)
            if added is Added.NOT_FINITE:
                findings[job.track_id] = (Cause.DETECTOR_UNAVAILABLE,)
            elif added.changed and track.window.frames < self._frames_needed:
                findings[job.track_id] = (Cause.TOO_FEW_FRAMES,)
            elif added.changed:
                ready.append(job.track_id)
        return ready

    def _score(self, track_ids: Sequence[int]) -> dict[int, float]:
        """The scores of these tracks' windows, in one run of the head; NaN where it gave no number.

        A head may round differently in a batch than alone: by under 1e-7 of a logit where measured.
        """
        manifest = self._detector.manifest
        shape = (len(track_ids), manifest.window.length)
        windows = np.empty((*shape, manifest.embedding), np.float32)
        masks = np.empty(shape, np.float32)
        for row, track_id in enumerate(track_ids):
            self._tracks[track_id].window.copy_to(windows[row], masks[row])
        scores = self._detector.score(self._detector.judge(windows, masks))
        return dict(zip(track_ids, scores.tolist(), strict=True))

    def _new_track(self, track_id: int) -> _Track:
        manifest = self._detector.manifest
        window = FrameWindow(manifest.window.length, manifest.embedding, self._stride_s, self._max_gap_s)
        return _Track(window, self._new_machine(track_id), self._new_need())

    def _new_need(self) -> Need | None:
        return None if self._need is None else Need(self._need, self._threshold)

    def _new_machine(self, track_id: int) -> VerdictMachine:
        hold_s = max(HOLD_S, _HOLD_STRIDES * self._stride_s)
        return VerdictMachine(self._rule, self._threshold, track_id=track_id, hold_s=hold_s)

    def _drop_all_but(self, alive: set[int]) -> list[Event]:
        ended = [self._tracks.pop(track_id).machine.finish() for track_id in sorted(self._tracks.keys() - alive)]
        return [event for event in ended if event is not None]

    def _state(self, face: TrackedFace, track: _Track, said: FaceVerdict) -> FaceState:
        return FaceState(
            track=face,
            verdict=said.verdict,
            causes=said.causes,
            score=said.score,
            calibrated=self._detector.calibrated,
            window_fill=track.window.fill,
            event=said.event,
            evidence=said.evidence if face.detected else None,
            judged_s=said.judged_s,
            look=track.look,
        )


@dataclass(slots=True)
class _Track:
    window: FrameWindow
    machine: VerdictMachine
    need: Need | None
    look: FaceLook | None = None


def _weigh_need(track: _Track, time_s: float, finding: Finding | None, said: FaceVerdict) -> None:
    if track.need is None:
        return
    if isinstance(finding, tuple) or said.verdict is not Verdict.NO_SIGNS:
        track.need.upset()
    elif finding is not None:
        track.need.scored(time_s, finding, window_full=track.window.fill >= 1)
