"""One package on one data set: every table made into numbers with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from unmask.training.degrade import DEGRADATIONS
from unmask.training.evaluation.measures import MEASURES, SHORT, Estimate, Table, estimate_all, loss_of_auroc
from unmask.training.evaluation.operating import OperatingPoint, operating_points
from unmask.training.evaluation.passes import CLEAN, Scores, Watched
from unmask.training.evaluation.people import People, people_of
from unmask.training.evaluation.recordings import RecordingRow
from unmask.training.evaluation.samples import MediaItem
from unmask.training.evaluation.timing import DetectionTimes, FalseAlarms, detection_times, false_alarms
from unmask.training.evaluation.windows import WindowResult


@dataclass(frozen=True, slots=True)
class Settings:
    """``threshold`` is the package's own, frozen before; ``rounds`` of the bootstrap drawn with ``seed``.
    ``thresholds`` are all that the package has, as (alarms per hour, score)."""

    threshold: float
    alarms_per_hour: float
    rounds: int = 1000
    seed: int = 0
    thresholds: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class RobustRow:
    """One line of the robustness table. ``loss`` is the AUROC lost against the first line, on the same rows."""

    name: str
    words: str
    numbers: Mapping[str, Estimate]
    loss: Estimate | None


@dataclass(frozen=True, slots=True)
class Result:
    """``manipulations`` compares the fakes of each method with all genuine videos; ``notes`` say what a
    reader must know to read the numbers rightly."""

    data: str
    kind: str
    split: str
    counts: Mapping[str, int]
    videos: Mapping[str, Estimate]
    frames: Mapping[str, Estimate]
    manipulations: Mapping[str, Mapping[str, Estimate]]
    robustness: Sequence[RobustRow]
    detection: DetectionTimes | None
    false_alarms: FalseAlarms | None
    frame_causes: Mapping[str, int]
    video_causes: Mapping[str, int]
    notes: Sequence[str]
    video_table: Table
    frame_table: Table
    points: Sequence[OperatingPoint] = ()
    people: People | None = None
    windows: WindowResult | None = None
    recordings: Sequence[RecordingRow] = ()


def result_of(
    data: str,
    kind: str,
    split: str,
    clean: Scores,
    robust: Mapping[str, Scores],
    settings: Settings,
    *,
    seen: Sequence[tuple[MediaItem, Watched]] = (),
    notes: Sequence[str] = (),
    windows: WindowResult | None = None,
    recordings: Sequence[RecordingRow] = (),
) -> Result:
    """``robust`` holds the passes of the robustness table by name, the undisturbed one under ``CLEAN``; ``windows``
    and ``recordings`` are what else was measured."""

    def numbers(table: Table) -> dict[str, Estimate]:
        return estimate_all(table, settings.threshold, rounds=settings.rounds, seed=settings.seed)

    return Result(
        data=data,
        kind=kind,
        split=split,
        counts=_counts(clean, seen),
        videos=numbers(clean.videos),
        frames=numbers(clean.frames),
        manipulations=_manipulations(clean, settings),
        robustness=_robustness(robust, settings),
        detection=detection_times(seen, rounds=settings.rounds, seed=settings.seed),
        false_alarms=false_alarms(seen),
        frame_causes=clean.frame_causes,
        video_causes=clean.video_causes,
        notes=(*notes, *_notes(clean, seen)),
        video_table=clean.videos,
        frame_table=clean.frames,
        points=operating_points(clean.videos, settings.thresholds, rounds=settings.rounds, seed=settings.seed),
        people=people_of(clean.videos, settings.threshold),
        windows=windows,
        recordings=recordings,
    )


def _counts(clean: Scores, seen: Sequence[tuple[MediaItem, Watched]]) -> dict[str, int]:
    videos, frames = clean.videos, clean.frames
    return {
        "videos": len(videos),
        "videos_fake": int(videos.fake.sum()),
        "frames": len(frames),
        "frames_fake": int(frames.fake.sum()),
        "groups": len(np.unique(videos.group)),
        "unreadable": sum(bool(watched.error) and not watched.analysed for _, watched in seen),
    }


def _manipulations(clean: Scores, settings: Settings) -> dict[str, dict[str, Estimate]]:
    methods = np.asarray(clean.manipulations, dtype=str)
    found: dict[str, dict[str, Estimate]] = {}
    for method in sorted(set(clean.manipulations) - {""}):
        table = clean.videos.where(~clean.videos.fake | (methods == method))
        found[method] = estimate_all(table, settings.threshold, names=SHORT, rounds=settings.rounds, seed=settings.seed)
    return found


def _robustness(passes: Mapping[str, Scores], settings: Settings) -> list[RobustRow]:
    if not passes:
        return []
    clean = passes[CLEAN].frames
    rows: list[RobustRow] = []
    for name, scores in passes.items():
        numbers = estimate_all(
            scores.frames, settings.threshold, names=SHORT, rounds=settings.rounds, seed=settings.seed
        )
        loss = None
        if name != CLEAN:
            loss = loss_of_auroc(clean, scores.frames, rounds=settings.rounds, seed=settings.seed)
        words = DEGRADATIONS[name].words if name in DEGRADATIONS else "as stored"
        rows.append(RobustRow(name, words, numbers, loss))
    return rows


def _notes(clean: Scores, seen: Sequence[tuple[MediaItem, Watched]]) -> list[str]:
    notes: list[str] = []
    videos = clean.videos
    genuine = int((np.isfinite(videos.score) & ~videos.fake).sum())
    if 0 < genuine < 1000:
        notes.append(
            f"FPR 0.1 % cannot be resolved with {genuine} judged genuine videos: there it means no false positive."
        )
    if 0 < genuine < 100:
        notes.append(f"FPR 1 % cannot be resolved with {genuine} judged genuine videos either.")
    groups = len(np.unique(videos.group))
    if groups < 30:
        notes.append(f"Only {groups} groups were resampled: such intervals are too narrow, take them as a lower bound.")
    if not videos.fake.any() or videos.fake.all():
        notes.append("One class alone: nothing can be ranked, only coverage and one kind of error are stated.")
    for item, watched in seen:
        if watched.error:
            how_far = "only in part" if watched.analysed else "not at all, and counts as not judged"
            notes.append(f"{item.name} could be read {how_far}.")
    undecided = sum(watched.undecided for _, watched in seen)
    if undecided:
        notes.append(
            f"{undecided} were left undecided (the score between the marks): they have a score here and are no alarm."
        )
    parts = sum(not item.still and not watched.whole and not watched.error for item, watched in seen)
    if parts:
        notes.append(
            f"{parts} recordings were too long to watch as a whole: they tell nothing about time or alarm rates."
        )
    return notes


@dataclass(frozen=True, slots=True)
class Repeats:
    """One measure over repeated runs. The best run was picked on the very data it is stated for."""

    values: tuple[float, ...]
    mean: float
    spread: float | None
    best: float
    best_run: str


def repeats(runs: Mapping[str, Mapping[str, Estimate]]) -> dict[str, Repeats]:
    """Mean, standard deviation (ddof 1) and best over runs, by measure; ``runs`` maps a run to its numbers."""
    found: dict[str, Repeats] = {}
    for measure in MEASURES:
        values = {run: numbers[measure.name].value for run, numbers in runs.items() if measure.name in numbers}
        present = {run: value for run, value in values.items() if value is not None}
        if not present:
            continue
        choose = max if measure.higher_is_better else min
        best = choose(present, key=lambda run: present[run])
        numbers = tuple(present.values())
        spread = float(np.std(numbers, ddof=1)) if len(numbers) > 1 else None
        found[measure.name] = Repeats(numbers, float(np.mean(numbers)), spread, present[best], best)
    return found
