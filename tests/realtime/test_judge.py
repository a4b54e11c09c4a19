from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from fake_detector import embedding_for, fake_detector, fake_manifest

from unmask.engines.errors import EngineError
from unmask.engines.manifest import Manifest
from unmask.realtime.judge import FaceJudge, Judgement
from unmask.realtime.selection import CropJob
from unmask.realtime.types import Cause, FaceBox, FaceState, TrackedFace, Verdict

SIGNS, NO_SIGNS, CANNOT = Verdict.SIGNS, Verdict.NO_SIGNS, Verdict.CANNOT_JUDGE
CROP = np.zeros((64, 64, 3), np.uint8)


class Scene:
    """A judge on fake engines and a fake clock: ``values`` says what each track's crop looks like now."""

    def __init__(self, *, one_picture: bool = False, **manifest: Any) -> None:
        self.manifest: Manifest = fake_manifest(**manifest)
        detector, _, self.head = fake_detector(self.manifest)
        self.judge = FaceJudge(detector, 0.6, single_image=one_picture)
        self.now = 0.0

    def see(
        self,
        values: Mapping[int, float],
        *,
        tracks: Sequence[int] | None = None,
        coasting: Sequence[int] = (),
        quality: Mapping[int, tuple[Cause, ...]] | None = None,
        causes: Sequence[Cause] = (),
        step: float = 0.1,
    ) -> Judgement:
        ids = [*values] if tracks is None else tracks
        box = FaceBox(0, 0, 64, 64, 0.9)
        faces = [TrackedFace(one, box, one not in coasting, 0.0, self.now) for one in ids]
        jobs = [CropJob(one, self.now, CROP) for one in values]
        rows = [embedding_for(value, self.manifest) for value in values.values()]
        embeddings = np.array(rows, np.float32).reshape(len(rows), self.manifest.embedding)
        judged = self.judge.accept(self.now, faces, jobs, embeddings, quality or {}, causes)
        self.now = round(self.now + step, 6)
        return judged

    def many(self, values: Mapping[int, float], times: int) -> Judgement:
        for _ in range(times - 1):
            self.see(values)
        return self.see(values)


def only(judged: Judgement) -> FaceState:
    (state,) = judged.faces
    return state


def test_a_face_needs_frames_then_dwell_then_has_a_verdict() -> None:
    scene = Scene()
    first = scene.see({1: 0.0})
    assert (first.verdict, first.causes) == (CANNOT, (Cause.TOO_FEW_FRAMES,))
    assert only(first).window_fill == 0.25
    assert scene.head.batches == []
    later = [scene.see({1: 0.0}) for _ in range(4)]
    assert [one.verdict for one in later] == [CANNOT] * 3 + [NO_SIGNS]
    assert only(later[-1]).window_fill == 1.0
    assert only(later[-1]).score == pytest.approx(4.5e-5, rel=0.1)
    assert only(later[-1]).calibrated is False


def test_an_alarm_begins_and_ends_once() -> None:
    scene = Scene()
    begun = scene.many({5: 1.0}, 5)
    event = only(begun).event
    assert (begun.verdict, begun.ended) == (SIGNS, ())
    assert event is not None
    assert (event.track_id, event.start_s, event.end_s) == (5, 0.4, None)
    said = [scene.see({5: 0.0}) for _ in range(8)]
    ended = [event for one in said for event in one.ended]
    assert [(event.track_id, event.start_s, event.end_s) for event in ended] == [(5, 0.4, 1.0)]
    assert said[-1].verdict is NO_SIGNS


def test_the_head_runs_once_for_all_windows_that_changed() -> None:
    scene = Scene()
    scene.many({1: 0.0, 2: 1.0, 3: 0.5}, 2)
    assert scene.head.batches == [3]
    scene.see({2: 1.0}, tracks=[1, 2, 3])
    assert scene.head.batches == [3, 1]
    scene.see({}, tracks=[1, 2, 3])
    assert scene.head.batches == [3, 1]


def test_every_track_has_its_own_window_and_verdict() -> None:
    judged = Scene().many({1: 0.0, 2: 1.0}, 6)
    assert [(one.track.track_id, one.verdict) for one in judged.faces] == [(1, NO_SIGNS), (2, SIGNS)]
    assert (judged.verdict, judged.causes) == (SIGNS, ())


def test_the_mask_tells_the_head_how_many_frames_there_are() -> None:
    scene = Scene()
    scene.many({1: 0.0}, 3)
    assert [mask.tolist() for mask in scene.head.masks] == [[[1, 1, 0, 0]], [[1, 1, 1, 0]]]


def test_a_track_that_is_gone_ends_its_alarm_and_its_return_starts_anew() -> None:
    scene = Scene()
    scene.many({1: 1.0}, 6)
    gone = scene.see({})
    assert gone.faces == ()
    assert (gone.verdict, gone.causes) == (CANNOT, (Cause.NO_FACE,))
    assert [(event.track_id, event.end_s) for event in gone.ended] == [(1, 0.5)]
    assert only(scene.see({1: 1.0})).window_fill == 0.25


def test_a_poor_face_is_not_scored_and_says_why() -> None:
    scene = Scene()
    judged = scene.see({}, tracks=[1], quality={1: (Cause.BLURRED, Cause.DARK)})
    assert only(judged).causes == (Cause.BLURRED, Cause.DARK)
    assert judged.causes == (Cause.BLURRED, Cause.DARK)


def test_a_crop_of_a_face_with_a_cause_does_not_enter_its_window() -> None:
    scene = Scene()
    judged = [scene.see({1: 1.0}, causes=(Cause.PICTURE_FROZEN,)) for _ in range(20)][-1]
    assert only(judged).causes == (Cause.PICTURE_FROZEN,)
    assert only(judged).window_fill == 0.0
    assert scene.head.batches == []


def test_a_poor_look_ends_no_signs_after_the_hold_and_a_frozen_picture_at_once() -> None:
    scene = Scene()
    scene.many({1: 0.0}, 6)
    said = [scene.see({}, tracks=[1], quality={1: (Cause.BLURRED,)}) for _ in range(12)]
    assert [one.verdict for one in said] == [NO_SIGNS] * 10 + [CANNOT] * 2
    assert (said[-1].causes, only(said[-1]).score) == ((Cause.BLURRED,), None)
    scene.many({1: 0.0}, 6)
    frozen = scene.see({1: 0.0}, causes=(Cause.PICTURE_FROZEN,))
    assert (frozen.verdict, frozen.causes) == (CANNOT, (Cause.PICTURE_FROZEN,))


def test_a_track_that_coasts_between_detections_is_judged_as_if_it_did_not() -> None:
    scene = Scene()
    for _ in range(6):
        scene.see({1: 0.0}, step=0.05)
        scene.see({}, tracks=[1], coasting=[1], step=0.05)
    assert scene.see({}, tracks=[1], coasting=[1]).verdict is NO_SIGNS


def test_no_signs_comes_with_the_causes_of_the_other_faces() -> None:
    scene = Scene()
    small = {2: (Cause.FACE_TOO_SMALL,)}
    judged = [scene.see({1: 0.0}, tracks=[1, 2], quality=small) for _ in range(6)][-1]
    assert (judged.verdict, judged.causes) == (NO_SIGNS, (Cause.FACE_TOO_SMALL,))


def test_a_gap_empties_the_window() -> None:
    scene = Scene()
    scene.many({1: 0.0}, 4)
    scene.see({1: 0.0}, step=0.6)
    after = scene.see({1: 0.0})
    assert only(after).window_fill == 0.25
    assert scene.head.batches == [1] * 4


def test_a_gap_that_empties_the_window_is_no_judged_time() -> None:
    scene = Scene(rule={"smoothing_s": 0.0, "dwell_s": 1.0})
    scene.many({1: 0.0}, 4)
    scene.see({1: 0.0}, step=0.6)  # longer than max_gap, shorter than the hold
    said = [scene.see({1: 0.0}) for _ in range(9)]
    assert [one.verdict for one in said] == [CANNOT] * 8 + [NO_SIGNS]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_an_embedding_that_is_no_number_gives_no_number(bad: float) -> None:
    scene = Scene()
    judged = scene.many({1: bad, 2: 0.0}, 8)
    broken, fine = judged.faces
    assert (broken.verdict, broken.causes, broken.score) == (CANNOT, (Cause.DETECTOR_UNAVAILABLE,), None)
    assert broken.window_fill == 0.0
    assert fine.verdict is NO_SIGNS


def test_a_logit_that_is_no_number_gives_no_number() -> None:
    scene = Scene()
    scene.head.answer = lambda arrays: {"logit": np.array([np.nan, -9], np.float32)}  # type: ignore[method-assign]
    judged = scene.many({1: 0.0, 2: 0.0}, 8)
    broken, fine = judged.faces
    assert (broken.verdict, broken.causes, broken.score) == (CANNOT, (Cause.DETECTOR_UNAVAILABLE,), None)
    assert fine.verdict is NO_SIGNS


def test_after_a_failed_head_the_same_moment_can_be_handed_in_again() -> None:
    scene = Scene()
    scene.many({1: 1.0}, 6)
    scene.head.fails = EngineError("it broke")
    before = scene.now
    with pytest.raises(EngineError, match="it broke"):
        scene.see({1: 1.0})
    assert scene.now == before
    again = scene.see({}, tracks=[1, 2], causes=(Cause.DETECTOR_UNAVAILABLE,))
    assert [one.causes for one in again.faces] == [(), (Cause.DETECTOR_UNAVAILABLE,)]
    assert again.verdict is SIGNS  # the alarm outlives the failure by its release


def test_the_alarm_of_a_track_that_went_while_the_head_failed_is_not_lost() -> None:
    scene = Scene()
    scene.many({1: 1.0, 2: 1.0}, 6)
    scene.head.fails = EngineError("it broke")
    with pytest.raises(EngineError):
        scene.see({2: 1.0})
    again = scene.see({}, tracks=[2], causes=(Cause.DETECTOR_UNAVAILABLE,))
    assert [event.track_id for event in again.ended] == [1]


def test_jobs_and_embeddings_must_match() -> None:
    scene = Scene()
    with pytest.raises(ValueError, match="2 embeddings for 0 crops"):
        scene.judge.accept(0.0, [], [], np.zeros((2, 8), np.float32), {}, ())


def test_a_job_for_a_track_that_is_not_there_is_left_out() -> None:
    judged = Scene().see({9: 1.0}, tracks=[])
    assert (judged.faces, judged.causes) == ((), (Cause.NO_FACE,))


def test_finish_ends_the_alarms_that_are_on_and_forgets_the_tracks() -> None:
    scene = Scene()
    scene.many({1: 1.0, 2: 0.0, 3: 1.0}, 6)
    ended = scene.judge.finish()
    assert [(event.track_id, event.start_s, event.end_s) for event in ended] == [(1, 0.4, 0.5), (3, 0.4, 0.5)]
    assert scene.judge.finish() == ()


def test_a_slow_detector_holds_its_verdict_for_two_strides() -> None:
    scene = Scene(window={"length": 4, "stride_ms": 2000, "max_gap_ms": 5000, "min_frames": 1})
    for _ in range(3):
        scene.see({1: 0.0}, step=2.0)
    assert scene.see({}, tracks=[1], step=2.0).verdict is NO_SIGNS
    assert scene.see({}, tracks=[1]).verdict is NO_SIGNS
    assert scene.see({}, tracks=[1]).verdict is CANNOT


def test_time_that_goes_back_starts_the_face_anew() -> None:
    scene = Scene()
    scene.many({1: 1.0}, 6)
    scene.now = 0.0
    again = scene.see({1: 1.0})
    assert only(again).causes == (Cause.TOO_FEW_FRAMES,)
    assert [(event.start_s, event.end_s) for event in again.ended] == [(0.4, 0.5)]


@pytest.mark.parametrize(("value", "verdict"), [(1.0, SIGNS), (0.0, NO_SIGNS)])
def test_one_picture_is_enough_where_the_manifest_allows_it(value: float, verdict: Verdict) -> None:
    scene = Scene(one_picture=True)
    judged = scene.see({1: value})
    assert (judged.verdict, judged.causes) == (verdict, ())
    assert [mask.tolist() for mask in scene.head.masks] == [[[1, 0, 0, 0]]]
    assert len(scene.judge.finish()) == (verdict is SIGNS)


def test_one_picture_between_the_marks_is_uncertain() -> None:
    state = only(Scene(one_picture=True).see({1: 0.5}))
    assert (state.verdict, state.causes, state.score) == (CANNOT, (Cause.UNCERTAIN,), 0.5)


@pytest.mark.parametrize("min_frames", [1, 2])
def test_one_picture_is_too_few_where_the_manifest_does_not(min_frames: int) -> None:
    window = {"length": 4, "stride_ms": 100, "max_gap_ms": 500, "min_frames": min_frames}
    scene = Scene(one_picture=True, single_image=False, window=window)
    judged = scene.see({1: 1.0})
    assert (judged.verdict, judged.causes) == (CANNOT, (Cause.TOO_FEW_FRAMES,))
    assert scene.head.batches == []
