from __future__ import annotations

import numpy as np

from unmask.realtime.tracking.association import assign, pair_costs

HERE = np.array([[100.0, 50.0, 160.0, 130.0]])
NOW = np.zeros(1)


def looks(place: int) -> np.ndarray:
    """A histogram with everything in one bin: as unlike another one as can be."""
    vector = np.zeros(72, np.float32)
    vector[place] = 1.0
    return vector


def test_a_face_in_the_same_place_that_looks_wholly_different_is_somebody_else() -> None:
    assert assign(pair_costs(HERE, NOW, [looks(3)], HERE, [looks(3)])) == [(0, 0)]
    assert assign(pair_costs(HERE, NOW, [looks(3)], HERE, [looks(40)])) == []
    assert assign(pair_costs(HERE, NOW, [looks(3)], HERE, [None])) == [(0, 0)]
