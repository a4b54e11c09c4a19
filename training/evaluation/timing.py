"""How soon a manipulated recording is noticed, how often a genuine one is not left in peace, and at what cost."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from unmask.training import evaluate
from unmask.training.evaluation.measures import Estimate, interval
from unmask.training.evaluation.passes import Watched
from unmask.training.evaluation.samples import MediaItem

WITHIN_S = (5, 15, 30)


@dataclass(frozen=True, slots=True)
class DetectionTimes:
    """Seconds from the first analysed picture of a manipulated recording to its first alarm.

    A recording without an alarm was not noticed: it stays in every denominator, and where half (a tenth)
    were not noticed ``median_s`` (``p90_s``) has no value. ``within`` is the share noticed in so many seconds;
    ``as_long`` how many recordings last that long at all.
    """

    recordings: int
    noticed: int
    median_s: Estimate
    p90_s: Estimate
    within: Mapping[int, Estimate]
    as_long: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """Alarms on genuine recordings. ``at_most`` bounds their rate per hour from above with 95 % confidence
    (Garwood 1936, exact for a Poisson count); ``None`` where nothing was watched."""

    alarms: int
    hours: float
    recordings: int
    per_hour: float | None
    at_most: float | None


@dataclass(frozen=True, slots=True)
class Speed:
    """The model alone, one crop per call in one thread: wall and processor time in milliseconds.

    ``cpu_ms`` counts all threads of the process. ``crops_per_s`` is the inverse of the median.
    """

    crops_per_s: float
    wall_ms: float
    wall_ms_p90: float
    cpu_ms: float
    head_ms: float
    calls: int


def detection_times(
    seen: Sequence[tuple[MediaItem, Watched]], *, rounds: int = 1000, seed: int = 0
) -> DetectionTimes | None:
    """``None`` where no manipulated recording was watched as a whole. What could not be read counts as missed."""
    fakes = [(item, watched) for item, watched in seen if item.fake and not item.still and watched.whole]
    if not fakes:
        return None
    first = np.asarray([min(watched.alarms_s, default=math.inf) for _, watched in fakes])
    groups = [item.group for item, _ in fakes]
    rows = list(evaluate.draws(groups, rounds, seed))

    def stated(of: Callable[[NDArray[np.float64]], float], *, counted: bool = False) -> Estimate:
        given = [of(first[drawn]) for drawn in rows]
        return interval(of(first), given, len(first), len(set(groups)), counted=counted)

    return DetectionTimes(
        recordings=len(fakes),
        noticed=int(np.isfinite(first).sum()),
        median_s=stated(lambda times: _quantile(times, 0.5)),
        p90_s=stated(lambda times: _quantile(times, 0.9)),
        within={limit: stated(functools.partial(_share_within, limit), counted=True) for limit in WITHIN_S},
        as_long={limit: sum(watched.seconds >= limit for _, watched in fakes) for limit in WITHIN_S},
    )


def _share_within(limit: float, times: NDArray[np.float64]) -> float:
    return float((times <= limit).mean())


def _quantile(times: NDArray[np.float64], share: float) -> float:
    """The smallest time by which ``share`` of all were noticed; NaN where that many never were."""
    value = float(np.sort(times)[max(0, math.ceil(share * len(times)) - 1)])
    return value if math.isfinite(value) else math.nan


def false_alarms(seen: Sequence[tuple[MediaItem, Watched]]) -> FalseAlarms | None:
    """``None`` where no genuine recording was watched as a whole."""
    real = [
        watched for item, watched in seen if not item.fake and not item.still and watched.whole and not watched.error
    ]
    if not real:
        return None
    alarms = sum(len(watched.alarms_s) for watched in real)
    hours = sum(watched.seconds for watched in real) / 3600
    if hours == 0:
        return FalseAlarms(alarms, 0.0, len(real), None, None)
    bound = float(chi2.ppf(0.95, 2 * (alarms + 1))) / 2 / hours
    return FalseAlarms(alarms, hours, len(real), alarms / hours, bound)


def measure_speed(
    encode: Callable[[NDArray[np.uint8]], object],
    judge: Callable[[], object],
    size: int,
    *,
    calls: int = 100,
    warm_up: int = 5,
) -> Speed:
    """Time ``encode`` on crops (1, size, size, 3) and ``judge`` on one window, after ``warm_up`` calls each."""
    crops = np.random.default_rng(0).integers(0, 256, (1, size, size, 3), np.uint8)
    for _ in range(warm_up):
        encode(crops)
        judge()
    walls, cpu = [], time.process_time_ns()
    for _ in range(calls):
        begin = time.perf_counter_ns()
        encode(crops)
        walls.append((time.perf_counter_ns() - begin) / 1e6)
    cpu_ms = (time.process_time_ns() - cpu) / 1e6 / calls
    heads = []
    for _ in range(calls):
        begin = time.perf_counter_ns()
        judge()
        heads.append((time.perf_counter_ns() - begin) / 1e6)
    median, slow = float(np.median(walls)), float(np.quantile(walls, 0.9))
    return Speed(1000 / median, median, slow, cpu_ms, float(np.median(heads)), calls)
