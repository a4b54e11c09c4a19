"""What is done to crops: the codecs are real, the size stays, the same seed gives the same picture."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest

from unmask.realtime.types import Image
from unmask.training.data import codec
from unmask.training.data.batches import Batch, Item, epoch_batches, plain_view, prefetched, training_view
from unmask.training.data.harsh import KINDS, harsh_call
from unmask.training.data.self_blend import oval_mask, self_blend


@pytest.fixture(scope="module")
def face() -> Image:
    """A smooth picture with texture on it, 224 x 224 RGB."""
    rng = np.random.default_rng(0)
    ys, xs = np.mgrid[0:224, 0:224]
    smooth = np.stack([128 + 80 * np.sin(xs / 30), 128 + 60 * np.cos(ys / 25), 100 + (xs + ys) / 5], axis=-1)
    texture = cv2.GaussianBlur(rng.normal(0, 60, (224, 224, 3)), (0, 0), 1.2)
    return np.clip(smooth + texture, 0, 255).astype(np.uint8)


def difference(one: Image, two: Image) -> float:
    return float(np.abs(one.astype(int) - two.astype(int)).mean())


def test_h264_gives_every_frame_back_and_costs_more_at_a_worse_rate(face: Image) -> None:
    shots = [face, np.roll(face, 2, axis=1), np.roll(face, 4, axis=1)]
    good, bad = codec.h264_round_trip(shots, 16), codec.h264_round_trip(shots, 38)
    assert len(good) == len(bad) == 3
    assert good[0].shape == face.shape
    assert 0 < difference(good[2], shots[2]) < difference(bad[2], shots[2]) < 30


def test_vp9_gives_every_frame_back_and_costs_more_at_a_worse_rate(face: Image) -> None:
    shots = [np.roll(face, 2 * number, axis=1) for number in range(5)]
    good, bad = codec.vp9_round_trip(shots, 15), codec.vp9_round_trip(shots, 58)
    assert len(good) == len(bad) == 5
    assert good[0].shape == face.shape
    assert 0 < difference(good[4], shots[4]) < difference(bad[4], shots[4]) < 30
    np.testing.assert_array_equal(bad[4], codec.vp9_round_trip(shots, 58)[4])
    rich, poor = codec.vp9_at_rate([face] * 12, 2000), codec.vp9_at_rate([face] * 12, 60)
    assert difference(rich[-1], face) < difference(poor[-1], face)


def test_jpeg_costs_more_at_a_lower_quality(face: Image) -> None:
    assert difference(codec.jpeg_round_trip(face, 95), face) < difference(codec.jpeg_round_trip(face, 20), face)


def test_relight_is_a_gain_per_channel() -> None:
    grey = np.full((4, 4, 3), 100, np.uint8)
    assert codec.relight(grey, (1.5, 1.0, 0.5), 1.0)[0, 0].tolist() == pytest.approx([150, 100, 50], abs=1)


@pytest.mark.parametrize("change", [codec.call_like, self_blend, lambda i, r: training_view(i, 160, r)])
def test_changes_repeat_by_seed_and_leave_their_input_alone(
    face: Image, change: Callable[[Image, np.random.Generator], Image]
) -> None:
    before = face.copy()
    for seed in range(12):
        one, two = (change(face, np.random.default_rng(seed)) for _ in range(2))
        assert one.dtype == np.uint8
        assert one.shape in ((224, 224, 3), (160, 160, 3))
        np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(face, before)


def test_call_like_leaves_a_good_share_clean(face: Image) -> None:
    changed = [difference(codec.call_like(face, np.random.default_rng(seed)), face) > 0 for seed in range(60)]
    assert 0.4 < np.mean(changed) < 0.95


def test_a_self_blend_changes_the_inside_or_the_outside_but_not_both(face: Image) -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        blended = self_blend(face, rng)
        assert difference(blended, face) > 0.2
        inside = difference(blended[90:140, 90:140], face[90:140, 90:140])
        corners = difference(blended[:8, :8], face[:8, :8])
        assert min(inside, corners) < 0.6 * max(inside, corners)


def test_the_mask_is_soft_and_covers_the_middle() -> None:
    for seed in range(10):
        mask = oval_mask(128, np.random.default_rng(seed))
        assert mask[64, 64] > 0.95
        assert mask[0, 0] < 0.05
        assert ((mask > 0.1) & (mask < 0.9)).any()


def test_a_plain_view_keeps_the_channel_order(face: Image) -> None:
    red = np.zeros((224, 224, 3), np.uint8)
    red[..., 0] = 200
    assert plain_view(red, 160)[80, 80].tolist() == [200, 0, 0]


def items(face: Image) -> list[Item]:
    pixels = np.stack([face] * 4)
    return [Item(pixels, i % 4, fake=i % 2 == 1, blend=i == 0) for i in range(10)]


def test_an_epoch_repeats_goes_on_in_the_middle_and_differs_from_the_next(face: Image) -> None:
    whole = list(epoch_batches(items(face), 64, 3, seed=5, epoch=0))
    rest = list(epoch_batches(items(face), 64, 3, seed=5, epoch=0, start=2))
    other = list(epoch_batches(items(face), 64, 3, seed=5, epoch=1))
    assert len(whole) == 3
    np.testing.assert_array_equal(rest[0].crops, whole[2].crops)
    assert any((a.crops != b.crops).any() for a, b in zip(whole, other, strict=True))


def test_a_blended_crop_is_labelled_fake(face: Image) -> None:
    (batch,) = epoch_batches(items(face), 32, 10, seed=1, epoch=0)
    assert batch.labels.sum() == 6  # five fakes, and one real that was blended


def test_prefetching_gives_all_and_hands_on_a_failure() -> None:
    def numbers(fail: bool) -> Iterator[Batch]:
        for n in range(6):
            yield Batch(np.full((1, 2, 2, 3), n, np.uint8), np.zeros(1, np.float32))
        if fail:
            raise OSError("the disk is gone")

    assert [int(b.crops[0, 0, 0, 0]) for b in prefetched(lambda: numbers(False), 2)] == list(range(6))
    with pytest.raises(OSError, match="disk"):
        list(prefetched(lambda: numbers(True), 2))


def test_prefetching_stops_when_nobody_wants_more(no_leaks: None) -> None:
    def endless() -> Iterator[Batch]:
        while True:
            time.sleep(0.001)
            yield Batch(np.zeros((1, 2, 2, 3), np.uint8), np.zeros(1, np.float32))

    batches = prefetched(endless, 2)
    assert next(batches).crops.shape == (1, 2, 2, 3)
    batches.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", list(KINDS))
def test_what_harsh_calls_do_repeats_and_can_be_seen(kind: str, face: Image) -> None:
    before = face.copy()
    changes = []
    for seed in range(4):
        one, two = (KINDS[kind](face, np.random.default_rng(seed)) for _ in range(2))
        assert (one.shape, one.dtype) == (face.shape, np.uint8)
        np.testing.assert_array_equal(one, two)
        changes.append(difference(one, face))
    np.testing.assert_array_equal(face, before)
    assert min(changes) > 0.5
    assert len({round(change, 6) for change in changes}) == 4, "strengths are drawn anew"


def test_a_harsh_call_is_one_of_them_all(face: Image) -> None:
    made = [harsh_call(face, np.random.default_rng(seed)) for seed in range(24)]
    dark = sum(float(picture.mean()) < 0.85 * float(face.mean()) for picture in made)
    assert 1 < dark < 16
