from __future__ import annotations

import numpy as np
import pytest

from unmask.training.calibrate import Platt, cross_fitted, fit_platt
from unmask.training.evaluate import calibration_error


def test_recovers_the_scale_and_bias_that_made_the_labels() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 20_000)
    labels = rng.random(20_000) < Platt(0.5, -0.7).apply(logits)
    found = fit_platt(labels, logits)
    assert found.scale == pytest.approx(0.5, abs=0.03)
    assert found.bias == pytest.approx(-0.7, abs=0.05)
    assert calibration_error(labels, found.apply(logits)) < 0.02


def test_two_points_have_a_solution_in_closed_form() -> None:
    # At -1 one of four is fake, at +1 three of four: sigmoid(scale) = 3/4 up to Platt's corrected targets.
    logits = np.repeat([-1.0, 1.0], 4000)
    labels = np.concatenate([np.arange(4000) % 4 == 0, np.arange(4000) % 4 != 0])
    found = fit_platt(labels, logits)
    assert found.scale == pytest.approx(np.log(3), abs=2e-3)
    assert found.bias == pytest.approx(0.0, abs=1e-6)


def test_separable_examples_give_a_finite_scale() -> None:
    found = fit_platt([0] * 5 + [1] * 5, [-3.0] * 5 + [3.0] * 5)
    assert np.isfinite(found.scale)
    assert found.apply([3.0])[0] == pytest.approx(6 / 7, abs=1e-6)  # Platt's target for five positives


def test_order_survives_and_extremes_do_not_overflow() -> None:
    scores = Platt(2.0, 1.0).apply([-1e4, -1.0, 0.0, 1e4])
    assert scores.tolist() == sorted(scores)
    assert (scores[0], scores[-1]) == (0.0, 1.0)


def test_a_model_that_learnt_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="learnt nothing"):
        fit_platt([1, 1, 0, 0], [-2.0, -1.0, 1.0, 2.0])
    with pytest.raises(ValueError, match="both real and fake"):
        fit_platt([1, 1], [0.0, 1.0])


def test_cross_fitting_judges_nobody_by_a_calibration_that_saw_them() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(10), 40)
    fake = rng.random(400) < 0.5
    logits = rng.normal(np.where(fake, 1.0, -1.0), 1.5)
    probabilities = cross_fitted(fake, logits, groups)
    # Turning one person's labels around must leave that person's own probabilities as they were, and only those.
    turned = np.where(groups == 3, ~fake, fake)
    again = cross_fitted(turned, logits, groups)
    fold = np.isclose(again, probabilities)
    assert fold[groups == 3].all()
    assert not fold.all()
    assert calibration_error(fake, probabilities) < 0.12


def test_cross_fitting_learns_from_more_and_wants_enough_people() -> None:
    labels, logits, groups = [1, 0] * 5, [2.0, -2.0] * 5, np.repeat(np.arange(5), 2)
    plain = cross_fitted(labels, logits, groups)
    doubtful = cross_fitted(labels, logits, groups, more=([1, 0, 1, 0], [-1.0, 1.0, 1.0, -1.0]))
    assert doubtful[0] < plain[0]
    with pytest.raises(ValueError, match="5 groups cannot be dealt into 6 folds"):
        cross_fitted(labels, logits, groups, folds=6)
