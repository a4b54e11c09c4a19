"""What a package does at each of its own thresholds: the choices that a person has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from unmask.training.evaluation.measures import Estimate, Table, estimate_all

NAMES = ("recall", "fpr", "precision", "f1", "accuracy")


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """The frozen threshold ``score`` that was set for so many false ``alarms_per_hour``."""

    alarms_per_hour: float
    score: float
    videos: Mapping[str, Estimate]


def operating_points(
    table: Table, thresholds: Sequence[tuple[float, float]], *, rounds: int = 1000, seed: int = 0
) -> tuple[OperatingPoint, ...]:
    """One per pair (alarms per hour, score) of ``thresholds``, the loosest first."""
    return tuple(
        OperatingPoint(alarms, score, estimate_all(table, score, names=NAMES, rounds=rounds, seed=seed))
        for alarms, score in sorted(thresholds, reverse=True)
    )
