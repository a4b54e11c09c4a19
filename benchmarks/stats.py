"""The few numbers that stand for many measurements: percentiles, spread, ratios."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Self


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest measured value that at least ``share`` (0..1) of ``values`` do not exceed (nearest rank).

    Always a value that was measured: between two values nothing is made up, which would flatter a tail.
    NaN where there is no value.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"A percentile is a share from 0 to 1, not {share}.")
    if not values:
        return math.nan
    ranked = sorted(values)
    # A product such as 0.07 * 100 lies a bit above the whole number that is meant.
    return ranked[max(0, math.ceil(share * len(ranked) - 1e-9) - 1)]


@dataclass(frozen=True, slots=True)
class Summary:
    """Percentiles by nearest rank, the largest value and the mean of ``count`` values; NaN where there is none."""

    count: int
    p50: float
    p90: float
    p95: float
    p99: float
    largest: float
    mean: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        points = [percentile(values, share) for share in (0.5, 0.9, 0.95, 0.99, 1.0)]
        return cls(len(values), *points, mean=sum(values) / len(values) if values else math.nan)

    def as_values(self, prefix: str) -> dict[str, float | int]:
        """Columns of a report: ``PREFIX_p50_ms`` to ``PREFIX_max_ms``, and how many there were."""
        names = {"p50": self.p50, "p90": self.p90, "p95": self.p95, "p99": self.p99, "max": self.largest}
        return {**{f"{prefix}_{name}_ms": value for name, value in names.items()}, f"{prefix}_count": self.count}


def relative_spread(values: Sequence[float]) -> float:
    """(largest - smallest) / median; infinite for fewer than two values or a median of zero with a spread."""
    if len(values) < 2:
        return math.inf
    width, middle = max(values) - min(values), median(values)
    if width == 0:
        return 0.0
    return width / middle if middle > 0 else math.inf


@dataclass(frozen=True, slots=True)
class Ratio:
    """The median of ratios that were each taken within one round, and the smallest and largest of them."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, above: Sequence[float], below: Sequence[float]) -> Self:
        """``above`` and ``below`` hold one value per round. Raises ``ValueError`` when they are not pairs."""
        ratios = [one / other if other > 0 else math.nan for one, other in zip(above, below, strict=True)]
        if not ratios:
            raise ValueError("A ratio needs at least one round.")
        return cls(median(ratios), min(ratios), max(ratios))

    def __str__(self) -> str:
        return f"{self.median:.3g} ({self.low:.3g} to {self.high:.3g})"


def deviation(values: Sequence[float]) -> float:
    """The standard deviation around the mean; 0 for fewer than two values."""
    if len(values) < 2:
        return 0.0
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))
