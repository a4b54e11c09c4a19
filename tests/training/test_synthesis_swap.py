"""The face swap: exact borders, colours, and a warp that goes where its points say."""

from __future__ import annotations

import numpy as np
import pytest

from unmask.training.synthesis.swap import (
    SwapSettings,
    lay_over,
    make_swap,
    pyramid_blend,
    soften,
    transfer_colour,
    warp_map,
)

OVAL = np.array([[100 + 40 * np.cos(a), 90 + 50 * np.sin(a)] for a in np.linspace(0, 2 * np.pi, 12, endpoint=False)])


@pytest.fixture
def target() -> np.ndarray:
    return np.random.default_rng(1).integers(40, 120, (180, 200, 3), dtype=np.uint8)


@pytest.fixture
def donor() -> np.ndarray:
    return np.random.default_rng(2).integers(120, 250, (180, 200, 3), dtype=np.uint8)


def test_the_warp_takes_points_to_their_partners() -> None:
    moved = OVAL * 0.8 + [3, 7]
    field = warp_map(moved, OVAL, (200, 180), stiffness=0.0)
    found = np.array([field[round(y), round(x)] for x, y in OVAL])
    exact = np.array([[round(x), round(y)] for x, y in OVAL]) * 0.8 + [3, 7]
    assert np.abs(found - exact).max() < 0.2


def test_a_softened_region_is_zero_outside_and_one_deep_inside() -> None:
    region = np.zeros((60, 80), dtype=np.uint8)
    region[10:50, 10:70] = 255
    mask = soften(region, 0.05)
    assert mask[region == 0].max() == 0
    assert mask[30, 40] == 1
    assert 0 < mask[11, 40] < 1


@pytest.mark.parametrize("blend", ["soft", "pyramid", "poisson"])
def test_only_the_inside_of_the_mask_changes(target: np.ndarray, donor: np.ndarray, blend: str) -> None:
    before = target.copy()
    layer = make_swap(target, OVAL, OVAL, donor, OVAL, OVAL, SwapSettings(blend=blend))  # type: ignore[arg-type]
    result = lay_over(target, layer)
    covered = np.zeros(target.shape[:2], dtype=bool)
    height, width = layer.mask.shape
    covered[layer.top : layer.top + height, layer.left : layer.left + width] = layer.mask > 0
    changed = (result != target).any(axis=2)
    assert not changed[~covered].any()
    assert changed[covered].mean() > 0.8
    assert (target == before).all(), "the target must only be read"
    assert layer.mask[[0, -1]].max() == 0


def test_opacity_zero_changes_nothing(target: np.ndarray, donor: np.ndarray) -> None:
    layer = make_swap(target, OVAL, OVAL, donor, OVAL, OVAL, SwapSettings(opacity=0.0))
    assert (lay_over(target, layer) == target).all()


def test_what_lies_beside_the_donors_face_does_not_come_along(target: np.ndarray, donor: np.ndarray) -> None:
    narrow = (OVAL - OVAL.mean(axis=0)) * [0.5, 1.0] + OVAL.mean(axis=0)
    layer = make_swap(target, OVAL, OVAL, donor, OVAL, narrow, SwapSettings())
    columns = np.flatnonzero(layer.mask.max(axis=0)) + layer.left
    assert columns.min() > 100 - 24
    assert columns.max() < 100 + 24


def test_colours_come_from_the_target(target: np.ndarray, donor: np.ndarray) -> None:
    mask = np.ones(target.shape[:2], dtype=np.float32)
    moved = transfer_colour(donor, target, mask)
    assert np.abs(moved.mean(axis=(0, 1)) - target.mean(axis=(0, 1))).max() < 6
    kept = transfer_colour(donor, target, mask, amount=0.0)
    assert np.abs(kept - donor).max() < 1


def test_a_pyramid_of_equal_pictures_gives_the_picture_back() -> None:
    image = np.random.default_rng(3).uniform(0, 255, (61, 83, 3)).astype(np.float32)
    mask = np.random.default_rng(4).uniform(0, 1, (61, 83)).astype(np.float32)
    assert np.abs(pyramid_blend(image, image, mask, 4) - image).max() < 0.01


def test_a_face_outside_the_picture_is_refused(target: np.ndarray, donor: np.ndarray) -> None:
    with pytest.raises(ValueError, match="outside the 200 x 180 picture"):
        make_swap(target, OVAL + 500, OVAL + 500, donor, OVAL, OVAL)
