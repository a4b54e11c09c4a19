"""Which crops are twins, where they differ, and fakes of which a part is kept."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from unmask.realtime.types import Image
from unmask.training.data.cache import CropCache
from unmask.training.data.dfdc import CropRecord
from unmask.training.twins.pairs import Twin, changed, difference, find_twins, is_aligned, is_untouched, partly

SIDE = 224


def scene(seed: int = 0) -> Image:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(60, 200, (14, 14, 3), dtype=np.uint8)
    return cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)


def swapped(image: Image, gain: float = 0.6) -> Image:
    """The same frame with another inner face."""
    other = image.copy()
    inner = other[70:170, 60:160].astype(np.float32) * gain
    other[70:170, 60:160] = inner.astype(np.uint8)
    return other


def noisy(image: Image, seed: int = 1) -> Image:
    noise = np.random.default_rng(seed).normal(0, 4, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def test_a_swap_is_found_where_it_is_and_noise_is_none() -> None:
    where = changed(scene(), noisy(swapped(scene())))
    assert where.shape == (SIDE // 2, SIDE // 2)
    assert where[45:75, 40:70].min() > 0.9
    assert where[:25].max() < 0.1
    assert where[:, 95:].max() < 0.1


def test_darkness_hides_no_swap_and_makes_none() -> None:
    dark = (scene() // 6).astype(np.uint8)
    assert changed(dark, swapped(dark, 0.5))[45:75, 40:70].mean() > 0.8
    assert difference(dark, dark).max() == 0


@pytest.mark.parametrize(("other", "aligned"), [(swapped(scene()), True), (scene(7), False)], ids=["same", "other"])
def test_the_ring_round_the_face_tells_whether_it_is_the_same_frame(other: Image, aligned: bool) -> None:
    assert is_aligned(scene(), other) is aligned


def test_a_face_that_was_left_alone_is_no_twin() -> None:
    assert is_untouched(scene(), noisy(scene()))
    assert not is_untouched(scene(), swapped(scene()))


def test_twins_are_found_by_their_original() -> None:
    pictures = [scene(), swapped(scene()), noisy(scene()), scene(7), scene(9)]
    rows = [("r", False, "r"), ("f", True, "r"), ("same", True, "r"), ("moved", True, "r"), ("lost", True, "gone")]
    records = [
        (row, CropRecord(key, fake, "p", "train", 200, original)) for row, (key, fake, original) in enumerate(rows)
    ]
    cache = CropCache(np.stack(pictures), tuple(key for key, *_ in rows))
    assert find_twins(cache, records) == [Twin(0, 1, True), Twin(0, 3, False)]


def test_a_part_of_a_fake_is_its_real_twin() -> None:
    real, fake = np.full((64, 64, 3), 50, np.uint8), np.full((64, 64, 3), 200, np.uint8)
    shares = []
    for seed in range(12):
        mixed = partly(real, fake, np.random.default_rng(seed))
        assert mixed.min() >= 50
        assert mixed.max() <= 200
        shares.append(float((mixed.astype(np.float32).mean() - 50) / 150))
    assert min(shares) < 0.4
    assert max(shares) > 0.5
    assert all(0 < share < 1 for share in shares)
