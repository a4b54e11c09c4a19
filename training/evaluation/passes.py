"""Stored crops and recordings through a detector: what it scored, what it would not judge, and why."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.realtime.types import FaceBox, Image
from unmask.training.degrade import Degradation
from unmask.training.evaluation.measures import NAN, Table
from unmask.training.evaluation.samples import CropSet, MediaItem, in_time
from unmask.training.lines import Line
from unmask.training.prepare.index import PreparedCrop
from unmask.training.prepare.items import SourceItem

_T = TypeVar("_T")

BATCH = 32
TOO_FEW, UNREADABLE = "too_few_frames", "unreadable"
#: The undisturbed line of the robustness table.
CLEAN = "none"

#: Told how much is done, out of how much, and what is being done.
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class StoredCrop:
    """``image`` BGR uint8 (H, W, 3) with ``face`` in its pixels, ``None`` where the whole of it is the crop that
    the detector asks for; ``source_side`` is how many pixels its side has in the picture it was cut from."""

    image: Image
    face: FaceBox | None
    source_side: float


class CropScorer(Protocol):
    """A detector package on stored crops, by the live engine path. Whoever composes it hands it in."""

    @property
    def length(self) -> int:
        """The most embeddings one window holds."""
        ...

    @property
    def least(self) -> int:
        """How many a window needs before it is scored."""
        ...

    @property
    def margin(self) -> float:
        """The side of its crops in units of the face: what a stored crop without a face box is taken for."""
        ...

    @property
    def single_image(self) -> bool:
        """Whether a window of one picture may be scored when there is only one."""
        ...

    def encode(self, crops: Sequence[StoredCrop]) -> tuple[NDArray[np.float32], list[tuple[str, ...]]]:
        """Embeddings (N, D), NaN for crops that are not judged, and per crop the causes against judging it."""
        ...

    def score(self, windows: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        """Calibrated scores (N,) of windows (n, D) in the order of time, 1 <= n <= ``length``; NaN for none."""
        ...


@dataclass(frozen=True, slots=True)
class Watched:
    """One recording or picture, watched by the live scanner.

    ``score`` is the highest evidence that lasted for the dwell time, ``None`` where there is none and ``causes``
    say why; with ``undecided`` it lies between the marks, so that a person is told no verdict. ``moments`` are
    the scores of the single analysed moments, of ``analysed``; ``alarms_s`` when alarms began, in seconds after
    the first analysed picture; ``whole`` whether all of it was watched at the detector's stride, without which
    nothing can be said about time or alarm rates. With an ``error`` it could not be read, or not to its end.
    """

    score: float | None
    causes: tuple[str, ...]
    moments: tuple[float, ...] = ()
    analysed: int = 0
    seconds: float = 0.0
    alarms_s: tuple[float, ...] = ()
    whole: bool = True
    undecided: bool = False
    error: str = ""


#: Watches one item: a picture degraded, or a recording after a line, where one is given.
Watch = Callable[[SourceItem, Degradation | Line | None], Watched]


@dataclass(frozen=True, slots=True)
class Scores:
    """One pass over the data, undisturbed or degraded: a table per crop or moment, and one per video."""

    frames: Table
    videos: Table
    manipulations: tuple[str, ...]
    frame_causes: Mapping[str, int]
    video_causes: Mapping[str, int]


@dataclass(slots=True)
class Pass:
    """Collects one pass over stored crops."""

    rows: list[PreparedCrop] = field(default_factory=list)
    vectors: list[NDArray[np.float32]] = field(default_factory=list)
    causes: list[tuple[str, ...]] = field(default_factory=list)

    def take(self, rows: Sequence[PreparedCrop], vectors: NDArray[np.float32], causes: list[tuple[str, ...]]) -> None:
        self.rows += rows
        self.vectors += list(vectors)
        self.causes += causes


def score_crops(
    data: CropSet,
    scorer: CropScorer,
    degradations: Sequence[Degradation],
    *,
    degraded_rows: Sequence[PreparedCrop] = (),
    seed: int = 0,
    progress: Progress = lambda done, total, what: None,
) -> dict[str, Scores]:
    """``""`` -> the pass over all rows; with degradations also ``CLEAN`` and each degradation's name -> the
    pass over ``degraded_rows``. Every picture is read once.
    """
    robust = {row.record.key for row in degraded_rows}
    passes = {name: Pass() for name in ("", *([CLEAN] if degradations else []), *(row.name for row in degradations))}
    total = len(data.rows) + len(robust) * len(degradations)
    done = 0
    for batch in _batches(data.pictures(data.rows), BATCH):
        rows = [row for row, _ in batch]
        vectors, causes = scorer.encode([StoredCrop(image, row.face, row.record.source_width) for row, image in batch])
        passes[""].take(rows, vectors, causes)
        if degradations:
            kept = [n for n, row in enumerate(rows) if row.record.key in robust]
            passes[CLEAN].take([rows[n] for n in kept], vectors[kept], [causes[n] for n in kept])
        done += len(batch)
        progress(done, total, data.name)
        worse = [(row, cv2.cvtColor(image, cv2.COLOR_BGR2RGB)) for row, image in batch if row.record.key in robust]
        for degradation in degradations if worse else ():
            crops = [degraded(row, image, degradation, scorer.margin, seed) for row, image in worse]
            passes[degradation.name].take([row for row, _ in worse], *scorer.encode(crops))
            done += len(worse)
            progress(done, total, f"{data.name}, {degradation.name}")
    return {name: scores_of(found, scorer) for name, found in passes.items()}


def degraded(row: PreparedCrop, rgb: Image, degradation: Degradation, whole_margin: float, seed: int) -> StoredCrop:
    """The crop made worse; one that came out smaller has no more pixels in its source than that.

    ``whole_margin`` is the margin of a crop that has no face box.
    """
    margin = whole_margin if row.face is None else row.margin
    return made_worse(row, degradation.apply(rgb, row.record.key, margin, seed), rgb.shape[0])


def made_worse(row: PreparedCrop, worse: Image, side: int) -> StoredCrop:
    """The crop of ``row``, ``side`` pixels wide as it was stored, as it looks ``worse``, RGB uint8 (H, H, 3)."""
    face, source_side, left = row.face, float(row.record.source_width), worse.shape[0]
    if left < side:
        source_side = min(source_side, left)
        face = None if face is None else scaled(face, left / side)
    return StoredCrop(cv2.cvtColor(worse, cv2.COLOR_RGB2BGR), face, source_side)


def scaled(face: FaceBox, factor: float) -> FaceBox:
    """``face`` in the pixels of a picture that was scaled by ``factor``."""
    landmarks = None if face.landmarks is None else face.landmarks * np.float32(factor)
    return FaceBox(face.x0 * factor, face.y0 * factor, face.x1 * factor, face.y1 * factor, face.confidence, landmarks)


def scores_of(found: Pass, scorer: CropScorer) -> Scores:
    """Score every crop as a single picture and every video by its windows."""
    order = sorted(range(len(found.rows)), key=lambda n: in_time(found.rows[n]))
    rows = [found.rows[n] for n in order]
    vectors = [found.vectors[n] for n in order]
    causes = [found.causes[n] for n in order]
    if not scorer.single_image and scorer.least > 1:
        causes = [given or (TOO_FEW,) for given in causes]
    singles = [None if given else vector[None] for vector, given in zip(vectors, causes, strict=True)]
    frame_scores = _scored(scorer, singles)
    frames = Table.of([row.record.fake for row in rows], frame_scores, [row.record.group for row in rows])
    first: list[PreparedCrop] = []
    video_scores: list[float] = []
    video_causes: Counter[str] = Counter()
    for _, members in itertools.groupby(range(len(rows)), key=lambda n: rows[n].video):
        these = list(members)
        score = _video_score(scorer, [vectors[n] for n in these], frame_scores[these])
        first.append(rows[these[0]])
        video_scores.append(score)
        if np.isnan(score):
            reasons = Counter(cause for n in these for cause in causes[n])
            video_causes[reasons.most_common(1)[0][0] if reasons else TOO_FEW] += 1
    videos = Table.of([row.record.fake for row in first], video_scores, [row.record.group for row in first])
    manipulations = tuple(row.manipulation for row in first)
    return Scores(frames, videos, manipulations, _tally(causes), dict(video_causes))


def _video_score(scorer: CropScorer, vectors: Sequence[NDArray[np.float32]], singles: NDArray[np.float64]) -> float:
    """The mean score of windows of successive judged crops; of single ones where there are too few for one."""
    judged = [vector for vector in vectors if np.isfinite(vector).all()]
    windows = [np.stack(chunk) for chunk in _batches(judged, scorer.length) if len(chunk) >= scorer.least]
    scores = scorer.score(windows) if windows else singles
    finite = scores[np.isfinite(scores)]
    return float(finite.mean()) if len(finite) else NAN


def _scored(scorer: CropScorer, windows: Sequence[NDArray[np.float32] | None]) -> NDArray[np.float64]:
    scores = np.full(len(windows), np.nan)
    present = [(n, window) for n, window in enumerate(windows) if window is not None]
    for chunk in _batches(present, 256):
        scores[[n for n, _ in chunk]] = scorer.score([window for _, window in chunk])
    return scores


def watch_media(
    items: Sequence[MediaItem],
    watch: Watch,
    degradation: Degradation | Line | None = None,
    *,
    progress: Progress = lambda done, total, what: None,
) -> tuple[Scores, tuple[tuple[MediaItem, Watched], ...]]:
    """Every one of ``items`` through ``watch``, degraded where a degradation is given."""
    seen: list[tuple[MediaItem, Watched]] = []
    for number, item in enumerate(items):
        progress(number, len(items), item.name if degradation is None else f"{item.name}, {degradation.name}")
        seen.append((item, watch(item.source, degradation)))
    progress(len(items), len(items), "")
    return media_scores(seen), tuple(seen)


def media_scores(seen: Sequence[tuple[MediaItem, Watched]]) -> Scores:
    """Tables of what was watched. Every analysed moment is a row, and so is what could not be read."""
    fake: list[bool] = []
    score: list[float] = []
    group: list[str] = []
    frame_causes: Counter[str] = Counter()
    video_causes: Counter[str] = Counter()
    for item, watched in seen:
        rows = max(watched.analysed, len(watched.moments), 1)
        fake += [item.fake] * rows
        group += [item.group] * rows
        unjudged = rows - len(watched.moments)
        score += [*watched.moments, *[NAN] * unjudged]
        unread = watched.error and not watched.analysed
        why = UNREADABLE if unread else (watched.causes or (TOO_FEW,))[0]
        if unjudged:
            frame_causes[why] += unjudged
        if watched.score is None:
            video_causes[why] += 1
    videos = Table.of(
        [item.fake for item, _ in seen],
        [NAN if watched.score is None else watched.score for _, watched in seen],
        [item.group for item, _ in seen],
    )
    manipulations = tuple(item.source.manipulation for item, _ in seen)
    return Scores(Table.of(fake, score, group), videos, manipulations, dict(frame_causes), dict(video_causes))


def _tally(causes: Iterable[tuple[str, ...]]) -> dict[str, int]:
    """How often each cause was the first one named."""
    return dict(Counter(given[0] for given in causes if given).most_common())


def _batches(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    walk = iter(items)
    while batch := list(itertools.islice(walk, size)):
        yield batch
