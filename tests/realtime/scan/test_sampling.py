from __future__ import annotations

import itertools

import pytest
from clips import write_video
from fakes import ScriptedSource, picture
from hypothesis import given
from hypothesis import strategies as st

from unmask.engines.errors import SourceError
from unmask.realtime.scan.sampling import SamplePlan, measured, plan_samples, sampled
from unmask.realtime.sources.base import SourceInfo
from unmask.realtime.sources.video_file import VideoFileSource


def test_a_short_recording_is_covered_whole():
    plan = plan_samples(10.0, 0.125, most_frames=1200, stretch_frames=24)
    assert plan.stretches == ((0.0, 81),)


@given(
    duration_s=st.floats(0.0, 20_000.0),
    stride_s=st.floats(0.04, 1.0),
    most_frames=st.integers(1, 3000),
    stretch_frames=st.integers(2, 60),
)
def test_a_plan_keeps_its_budget_rises_and_covers_both_ends_alike(duration_s, stride_s, most_frames, stretch_frames):
    plan = plan_samples(duration_s, stride_s, most_frames, stretch_frames)
    moments = [moment for moment, _ in plan.moments()]
    assert len(moments) == plan.frames <= max(most_frames, stretch_frames)
    assert all(later > earlier for earlier, later in itertools.pairwise(moments))
    assert moments[0] >= 0
    assert moments[-1] <= duration_s + 1e-3
    if len(plan.stretches) > 1:
        assert moments[0] == pytest.approx(duration_s - moments[-1], abs=1e-3), "as much is left out before as after"
        gaps = {round(b - a, 3) for (a, _), (b, _) in zip(plan.stretches, plan.stretches[1:], strict=False)}
        assert max(gaps) - min(gaps) <= 0.002


def test_the_frames_of_a_plan_come_out_of_a_real_file(tmp_path):
    path = write_video(tmp_path / "clip.mp4", [picture(seed=number) for number in range(100)])
    plan = SamplePlan(0.2, ((0.5, 3), (2.5, 3)))
    source = VideoFileSource(path)
    info = source.open()
    told = []
    samples = list(sampled(source, info, plan, told.append))
    source.close()
    assert [round(sample.frame.time_s, 2) for sample in samples] == [0.48, 0.68, 0.88, 2.48, 2.68, 2.88]
    assert [sample.fresh for sample in samples] == [True, False, False, True, False, False]
    assert told == sorted(told)


def test_a_source_that_cannot_be_sought_is_read_through():
    plan = SamplePlan(0.2, ((0.5, 3), (2.5, 3)))
    source = ScriptedSource([picture()] * 100)
    info = source.open()
    samples = list(sampled(source, info, plan, lambda moment: None))
    assert [sample.frame.time_s for sample in samples] == pytest.approx([0.52, 0.72, 0.92, 2.52, 2.72, 2.92])
    assert [sample.fresh for sample in samples] == [True, False, False, True, False, False]


def test_a_rate_below_the_stride_gives_no_frame_twice(tmp_path):
    path = write_video(tmp_path / "slow.mp4", [picture(seed=number) for number in range(6)], fps=2)
    source = VideoFileSource(path)
    info: SourceInfo = source.open()
    samples = list(sampled(source, info, plan_samples(3.0, 0.125, 1000, 10), lambda moment: None))
    source.close()
    assert [sample.frame.index for sample in samples] == sorted({sample.frame.index for sample in samples})
    assert len(samples) == 6


def test_a_length_that_is_not_told_is_measured():
    source = ScriptedSource([picture()] * 101)
    source.open()
    assert measured(source) == (4.0, "")
    broken = ScriptedSource([*[picture()] * 26, SourceError("it breaks off")])
    broken.open()
    assert measured(broken) == (1.0, "it breaks off")
    with pytest.raises(SourceError):
        measured(ScriptedSource([SourceError("nothing can be read")]))
