"""One item through the whole pipeline: sample, find, follow, crop, encode, judge, and sum up."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from unmask.engines.errors import SourceError, UnmaskError
from unmask.realtime.detector import Detector
from unmask.realtime.faces.finder import FaceFinder
from unmask.realtime.follow import FaceFollower, Followed
from unmask.realtime.judge import FaceJudge, Judgement
from unmask.realtime.picture_health import PictureHealth
from unmask.realtime.scan.ensemble import Vote, combine
from unmask.realtime.scan.items import ScanItem
from unmask.realtime.scan.linking import People
from unmask.realtime.scan.records import DetectorRecord, FaceRecord
from unmask.realtime.scan.results import FaceFinding, ItemFinding, unreadable
from unmask.realtime.scan.sampling import (
    Sample,
    SamplePlan,
    frames_for_a_verdict,
    measured,
    plan_samples,
    sampled,
)
from unmask.realtime.selection import CropJob, CropSelector
from unmask.realtime.sources.base import FrameSource, SourceInfo
from unmask.realtime.tracking.appearance import describe
from unmask.realtime.tracking.tracker import Tracker, TrackerSettings
from unmask.realtime.types import Cause, Frame, Verdict

Progress = Callable[[float], None]
#: Told of every analysed frame and what was followed in it, for whoever measures more than a finding holds.
Observer = Callable[[Sample, Followed], None]


def _nobody(sample: Sample, followed: Followed) -> None:
    """Observes nothing."""


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """``most_frames`` bounds what is analysed per item; ``crops`` keeps the most suspicious face pictures."""

    alarms_per_hour: float = 1.0
    most_frames: int = 1200
    vote: Vote = "mean"
    crops: bool = False


class Scanner:
    """Scans items one after another with one or several open detectors and one face finder.

    ``detectors`` are (detector, threshold) pairs. It owns neither them nor the finder. Used from one thread.
    """

    def __init__(self, detectors: Sequence[tuple[Detector, float]], finder: FaceFinder, settings: ScanSettings) -> None:
        self._detectors = detectors
        self._finder = finder
        self._settings = settings
        manifests = [detector.manifest for detector, _ in detectors]
        self._stride_s = min(manifest.window.stride_ms for manifest in manifests) / 1000
        # The slowest detector needs the longest stretch; at the finest stride it takes the most frames.
        self._stretch = max(
            round(frames_for_a_verdict(manifest) * manifest.window.stride_ms / 1000 / self._stride_s)
            for manifest in manifests
        )

    def scan(self, item: ScanItem, progress: Progress = lambda done: None, observe: Observer = _nobody) -> ItemFinding:
        """Look at one item; what cannot be read comes back with its error. ``progress`` is told 0..1."""
        if item.make is None:
            return unreadable(item.path, item.kind, item.error)
        try:
            with contextlib.closing(item.make()) as source:
                info = source.open()
                if info.live:
                    raise SourceError(f"{item.path} is live and has no end; use `unmask watch` for it.")
                if info.kind == "image" or info.duration_s:
                    return self._scan_open(item, source, info, "", progress, observe)
                # To cover it evenly its length must be known: it is read twice.
                length_s, broke = measured(source)
            with contextlib.closing(item.make()) as source:
                info = dataclasses.replace(source.open(), duration_s=length_s)
                return self._scan_open(item, source, info, broke, progress, observe)
        except UnmaskError as error:
            return unreadable(item.path, item.kind, str(error))

    def _scan_open(
        self, item: ScanItem, source: FrameSource, info: SourceInfo, broke: str, progress: Progress, observe: Observer
    ) -> ItemFinding:
        """``broke`` is what is known to be wrong with the source, empty where nothing is."""
        still = info.kind == "image"
        run = _Run(self._detectors, self._finder, observe, still=still, crops=self._settings.crops)
        length_s = info.duration_s or 0.0
        plan = self._plan(length_s)
        samples = sampled(source, info, plan, lambda moment: progress(min(1.0, moment / max(length_s, 1e-3))))
        try:
            run.take_all(samples)
        except SourceError as error:
            if run.frames == 0:
                raise
            broke = str(error)  # what came before it was seen, and counts
        run.finish()
        progress(1.0)
        if run.frames == 0:
            raise SourceError(f"{item.path} holds no frame that can be read; check that it plays.")
        faces = run.findings(self._settings.vote)
        verdict, causes, score = item_verdict(faces, run.picture_causes)
        kind = "video" if item.kind == "address" and not still else item.kind
        return ItemFinding(
            path=item.path,
            kind="image" if still else kind,
            duration_s=None if still else info.duration_s,
            frames_analysed=run.frames,
            verdict=verdict,
            causes=causes,
            score=score,
            faces=faces,
            face_share=run.frames_with_face / run.frames,
            size=(info.width, info.height),
            stretches=run.stretches,
            error=broke,
        )

    def _plan(self, duration_s: float) -> SamplePlan:
        return plan_samples(duration_s, self._stride_s, self._settings.most_frames, self._stretch)


def item_verdict(
    faces: Sequence[FaceFinding], picture_causes: Iterable[Cause]
) -> tuple[Verdict, tuple[Cause, ...], float | None]:
    """Signs when any face shows them, no signs when none does and one could be judged, else cannot judge."""
    judged = [face for face in faces if face.verdict is not Verdict.CANNOT_JUDGE]
    score = max((face.score for face in judged if face.score is not None), default=None)
    if any(face.verdict is Verdict.SIGNS for face in judged):
        return Verdict.SIGNS, (), score
    if judged:
        return Verdict.NO_SIGNS, (), score
    causes = tuple(dict.fromkeys([*picture_causes, *(cause for face in faces for cause in face.causes)]))
    return Verdict.CANNOT_JUDGE, causes or (Cause.NO_FACE,), None


class _Run:
    """The state of one item: a follower, and per detector a selector and a judge."""

    def __init__(
        self,
        detectors: Sequence[tuple[Detector, float]],
        finder: FaceFinder,
        observe: Observer,
        *,
        still: bool,
        crops: bool,
    ) -> None:
        # One picture is all there is: a face is a track at once. What the finder hands out has passed
        # the confidence that the person asked for, and a recording may stand still without being broken.
        tracker = Tracker(TrackerSettings(birth_hits=1 if still else 2, strong_confidence=0.0))
        self._follower = FaceFollower(finder, tracker, PictureHealth(frozen_after_s=None))
        self._observe = observe
        self._still, self._crops = still, crops
        self._detectors = [
            (detector, threshold, _selector(detector), FaceJudge(detector, threshold, single_image=still))
            for detector, threshold in detectors
        ]
        self._people = People()
        self._faces: dict[int, FaceRecord] = {}
        self._person_of_track: dict[int, int] = {}
        self.stretches = 0
        self.picture_causes: dict[Cause, None] = {}
        self.frames = 0
        self.frames_with_face = 0

    def take_all(self, samples: Iterable[Sample]) -> None:
        for sample in samples:
            if sample.fresh:
                self._follower.reset()
                self._people.begin_stretch()
                self.stretches += 1
            self._take(sample)

    def finish(self) -> None:
        """No sample will come any more: the alarms that were still on end."""
        for index, (_, _, _, judge) in enumerate(self._detectors):
            for event in judge.finish():
                self._record_of(event.track_id).detectors[index].end(event)

    def findings(self, vote: Vote) -> tuple[FaceFinding, ...]:
        found = []
        for face in self._faces.values():
            each = tuple(record.finding() for record in face.detectors)
            verdict, causes, score, timeline = combine(each, vote)
            crops = tuple(face.detectors[0].crops)
            found.append(
                FaceFinding(
                    face.number,
                    face.first_s,
                    face.last_s,
                    face.frames,
                    verdict,
                    causes,
                    score,
                    timeline,
                    each,
                    crops,
                )
            )
        return tuple(found)

    def _take(self, sample: Sample) -> None:
        frame = sample.frame
        self.frames += 1
        followed = self._follower.follow(frame)
        self._observe(sample, followed)
        self.picture_causes.update(dict.fromkeys(followed.causes))
        self.frames_with_face += any(face.detected for face in followed.faces)
        self._meet(frame, followed)
        for index, (detector, _, selector, judge) in enumerate(self._detectors):
            selection = selector.select(frame, () if followed.causes else followed.faces)
            jobs = selection.jobs
            crops = np.stack([job.crop for job in jobs]) if jobs else np.empty((0, 1, 1, 3), np.uint8)
            judged = judge.accept(
                frame.time_s, followed.faces, jobs, detector.encode(crops), selection.causes, followed.causes
            )
            self._note(index, frame, judged, jobs)

    def _meet(self, frame: Frame, followed: Followed) -> None:
        """Give every track its person, and note where it was seen."""
        for face in followed.faces:
            if not face.detected:
                continue
            looks = describe(frame.image, face.face)
            link = self.stretches > 1
            number = self._people.person_of(face.track_id, face.face, looks, link=link)
            self._person_of_track[face.track_id] = number
            record = self._faces.get(number)
            if record is None:
                record = self._faces[number] = FaceRecord(
                    number,
                    frame.time_s,
                    frame.time_s,
                    0,
                    [self._new_record(*which) for which in self._detectors],
                )
            record.last_s = frame.time_s
            record.frames += 1

    def _note(self, index: int, frame: Frame, judged: Judgement, jobs: Sequence[CropJob]) -> None:
        scores: dict[int, float] = {}
        for state in judged.faces:
            if state.track.track_id in self._person_of_track:
                self._record_of(state.track.track_id).detectors[index].take(frame.time_s, state)
            if state.score is not None:
                scores[state.track.track_id] = state.score
        for event in judged.ended:
            self._record_of(event.track_id).detectors[index].end(event)
        if self._crops and index == 0:
            for job in jobs:
                if job.track_id in scores:
                    crop = job.crop
                    if self._detectors[0][0].crop_spec.colour == "rgb":
                        crop = cv2.cvtColor(crop, cv2.COLOR_RGB2BGR)
                    record = self._record_of(job.track_id).detectors[0]
                    record.keep_crop(frame.time_s, scores[job.track_id], crop)

    def _record_of(self, track_id: int) -> FaceRecord:
        return self._faces[self._person_of_track[track_id]]

    def _new_record(self, detector: Detector, threshold: float, *_: object) -> DetectorRecord:
        dwell_s = 0.0 if self._still else detector.manifest.rule.dwell_s
        return DetectorRecord(detector.manifest.name, threshold, detector.calibrated, dwell_s)


def _selector(detector: Detector) -> CropSelector:
    manifest = detector.manifest
    return CropSelector(detector.crop_spec, manifest.quality, manifest.window.stride_ms / 1000)
