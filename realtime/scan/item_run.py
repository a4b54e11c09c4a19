"""The state of one item that is being scanned: a follower, and per detector a selector and a judge."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import cv2
import numpy as np

from unmask.realtime.detector import Detector
from unmask.realtime.faces.finder import FaceFinder
from unmask.realtime.follow import FaceFollower, Followed
from unmask.realtime.judge import FaceJudge, Judgement
from unmask.realtime.picture_health import PictureHealth
from unmask.realtime.scan.ensemble import Vote, combine
from unmask.realtime.scan.linking import People
from unmask.realtime.scan.records import DetectorRecord, FaceRecord
from unmask.realtime.scan.results import FaceFinding
from unmask.realtime.scan.sampling import Sample
from unmask.realtime.selection import CropJob, CropSelector
from unmask.realtime.tracking.appearance import describe
from unmask.realtime.tracking.tracker import Tracker, TrackerSettings
from unmask.realtime.types import Cause, Frame

#: Told of every analysed frame and what was followed in it, for whoever measures more than a finding holds.
Observer = Callable[[Sample, Followed], None]

# A face that was found in so many frames and never followed is there; in fewer it was a pattern on a wall.
_GLIMPSED_SHARE = 0.25


class ItemRun:
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
        self._frames_with_glimpse = 0

    def take_all(self, samples: Iterable[Sample]) -> None:
        for sample in samples:
            if sample.fresh:
                self._follower.reset()
                self._people.begin_stretch()
                self.stretches += 1
            self._take(sample)

    def finish(self) -> None:
        """No sample will come any more: the alarms that were still on end."""
        if not self._faces and self._frames_with_glimpse > _GLIMPSED_SHARE * self.frames:
            self.picture_causes[Cause.TOO_FEW_FRAMES] = None
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
        self._frames_with_glimpse += followed.glimpsed and not followed.faces
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
