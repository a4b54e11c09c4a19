"""The numbers of one evaluation, with abstentions in the denominator.

A score is the calibrated probability of manipulation, NaN where the detector abstained. Three rules say
what an abstention does:

- numbers that rank or calibrate (AUROC, EER, pAUC, ECE, Brier) can only use what was judged; beside them
  stand the coverage and ``auroc_all``, in which every pair with an abstention counts half, like a guess;
- what is found or right (recall, TPR, accuracy, F1) is counted out of everything: an abstention finds nothing;
- false alarms are counted out of the judged genuine ones, so that abstaining does not make them look rare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unmask.training import evaluate

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
NAN = float("nan")

#: The share of draws in which a measure must exist for its interval to be stated.
_LEAST_DEFINED = 0.5


@dataclass(frozen=True, slots=True)
class Table:
    """One row per crop, moment or video: ``fake`` (N,), ``score`` (N,) 0..1 or NaN, ``group`` (N,).

    Rows of one ``group`` (a person, a source video) are drawn together when intervals are made.
    """

    fake: Bools
    score: Floats
    group: NDArray[np.str_]

    @classmethod
    def of(cls, fake: ArrayLike, score: ArrayLike, group: ArrayLike) -> Table:
        """From lists of one length, ``None`` for an abstention. Raises ``ValueError``."""
        labels = np.asarray(fake).astype(bool)
        values = np.asarray(score, np.float64)
        names = np.asarray(group).astype(str)
        if not labels.shape == values.shape == names.shape or labels.ndim != 1:
            raise ValueError(f"Labels {labels.shape}, scores {values.shape} and groups {names.shape} differ.")
        if np.isinf(values).any() or (values < 0).any() or (values > 1).any():
            raise ValueError("A score lies between 0 and 1; an abstention is NaN.")
        return cls(labels, values, names)

    def __len__(self) -> int:
        return len(self.fake)

    def where(self, mask: Bools) -> Table:
        return Table(self.fake[mask], self.score[mask], self.group[mask])


@dataclass(frozen=True, slots=True)
class Measure:
    """How a number is called and what it is a share of; ``counted`` where it is a count out of a count."""

    name: str
    title: str
    unit: str
    higher_is_better: bool
    counted: bool = False


#: In the order of the report. ``n`` of a "judged" measure is the judged rows, of the others all rows.
MEASURES: tuple[Measure, ...] = (
    Measure("auroc", "AUROC", "judged pairs", True),
    Measure("auroc_all", "AUROC, abstentions count as guesses", "all pairs", True),
    Measure("eer", "EER", "judged", False),
    Measure("pauc_1", "pAUC at FPR <= 1 % (McClish: 0.5 is chance)", "judged", True),
    Measure("tpr_at_fpr_1", "TPR at FPR 1 %", "all manipulated", True, counted=True),
    Measure("tpr_at_fpr_01", "TPR at FPR 0.1 %", "all manipulated", True, counted=True),
    Measure("accuracy", "accuracy at the frozen threshold", "all", True, counted=True),
    Measure("precision", "precision at the frozen threshold", "alarms", True, counted=True),
    Measure("recall", "recall (TPR) at the frozen threshold", "all manipulated", True, counted=True),
    Measure("f1", "F1 at the frozen threshold", "all", True),
    Measure("fpr", "false positives at the frozen threshold", "judged genuine", False, counted=True),
    Measure("ece", "ECE (15 bins of equal width)", "judged", False),
    Measure("brier", "Brier score", "judged", False),
    Measure("coverage", "coverage", "all", True, counted=True),
    Measure("coverage_real", "coverage of the genuine", "all genuine", True, counted=True),
    Measure("coverage_fake", "coverage of the manipulated", "all manipulated", True, counted=True),
)
NAMES = tuple(measure.name for measure in MEASURES)
#: What tables with many rows show.
SHORT = ("auroc", "auroc_all", "tpr_at_fpr_1", "recall", "fpr", "ece", "coverage")


def mcclish(area: float, highest: float) -> float:
    """A partial area (mean TPR up to an FPR of ``highest``) on the scale where 0.5 is chance and 1 perfect.

    McClish, "Analyzing a Portion of the ROC Curve", Medical Decision Making 9 (1989), p. 190.
    """
    return 0.5 * (1.0 + (area - highest / 2.0) / (1.0 - highest / 2.0))


def measure_all(table: Table, threshold: float) -> dict[str, float]:
    """Every one of ``MEASURES``; NaN where it does not exist (one class alone, no alarm)."""
    judged = np.isfinite(table.score)
    fake, score = table.fake[judged], table.score[judged]
    found = _at_threshold(table, judged, threshold)
    found |= {"ece": NAN, "brier": NAN}
    if len(score):
        found["ece"] = evaluate.calibration_error(fake, score)
        found["brier"] = evaluate.brier(fake, score)
    return _ranking(fake, score, found["coverage_fake"], found["coverage_real"]) | found


def _ranking(fake: Bools, score: Floats, fakes_judged: float, reals_judged: float) -> dict[str, float]:
    names = ("auroc", "auroc_all", "eer", "pauc_1", "tpr_at_fpr_1", "tpr_at_fpr_01")
    if np.isnan(fakes_judged) or np.isnan(reals_judged):
        return dict.fromkeys(names, NAN)
    pairs = fakes_judged * reals_judged
    if pairs == 0.0:  # nothing to compare, and nothing found: only guesses are left
        return dict.fromkeys(names, NAN) | {"auroc_all": 0.5}
    curve = evaluate.roc(fake, score)
    area = evaluate.auroc_of(curve)
    return {
        "auroc": area,
        "auroc_all": pairs * area + (1.0 - pairs) * 0.5,
        "eer": evaluate.equal_error_rate_of(curve),
        "pauc_1": mcclish(evaluate.partial_auroc_of(curve, 0.01), 0.01),
        "tpr_at_fpr_1": evaluate.tpr_at_fpr_of(curve, 0.01) * fakes_judged,
        "tpr_at_fpr_01": evaluate.tpr_at_fpr_of(curve, 0.001) * fakes_judged,
    }


def _at_threshold(table: Table, judged: Bools, threshold: float) -> dict[str, float]:
    fake, real = table.fake, ~table.fake
    alarm = judged & (np.nan_to_num(table.score) >= threshold)
    hits, false = int((alarm & fake).sum()), int((alarm & real).sum())
    passed = int((judged & ~alarm & real).sum())
    fakes, reals = int(fake.sum()), int(real.sum())
    return {
        "accuracy": _share(hits + passed, len(table)),
        "precision": _share(hits, hits + false),
        "recall": _share(hits, fakes),
        # Abstained fakes are misses: fakes = hits + misses.
        "f1": _share(2 * hits, hits + false + fakes) if fakes else NAN,
        "fpr": _share(false, int((judged & real).sum())),
        "coverage": _share(int(judged.sum()), len(table)),
        "coverage_real": _share(int((judged & real).sum()), reals),
        "coverage_fake": _share(int((judged & fake).sum()), fakes),
    }


def _share(part: int, whole: int) -> float:
    return part / whole if whole else NAN


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number, its 95 % interval, and what stands behind it.

    ``value`` is ``None`` where it does not exist, ``low`` and ``high`` where there are too few groups (or
    draws in which it exists) for an interval. ``n`` rows of ``groups`` groups are what it is a share of.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    groups: int


def estimate_all(
    table: Table, threshold: float, *, names: Sequence[str] = NAMES, rounds: int = 1000, seed: int = 0
) -> dict[str, Estimate]:
    """``measure_all`` with percentile intervals, whole groups drawn with replacement."""
    values = measure_all(table, threshold)
    drawn = [measure_all(_rows(table, rows), threshold) for rows in evaluate.draws(table.group, rounds, seed)]
    found: dict[str, Estimate] = {}
    for measure in MEASURES:
        if measure.name in names:
            inside = _denominator(table, threshold, measure.unit)
            given = [draw[measure.name] for draw in drawn]
            counts = int(inside.sum()), len(np.unique(table.group[inside]))
            found[measure.name] = interval(values[measure.name], given, *counts, counted=measure.counted)
    return found


def loss_of_auroc(before: Table, after: Table, *, rounds: int = 1000, seed: int = 0) -> Estimate:
    """How much AUROC the same rows lose from ``before`` to ``after``: a paired bootstrap by groups.

    Each side ranks what it judged; read it together with the coverage of ``after``.
    """
    if not (np.array_equal(before.fake, after.fake) and np.array_equal(before.group, after.group)):
        raise ValueError("The two tables are not about the same rows.")

    def loss(rows: NDArray[np.intp]) -> float:
        pair = (measure_all(_rows(side, rows), 0.5)["auroc"] for side in (before, after))
        return next(pair) - next(pair)

    drawn = [loss(rows) for rows in evaluate.draws(before.group, rounds, seed)]
    return interval(loss(np.arange(len(before))), drawn, len(before), _groups(before))


def interval(value: float, drawn: Sequence[float], n: int, groups: int, *, counted: bool = False) -> Estimate:
    """A percentile interval (widened to ``value``) over the draws in which the number exists.

    Where something ``counted`` happened never or always, every draw says the same, which would look like
    certainty: then the open end is the exact one for ``groups`` independent trials (Clopper and Pearson 1934).
    """
    if np.isnan(value):
        return Estimate(None, None, None, n, groups)
    finite = np.asarray(drawn, np.float64)
    finite = finite[np.isfinite(finite)]
    if groups < 2 or len(finite) < _LEAST_DEFINED * len(drawn) or not len(finite):
        return Estimate(float(value), None, None, n, groups)
    low, high = (float(end) for end in np.quantile(finite, [0.025, 0.975]))
    unseen = 1.0 - 0.025 ** (1.0 / groups)
    if counted and value == 0.0:
        high = max(high, unseen)
    if counted and value == 1.0:
        low = min(low, 1.0 - unseen)
    return Estimate(float(value), min(float(value), low), max(float(value), high), n, groups)


def _rows(table: Table, rows: NDArray[np.intp]) -> Table:
    return Table(table.fake[rows], table.score[rows], table.group[rows])


def _groups(table: Table) -> int:
    return len(np.unique(table.group))


def _denominator(table: Table, threshold: float, unit: str) -> Bools:
    """The rows that a measure of this ``unit`` is a share of."""
    judged = np.isfinite(table.score)
    everything = np.ones(len(table), bool)
    return {
        "judged pairs": judged,
        "all pairs": everything,
        "judged": judged,
        "all manipulated": table.fake,
        "all": everything,
        "alarms": judged & (np.nan_to_num(table.score) >= threshold),
        "judged genuine": judged & ~table.fake,
        "all genuine": ~table.fake,
    }[unit]
