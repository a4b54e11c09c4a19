from __future__ import annotations

import numpy as np

from unmask.realtime.channel import Analysed, carried_over
from unmask.realtime.follow import Followed
from unmask.realtime.selection import CropJob, Selection
from unmask.realtime.types import FaceBox, Frame, StageTimes, TrackedFace


def analysed(time_s: float, *, faces: tuple[int, ...], crops: tuple[int, ...], generation: int = 1) -> Analysed:
    at = round(time_s * 1e9)
    frame = Frame(np.zeros((4, 4, 3), np.uint8), at, time_s, 0, "source")
    box = FaceBox(0, 0, 2, 2, 0.9)
    tracked = tuple(TrackedFace(number, box, True, 0.0, time_s) for number in faces)
    jobs = tuple(CropJob(number, time_s, np.zeros((2, 2, 3), np.uint8)) for number in crops)
    return Analysed(
        frame,
        Followed(tracked, (), at, at),
        Selection(jobs, {}),
        StageTimes(captured=at, taken=at + 5),
        lossless=False,
        cut_for=generation,
    )


def samples(of: Analysed | None) -> list[tuple[int, float]]:
    assert of is not None
    return [(job.track_id, job.time_s) for job in of.selection.jobs]


def test_the_crops_of_a_dropped_frame_are_scored_with_the_next():
    merged = carried_over(analysed(1.0, faces=(1, 2), crops=(1, 2)), analysed(1.1, faces=(1, 2), crops=()))
    assert samples(merged) == [(1, 1.0), (2, 1.0)]
    assert merged is not None
    assert merged.frame.time_s == 1.1
    assert merged.stages.captured == 1_000_000_000, "so long the crops have waited"


def test_a_newer_crop_of_the_same_face_takes_the_place_of_the_older():
    merged = carried_over(analysed(1.0, faces=(1, 2), crops=(1, 2)), analysed(1.1, faces=(1, 2), crops=(1,)))
    assert samples(merged) == [(2, 1.0), (1, 1.1)]


def test_nothing_is_carried_of_faces_that_are_gone_or_for_another_detector():
    later = analysed(1.1, faces=(2,), crops=())
    assert samples(carried_over(analysed(1.0, faces=(1,), crops=(1,)), later)) == []
    other = analysed(1.0, faces=(2,), crops=(2,), generation=0)
    assert carried_over(other, later) is later


def test_the_end_of_a_source_is_left_as_it_is():
    missed = analysed(1.0, faces=(1,), crops=(1,))
    assert carried_over(missed, None) is None
    assert carried_over(None, missed) is missed
