"""``unmask bench cadence``: what searching and scoring less often saves, and what it costs.

One thread runs the live path (search, track, crop, encode, judge) over a clip in memory as fast as it goes, in the
clip's own time, so that the ways to do it can be compared frame by frame. The answer of the judge is there for the
next frame, as in a session whose scoring keeps up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from statistics import median

import numpy as np
from numpy.typing import NDArray

from unmask.benchmarks.clocks import Stopwatch
from unmask.benchmarks.harness import Repeats, interleave
from unmask.benchmarks.memory_source import FinitePictures, read_pictures
from unmask.benchmarks.pipeline import SAME_FACE, recall
from unmask.benchmarks.report import Line, Plot, Row
from unmask.benchmarks.settings import Effort
from unmask.benchmarks.subject import Clip, Subject
from unmask.benchmarks.tables import Value
from unmask.engines.errors import UnmaskError
from unmask.realtime.cadence import Cadence
from unmask.realtime.detector import Detector
from unmask.realtime.faces.finder import FaceFinder
from unmask.realtime.follow import FaceFollower
from unmask.realtime.judge import FaceJudge
from unmask.realtime.need import Needs, NeedSettings, reads_order
from unmask.realtime.picture_health import PictureHealth
from unmask.realtime.selection import CropSelector
from unmask.realtime.sources.base import FrameSource
from unmask.realtime.tracking.tracker import Tracker, TrackerSettings
from unmask.realtime.types import FaceBox, Verdict
from unmask.realtime.verdict import threshold_for

EVERY_FRAME = "every frame searched"
ADAPTIVE = "adaptive search"
AS_NEEDED = "adaptive search + scoring as needed"
# The stand-in's score: so much of the threshold before the switch, so much of what is left above it after.
_BEFORE, _AFTER = 0.3, 0.9
# The last seconds before the switch are steady ones. It comes a bit later each time: no crop is due by design.
_STEADY_S, _SHIFT_S, _SWITCHES = 4.0, 0.07, 3
_GIVE_UP_S = 10.0


@dataclass(frozen=True, slots=True)
class Way:
    """How faces are searched (``adaptive``: not in every frame) and scored (``need``: settled ones less often)."""

    adaptive: bool
    need: NeedSettings | None = None


WAYS: dict[str, Way] = {
    EVERY_FRAME: Way(adaptive=False),
    ADAPTIVE: Way(adaptive=True),
    AS_NEEDED: Way(adaptive=True, need=NeedSettings()),
}


@dataclass(frozen=True, slots=True)
class Look:
    """One frame: what it cost, and the faces with their smoothed scores (``None`` where there is none now)."""

    time_s: float
    cpu_s: float
    crops: int
    searched: bool
    faces: tuple[tuple[FaceBox, float | None], ...]


@dataclass(frozen=True, slots=True)
class Walk:
    """One clip by one way; ``alarm_s`` is when a face first showed signs of manipulation."""

    looks: list[Look] = field(default_factory=list)
    alarm_s: float | None = None

    @property
    def cpu_ms(self) -> float:
        """Processor milliseconds per frame."""
        return sum(look.cpu_s for look in self.looks) * 1e3 / max(1, len(self.looks))

    def between(self, begin_s: float, end_s: float) -> Walk:
        return Walk([look for look in self.looks if begin_s <= look.time_s < end_s])

    def per_s(self, count: int) -> float:
        """``count`` things of this walk by the second of the clip."""
        if len(self.looks) < 2:
            return 0.0
        step_s = (self.looks[-1].time_s - self.looks[0].time_s) / (len(self.looks) - 1)
        return count / (step_s * len(self.looks))

    @property
    def crops_per_s(self) -> float:
        return self.per_s(sum(look.crops for look in self.looks))

    @property
    def searches_per_s(self) -> float:
        return self.per_s(sum(look.searched for look in self.looks))

    @property
    def boxes(self) -> dict[int, list[FaceBox]]:
        return {index: [box for box, _ in look.faces] for index, look in enumerate(self.looks)}


class StandIn:
    """Between a detector and its judge: the work is the detector's, the score a known one that jumps at ``switch_s``.

    What it makes of a head's window is the mean of the known logits in it.
    """

    def __init__(self, detector: Detector, threshold: float, switch_s: float) -> None:
        self._detector = detector
        self.manifest = detector.manifest
        self.calibrated, self.provider = detector.calibrated, detector.provider
        self._switch_s = switch_s
        after = threshold + _AFTER * (1 - threshold)
        self._levels = tuple(self._logit(min(max(score, 1e-3), 1 - 1e-3)) for score in (_BEFORE * threshold, after))

    def _logit(self, score: float) -> float:
        calibration = self.manifest.calibration
        return (float(np.log(score / (1 - score))) - calibration.bias) / calibration.scale

    def encode(self, crops: NDArray[np.uint8], time_s: float) -> NDArray[np.float32]:
        found = self._detector.encode(crops)
        found[:, 0] = self._levels[int(time_s >= self._switch_s)]
        return found

    def judge(self, windows: NDArray[np.float32], masks: NDArray[np.float32]) -> NDArray[np.float32]:
        self._detector.judge(windows, masks)
        return (windows[:, :, 0] * masks).sum(axis=1) / np.maximum(masks.sum(axis=1), 1)

    def score(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        return self._detector.score(logits)


def walk(
    detector: Detector,
    finder: FaceFinder,
    source: FrameSource,
    way: Way,
    *,
    threshold: float,
    switch_s: float | None = None,
) -> Walk:
    """Run ``source`` to its end, or with ``switch_s`` to the alarm that a switch at that time raises."""
    manifest = detector.manifest
    stand_in = None if switch_s is None else StandIn(detector, threshold, switch_s)
    follower = FaceFollower(
        finder, Tracker(TrackerSettings()), PictureHealth(), cadence=Cadence() if way.adaptive else None
    )
    selector = CropSelector(detector.crop_spec, manifest.quality, manifest.window.stride_ms / 1000)
    needs = Needs(way.need, manifest.window) if way.need is not None else None
    # The stand-in answers all that a judge asks.
    judge = FaceJudge(stand_in or detector, threshold, need=way.need)  # pyright: ignore[reportArgumentType]
    looks: list[Look] = []
    alarm_s: float | None = None
    source.open()
    for frame in iter(source.read, None):
        with Stopwatch() as spent:
            if needs is not None:
                selector.resting, selector.rest_s = judge.settled, needs.rest_s(selector.stride_s)
            followed = follower.follow(frame, crop_due=selector.due(frame.time_s))
            selection = selector.select(frame, followed.faces)
            vectors = np.empty((0, manifest.embedding), np.float32)
            if selection.jobs:
                crops = np.stack([job.crop for job in selection.jobs])
                vectors = stand_in.encode(crops, frame.time_s) if stand_in else detector.encode(crops)
            said = judge.accept(
                frame.time_s, followed.faces, selection.jobs, vectors, selection.causes, followed.causes
            )
        faces = tuple((state.track.face, state.evidence) for state in said.faces)
        looks.append(Look(frame.time_s, spent.cpu_s, len(selection.jobs), bool(followed.detected_ns), faces))
        if said.verdict is Verdict.SIGNS:
            alarm_s = frame.time_s if alarm_s is None else alarm_s
            if switch_s is not None:
                break
    source.close()
    return Walk(looks, alarm_s)


@dataclass(frozen=True, slots=True)
class Round:
    """One repeat of a way: the clip with its own scores, and with known ones that jump, at ``switches_s``."""

    plain: Walk
    switched: tuple[Walk, ...]
    switches_s: tuple[float, ...]

    @property
    def steady(self) -> list[Walk]:
        """What comes just before each switch: one calm face after another."""
        cases = zip(self.switched, self.switches_s, strict=True)
        return [one.between(switch_s - _STEADY_S, switch_s) for one, switch_s in cases]

    @property
    def delays_s(self) -> list[float]:
        """From each switch to its alarm; infinite for an alarm that did not come."""
        return [
            math.inf if one.alarm_s is None else one.alarm_s - switch_s
            for one, switch_s in zip(self.switched, self.switches_s, strict=True)
        ]


class Course:
    """The clip in memory, long enough for a face to settle before the switch."""

    def __init__(self, subject: Subject, detector: Detector, clip: Clip, effort: Effort) -> None:
        self._subject, self._detector = subject, detector
        self._pictures, self._fps = read_pictures(clip.path, effort.pictures)
        window = detector.manifest.window
        full_s = window.length * window.stride_ms / 1000
        settled_s = 2 * full_s + detector.manifest.rule.dwell_s + NeedSettings().calm_s
        self._switches_s = tuple(
            settled_s + _STEADY_S + number * _SHIFT_S for number in range(1 if effort.quick else _SWITCHES)
        )
        self._threshold = threshold_for(detector.manifest, subject.session_settings.alarms_per_hour).score

    def run(self, way: Way) -> Round:
        plain = self._walk(way, self._switches_s[0], None)
        switched = [self._walk(way, at + _GIVE_UP_S, at) for at in self._switches_s]
        return Round(plain, tuple(switched), self._switches_s)

    def _walk(self, way: Way, seconds: float, switch_s: float | None) -> Walk:
        source = FinitePictures("clip", self._pictures, self._fps, round(seconds * self._fps))
        with closing(self._subject.make_finder()) as finder:
            return walk(self._detector, finder, source, way, threshold=self._threshold, switch_s=switch_s)


def measure(
    subject: Subject, detector: Detector, clips: Sequence[Clip], effort: Effort
) -> tuple[list[Row], list[Plot], list[str]]:
    """A row per clip and way, all ways of a clip in turns. Raises ``UnmaskError`` where a switch raises no alarm."""
    ways = {name: way for name, way in WAYS.items() if way.need is None or not reads_order(detector)}
    rows: list[Row] = []
    for clip in clips:
        subject.say(f"cadence: {clip.name} ...")
        course = Course(subject, detector, clip, effort)
        runs = {name: lambda w=way, c=course: c.run(w) for name, way in ways.items()}
        found = interleave(runs, lambda one: one.plain.cpu_ms, effort.passes)
        reference = found[EVERY_FRAME].results[-1].plain
        rows += [Row(f"{clip.name}: {name}", _values(own, reference)) for name, own in found.items()]
    bars = [float(row.values["steady_cpu_ms_per_frame"] or 0) for row in rows]
    line = Line("CPU-ms per frame, steady face", [row.name for row in rows], bars)
    notes = [
        "One thread, pictures from memory, in the clip's own time. Recall and the largest difference of the smoothed "
        "score: against the first row, in the same frames, where both have a score; its own scores of the clip.",
        f"Steady: the last {_STEADY_S:g} s before a switch, and the switch itself: the scores are known ones, "
        f"{_BEFORE:g} of the threshold, then far above it; the work is the detector's. Delay: until the alarm.",
    ]
    if AS_NEEDED not in ways:
        notes.append("This detector's head reads the order of the frames: its faces are scored at every stride.")
    return rows, [Plot("cadence", "Processor time per frame of a steady face", "", "CPU-ms", [line], "bar")], notes


def _values(found: Repeats[Round], reference: Walk) -> dict[str, Value]:
    one = found.results[-1]
    delays = [delay for repeat in found.results for delay in repeat.delays_s]
    if not all(map(math.isfinite, delays)):
        raise UnmaskError(
            "A switch raised no alarm, so that its delay cannot be measured: give a clip that shows one face large "
            "enough from beginning to end."
        )
    steady = [walk for repeat in found.results[-found.last :] for walk in repeat.steady]
    return {
        "cpu_ms_per_frame": found.value,
        "searches_per_s": one.plain.searches_per_s,
        "crops_per_s": one.plain.crops_per_s,
        "recall": recall(reference.boxes, one.plain.boxes),
        "largest_score_difference": max(_differences(reference, one.plain), default=None),
        "steady_cpu_ms_per_frame": median(walk.cpu_ms for walk in steady),
        "steady_searches_per_s": median(walk.searches_per_s for walk in steady),
        "steady_crops_per_s": median(walk.crops_per_s for walk in steady),
        "switch_to_alarm_s": median(delays),
        "switch_to_alarm_max_s": max(delays),
        **found.as_values(),
    }


def _differences(reference: Walk, other: Walk) -> list[float]:
    """Of the smoothed scores of the same faces in the same frames."""
    return [
        abs(wanted - score)
        for one, two in zip(reference.looks, other.looks, strict=False)
        for box, wanted in one.faces
        for another, score in two.faces
        if wanted is not None and score is not None and box.overlap(another) >= SAME_FACE
    ]
