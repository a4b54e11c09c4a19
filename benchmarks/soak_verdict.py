"""Whether a long run stayed flat: computed from its samples, never asserted by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from unmask.benchmarks.stats import percentile

MEMORY_BOUND, TAIL_BOUND = 0.02, 0.10
#: What is compared is the first and the last of so many parts: of an hour, ten minutes each.
PARTS = 6
#: A part of fewer samples than this says nothing about a trend.
FEWEST = 5


@dataclass(frozen=True, slots=True)
class SoakSample:
    """One look at the process, ``at_s`` seconds after the warm-up, and the frames since the look before.

    ``age_p50_ms`` and ``age_p99_ms`` are percentiles over those frames; ``score`` is their mean score, ``None``
    without one; ``collections`` how often Python's collector ran since the process began.
    """

    at_s: float
    memory_mib: float | None
    threads: int | None
    handles: int | None
    age_p50_ms: float
    age_p99_ms: float
    frames: int
    dropped: int
    score: float | None
    collections: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the verdict; ``holds`` is ``None`` where it could not be told."""

    name: str
    first: float | None
    last: float | None
    bound: str
    holds: bool | None


def ends(samples: Sequence[SoakSample]) -> tuple[Sequence[SoakSample], Sequence[SoakSample]]:
    """The first and the last part; both empty where they would hold fewer than ``FEWEST`` samples."""
    size = len(samples) // PARTS
    return (samples[:size], samples[-size:]) if size >= FEWEST else ((), ())


def verdict(samples: Sequence[SoakSample], ages_first: Sequence[float], ages_last: Sequence[float]) -> list[Finding]:
    """``ages_first`` and ``ages_last`` are all frame ages (ms) of the first and the last part of the time."""
    first, last = ends(samples)
    memory = _medians([one.memory_mib for one in first], [one.memory_mib for one in last])
    threads = _largest([one.threads for one in first], [one.threads for one in last])
    handles = _largest([one.handles for one in first], [one.handles for one in last])
    tail: tuple[float | None, float | None] = (None, None)
    if first and ages_first and ages_last:
        tail = percentile(ages_first, 0.99), percentile(ages_last, 0.99)
    return [
        Finding("memory, MiB (median)", *memory, f"within {MEMORY_BOUND:.0%}", _within(memory, MEMORY_BOUND)),
        Finding("threads (most)", *threads, "no growth", _no_growth(threads)),
        Finding("file handles (most)", *handles, "no growth", _no_growth(handles)),
        Finding("frame-to-score p99, ms", *tail, f"within {TAIL_BOUND:.0%}", _within(tail, TAIL_BOUND)),
    ]


def words_of(findings: Sequence[Finding]) -> str:
    """The verdict in one sentence."""
    failed = [one.name for one in findings if one.holds is False]
    unknown = [one.name for one in findings if one.holds is None]
    if failed:
        return f"Not flat: {'; '.join(failed)}."
    if unknown:
        return f"Cannot tell whether it is flat: too little was seen of {'; '.join(unknown)}."
    return "Flat: memory, threads, handles and the 99th percentile of the frame age kept within their bounds."


Pair = tuple[float | None, float | None]


def _medians(first: Sequence[float | None], last: Sequence[float | None]) -> Pair:
    one, other = [v for v in first if v is not None], [v for v in last if v is not None]
    return (median(one), median(other)) if one and other else (None, None)


def _largest(first: Sequence[float | None], last: Sequence[float | None]) -> Pair:
    one, other = [v for v in first if v is not None], [v for v in last if v is not None]
    return (max(one), max(other)) if one and other else (None, None)


def _within(pair: Pair, bound: float) -> bool | None:
    """Growth alone counts: less memory or a shorter tail is no fault."""
    first, last = pair
    if first is None or last is None or first <= 0:
        return None
    return last <= first * (1 + bound)


def _no_growth(pair: Pair) -> bool | None:
    first, last = pair
    return None if first is None or last is None else last <= first
