"""Histograms: the bucket of a duration, quantiles within an eighth, snapshots that join and subtract."""

from __future__ import annotations

import itertools
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unmask.realtime.metrics.histogram import BUCKETS, EMPTY, Histogram, bucket_of, upper_bound_ns

DURATIONS = st.integers(0, 120 * 10**9)


def filled(*durations):
    histogram = Histogram()
    for duration in durations:
        histogram.add(duration)
    return histogram


@settings(max_examples=300, deadline=None)
@given(DURATIONS)
def test_a_duration_lies_between_the_bounds_of_its_bucket(nanoseconds):
    bucket = bucket_of(nanoseconds)
    assert 0 <= bucket < BUCKETS
    if bucket < BUCKETS - 1:
        assert nanoseconds <= upper_bound_ns(bucket)
    if bucket:
        assert nanoseconds > upper_bound_ns(bucket - 1)


def test_bounds_grow_by_an_eighth_of_an_octave_at_most():
    bounds = [upper_bound_ns(bucket) for bucket in range(BUCKETS - 1)]
    assert bounds == sorted(set(bounds))
    assert max(high / low for low, high in itertools.pairwise(bounds)) <= 1.125
    assert bounds[0] == 1024
    assert bounds[-1] == 2**36


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_quantiles_are_within_an_eighth(share):
    durations = np.random.default_rng(7).lognormal(np.log(8e6), 0.8, 20_000).astype(int)
    said = filled(*durations.tolist()).snapshot().quantile_ms(share)
    assert said == pytest.approx(np.quantile(durations, share) / 1e6, rel=0.125)


def test_quantiles_of_few_durations():
    one = filled(5_000_000).snapshot()
    assert one.quantile_ms(0.99) == pytest.approx(5.0, rel=0.125)
    assert one.quantile_ms(1.0) == 5.0, "never above what was seen"
    assert EMPTY.quantile_ms(0.5) is None
    assert EMPTY.mean_ms is None
    beyond = filled(100 * 10**9).snapshot()
    assert beyond.quantile_ms(1.0) == 100_000


def test_a_clock_that_runs_backwards_counts_as_nothing():
    durations = filled(-5).snapshot()
    assert (durations.count, durations.total_s, durations.longest_ms) == (1, 0.0, 0.0)


@settings(max_examples=50, deadline=None)
@given(st.lists(DURATIONS, max_size=30), st.lists(DURATIONS, max_size=30))
def test_what_is_joined_equals_what_was_counted_in_one(first, second):
    joined = filled(*first).snapshot().plus(filled(*second).snapshot())
    assert joined._counts == filled(*first, *second).snapshot()._counts


def test_minus_leaves_what_came_since():
    histogram = filled(*[100_000_000] * 10)
    before = histogram.snapshot()
    for _ in range(5):
        histogram.add(1_000_000)
    since = histogram.snapshot().minus(before)
    assert since.count == 5
    assert since.total_s == pytest.approx(0.005)
    assert since.quantile_ms(0.99) == pytest.approx(1.0, rel=0.125)
    assert before.count == 10, "a snapshot does not change"
    assert histogram.snapshot().minus(histogram.snapshot()).quantile_ms(0.5) is None


def test_cumulative_counts_end_with_all_but_the_unbounded():
    rows = list(filled(500, 3_000_000, 4_000_000, 90 * 10**9).snapshot().cumulative())
    assert len(rows) == 27
    assert rows[0] == (1024e-9, 1)
    assert [count for _, count in rows] == sorted(count for _, count in rows)
    assert rows[-1][1] == 3


def test_a_snapshot_during_the_filling_is_sound():
    histogram, stop, wrong = Histogram(), threading.Event(), []

    def look():
        last = 0
        while not stop.is_set():
            now = histogram.snapshot()
            if now.count < last or now.total_s > now.count * 1e-3 + 1e-9:
                wrong.append(now)
            last = now.count

    thread = threading.Thread(target=look)
    thread.start()
    for _ in range(20_000):
        histogram.add(1_000_000)
    stop.set()
    thread.join(10)
    assert not wrong
    assert histogram.snapshot().count == 20_000


def test_adding_takes_no_memory():
    histogram = Histogram()
    size = sys.getsizeof(histogram._counts)
    for duration in range(0, 10**9, 1_000_003):
        histogram.add(duration)
    assert sys.getsizeof(histogram._counts) == size < 2048
