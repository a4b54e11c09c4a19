"""Metrics against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from unmask.training import evaluate

# Thresholds 4, 3, 2, 1 give (FPR, TPR): (0, .5), (.5, .5), (.5, 1), (1, 1).
LABELS = [1, 0, 1, 0]
SCORES = [4.0, 3.0, 2.0, 1.0]


def test_roc_goes_through_every_distinct_score() -> None:
    false, true, thresholds = evaluate.roc(LABELS, SCORES)
    assert false.tolist() == [0, 0, 0.5, 0.5, 1]
    assert true.tolist() == [0, 0.5, 0.5, 1, 1]
    assert thresholds.tolist() == [np.inf, 4, 3, 2, 1]


def test_auroc_counts_pairs() -> None:
    # Of the four pairs of a fake and a real one, three are in the right order.
    assert evaluate.auroc(LABELS, SCORES) == pytest.approx(0.75)


def test_auroc_counts_a_tie_half() -> None:
    assert evaluate.auroc([1, 0], [0.5, 0.5]) == pytest.approx(0.5)
    assert evaluate.auroc([1, 1, 0], [0.5, 0.9, 0.5]) == pytest.approx(0.75)


def test_auroc_equals_the_share_of_ordered_pairs() -> None:
    rng = np.random.default_rng(0)
    labels, scores = rng.random(60) < 0.4, rng.integers(0, 12, 60)
    fake, real = scores[labels], scores[~labels]
    pairs = (fake[:, None] > real).mean() + 0.5 * (fake[:, None] == real).mean()
    assert evaluate.auroc(labels, scores) == pytest.approx(pairs)


@pytest.mark.parametrize(("scores", "wanted"), [([1, 0, 1, 0], 0.0), ([0, 1, 0, 1], 1.0), (SCORES, 0.5)])
def test_equal_error_rate(scores: list[float], wanted: float) -> None:
    assert evaluate.equal_error_rate(LABELS, scores) == pytest.approx(wanted)


def test_equal_error_rate_between_points() -> None:
    # Points (0, 0), (0, 2/3), (1, 2/3), (1, 1): misses are 1/3 all along the level part.
    assert evaluate.equal_error_rate([1, 1, 0, 1], [4, 3, 2, 1]) == pytest.approx(1 / 3)


def test_partial_auroc_of_perfection_and_of_a_miss() -> None:
    assert evaluate.partial_auroc([1, 0], [1, 0]) == pytest.approx(1.0)
    assert evaluate.partial_auroc([1, 0], [0, 1]) == pytest.approx(0.0)


def test_partial_auroc_of_chance_is_half_the_limit() -> None:
    # One tie for all: the curve is the diagonal.
    assert evaluate.partial_auroc([1, 0], [0, 0], 0.01) == pytest.approx(0.005)


def test_partial_auroc_cuts_a_step() -> None:
    # True positives stand at 0.5 up to a false positive rate of 0.5.
    assert evaluate.partial_auroc(LABELS, SCORES, 0.25) == pytest.approx(0.5)


def test_tpr_at_fpr_never_exceeds_the_budget() -> None:
    assert evaluate.tpr_at_fpr(LABELS, SCORES, 0.49) == 0.5
    assert evaluate.tpr_at_fpr(LABELS, SCORES, 0.5) == 1.0
    assert evaluate.tpr_at_fpr([1, 0], [0, 1], 0.1) == 0.0


def test_brier_and_accuracy() -> None:
    assert evaluate.brier([1, 0], [0.8, 0.4]) == pytest.approx((0.04 + 0.16) / 2)
    assert evaluate.accuracy([1, 0, 0], [0.5, 0.4, 0.6], 0.5) == pytest.approx(2 / 3)


def test_calibration_error_weighs_bins_by_their_size() -> None:
    # Bin of 0.1: three examples, none fake, gap 0.1. Bin of 0.9: one example, real, gap 0.9.
    assert evaluate.calibration_error([0, 0, 0, 0], [0.1, 0.1, 0.1, 0.9], bins=2) == pytest.approx(1.2 / 4)


def test_calibration_error_of_honest_probabilities_is_zero() -> None:
    assert evaluate.calibration_error([1, 0, 0, 0, 1], [0.25, 0.25, 0.25, 0.25, 1.0]) == pytest.approx(0.0)


@pytest.mark.parametrize("labels", [[0, 0], [1, 1]])
def test_one_class_alone_is_refused(labels: list[int]) -> None:
    with pytest.raises(ValueError, match="Both real and fake"):
        evaluate.auroc(labels, [0.1, 0.2])


def test_scores_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        evaluate.auroc([0, 1], [0.1, np.nan])
    with pytest.raises(ValueError, match="one length"):
        evaluate.auroc([0, 1], [0.1])
    with pytest.raises(ValueError, match="between 0 and 1"):
        evaluate.calibration_error([0, 1], [0.1, 1.5])


def _people(copies: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    labels = np.tile([0, 1], 12)
    scores = labels + rng.normal(0, 1, 24)
    return tuple(np.repeat(x, copies) for x in (labels, scores, np.arange(24) // 2))  # type: ignore[return-value]


def test_copies_of_a_person_do_not_narrow_the_interval() -> None:
    once = evaluate.bootstrap(evaluate.auroc, *_people(1), rounds=300)
    often = evaluate.bootstrap(evaluate.auroc, *_people(20), rounds=300)
    assert once.groups == often.groups == 12
    assert once.low < once.value < once.high
    assert (often.low, often.high) == pytest.approx((once.low, once.high))


def test_bootstrap_repeats_and_refuses_what_it_cannot_do() -> None:
    labels, scores, groups = _people(1)
    one, two = (evaluate.bootstrap(evaluate.auroc, labels, scores, groups, rounds=50, seed=7) for _ in "ab")
    assert one == two
    with pytest.raises(ValueError, match="Groups"):
        evaluate.bootstrap(evaluate.auroc, labels, scores, groups[:-1])
    with pytest.raises(ValueError, match="too few"):
        evaluate.bootstrap(evaluate.auroc, [0, 0], [0.1, 0.2], [1, 2], rounds=10)
