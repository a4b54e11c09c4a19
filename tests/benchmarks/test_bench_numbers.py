"""Percentiles, ratios, the rule of stability and the taking of turns, with numbers that are known."""

from __future__ import annotations

import math

import pytest

from unmask.benchmarks.harness import StopRule, interleave, repeat
from unmask.benchmarks.stats import Ratio, Summary, percentile, relative_spread
from unmask.engines.errors import UsageError


@pytest.mark.parametrize(("share", "wanted"), [(0.0, 1), (0.5, 50), (0.9, 90), (0.99, 99), (1.0, 100), (0.07, 7)])
def test_a_percentile_is_a_measured_value_by_nearest_rank(share: float, wanted: int) -> None:
    assert percentile(list(range(100, 0, -1)), share) == wanted


def test_a_percentile_of_few_values_is_not_made_up_between_them() -> None:
    assert percentile([1.0, 100.0], 0.99) == 100.0
    assert math.isnan(percentile([], 0.5))
    with pytest.raises(ValueError, match="0 to 1"):
        percentile([1.0], 99)


def test_a_summary_has_the_columns_of_a_report() -> None:
    values = Summary.of([3.0, 1.0, 2.0]).as_values("score")
    assert values["score_p50_ms"] == 2.0
    assert values["score_max_ms"] == 3.0
    assert values["score_count"] == 3


def test_the_spread_is_relative_to_the_median() -> None:
    assert relative_spread([9.0, 10.0, 11.0]) == pytest.approx(0.2)
    assert relative_spread([5.0]) == math.inf
    assert relative_spread([0.0, 0.0]) == 0.0


def test_a_ratio_is_taken_round_by_round() -> None:
    ratio = Ratio.of([10, 40, 30], [1, 2, 3])
    assert (ratio.median, ratio.low, ratio.high) == (10, 10, 20)
    with pytest.raises(ValueError, match="argument 2"):
        Ratio.of([1], [1, 2])


def test_repeats_stop_as_soon_as_the_last_ones_agree() -> None:
    answers = iter([99.0, 50.0, 10.0, 10.1, 10.0, 77.0])
    found = repeat(lambda: next(answers), float, StopRule(bound=0.05, last=3, most=10, warm_up=1))
    assert found.numbers == (50.0, 10.0, 10.1, 10.0)  # 99 was the warm-up, 77 is not asked for any more
    assert found.stable
    assert found.value == 10.0
    assert found.representative == 10.0
    assert found.median_of(lambda one: -one) == -10.0


def test_repeats_that_never_agree_are_said_to_be_unstable() -> None:
    answers = iter(range(1, 100))
    found = repeat(lambda: next(answers), float, StopRule(bound=0.05, last=3, most=6, warm_up=0))
    assert len(found.numbers) == 6
    assert not found.stable
    assert found.as_values()["stable"] is False


def test_repeats_end_after_their_time_and_too_few_of_them_are_never_stable() -> None:
    clock = iter(range(0, 1000, 60))
    found = repeat(lambda: 1.0, float, StopRule(last=5, most=50, longest_s=100, warm_up=0), clock=lambda: next(clock))
    assert len(found.numbers) < 5
    assert not found.stable
    assert found.as_values()["spread"] is None


def test_measures_take_turns_in_another_order_each_round() -> None:
    calls: list[str] = []

    def measure(name: str) -> float:
        calls.append(name)
        return 1.0

    rule = StopRule(bound=0.1, last=2, most=2, warm_up=1)
    interleave({"a": lambda: measure("a"), "b": lambda: measure("b")}, float, rule)
    assert calls == ["a", "b", "a", "b", "b", "a"]


def test_an_unstable_measure_keeps_the_stable_ones_in_the_rounds() -> None:
    uneven = iter([1.0, 5.0, 1.0, 5.0, 5.0, 5.0])
    found = interleave(
        {"even": lambda: 1.0, "uneven": lambda: next(uneven)}, float, StopRule(bound=0.1, last=2, most=6, warm_up=0)
    )
    assert len(found["even"].numbers) == len(found["uneven"].numbers) == 5


def test_a_rule_that_cannot_work_is_refused() -> None:
    with pytest.raises(UsageError, match="at least two"):
        StopRule(last=1)
