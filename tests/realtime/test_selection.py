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
    assert len(got) == pytest.approx(10 / 0.15, rel=0.06)


def test_the_crop_is_that_of_the_one_crop_function() -> None:
    (job,) = selector().select(frame(2.5), [track(7, 2.5)]).jobs
    assert (job.track_id, job.time_s) == (7, 2.5)
    assert np.array_equal(job.crop, crop_face(IMAGE, FACE, SPEC))


def test_every_track_has_its_own_pace() -> None:
    chosen = selector()
    chosen.select(frame(0.0), [track(1, 0.0)])
    both = chosen.select(frame(0.03), [track(1, 0.03), track(2, 0.03)])
    assert [job.track_id for job in both.jobs] == [2]


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
