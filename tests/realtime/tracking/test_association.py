"""What a pair of a track and a detection costs, and which pairs are out of the question."""

from __future__ import annotations

import math

import numpy as np
import pytest

from unmask.realtime.tracking.association import assign, pair_costs
from unmask.realtime.types import FaceBox

HERE = np.array([[100.0, 50.0, 160.0, 130.0]])
NOW = np.zeros(1)
REFUSED = 1e6


def looks(place: int, likeness: float = 0.0) -> np.ndarray:
    """A histogram with everything in one bin, or with so much of the first one's that they are that alike."""
    vector = np.zeros(72, np.float32)
    vector[place] = math.sqrt(1 - likeness**2)
    vector[3] += likeness
    return vector


def cost(found: np.ndarray, unseen_s: float = 0.0, look: np.ndarray | None = None) -> float:
    """Of the track that is expected HERE and looks like ``looks(3)``."""
    return float(pair_costs(HERE, np.array([unseen_s]), [looks(3)], found, [look])[0, 0])


def moved(right: float = 0.0, down: float = 0.0, *, larger: float = 1.0) -> np.ndarray:
    x0, y0, x1, y1 = HERE[0]
    x, y, wide, high = (x0 + x1) / 2 + right, (y0 + y1) / 2 + down, (x1 - x0) * larger / 2, (y1 - y0) * larger / 2
    return np.array([[x - wide, y - high, x + wide, y + high]])


def test_a_face_in_the_same_place_that_looks_wholly_different_is_somebody_else() -> None:
    assert assign(pair_costs(HERE, NOW, [looks(3)], HERE, [looks(3)])) == [(0, 0)]
    assert assign(pair_costs(HERE, NOW, [looks(3)], HERE, [looks(40)])) == []
    assert assign(pair_costs(HERE, NOW, [looks(3)], HERE, [None])) == [(0, 0)]


def test_the_same_place_costs_nothing_and_each_difference_something() -> None:
    assert cost(HERE) == pytest.approx(0.0)
    shares = (cost(moved(6)), cost(moved(0, 6)), cost(moved(larger=1.1)), cost(HERE, 0.1), cost(HERE, 0, looks(9, 0.9)))
    assert all(0.01 < share < 1 for share in shares)


def plain_cost(track: FaceBox, face: FaceBox, unseen_s: float, likeness: float | None) -> float:
    """The same, one pair at a time and in words of faces."""
    larger = max(track.size, face.size)
    distance = math.dist(track.centre, face.centre) / larger
    ratio = larger / min(track.size, face.size)
    difference = 0.0 if likeness is None else math.sqrt(1 - likeness)
    too_far = distance > min(0.5 + 1.5 * unseen_s, 1.4)
    if too_far or ratio > 1.9 or (likeness is not None and difference > 0.55):
        return REFUSED
    return (1 - track.overlap(face)) + distance + math.log(ratio) + 1.5 * difference + 0.3 * unseen_s


def test_whole_tables_are_what_pair_by_pair_reckoning_gives() -> None:
    random, kinds = np.random.default_rng(6), set()
    for _ in range(40):
        corners = random.uniform(0, 90, (7, 2))
        boxes = np.concatenate([corners, corners + random.uniform(40, 110, (7, 2))], axis=1)
        unseen = random.choice([0.0, 0.1, 0.5, 0.9], 3)
        known = [random.choice(72, 1) for _ in range(7)]
        vectors = [None if bin_ % 5 == 0 else looks(4 + int(bin_) % 3, random.uniform(0, 1)) for (bin_,) in known]
        costs = pair_costs(boxes[:3], unseen, vectors[:3], boxes[3:], vectors[3:])
        assert costs.shape == (3, 4)
        for (row, column), value in np.ndenumerate(costs):
            one, other = vectors[row], vectors[3 + column]
            likeness = None if one is None or other is None else min(1.0, float(one @ other))
            track, face = FaceBox(*boxes[row], 0.9), FaceBox(*boxes[3 + column], 0.9)
            # A likeness of float32 close to 1 has a root that is off by more than its own last bit.
            assert value == pytest.approx(plain_cost(track, face, unseen[row], likeness), abs=2e-3)
            kinds.add((bool(value == REFUSED), likeness is None))
    assert len(kinds) == 4, "refused and not, with and without looks"


@pytest.mark.parametrize(
    ("unseen_s", "furthest"),
    [(0.0, 0.5), (0.2, 0.8), (0.6, 1.4), (5.0, 1.4)],
)
def test_the_gate_opens_with_the_time_out_of_sight_up_to_a_limit(unseen_s: float, furthest: float) -> None:
    size = 80  # the longer side of HERE
    assert cost(moved(furthest * size - 0.1), unseen_s) < REFUSED
    assert cost(moved(furthest * size + 0.1), unseen_s) == REFUSED
    assert cost(moved(0, -(furthest * size + 0.1)), unseen_s) == REFUSED


def test_almost_twice_the_size_is_somebody_else() -> None:
    assert cost(moved(larger=1.89)) < REFUSED
    assert cost(moved(larger=1.91)) == REFUSED
    assert cost(moved(larger=1 / 1.91)) == REFUSED


def test_faces_further_apart_than_they_are_large_overlap_by_nothing_and_not_less() -> None:
    apart = moved(60.5, 80.5)  # both gaps negative: their product would be an overlap
    assert cost(apart, 5.0) == pytest.approx(1 + math.hypot(60.5, 80.5) / 80 + 0.3 * 5)


def test_a_refused_pair_is_never_assigned_though_it_be_the_only_one() -> None:
    assert assign(np.array([[REFUSED]])) == []
    assert assign(np.array([[REFUSED, 2.0], [1.0, REFUSED]])) == [(0, 1), (1, 0)]
    assert assign(np.zeros((0, 3))) == assign(np.zeros((3, 0))) == []
