from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unmask.realtime.window import Added, FrameWindow


def vector(value: float, depth: int = 2) -> np.ndarray:
    return np.full(depth, value, np.float32)


def filled(*values: float, length: int = 4) -> FrameWindow:
    window = FrameWindow(length, 2, stride_s=0.1, max_gap_s=0.5)
    for index, value in enumerate(values):
        assert window.add(index * 0.1, vector(value)) is Added.KEPT
    return window


def test_an_empty_window_is_all_padding() -> None:
    window = filled()
    embeddings, mask = window.snapshot()
    assert (window.frames, window.fill, window.last_s) == (0, 0.0, None)
    assert embeddings.shape == (4, 2)
    assert embeddings.dtype == mask.dtype == np.float32
    assert not embeddings.any()
    assert mask.tolist() == [0, 0, 0, 0]


def test_padding_follows_the_frames_and_the_oldest_comes_first() -> None:
    window = filled(1, 2)
    embeddings, mask = window.snapshot()
    assert embeddings[:, 0].tolist() == [1, 2, 0, 0]
    assert mask.tolist() == [1, 1, 0, 0]
    assert (window.frames, window.fill, window.last_s) == (2, 0.5, 0.1)


@pytest.mark.parametrize("count", [4, 5, 6, 7, 8, 9])
def test_a_full_ring_keeps_the_newest_in_order(count: int) -> None:
    embeddings, mask = filled(*range(count)).snapshot()
    assert embeddings[:, 0].tolist() == list(range(count - 4, count))
    assert mask.tolist() == [1, 1, 1, 1]


def test_a_gap_starts_a_new_window_instead_of_splicing_it() -> None:
    window = filled(1, 2, 3)
    assert window.add(0.2 + 0.51, vector(9)) is Added.RESTARTED
    assert window.snapshot()[0][:, 0].tolist() == [9, 0, 0, 0]


def test_a_gap_of_just_the_limit_does_not() -> None:
    window = filled(1, 2, 3)
    assert window.add(0.2 + 0.5, vector(9)) is Added.KEPT
    assert window.snapshot()[0][:, 0].tolist() == [1, 2, 3, 9]


def test_time_that_goes_back_starts_a_new_window() -> None:
    window = filled(1, 2, 3)
    assert window.add(0.15, vector(9)) is Added.RESTARTED
    assert (window.frames, window.last_s) == (1, 0.15)


def test_two_frames_of_one_stride_are_one_sample() -> None:
    window = filled(1)
    assert window.add(0.0, vector(8)) is Added.TOO_SOON
    assert window.add(0.03, vector(9)) is Added.TOO_SOON
    assert window.snapshot()[0][:, 0].tolist() == [1, 0, 0, 0]
    assert window.last_s == 0.0


@pytest.mark.parametrize("fps", [15, 24, 25, 30])
def test_frames_that_a_camera_sends_near_each_stride_all_count(fps: int) -> None:
    window = FrameWindow(8, 2, stride_s=0.1, max_gap_s=0.5)
    times = sorted({np.ceil(slot * 0.1 * fps) / fps for slot in range(8)})
    assert [window.add(float(time_s), vector(1)) for time_s in times] == [Added.KEPT] * len(times)


@pytest.mark.parametrize(("passed_s", "added"), [(0.0499, Added.TOO_SOON), (0.05, Added.KEPT)])
def test_half_a_stride_is_the_soonest(passed_s: float, added: Added) -> None:
    assert filled(1).add(passed_s, vector(2)) is added


def test_the_smallest_window_keeps_one_embedding_of_one_number() -> None:
    window = FrameWindow(1, 1, stride_s=0.1, max_gap_s=0.1)
    for step, value in enumerate((1, 2, 3)):
        assert window.add(step * 0.1, vector(value, 1)) is Added.KEPT
        assert window.snapshot()[0].tolist() == [[value]]
    assert window.fill == 1.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_an_embedding_that_is_no_number_is_refused_and_changes_nothing(bad: float) -> None:
    window = filled(1, 2)
    before = window.snapshot()[0].tobytes()
    assert window.add(0.2, np.array([bad, 1], np.float32)) is Added.NOT_FINITE
    assert not Added.NOT_FINITE.changed
    assert window.snapshot()[0].tobytes() == before
    assert window.last_s == 0.1


@pytest.mark.parametrize("wrong", [np.zeros(3, np.float32), np.zeros((1, 2), np.float32), np.zeros(2)])
def test_another_shape_or_dtype_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="The window keeps"):
        filled().add(0.0, wrong)


@pytest.mark.parametrize("numbers", [(0, 2, 0.1, 0.5), (4, 0, 0.1, 0.5), (4, 2, 0.0, 0.5), (4, 2, 0.6, 0.5)])
def test_a_window_that_cannot_be_is_refused(numbers: tuple[int, int, float, float]) -> None:
    with pytest.raises(ValueError, match="A window needs"):
        FrameWindow(*numbers)


def test_the_window_neither_keeps_nor_gives_away_its_memory() -> None:
    window = filled(1)
    mine = vector(2)
    window.add(0.1, mine)
    mine[:] = 99
    window.snapshot()[0][:] = 77
    assert window.snapshot()[0][:, 0].tolist() == [1, 2, 0, 0]


def test_copy_to_clears_what_was_in_the_arrays() -> None:
    embeddings, mask = np.full((4, 2), np.nan, np.float32), np.full(4, np.nan, np.float32)
    filled(1).copy_to(embeddings, mask)
    assert embeddings[:, 0].tolist() == [1, 0, 0, 0]
    assert mask.tolist() == [1, 0, 0, 0]


def test_reset_forgets() -> None:
    window = filled(1, 2)
    window.reset()
    assert (window.frames, window.last_s) == (0, None)
    assert window.add(0.0, vector(3)) is Added.KEPT
    assert window.snapshot()[0][:, 0].tolist() == [3, 0, 0, 0]


def test_adding_takes_no_memory() -> None:
    window = FrameWindow(16, 4096, stride_s=0.1, max_gap_s=0.5)
    given_vector = vector(1, 4096)
    window.add(0.0, given_vector)
    tracemalloc.start()
    try:
        for index in range(1, 50):
            window.add(index * 0.1, given_vector)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4096  # one embedding is 16 KiB, its finite flags 4 KiB


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 3), st.floats(-(2.0**100), 2.0**100, width=32)), max_size=40))
def test_every_snapshot_is_a_stretch_of_what_came_in_bit_for_bit(samples: list[tuple[float, float]]) -> None:
    window = FrameWindow(5, 2, stride_s=0.1, max_gap_s=0.5)
    kept: list[tuple[float, float]] = []
    for time_s, value in samples:
        added = window.add(time_s, vector(value))
        if added is Added.RESTARTED:
            kept = []
        if added.changed:
            kept.append((time_s, value))
        gaps = np.diff([time_s for time_s, _ in kept])
        assert ((gaps > 0) & (gaps <= 0.5 + 1e-6)).all()
        embeddings, mask = window.snapshot()
        newest = kept[-5:]
        assert mask.sum() == window.frames == len(newest)
        expected = np.array([[value] * 2 for _, value in newest], np.float32).reshape(-1, 2)
        assert embeddings[: len(newest)].tobytes() == expected.tobytes()
