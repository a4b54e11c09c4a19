"""A sink that keeps when each frame left each stage, and what was found in it: never the picture."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass

from unmask.benchmarks.stats import deviation
from unmask.realtime.annotate import annotate
from unmask.realtime.types import FaceBox, StageTimes, Update


@dataclass(frozen=True, slots=True)
class Sample:
    """One analysed frame. ``crops`` went to the encoder from it; ``boxes`` are the faces on show, ``scores``
    what is said of them, ``None`` where they cannot be judged."""

    source_id: str
    index: int
    time_s: float
    stages: StageTimes
    sequence: int
    crops: int
    boxes: tuple[FaceBox, ...]
    scores: tuple[float | None, ...]

    @property
    def score_ms(self) -> float:
        """From the moment the frame was due until its score was there."""
        return (self.stages.scored - self.stages.captured) / 1e6


class Collector:
    """Used by the sink's thread; ``take_all`` may be called from any. With ``draw`` every frame is also
    drawn as a recording would draw it, and thrown away."""

    every_update = True

    def __init__(self, *, draw: bool = False) -> None:
        self._draw = draw
        self._lock = threading.Lock()
        self._samples: list[Sample] = []
        self._crops: dict[str, int] = {}

    def take(self, update: Update) -> None:
        if update.frame is None or update.stages is None:
            return
        before = self._crops.get(update.source_id, 0)
        self._crops[update.source_id] = update.counters.scored_crops
        sample = Sample(
            update.source_id,
            update.frame.index,
            update.frame.time_s,
            update.stages,
            update.sequence,
            update.counters.scored_crops - before,
            tuple(face.track.face for face in update.faces),
            tuple(face.evidence for face in update.faces),
        )
        with self._lock:
            # The last word on a source that is over repeats its last frame.
            if not self._samples or (self._samples[-1].source_id, self._samples[-1].sequence) != (
                update.source_id,
                update.sequence,
            ):
                self._samples.append(sample)
        if self._draw:
            annotate(update)

    def close(self) -> None: ...

    def take_all(self) -> list[Sample]:
        """What came since the last call, oldest first."""
        with self._lock:
            taken, self._samples = self._samples, []
        return taken


def unseen(samples: list[Sample]) -> int:
    """Updates that the session gave and this sink missed, by the gaps in each source's numbers."""
    missed, last = 0, {}
    for sample in samples:
        missed += sample.sequence - last.get(sample.source_id, sample.sequence - 1) - 1
        last[sample.source_id] = sample.sequence
    return missed


def interval_deviation_ms(samples: list[Sample]) -> float:
    """How unevenly the updates of one source come: the standard deviation of the time between two."""
    times = [sample.stages.published / 1e6 for sample in samples]
    return deviation([later - sooner for sooner, later in itertools.pairwise(times)])


STAGES = ("wait", "detect", "track", "crop", "score", "publish")


def stage_ms(samples: list[Sample]) -> dict[str, list[float]]:
    """Milliseconds that each frame spent in each stage; a stage that a frame skipped is left out."""
    found: dict[str, list[float]] = {name: [] for name in STAGES}
    for sample in samples:
        stages = sample.stages
        left = (stages.taken, stages.detected, stages.tracked, stages.cropped, stages.scored, stages.published)
        before = stages.captured
        for name, at in zip(STAGES, left, strict=True):
            if at:
                found[name].append((at - before) / 1e6)
                before = at
    return found
