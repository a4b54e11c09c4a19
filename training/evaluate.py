"""How good scores are, with intervals that know how many people stand behind them. NumPy only.

Labels are 1 for fake and 0 for real; a higher score means more suspicious.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Measure = Callable[[NDArray[np.bool_], Floats], float]
#: What ``roc`` gives: reckoned once, it answers every question of ranking.
Curve = tuple[Floats, Floats, Floats]


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its bootstrap interval and the number of groups that were resampled."""

    value: float
    low: float
    high: float
    groups: int


def _pair(labels: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.bool_], Floats]:
    fake, values = np.asarray(labels).astype(bool), np.asarray(scores, np.float64)
    if fake.shape != values.shape or fake.ndim != 1:
        raise ValueError(f"Labels {fake.shape} and scores {values.shape} must be two lists of one length.")
    if not np.isfinite(values).all():
        raise ValueError("A score is not a finite number.")
    return fake, values


def roc(labels: ArrayLike, scores: ArrayLike) -> Curve:
    """``(false positive rate, true positive rate, threshold)`` from (0, 0) to (1, 1), one point per
    distinct score; a point counts the scores at or over its threshold. Needs both classes."""
    fake, values = _pair(labels, scores)
    positives, negatives = int(fake.sum()), int((~fake).sum())
    if not positives or not negatives:
        raise ValueError("Both real and fake examples are needed to compare them.")
    order = np.argsort(-values, kind="stable")
    values, fake = values[order], fake[order]
    last = np.append(np.flatnonzero(np.diff(values)), len(values) - 1)
    true = np.cumsum(fake)[last] / positives
    false = np.cumsum(~fake)[last] / negatives
    thresholds = np.concatenate([[np.inf], values[last]])
    return np.concatenate([[0.0], false]), np.concatenate([[0.0], true]), thresholds


def auroc(labels: ArrayLike, scores: ArrayLike) -> float:
    """The chance that a fake scores over a real, ties counted half."""
    return auroc_of(roc(labels, scores))


def auroc_of(curve: Curve) -> float:
    false, true, _ = curve
    return float(np.trapezoid(true, false))


def partial_auroc(labels: ArrayLike, scores: ArrayLike, highest: float = 0.01) -> float:
    """The area up to a false positive rate of ``highest``, divided by ``highest``: 1 is perfect, and
    ``highest / 2`` is chance."""
    return partial_auroc_of(roc(labels, scores), highest)


def partial_auroc_of(curve: Curve, highest: float) -> float:
    false, true, _ = curve
    inside = false < highest
    xs = np.append(false[inside], highest)
    ys = np.append(true[inside], np.interp(highest, false, true))
    return float(np.trapezoid(ys, xs) / highest)


def tpr_at_fpr(labels: ArrayLike, scores: ArrayLike, highest: float) -> float:
    """The share of fakes found at the lowest threshold whose false positive rate is at most ``highest``."""
    return tpr_at_fpr_of(roc(labels, scores), highest)


def tpr_at_fpr_of(curve: Curve, highest: float) -> float:
    false, true, _ = curve
    return float(true[false <= highest].max())


def equal_error_rate(labels: ArrayLike, scores: ArrayLike) -> float:
    """Where misses equal false alarms, between the ROC points by straight lines."""
    return equal_error_rate_of(roc(labels, scores))


def equal_error_rate_of(curve: Curve) -> float:
    false, true, _ = curve
    gap = false - (1.0 - true)
    right = int(np.argmax(gap >= 0))
    if right == 0:
        return float(false[0])
    step = gap[right] - gap[right - 1]
    part = -gap[right - 1] / step if step else 0.0
    return float(false[right - 1] + part * (false[right] - false[right - 1]))


def brier(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """The mean squared difference between probability and truth."""
    fake, values = _pair(labels, probabilities)
    return float(np.mean((values - fake) ** 2))


def calibration_error(labels: ArrayLike, probabilities: ArrayLike, bins: int = 15) -> float:
    """Expected calibration error: the mean gap between stated and seen share of fakes over equal-width bins
    (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 2)."""
    fake, values = _pair(labels, probabilities)
    if values.size and (values.min() < 0 or values.max() > 1):
        raise ValueError("Probabilities lie between 0 and 1.")
    where = np.minimum((values * bins).astype(int), bins - 1)
    counts = np.bincount(where, minlength=bins)
    gaps = np.abs(
        np.bincount(where, values, minlength=bins) - np.bincount(where, fake.astype(np.float64), minlength=bins)
    )
    return float(gaps.sum() / counts.sum())


def accuracy(labels: ArrayLike, scores: ArrayLike, threshold: float) -> float:
    """The share judged rightly when scores at or over ``threshold`` count as fake."""
    fake, values = _pair(labels, scores)
    return float(np.mean((values >= threshold) == fake))


def draws(groups: ArrayLike, rounds: int, seed: int) -> Iterator[NDArray[np.intp]]:
    """``rounds`` times the row numbers of as many groups as there are, drawn whole and with replacement."""
    names = np.asarray(groups)
    members = [np.flatnonzero(names == name) for name in np.unique(names)]
    rng = np.random.default_rng(seed)
    for _ in range(rounds):
        yield np.concatenate([members[int(i)] for i in rng.integers(0, len(members), len(members))])


def bootstrap(
    measure: Measure,
    labels: ArrayLike,
    scores: ArrayLike,
    groups: ArrayLike,
    *,
    rounds: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """``measure`` with its percentile interval, whole groups (people, source videos) drawn with replacement.

    Crops of one person resemble each other: drawing crops instead would give intervals far too narrow.
    A draw without both classes is drawn again. Where few groups give an interval that leaves the value
    itself out, the interval is widened to it.
    """
    fake, values = _pair(labels, scores)
    names = np.asarray(groups)
    if names.shape != fake.shape:
        raise ValueError(f"Groups {names.shape} must be as many as labels {fake.shape}.")
    groups_there = len(np.unique(names))
    usable = (rows for rows in draws(names, rounds * 20, seed) if fake[rows].any() and not fake[rows].all())
    results = [measure(fake[rows], values[rows]) for rows in itertools.islice(usable, rounds)]
    if len(results) < rounds:
        raise ValueError(f"{groups_there} groups are too few to resample: most draws lack a class.")
    low, high = np.quantile(results, [(1 - level) / 2, (1 + level) / 2])
    value = measure(fake, values)
    return Interval(value, min(value, float(low)), max(value, float(high)), groups_there)
