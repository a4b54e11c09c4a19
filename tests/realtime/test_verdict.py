from __future__ import annotations

import math
from collections.abc import Iterable

import pytest
from fake_detector import fake_manifest

from unmask.engines.errors import UsageError
from unmask.engines.manifest import Rule
from unmask.realtime.types import Cause, Event, FaceBox, FaceState, TrackedFace, Verdict
from unmask.realtime.verdict import FaceVerdict, VerdictMachine, picture_verdict, threshold_for

SIGNS, NO_SIGNS, CANNOT = Verdict.SIGNS, Verdict.NO_SIGNS, Verdict.CANNOT_JUDGE
PLAIN = Rule(smoothing_s=0.0, dwell_s=1.0, release_margin=0.2, release_s=1.5)


def machine(rule: Rule = PLAIN, threshold: float = 0.6) -> VerdictMachine:
    return VerdictMachine(rule, threshold, track_id=7, hold_s=1.0)


def fed(verdicts: VerdictMachine, scores: Iterable[float], start_s: float = 0.0) -> list[FaceVerdict]:
    """One score each tenth of a second from ``start_s``."""
    return [verdicts.update(start_s + index / 10, score) for index, score in enumerate(scores)]


def test_before_the_first_score_it_cannot_judge() -> None:
    assert machine().update(0.0, None) == FaceVerdict(CANNOT, (Cause.TOO_FEW_FRAMES,), None)


def test_an_alarm_begins_when_the_score_stayed_high_for_the_dwell() -> None:
    said = fed(machine(), [0.9] * 12)
    assert [one.verdict for one in said] == [CANNOT] * 10 + [SIGNS] * 2
    assert said[9].causes == (Cause.TOO_FEW_FRAMES,)
    assert said[9].score is None
    assert said[10].event == Event(7, 1.0, None, 0.9)
    assert said[10].score == 0.9


def test_a_score_exactly_at_the_threshold_counts_as_over_it() -> None:
    smoothing = PLAIN.model_copy(update={"smoothing_s": 0.7})
    for threshold in (0.6, 0.7, 0.1 + 0.2, 1.0):
        assert fed(machine(smoothing, threshold), [threshold] * 11)[-1].verdict is SIGNS
        assert fed(machine(smoothing, threshold), [threshold - 1e-6] * 11)[-1].verdict is CANNOT


def test_a_dip_below_the_threshold_begins_the_dwell_anew() -> None:
    said = fed(machine(), [0.9] * 8 + [0.59] + [0.9] * 11)
    assert [one.verdict for one in said[:19]] == [CANNOT] * 19
    assert said[19].verdict is SIGNS


def test_an_alarm_lasts_between_the_marks_and_ends_after_the_release() -> None:
    said = fed(machine(), [0.9] * 11 + [0.95] + [0.45] * 30 + [0.39] * 16)
    assert [one.verdict for one in said[10:-1]] == [SIGNS] * 47
    last = said[-1]
    assert last.verdict is NO_SIGNS
    assert last.event is None
    assert last.ended == Event(7, 1.0, 5.7, 0.95)


def test_a_short_drop_does_not_end_an_alarm() -> None:
    said = fed(machine(), [0.9] * 11 + ([0.1] * 10 + [0.5]) * 5)
    assert {one.verdict for one in said[10:]} == {SIGNS}


def test_the_peak_keeps_growing_while_the_alarm_lasts() -> None:
    said = fed(machine(), [0.7] * 11 + [0.5, 0.95, 0.8])
    assert [one.event.peak_score for one in said[-4:] if one.event] == [0.7, 0.7, 0.95, 0.95]


def test_no_signs_needs_the_dwell_too() -> None:
    said = fed(machine(), [0.1] * 12)
    assert [one.verdict for one in said] == [CANNOT] * 10 + [NO_SIGNS] * 2
    assert said[-1] == FaceVerdict(NO_SIGNS, (), 0.1)


def test_enough_evidence_on_neither_side_is_uncertain() -> None:
    said = fed(machine(), [0.5] * 12)
    assert said[9] == FaceVerdict(CANNOT, (Cause.TOO_FEW_FRAMES,), None)
    assert said[10] == FaceVerdict(CANNOT, (Cause.UNCERTAIN,), 0.5)


def test_no_signs_lasts_until_an_alarm_begins() -> None:
    said = fed(machine(), [0.1] * 11 + [0.55] * 20 + [0.9] * 11)
    assert {one.verdict for one in said[10:41]} == {NO_SIGNS}
    assert said[41].verdict is SIGNS


def test_after_an_alarm_no_signs_still_needs_its_own_dwell() -> None:
    quick = PLAIN.model_copy(update={"release_s": 0.2})
    said = fed(machine(quick), [0.1] * 11 + [0.9] * 11 + [0.1] * 11)
    assert (said[20].verdict, said[23].verdict) == (NO_SIGNS, SIGNS)
    assert said[24].ended == Event(7, 2.1, 2.4, 0.9)
    assert [one.verdict for one in said[24:]] == [CANNOT] * 8 + [NO_SIGNS]
    assert said[25].causes == (Cause.UNCERTAIN,)


def test_evidence_is_the_mean_weighted_by_age() -> None:
    smoothed = machine(Rule(smoothing_s=2.0, dwell_s=0.0), threshold=0.5)
    smoothed.update(0.0, 0.2)
    smoothed.update(0.5, 0.8)
    weights = [math.exp(-1.2 / 2), math.exp(-0.7 / 2), 1.0]
    expected = sum(w * s for w, s in zip(weights, [0.2, 0.8, 0.9], strict=True)) / sum(weights)
    assert smoothed.update(1.2, 0.9).score == pytest.approx(expected, abs=1e-9)


def test_one_wild_frame_raises_no_alarm() -> None:
    said = fed(machine(Rule(), threshold=0.6), [0.1] * 30 + [1.0] + [0.1] * 30)
    assert {one.verdict for one in said[15:]} == {NO_SIGNS}


def test_a_short_abstention_keeps_the_verdict() -> None:
    verdicts = machine()
    fed(verdicts, [0.1] * 11)
    for time_s in (1.1, 1.5, 2.0):
        assert verdicts.update(time_s, None, (Cause.BLURRED,)) == FaceVerdict(NO_SIGNS, (), 0.1)
    assert verdicts.update(2.1, None, (Cause.BLURRED,)) == FaceVerdict(CANNOT, (Cause.BLURRED,), None)


BLIND = [
    Cause.PICTURE_FROZEN,
    Cause.PICTURE_BLACK,
    Cause.SOURCE_STALLED,
    Cause.DETECTOR_UNAVAILABLE,
    Cause.SERVER_UNREACHABLE,
]


@pytest.mark.parametrize("blind", BLIND)
def test_where_nothing_is_seen_no_signs_is_hidden_at_once_and_an_alarm_is_not(blind: Cause) -> None:
    verdicts = machine()
    fed(verdicts, [0.1] * 11)
    assert verdicts.update(1.1, None, (Cause.BLURRED, blind)).causes == (Cause.BLURRED, blind)
    assert verdicts.update(1.2, 0.1).verdict is NO_SIGNS
    alarmed = machine()
    fed(alarmed, [0.9] * 11)
    assert alarmed.update(1.1, None, (blind,)).verdict is SIGNS


def test_without_a_verdict_to_keep_the_cause_is_named_at_once() -> None:
    verdicts = machine()
    fed(verdicts, [0.1] * 3)
    assert verdicts.update(0.3, None, (Cause.DARK, Cause.BLURRED)).causes == (Cause.DARK, Cause.BLURRED)
    assert verdicts.update(0.4, 0.1).causes == (Cause.TOO_FEW_FRAMES,)


def test_evidence_does_not_grow_while_abstaining() -> None:
    verdicts = machine()
    fed(verdicts, [0.9] * 6)
    verdicts.update(0.9, None, (Cause.BLURRED,))
    said = fed(verdicts, [0.9] * 6, start_s=1.3)
    assert [one.verdict for one in said] == [CANNOT] * 5 + [SIGNS]


def test_a_score_given_with_a_cause_is_not_looked_at() -> None:
    verdicts = machine()
    said = [verdicts.update(index / 10, 0.9, (Cause.PICTURE_FROZEN,)) for index in range(30)]
    assert {(one.verdict, one.causes, one.score) for one in said} == {(CANNOT, (Cause.PICTURE_FROZEN,), None)}


def test_nothing_new_keeps_the_verdict_for_the_hold() -> None:
    verdicts = machine()
    fed(verdicts, [0.1] * 11)
    assert verdicts.update(2.0, None).verdict is NO_SIGNS
    assert verdicts.update(2.01, None) == FaceVerdict(CANNOT, (Cause.TOO_FEW_FRAMES,), None)


def test_after_a_long_abstention_the_evidence_starts_anew() -> None:
    verdicts = machine()
    fed(verdicts, [0.9] * 9)
    said = fed(verdicts, [0.9] * 11, start_s=0.8 + 1.1)
    assert [one.verdict for one in said] == [CANNOT] * 10 + [SIGNS]
    assert said[0].causes == (Cause.TOO_FEW_FRAMES,)


def test_an_alarm_outlives_an_abstention_by_the_release() -> None:
    verdicts = machine()
    fed(verdicts, [0.9] * 11)
    still = verdicts.update(2.5, None, (Cause.COVERED,))
    assert (still.verdict, still.causes, still.score) == (SIGNS, (), 0.9)
    gone = verdicts.update(2.6, None, (Cause.COVERED,))
    assert gone == FaceVerdict(CANNOT, (Cause.COVERED,), None, None, Event(7, 1.0, 2.5, 0.9))


def test_an_alarm_keeps_no_old_evidence_alive() -> None:
    slow = PLAIN.model_copy(update={"smoothing_s": 60.0})
    verdicts = machine(slow)
    fed(verdicts, [0.9] * 11)
    assert verdicts.update(2.3, 0.2).score == 0.2


def test_the_end_of_an_alarm_does_not_depend_on_when_one_looks() -> None:
    verdicts = machine()
    fed(verdicts, [0.9] * 11)
    assert verdicts.update(3600.0, 0.9).ended == Event(7, 1.0, 2.5, 0.9)


def test_an_alarm_with_no_release_time_still_outlives_the_hold() -> None:
    verdicts = machine(PLAIN.model_copy(update={"release_s": 0.0}))
    fed(verdicts, [0.9] * 11)
    assert verdicts.update(2.0, None).verdict is SIGNS
    assert verdicts.update(2.1, None).ended == Event(7, 1.0, 2.0, 0.9)


def test_time_that_goes_back_forgets_everything() -> None:
    verdicts = machine()
    fed(verdicts, [0.9] * 15)
    said = verdicts.update(0.2, 0.9)
    assert said == FaceVerdict(CANNOT, (Cause.TOO_FEW_FRAMES,), None, None, Event(7, 1.0, 1.4, 0.9))


def test_a_clip_that_starts_over_after_an_hour_starts_anew() -> None:
    verdicts = machine(PLAIN.model_copy(update={"smoothing_s": 1.0}))
    verdicts.update(3600.0, 0.9)
    verdicts.update(3600.1, None, (Cause.BLURRED,))
    assert verdicts.update(0.0, None).causes == (Cause.TOO_FEW_FRAMES,)
    assert [one.verdict for one in fed(verdicts, [0.1] * 11)] == [CANNOT] * 10 + [NO_SIGNS]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_is_an_abstention(bad: float) -> None:
    assert machine().update(0.0, bad) == FaceVerdict(CANNOT, (Cause.DETECTOR_UNAVAILABLE,), None)
    assert machine().update(0.0, bad, (Cause.DARK,)).causes == (Cause.DARK,)


@pytest.mark.parametrize(("time_s", "score"), [(0.0, 1.01), (0.0, -0.01), (math.nan, 0.5), (math.inf, 0.5)])
def test_what_cannot_be_a_score_or_a_time_is_refused(time_s: float, score: float) -> None:
    with pytest.raises(ValueError, match=r"calibrated score|source's timeline"):
        machine().update(time_s, score)


def test_a_threshold_outside_0_and_1_is_refused() -> None:
    with pytest.raises(ValueError, match="threshold"):
        machine(threshold=1.5)


def test_an_alarm_ends_even_where_the_margin_exceeds_the_threshold() -> None:
    said = fed(machine(threshold=0.1), [0.9] * 11 + [0.04] * 16)
    assert said[-1].ended is not None


def test_finishing_ends_the_alarm_that_is_on() -> None:
    verdicts = machine()
    fed(verdicts, [0.9] * 15)
    assert verdicts.finish() == Event(7, 1.0, 1.4, 0.9)
    assert verdicts.finish() is None
    assert machine().finish() is None


BUDGETS = [
    {"score": score, "alarms_per_hour": budget, "footage_hours": 1.0, "alarms_seen": 0, "footage": "x"}
    for score, budget in ((0.6, 10.0), (0.8, 1.0), (0.9, 0.1))
]


@pytest.mark.parametrize(("asked", "score"), [(0.1, 0.9), (0.5, 0.9), (1.0, 0.8), (9.9, 0.8), (1000, 0.6)])
def test_the_threshold_is_the_laxest_that_keeps_the_budget(asked: float, score: float) -> None:
    assert threshold_for(fake_manifest(thresholds=BUDGETS), asked).score == score


def test_a_budget_that_no_threshold_keeps_is_an_error_with_the_choices() -> None:
    with pytest.raises(UsageError, match=r"toy has no threshold for .* in 20 hours: .* one of 0\.1, 1, 10"):
        threshold_for(fake_manifest(thresholds=BUDGETS), 0.05)


@pytest.mark.parametrize("asked", [0.0, -1.0, math.nan, math.inf])
def test_a_budget_that_is_none_is_an_error(asked: float) -> None:
    with pytest.raises(UsageError, match="budget"):
        threshold_for(fake_manifest(), asked)


def face(verdict: Verdict, *causes: Cause) -> FaceState:
    track = TrackedFace(1, FaceBox(0, 0, 10, 10, 0.9), True, 0.0, 0.0)
    return FaceState(track, verdict, causes, None, False, 1.0)


def test_one_face_with_signs_is_enough() -> None:
    faces = [face(NO_SIGNS), face(CANNOT, Cause.DARK), face(SIGNS)]
    assert picture_verdict(faces, (Cause.PICTURE_FROZEN,)) == (SIGNS, ())


def test_no_signs_speaks_of_the_judged_faces_and_says_why_not_of_the_others() -> None:
    assert picture_verdict([face(NO_SIGNS), face(NO_SIGNS)]) == (NO_SIGNS, ())
    others = [face(CANNOT, Cause.DARK), face(CANNOT, Cause.BLURRED, Cause.DARK)]
    assert picture_verdict([*others, face(NO_SIGNS)]) == (NO_SIGNS, (Cause.DARK, Cause.BLURRED))


def test_a_picture_without_a_judged_face_cannot_be_judged() -> None:
    assert picture_verdict([]) == (CANNOT, (Cause.NO_FACE,))
    assert picture_verdict([], (Cause.PICTURE_BLACK,)) == (CANNOT, (Cause.PICTURE_BLACK,))
    assert picture_verdict([face(CANNOT, Cause.DARK)], (Cause.PICTURE_FROZEN, Cause.DARK)) == (
        CANNOT,
        (Cause.PICTURE_FROZEN, Cause.DARK),
    )
