"""The assignment against all that there are, and against SciPy's on larger ones."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from unmask.realtime.tracking.assignment import least_cost


def total(costs: np.ndarray, pairs: list[tuple[int, int]]) -> float:
    rows, columns = [row for row, _ in pairs], [column for _, column in pairs]
    assert len(set(rows)) == len(set(columns)) == len(pairs) == min(costs.shape)
    return float(costs[rows, columns].sum())


def cheapest(costs: np.ndarray) -> float:
    """By trying every assignment."""
    if costs.shape[0] > costs.shape[1]:
        costs = costs.T
    ways = itertools.permutations(range(costs.shape[1]), costs.shape[0])
    return min(float(costs[range(len(way)), way].sum()) for way in ways)


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (4, 1), (2, 2), (3, 3), (3, 5), (5, 3), (5, 5)])
def test_no_other_assignment_is_cheaper(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(7)
    for kind in range(60):
        costs = random.random(shape) if kind % 2 else random.integers(0, 3, shape).astype(float)
        costs[random.random(shape) < 0.3] = 1e6  # pairs that are out of the question
        assert total(costs, least_cost(costs)) == pytest.approx(cheapest(costs))


def test_a_crowd_is_assigned_as_scipy_does_it() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    random = np.random.default_rng(8)
    for shape in ((40, 40), (17, 33), (33, 17)):
        costs = random.random(shape) * 3
        assert total(costs, least_cost(costs)) == pytest.approx(costs[optimize.linear_sum_assignment(costs)].sum())


def test_one_that_takes_anothers_column_moves_it_aside() -> None:
    costs = np.array([[1.0, 2.0, 9.0], [1.0, 9.0, 9.0], [2.0, 1.0, 5.0]])
    assert least_cost(costs) == [(0, 1), (1, 0), (2, 2)]
