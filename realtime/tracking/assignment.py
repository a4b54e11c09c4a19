"""The assignment problem, solved exactly for the few faces of a picture.

Our own forty lines, because ``scipy.optimize`` would be imported for this one function: more than half a second
of every start, for a matrix of three by three.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def least_cost(costs: NDArray[np.float64]) -> list[tuple[int, int]]:
    """The pairs (row, column) of least total cost: as many as the shorter side has, each index at most once.

    Shortest augmenting paths with potentials (R. Jonker, A. Volgenant, Computing 38, 1987): cubic in the number
    of faces at worst, and one look at each row where nobody wants the same. ``costs`` (T, F) must be finite.
    """
    if costs.shape[0] > costs.shape[1]:
        return sorted((row, column) for column, row in least_cost(costs.T))
    table = costs.tolist()
    columns = costs.shape[1]
    row_of: list[int] = [-1] * columns
    rows_worth, columns_worth = [0.0] * len(table), [0.0] * columns
    for row in range(len(table)):
        _place(row, table, row_of, rows_worth, columns_worth)
    return sorted((row, column) for column, row in enumerate(row_of) if row >= 0)


def _place(
    new: int, table: list[list[float]], row_of: list[int], rows_worth: list[float], columns_worth: list[float]
) -> None:
    """Give row ``new`` a column, moving others aside along the cheapest path to a column that is free."""
    columns = len(row_of)
    nearest, came_from = [math.inf] * columns, [-1] * columns
    open_columns = set(range(columns))
    reached: list[tuple[int, int]] = []  # the rows on the way, and the column through which each was reached
    row, last = new, -1
    while True:
        reached.append((row, last))
        for column in open_columns:
            away = table[row][column] - rows_worth[row] - columns_worth[column]
            if away < nearest[column]:
                nearest[column], came_from[column] = away, last
        best = min(open_columns, key=lambda column: nearest[column])
        step = nearest[best]
        for known, through in reached:
            rows_worth[known] += step
            if through >= 0:
                columns_worth[through] -= step
        for column in open_columns:
            nearest[column] -= step
        open_columns.discard(best)
        if row_of[best] < 0:
            break
        row, last = row_of[best], best
    while best >= 0:
        before = came_from[best]
        row_of[best] = row_of[before] if before >= 0 else new
        best = before
