"""Which detection belongs to which track: a gated cost for every pair, and the best assignment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unmask.realtime.tracking.appearance import Appearance
from unmask.realtime.tracking.assignment import least_cost

Boxes = NDArray[np.float64]

# What a pair costs: no overlap 1, one face size apart 1, twice the size 0.7, wholly other colours 1.5.
_OVERLAP, _DISTANCE, _SIZE, _LOOKS, _ABSENCE = 1.0, 1.0, 1.0, 1.5, 0.3
# A pair is refused when the centres are further apart than the gate, in sizes of the larger face: it
# opens with the time the track was unseen, as its prediction gets worse, up to a limit.
_NEAREST_GATE, _GATE_PER_S, _WIDEST_GATE = 0.5, 1.5, 1.4
_LARGEST_SIZE_RATIO = 1.9
# Bhattacharyya distance (0 alike, 1 nothing in common) over which two pictures show different things.
_LARGEST_DIFFERENCE = 0.55
_REFUSED = 1e6


def pair_costs(
    predicted: Boxes,
    unseen_s: NDArray[np.float64],
    known: Sequence[Appearance | None],
    found: Boxes,
    looks: Sequence[Appearance | None],
) -> NDArray[np.float64]:
    """The cost of every pair, float64 (T, F); ``_REFUSED`` where it is out of the question.

    ``predicted`` (T, 4) and ``found`` (F, 4) are x0, y0, x1, y1 in pixels, ``unseen_s`` (T,) the seconds
    since each track was last detected; an appearance that is missing on either side counts for nothing.
    """
    low = np.maximum(predicted[:, None, :2], found[None, :, :2])
    high = np.minimum(predicted[:, None, 2:], found[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0.0), axis=2)
    sides, found_sides = predicted[:, 2:] - predicted[:, :2], found[:, 2:] - found[:, :2]
    overlap = shared / (np.prod(sides, axis=1)[:, None] + np.prod(found_sides, axis=1)[None, :] - shared)
    size, found_size = sides.max(axis=1)[:, None], found_sides.max(axis=1)[None, :]
    away = (predicted[:, None, :2] + predicted[:, None, 2:] - found[None, :, :2] - found[None, :, 2:]) / 2
    distance = np.sqrt((away**2).sum(axis=2)) / np.maximum(size, found_size)
    ratio = np.abs(np.log(size / found_size))
    difference, both = _differences(known, looks)
    cost = _OVERLAP * (1 - overlap) + _DISTANCE * distance + _SIZE * ratio + _LOOKS * difference
    cost += _ABSENCE * unseen_s[:, None]
    gate = np.minimum(_NEAREST_GATE + _GATE_PER_S * unseen_s, _WIDEST_GATE)[:, None]
    refused = (distance > gate) | (ratio > np.log(_LARGEST_SIZE_RATIO)) | (both & (difference > _LARGEST_DIFFERENCE))
    return np.where(refused, _REFUSED, cost)


def _differences(
    known: Sequence[Appearance | None], looks: Sequence[Appearance | None]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Bhattacharyya distances (T, F), 0 where one side is missing, and where both are there."""
    rows = [index for index, look in enumerate(known) if look is not None]
    columns = [index for index, look in enumerate(looks) if look is not None]
    distances = np.zeros((len(known), len(looks)))
    both = np.zeros(distances.shape, dtype=bool)
    if rows and columns:
        left = np.stack([look for look in known if look is not None])
        right = np.stack([look for look in looks if look is not None])
        pairs = np.ix_(rows, columns)
        distances[pairs] = np.sqrt(np.maximum(1 - left @ right.T, 0.0))
        both[pairs] = True
    return distances, both


def assign(costs: NDArray[np.float64]) -> list[tuple[int, int]]:
    """The pairs (track, detection) of least total cost, none that was refused, each index at most once."""
    if costs.size == 0:
        return []
    return [(row, column) for row, column in least_cost(costs) if costs[row, column] < _REFUSED]
