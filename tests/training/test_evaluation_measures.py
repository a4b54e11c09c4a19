"""The numbers of an evaluation against hand-made values, brute force, and detectors of known worth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unmask.training import evaluate
from unmask.training.evaluation.measures import (
    MEASURES,
    NAMES,
    Table,
    estimate_all,
    interval,
    loss_of_auroc,
    mcclish,
    measure_all,
)

NAN = float("nan")


def table(fake: list[int], score: list[float], group: list[str] | None = None) -> Table:
    return Table.of(fake, score, group or [str(n) for n in range(len(fake))])


def people(score: np.ndarray, fake: np.ndarray, each: int) -> Table:
    return Table.of(fake, score, np.repeat(np.arange(len(fake) // each), each))


rows = st.lists(
    st.tuples(st.booleans(), st.one_of(st.none(), st.integers(0, 8).map(lambda n: n / 8))),
    min_size=1,
    max_size=30,
)


def test_a_perfect_detector() -> None:
    found = measure_all(table([1, 1, 0, 0], [1.0, 1.0, 0.0, 0.0]), 0.5)
    for measure in MEASURES:
        wanted = 1.0 if measure.higher_is_better else 0.0
        assert found[measure.name] == pytest.approx(wanted), measure.name


def test_a_constant_detector_is_chance() -> None:
    found = measure_all(table([1, 0] * 50, [0.5] * 100), 0.6)
    assert found["auroc"] == found["auroc_all"] == found["eer"] == found["pauc_1"] == 0.5
    assert found["tpr_at_fpr_1"] == found["recall"] == found["fpr"] == 0.0
    assert found["ece"] == pytest.approx(0.0)
    assert found["brier"] == pytest.approx(0.25)
    assert math.isnan(found["precision"])


def test_a_guessing_detector_has_an_interval_round_one_half() -> None:
    rng = np.random.default_rng(5)
    found = estimate_all(people(rng.random(400), np.arange(400) % 2 == 0, 4), 0.5, rounds=300)
    low, high = found["auroc"].low, found["auroc"].high
    assert low is not None
    assert high is not None
    assert low < 0.5 < high
    assert found["auroc"].n == 400
    assert found["auroc"].groups == 100


def test_numbers_at_the_threshold_by_hand() -> None:
    #              hit  miss  abstained | alarm  passed  abstained
    data = table([1, 1, 1, 0, 0, 0], [0.9, 0.2, NAN, 0.8, 0.1, NAN])
    found = measure_all(data, 0.5)
    assert found["accuracy"] == pytest.approx(2 / 6)
    assert found["precision"] == pytest.approx(1 / 2)
    assert found["recall"] == pytest.approx(1 / 3)
    assert found["f1"] == pytest.approx(2 * (1 / 2) * (1 / 3) / (1 / 2 + 1 / 3))
    assert found["fpr"] == pytest.approx(1 / 2)
    assert found["coverage"] == found["coverage_real"] == found["coverage_fake"] == pytest.approx(2 / 3)
    assert found["brier"] == pytest.approx((0.01 + 0.64 + 0.64 + 0.01) / 4)


def test_abstaining_never_pays() -> None:
    """Hiding the wrong answers makes ranking look perfect; what counts everything must not improve."""
    open_minded = measure_all(table([1, 1, 0, 0], [0.9, 0.1, 0.2, 0.8]), 0.5)
    hiding = measure_all(table([1, 1, 0, 0], [0.9, NAN, 0.2, NAN]), 0.5)
    assert hiding["auroc"] == 1.0
    assert hiding["auroc_all"] == pytest.approx(1 / 4 + 3 / 4 * 0.5)
    assert hiding["coverage"] == 0.5
    assert hiding["accuracy"] == open_minded["accuracy"] == 0.5
    assert hiding["recall"] == open_minded["recall"]
    assert hiding["tpr_at_fpr_1"] == 0.5


@given(rows)
@settings(max_examples=150, deadline=None)
def test_auroc_with_guessed_abstentions_is_a_count_of_pairs(
    given_rows: list[tuple[bool, float | None]],
) -> None:
    fakes = [score for fake, score in given_rows if fake]
    reals = [score for fake, score in given_rows if not fake]
    found = measure_all(Table.of(*zip(*given_rows, strict=True), ["g"] * len(given_rows)), 0.5)["auroc_all"]
    if not fakes or not reals:
        assert math.isnan(found)
        return
    pairs = [0.5 if a is None or b is None or a == b else float(a > b) for a in fakes for b in reals]
    assert found == pytest.approx(sum(pairs) / len(pairs))


@given(rows)
@settings(max_examples=100, deadline=None)
def test_every_number_is_a_share_or_missing(given_rows: list[tuple[bool, float | None]]) -> None:
    found = measure_all(Table.of(*zip(*given_rows, strict=True), ["g"] * len(given_rows)), 0.5)
    assert tuple(sorted(found)) == tuple(sorted(NAMES))
    for name, value in found.items():
        assert math.isnan(value) or 0.0 <= value <= 1.0, name


def test_mcclish_puts_chance_at_one_half() -> None:
    assert mcclish(0.01 / 2, 0.01) == pytest.approx(0.5)
    assert mcclish(1.0, 0.01) == pytest.approx(1.0)
    assert mcclish(0.0, 0.01) < 0.5


def test_one_class_alone_has_no_ranking() -> None:
    found = estimate_all(table([0, 0, 0], [0.1, 0.9, NAN]), 0.5, rounds=20)
    assert found["auroc"].value is None
    assert found["recall"].value is None
    assert found["fpr"].value == 0.5
    assert found["coverage"].value == pytest.approx(2 / 3)


def test_nothing_judged_leaves_guesses() -> None:
    found = measure_all(table([1, 0], [NAN, NAN]), 0.5)
    assert found["auroc_all"] == 0.5
    assert found["coverage"] == found["accuracy"] == found["recall"] == 0.0
    assert math.isnan(found["auroc"])
    assert math.isnan(found["brier"])


def test_draws_take_whole_groups() -> None:
    groups = np.asarray(["a", "b", "a", "c", "b"])
    for drawn in evaluate.draws(groups, 50, 1):
        counts = np.bincount(drawn, minlength=5)
        assert counts[0] == counts[2]
        assert counts[1] == counts[4]
        assert counts[0] + counts[1] + counts[3] == 3


def test_copies_of_a_person_widen_nothing_and_prove_nothing() -> None:
    rng = np.random.default_rng(0)
    fake = np.arange(60) % 2 == 0
    score = np.clip(0.4 + 0.2 * fake + rng.normal(0, 0.25, 60), 0, 1)
    once = estimate_all(people(score, fake, 2), 0.5, rounds=200)
    often = estimate_all(
        Table.of(np.tile(fake, 20), np.tile(score, 20), np.tile(np.arange(60) // 2, 20)), 0.5, rounds=200
    )
    by_frame = estimate_all(Table.of(np.tile(fake, 20), np.tile(score, 20), np.arange(1200)), 0.5, rounds=200)
    for name in ("auroc", "recall"):
        assert (often[name].low, often[name].high) == pytest.approx((once[name].low, once[name].high))
    widths = [found["auroc"].high - found["auroc"].low for found in (often, by_frame)]  # type: ignore[operator]
    assert widths[1] < 0.5 * widths[0]


def test_intervals_repeat_by_seed_and_hold_their_value() -> None:
    rng = np.random.default_rng(1)
    data = people(rng.random(40), rng.random(40) < 0.5, 2)
    one, two, other = (estimate_all(data, 0.5, rounds=50, seed=seed) for seed in (3, 3, 4))
    assert one == two
    assert one != other
    for estimate in one.values():
        if estimate.value is not None and estimate.low is not None and estimate.high is not None:
            assert estimate.low <= estimate.value <= estimate.high


def test_one_group_has_no_interval() -> None:
    found = estimate_all(table([1, 0], [0.9, 0.1], ["a", "a"]), 0.5, rounds=20)["auroc"]
    assert (found.value, found.low, found.high, found.groups) == (1.0, None, None, 1)
    assert interval(0.5, [NAN, NAN, 0.5], 3, 3).low is None


def test_never_is_not_certainty() -> None:
    """No false positive among few people must not read as a rate of zero, nor must every hit as one of one."""
    found = estimate_all(table([0] * 10 + [1] * 30, [0.1] * 10 + [0.9] * 30), 0.5, rounds=50)
    fpr, recall = found["fpr"], found["recall"]
    assert (fpr.value, fpr.low, fpr.n, fpr.groups) == (0.0, 0.0, 10, 10)
    assert fpr.high == pytest.approx(1 - 0.025 ** (1 / 10))  # Clopper-Pearson: 0.308
    assert recall.low == pytest.approx(0.025 ** (1 / 30))
    assert recall.high == 1.0


def test_the_loss_is_paired() -> None:
    rng = np.random.default_rng(2)
    fake = np.arange(80) % 2 == 0
    score = np.clip(0.4 + 0.3 * fake + rng.normal(0, 0.2, 80), 0, 1)
    before = people(score, fake, 2)
    same = loss_of_auroc(before, before, rounds=50)
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)
    useless = loss_of_auroc(before, people(np.full(80, 0.5), fake, 2), rounds=100)
    assert useless.value == pytest.approx(evaluate.auroc(fake, score) - 0.5)
    assert useless.low is not None
    assert useless.low > 0
    with pytest.raises(ValueError, match="same rows"):
        loss_of_auroc(before, people(score, ~fake, 2))


def test_a_table_refuses_what_is_no_score() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        table([1, 0], [1.5, 0.0])
    with pytest.raises(ValueError, match="between 0 and 1"):
        table([1, 0], [math.inf, 0.0])
    with pytest.raises(ValueError, match="differ"):
        Table.of([1, 0], [0.1], ["a", "b"])
