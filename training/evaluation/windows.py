"""Single frames against windows, and how far a calibration that was fitted on one holds for the other.

The verdict machine reads scores of windows; most labelled data are stills, and calibrations are fitted on them.
Every still becomes one window that moves (``training.lines.make_window``), undisturbed and after each line; every
frame of it is scored by itself, as a single picture, and the window as a whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from unmask.training.calibrate import Platt, cross_fitted, fit_platt
from unmask.training.evaluation.measures import NAN, Estimate, Floats, Table, estimate_all
from unmask.training.evaluation.passes import CLEAN, CropScorer, Progress, made_worse
from unmask.training.evaluation.samples import CropSet
from unmask.training.lines import Line, make_window
from unmask.training.prepare.index import PreparedCrop

#: What is stated of frames and of windows.
NAMES = ("auroc", "recall", "fpr", "ece", "brier", "coverage")
#: Scores this near to 0 or 1 are taken for it when they are turned back into logits.
_NEAREST = 1e-9
_FOLDS = 5


@dataclass(frozen=True, slots=True)
class WindowScores:
    """One line. ``frames`` has a row per frame of every window, ``windows`` one per window; ``causes`` say why
    frames were not judged."""

    frames: Table
    windows: Table
    causes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class WindowRow:
    """``frames`` and ``windows`` as the package calibrates them; ``own`` holds ECE and Brier of windows whose
    calibration was fitted on windows, of all lines together and crosswise by person. Empty where that cannot be."""

    name: str
    words: str
    frames: Mapping[str, Estimate]
    windows: Mapping[str, Estimate]
    own: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class WindowResult:
    """``fitted`` is what a calibration on all these windows would do to the logit of the package's own score:
    ``None`` where it cannot be fitted. ``length`` frames make a window."""

    rows: Sequence[WindowRow]
    length: int
    fitted: Platt | None


@dataclass(slots=True)
class _Collected:
    fake: list[bool] = field(default_factory=list)
    group: list[str] = field(default_factory=list)
    singles: list[Floats] = field(default_factory=list)
    window: list[float] = field(default_factory=list)
    causes: Counter[str] = field(default_factory=Counter)

    def scores(self) -> WindowScores:
        frames = Table.of(
            np.repeat(self.fake, [len(one) for one in self.singles]),
            np.concatenate(self.singles),
            np.repeat(self.group, [len(one) for one in self.singles]),
        )
        return WindowScores(frames, Table.of(self.fake, self.window, self.group), dict(self.causes))


def score_windows(
    data: CropSet,
    rows: Sequence[PreparedCrop],
    scorer: CropScorer,
    lines: Sequence[Line],
    *,
    seed: int = 0,
    progress: Progress = lambda done, total, what: None,
) -> dict[str, WindowScores]:
    """``CLEAN`` and each line's name -> its scores; a window for each of ``rows``, which are stills."""
    found = {name: _Collected() for name in (CLEAN, *(line.name for line in lines))}
    for done, (row, picture) in enumerate(data.pictures(rows)):
        progress(done, len(rows), f"{data.name}, windows")
        rgb = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        margin = scorer.margin if row.face is None else row.margin
        for name, pictures in make_window(rgb, scorer.length, lines, margin, row.record.key, seed):
            crops = [made_worse(row, worse, rgb.shape[0]) for worse in pictures]
            vectors, causes = scorer.encode(crops)
            into = found[name or CLEAN]
            into.fake.append(row.record.fake)
            into.group.append(row.record.group)
            into.causes.update(given[0] for given in causes if given)
            judged = [vector for vector, given in zip(vectors, causes, strict=True) if not given]
            singles = np.full(len(crops), np.nan)
            if judged and (scorer.single_image or scorer.least == 1):
                singles[[not given for given in causes]] = scorer.score([vector[None] for vector in judged])
            into.singles.append(singles)
            enough = len(judged) >= scorer.least
            into.window.append(float(scorer.score([np.stack(judged)])[0]) if enough else NAN)
    progress(len(rows), len(rows), f"{data.name}, windows")
    return {name: one.scores() for name, one in found.items()}


def window_result(
    scores: Mapping[str, WindowScores],
    lines: Mapping[str, Line],
    length: int,
    threshold: float,
    *,
    rounds: int = 1000,
    seed: int = 0,
) -> WindowResult:
    """Every table made into numbers with intervals over people; ``threshold`` is the package's own."""
    fitted, own = _on_windows([one.windows for one in scores.values()])
    rows: list[WindowRow] = []
    for (name, one), refitted in zip(scores.items(), own, strict=True):
        frames, windows = (
            estimate_all(table, threshold, names=NAMES, rounds=rounds, seed=seed) for table in (one.frames, one.windows)
        )
        anew = {}
        if refitted is not None:
            anew = estimate_all(refitted, threshold, names=("ece", "brier"), rounds=rounds, seed=seed)
        words = lines[name].words if name in lines else "as the camera gave it, no codec"
        rows.append(WindowRow(name, words, frames, windows, anew))
    return WindowResult(tuple(rows), length, fitted)


def _on_windows(tables: Sequence[Table]) -> tuple[Platt | None, list[Table | None]]:
    """A calibration fitted on all windows, and the tables as such ones calibrate them that saw other people."""
    judged = [np.isfinite(table.score) for table in tables]
    fake = np.concatenate([table.fake[keep] for table, keep in zip(tables, judged, strict=True)])
    group = np.concatenate([table.group[keep] for table, keep in zip(tables, judged, strict=True)])
    logits = np.concatenate([logit(table.score[keep]) for table, keep in zip(tables, judged, strict=True)])
    try:
        fitted = fit_platt(fake, logits)
        crossed = cross_fitted(fake, logits, group, folds=_FOLDS)
    except (ValueError, np.linalg.LinAlgError):  # one class, few people, or scores that say nothing
        return None, [None] * len(tables)
    again: list[Table | None] = []
    start = 0
    for table, keep in zip(tables, judged, strict=True):
        score = np.full(len(table), np.nan)
        score[keep] = crossed[start : start + int(keep.sum())]
        start += int(keep.sum())
        again.append(Table(table.fake, score, table.group))
    return fitted, again


def logit(score: Floats) -> Floats:
    """Of scores between 0 and 1; finite also at the ends."""
    inside = np.clip(score, _NEAREST, 1 - _NEAREST)
    return np.log(inside / (1 - inside))
