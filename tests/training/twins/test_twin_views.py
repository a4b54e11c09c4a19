"""Both twins go through the same call, place and cover; the map of what was changed goes with them."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest

from unmask.training.twins.views import Couple, ViewPlan, cover, placement, views_of

PLAIN = ViewPlan(64, line=0.0, light=0.0, covered=0.0, partly=0.0, zoomed=0.0, mixed=0.0)


def couple(*, aligned: bool = True) -> Couple:
    rng = np.random.default_rng(0)
    real = cv2.resize(rng.integers(80, 160, (16, 16, 3), dtype=np.uint8), (128, 128), interpolation=cv2.INTER_CUBIC)
    fake = real.copy()
    fake[32:96, 32:64] //= 3
    return Couple(real, fake, (64.0, 64.0), 128.0, aligned)


def test_the_map_shows_the_places_that_differ() -> None:
    for seed in range(8):
        views = views_of(couple(), PLAIN, np.random.default_rng(seed))
        apart = np.abs(views.real.astype(int) - views.fake).max(axis=2).astype(np.float32)
        by_place = cv2.resize(apart, (4, 4), interpolation=cv2.INTER_AREA)
        assert views.places.shape == (4, 4)
        assert views.label == 1.0
        assert np.corrcoef(by_place.ravel(), views.places.ravel())[0, 1] > 0.7


def test_calls_and_covers_leave_twins_alike_outside_of_the_swap() -> None:
    same = dataclasses.replace(couple(), fake=couple().real)
    for plan in (ViewPlan(64, line=1.0, covered=1.0), ViewPlan(64, line=0.0, light=1.0, covered=1.0)):
        for seed in range(4):
            views = views_of(same, plan, np.random.default_rng(seed))
            assert np.array_equal(views.real, views.fake)
            assert views.places.max() == 0


def test_where_frames_differ_the_places_are_unknown() -> None:
    views = views_of(couple(aligned=False), dataclasses.replace(PLAIN, mixed=1.0), np.random.default_rng(0))
    assert np.isnan(views.places).all()
    assert views.label == 1.0


def test_a_mixed_fake_lies_between_the_twins_and_so_does_its_label() -> None:
    mixed = views_of(couple(), dataclasses.replace(PLAIN, mixed=1.0), np.random.default_rng(0))
    assert 0.2 <= mixed.label <= 0.9
    assert mixed.places.max() <= mixed.label + 1e-6
    apart = np.abs(mixed.real.astype(int) - mixed.fake)
    assert 0 < apart.max() < (couple().real.astype(int) - couple().fake).max()


def test_a_part_is_kept_only_where_enough_of_the_swap_is_left() -> None:
    plan = dataclasses.replace(PLAIN, partly=1.0)
    kept = [views_of(couple(), plan, np.random.default_rng(seed)).places.sum() for seed in range(12)]
    assert min(kept) > 0
    whole = [views_of(couple(), PLAIN, np.random.default_rng(seed)).places.sum() for seed in range(12)]
    assert np.mean(kept) < np.mean(whole)


def test_a_placement_keeps_the_middle_in_the_crop_and_the_margin_its_size() -> None:
    narrow = placement(couple(), PLAIN, np.random.default_rng(3))
    wide = placement(couple(), dataclasses.replace(PLAIN, margin=2.0), np.random.default_rng(3))
    middle = narrow @ np.array([64.0, 64.0, 1.0])
    assert np.abs(middle - 32).max() < 64 * 0.08
    scales = [np.sqrt(abs(np.linalg.det(place[:, :2]))) for place in (narrow, wide)]
    assert scales[0] / scales[1] == pytest.approx(2.0)


def test_a_view_may_sit_higher_by_the_rise() -> None:
    high = dataclasses.replace(couple(), rise=0.2)
    middles = [(placement(high, PLAIN, np.random.default_rng(seed)) @ [64.0, 64.0, 1.0])[1] for seed in range(60)]
    assert min(middles) > 32 - 64 * 0.08
    assert max(middles) > 32 + 64 * 0.15


def test_a_cover_hides_the_same_place_of_both() -> None:
    views = np.zeros((64, 64, 3), np.uint8), np.full((64, 64, 3), 9, np.uint8)
    cover(views, np.random.default_rng(1))
    same = (views[0] == views[1]).all(axis=2)
    assert 64 <= same.sum() < 64 * 64 / 3
