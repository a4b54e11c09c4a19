from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unmask.engines.errors import UsageError
from unmask.engines.manifest import Quality
from unmask.realtime.faces.crop import CropSpec, crop_face
from unmask.realtime.selection import CropSelector, Selection
from unmask.realtime.types import Cause, FaceBox, Frame, TrackedFace

SPEC = CropSpec(32)
IMAGE = np.random.default_rng(0).integers(60, 200, (240, 320, 3), dtype=np.uint8)
FACE = FaceBox(100, 60, 180, 160, 0.9)
SMALL = FaceBox(100, 60, 120, 80, 0.9)


def frame(time_s: float) -> Frame:
    return Frame(IMAGE, 0, time_s, 0, "test")


def track(track_id: int, time_s: float, face: FaceBox = FACE, *, seen_s: float | None = None) -> TrackedFace:
    last_s = time_s if seen_s is None else seen_s
    return TrackedFace(track_id, face, seen_s is None, 0.0, last_s)


def selector(stride_s: float = 0.1) -> CropSelector:
    return CropSelector(SPEC, Quality(), stride_s)


def taken(times: list[float], stride_s: float = 0.1) -> list[float]:
    chosen = selector(stride_s)
    selections = [chosen.select(frame(t), [track(1, t)]) for t in times]
    return [job.time_s for selection in selections for job in selection.jobs]


@pytest.mark.parametrize("fps", [12.0, 15.0, 24.0, 25.0, 29.97, 30.0, 60.0])
def test_on_average_crops_are_a_stride_apart_at_any_frame_rate(fps: float) -> None:
    times = [index / fps for index in range(int(20 * fps))]
    got = taken(times)
    assert (got[-1] - got[0]) / (len(got) - 1) == pytest.approx(0.1, rel=0.01)
    assert max(np.diff(got)) <= 0.1 + 1 / fps + 1e-6


def test_a_rate_that_divides_the_stride_is_taken_exactly() -> None:
    got = taken([index / 30 for index in range(31)])
    assert got == pytest.approx([index / 10 for index in range(11)])


def test_of_a_source_slower_than_the_stride_every_frame_is_taken() -> None:
    times = [index / 5 for index in range(20)]
    assert taken(times) == times


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(10, 60))
def test_uneven_times_do_not_make_the_rate_drift(seed: int, fps: float) -> None:
    steps = np.random.default_rng(seed).uniform(0.6, 1.4, int(fps * 10)) / fps
    got = taken(np.cumsum(steps).tolist(), 0.15)
    # Uneven steps add up to 10 seconds only about; what counts is how long they really lasted.
    assert len(got) == pytest.approx(steps.sum() / 0.15, rel=0.03)


def test_the_crop_is_that_of_the_one_crop_function() -> None:
    (job,) = selector().select(frame(2.5), [track(7, 2.5)]).jobs
    assert (job.track_id, job.time_s) == (7, 2.5)
    assert np.array_equal(job.crop, crop_face(IMAGE, FACE, SPEC))


def test_every_track_has_its_own_pace() -> None:
    chosen = selector()
    chosen.select(frame(0.0), [track(1, 0.0)])
    both = chosen.select(frame(0.03), [track(1, 0.03), track(2, 0.03)])
    assert [job.track_id for job in both.jobs] == [2]


def test_faces_that_come_one_by_one_end_up_on_one_grid() -> None:
    chosen = selector()
    begins = {1: 0.0, 2: 1 / 3, 3: 0.7, 4: 0.95}
    taken_at: dict[int, list[float]] = {number: [] for number in begins}
    for index in range(90):
        time_s = index / 30
        here = [track(number, time_s) for number, begin in begins.items() if time_s >= begin - 1e-9]
        for job in chosen.select(frame(time_s), here).jobs:
            taken_at[job.track_id].append(job.time_s)
    late = [[time_s for time_s in times if time_s > 1.2] for times in taken_at.values()]
    assert late[0] == late[1] == late[2] == late[3], "one search serves all"
    for number, times in taken_at.items():
        assert times[0] == pytest.approx(begins[number], abs=1 / 30)
        assert min(np.diff(times)) >= 0.05, "the window takes nothing nearer"
        assert max(np.diff(times)) <= 0.2


@pytest.mark.parametrize("fps", [5.0, 8.3, 11.0, 13.0])
def test_of_a_slow_source_with_several_faces_no_sample_is_lost(fps: float) -> None:
    chosen = selector()
    times = [index / fps for index in range(60)]
    got = [chosen.select(frame(t), [track(1, t), track(2, t)]).jobs for t in times]
    assert sum(map(len, got)) >= 2 * 0.98 * min(60, times[-1] / 0.1)


@pytest.mark.parametrize("fps", [24.0, 30.0])
def test_it_says_beforehand_which_frame_a_face_will_be_cropped_from(fps: float) -> None:
    chosen, times = selector(0.125), [index / fps for index in range(40)]
    for time_s in times:
        expected = chosen.due(time_s)
        cropped = bool(chosen.select(frame(time_s), [track(1, time_s)]).jobs)
        assert cropped == (expected or time_s == 0.0), "only an unknown face comes unannounced"


def test_an_unfit_face_is_worth_one_search_a_stride() -> None:
    chosen = selector()
    due = []
    for index in range(31):
        time_s = index / 30
        due.append(chosen.due(time_s))
        chosen.select(frame(time_s), [track(1, time_s, SMALL, seen_s=None if due[-1] or index == 0 else 0.0)])
    assert sum(due) == 10


def test_a_face_that_is_not_found_is_worth_one_search_a_stride() -> None:
    chosen = selector()
    chosen.select(frame(0.0), [track(1, 0.0)])
    due = []
    for index in range(1, 31):
        due.append(chosen.due(index / 30))
        chosen.select(frame(index / 30), [track(1, index / 30, seen_s=0.0)])
    assert sum(due) == 10


def test_a_longer_stride_holds_from_the_next_sample_on() -> None:
    chosen, got = selector(), []
    for index in range(90):
        chosen.stride_s = 0.1 if index < 30 else 0.3
        time_s = index / 30
        got += [job.time_s for job in chosen.select(frame(time_s), [track(1, time_s)]).jobs]
    assert max(np.diff([time_s for time_s in got if time_s < 0.95])) < 0.14
    assert np.diff([time_s for time_s in got if time_s > 1.2]) == pytest.approx(0.3)


def test_a_face_that_fails_the_gate_gives_causes_and_is_tried_again_at_once() -> None:
    chosen = selector()
    failed = chosen.select(frame(0.0), [track(1, 0.0, SMALL)])
    assert (failed.jobs, dict(failed.causes)) == ((), {1: (Cause.FACE_TOO_SMALL,)})
    passed = chosen.select(frame(0.03), [track(1, 0.03)])
    assert ([job.track_id for job in passed.jobs], dict(passed.causes)) == ([1], {})


def test_between_two_looks_the_causes_of_the_last_one_hold() -> None:
    chosen = selector()
    chosen.select(frame(0.0), [track(1, 0.0)])
    between = chosen.select(frame(0.03), [track(1, 0.03, SMALL)])
    assert (between.jobs, dict(between.causes)) == ((), {})
    assert dict(chosen.select(frame(0.1), [track(1, 0.1, SMALL)]).causes) == {1: (Cause.FACE_TOO_SMALL,)}


def test_a_coasting_face_is_never_cropped_and_lost_after_a_while() -> None:
    chosen = selector()
    chosen.select(frame(0.0), [track(1, 0.0)])
    short = chosen.select(frame(0.3), [track(1, 0.3, seen_s=0.0)])
    assert (short.jobs, dict(short.causes)) == ((), {})
    long = chosen.select(frame(0.7), [track(1, 0.7, seen_s=0.0)])
    assert (long.jobs, dict(long.causes)) == ((), {1: (Cause.FACE_LOST,)})
    back = chosen.select(frame(0.8), [track(1, 0.8)])
    assert ([job.time_s for job in back.jobs], dict(back.causes)) == ([0.8], {})


def test_after_an_absence_no_burst_makes_up_for_it() -> None:
    assert taken([0.0, 0.1, 2.0, 2.03, 2.06, 2.1]) == [0.0, 0.1, 2.0, 2.1]


def test_a_dead_track_is_forgotten_and_a_timeline_that_starts_over_is_new() -> None:
    chosen = selector()
    chosen.select(frame(5.0), [track(1, 5.0)])
    chosen.select(frame(5.02), [])
    assert len(chosen.select(frame(5.04), [track(1, 5.04)]).jobs) == 1
    assert len(chosen.select(frame(0.0), [track(1, 0.0)]).jobs) == 1


def test_the_causes_cannot_be_changed_by_who_reads_them() -> None:
    selection: Selection = selector().select(frame(0.0), [track(1, 0.0, SMALL)])
    with pytest.raises(TypeError):
        selection.causes[2] = ()  # type: ignore[index]


@pytest.mark.parametrize("stride_s", [0.0, -1.0, float("nan"), float("inf")])
def test_a_stride_that_cannot_be_is_refused(stride_s: float) -> None:
    with pytest.raises(UsageError, match="stride"):
        selector(stride_s)
