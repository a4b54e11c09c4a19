"""Histograms of durations in fixed memory, cheap enough to fill for every stage of every frame.

The buckets are log-linear, as in HdrHistogram (G. Tene): each doubling of the duration is cut into eight
equal parts, so a quantile is off by less than an eighth of its value, whatever the scale, and the bucket
of a duration follows from the position of its highest bit, without a search or a logarithm.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass

_PARTS_BITS = 3
_PARTS = 1 << _PARTS_BITS
# All up to 1.024 us is one bucket: a clock read costs a tenth of that. Beyond 68.7 s lies the last one.
_FIRST_BIT, _LAST_BIT = 10, 36
_LONGEST_NS = 1 << _LAST_BIT
BUCKETS = (_LAST_BIT - _FIRST_BIT) * _PARTS + 2
_SUM, _MAX = BUCKETS, BUCKETS + 1


def bucket_of(nanoseconds: int) -> int:
    """The bucket that holds a duration; each holds what is above the bound before its own, up to its own."""
    place = nanoseconds - 1
    if place < 1 << _FIRST_BIT:
        return 0
    if place >= _LONGEST_NS:
        return BUCKETS - 1
    high = place.bit_length() - 1
    part = (place >> (high - _PARTS_BITS)) & (_PARTS - 1)
    return (high - _FIRST_BIT) * _PARTS + part + 1


def upper_bound_ns(bucket: int) -> int:
    """The longest duration that falls into a bucket; of the last one, which is open, where it begins."""
    if bucket == 0:
        return 1 << _FIRST_BIT
    octave, part = divmod(min(bucket, BUCKETS - 2) - 1, _PARTS)
    return ((_PARTS + part + 1) << (_FIRST_BIT + octave)) >> _PARTS_BITS


class Histogram:
    """Filled by one thread; any thread may take a ``snapshot``. Its memory is taken once, here: 1.7 KiB."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts = array("Q", bytes(8 * (BUCKETS + 2)))

    def add(self, nanoseconds: int) -> None:
        """Count one duration. A negative one, which no sound clock gives, counts as none."""
        spent = nanoseconds if nanoseconds > 0 else 0
        counts = self._counts
        counts[bucket_of(spent)] += 1
        counts[_SUM] += spent
        if spent > counts[_MAX]:
            counts[_MAX] = spent

    def snapshot(self) -> Durations:
        """A copy. Taken in the middle of an ``add``, its sum may lack the newest duration, nothing else."""
        return Durations(self._counts[:])


@dataclass(frozen=True, slots=True, eq=False)
class Durations:
    """What a histogram held at one moment. ``plus`` joins several; ``minus`` an older one leaves what came since."""

    _counts: array[int]

    @property
    def count(self) -> int:
        return sum(self._counts[:BUCKETS])

    @property
    def total_s(self) -> float:
        return self._counts[_SUM] / 1e9

    @property
    def longest_ms(self) -> float:
        return self._counts[_MAX] / 1e6

    @property
    def mean_ms(self) -> float | None:
        count = self.count
        return self._counts[_SUM] / count / 1e6 if count else None

    def quantile_ms(self, share: float) -> float | None:
        """The duration in milliseconds that ``share`` (0..1) of all do not exceed; ``None`` where there are none.

        Interpolated within its bucket, and never above the longest duration that was seen.
        """
        count = self.count
        if not count:
            return None
        wanted, before = share * count, 0
        for bucket in range(BUCKETS):
            here = self._counts[bucket]
            if here and before + here >= wanted:
                low = upper_bound_ns(bucket - 1) if bucket else 0
                high = self._counts[_MAX] if bucket == BUCKETS - 1 else upper_bound_ns(bucket)
                within = low + (high - low) * (wanted - before) / here
                return min(within, self._counts[_MAX]) / 1e6
            before += here
        raise AssertionError("a share is at most 1")

    def cumulative(self) -> Iterator[tuple[float, int]]:
        """How many durations lie at or below a bound in seconds, for a bound per doubling: 27 of them."""
        total, last = 0, 0
        for bucket in range(0, BUCKETS - 1, _PARTS):
            total += sum(self._counts[last : bucket + 1])
            last = bucket + 1
            yield upper_bound_ns(bucket) / 1e9, total

    def plus(self, other: Durations) -> Durations:
        joined = array("Q", map(int.__add__, self._counts, other._counts))
        joined[_MAX] = max(self._counts[_MAX], other._counts[_MAX])
        return Durations(joined)

    def minus(self, older: Durations) -> Durations:
        """What came after ``older`` of the same histogram. The longest is then known by its bucket only."""
        rest = array("Q", map(int.__sub__, self._counts, older._counts))
        highest = next((bucket for bucket in range(BUCKETS - 1, -1, -1) if rest[bucket]), None)
        bound = 0 if highest is None or highest == BUCKETS - 1 else upper_bound_ns(highest)
        rest[_MAX] = min(bound, self._counts[_MAX]) if bound else (0 if highest is None else self._counts[_MAX])
        return Durations(rest)


#: Nothing yet.
EMPTY = Histogram().snapshot()
