"""Repeats: a warm-up apart, then rounds until the medians agree, or it is said that they did not.

Measurements that are to be compared take turns, each round in another order, so that a busy moment of
the machine hits all of them alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Generic, TypeVar

from unmask.benchmarks.stats import relative_spread
from unmask.engines.errors import UsageError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StopRule:
    """Stable: the last ``last`` repeats lie within ``bound`` of their median, relatively. Given up after
    ``most`` repeats or ``longest_s`` seconds, whichever comes first, but never before two repeats."""

    bound: float = 0.05
    last: int = 5
    most: int = 20
    longest_s: float = 180.0
    warm_up: int = 1

    def __post_init__(self) -> None:
        if self.last < 2 or self.most < self.last or self.bound <= 0 or self.warm_up < 0:
            raise UsageError("Repeats need a bound above 0, at least two to compare, and room for them.")


@dataclass(frozen=True, slots=True)
class Repeats(Generic[T]):
    """What each repeat gave, in order; ``key`` made one number of each."""

    results: tuple[T, ...]
    numbers: tuple[float, ...]
    last: int
    bound: float

    @property
    def spread(self) -> float:
        """Relative spread of the last repeats; infinite where there are fewer than the rule compares."""
        return relative_spread(self.numbers[-self.last :]) if len(self.numbers) >= self.last else float("inf")

    @property
    def stable(self) -> bool:
        return self.spread <= self.bound

    @property
    def value(self) -> float:
        """The median of the last repeats."""
        return median(self.numbers[-self.last :])

    def median_of(self, number: Callable[[T], float]) -> float:
        """The median of another number over the last repeats: not that of one repeat, which may be far off."""
        return median(map(number, self.results[-self.last :]))

    @property
    def representative(self) -> T:
        """The repeat whose number is nearest to ``value``."""
        recent = range(max(0, len(self.numbers) - self.last), len(self.numbers))
        return self.results[min(recent, key=lambda index: abs(self.numbers[index] - self.value))]

    def as_values(self) -> dict[str, float | int | bool | None]:
        """Columns of a report: how often, how far apart the last ones were, and whether that is stable."""
        spread = self.spread
        known = spread != float("inf")
        return {"repeats": len(self.numbers), "spread": round(spread, 4) if known else None, "stable": self.stable}


def interleave(
    measures: Mapping[str, Callable[[], T]],
    key: Callable[[T], float],
    rule: StopRule,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Repeats[T]]:
    """Run all ``measures`` in turns until each is stable or ``rule`` gives up. Errors come through."""
    for _ in range(rule.warm_up):
        for measure in measures.values():
            measure()
    results: dict[str, list[T]] = {name: [] for name in measures}
    began = clock()
    names = list(measures)
    done: dict[str, Repeats[T]] = {}
    for number in range(rule.most):
        shift = number % max(1, len(names))
        for name in names[shift:] + names[:shift]:
            results[name].append(measures[name]())
        done = {
            name: Repeats(tuple(found), tuple(map(key, found)), rule.last, rule.bound)
            for name, found in results.items()
        }
        if number >= 1 and (all(one.stable for one in done.values()) or clock() - began > rule.longest_s):
            break
    return done


def repeat(
    measure: Callable[[], T], key: Callable[[T], float], rule: StopRule, clock: Callable[[], float] = time.monotonic
) -> Repeats[T]:
    """``interleave`` for a measurement that stands alone."""
    return interleave({"": measure}, key, rule, clock)[""]
