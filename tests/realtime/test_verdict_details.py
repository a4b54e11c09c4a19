"""What reports reckon with, the words of budgets, and the limits of what a machine takes."""

from __future__ import annotations

import math

import pytest
from fake_detector import fake_manifest

from unmask.engines.errors import UsageError
from unmask.engines.manifest import Rule
from unmask.realtime.types import Cause, Verdict
from unmask.realtime.verdict import FaceVerdict, VerdictMachine, budget_words, threshold_for

PLAIN = Rule(smoothing_s=0.0, dwell_s=1.0, release_margin=0.2, release_s=1.5)


def machine(threshold: float = 0.6, rule: Rule = PLAIN) -> VerdictMachine:
    return VerdictMachine(rule, threshold)


@pytest.mark.parametrize(
    ("alarms_per_hour", "words"),
    [
        (1.0, "at most one false alarm an hour"),
        (1 + 1e-12, "at most one false alarm an hour"),
        (0.1, "at most one false alarm in 10 hours"),
        (0.5, "at most one false alarm in 2 hours"),
        (0.8, "at most one false alarm in 1.25 hours"),
        (2.0, "at most 2 false alarms an hour"),
        (12.5, "at most 12.5 false alarms an hour"),
    ],
)
def test_a_budget_in_words(alarms_per_hour: float, words: str) -> None:
    assert budget_words(alarms_per_hour) == words


def test_the_choices_of_budgets_are_sorted_and_short() -> None:
    rows = [
        {"score": 0.9, "alarms_per_hour": budget, "footage_hours": 1.0, "alarms_seen": 0, "footage": "x"}
        for budget in (10.0, 0.25, 1.0)
    ]
    with pytest.raises(UsageError) as caught:
        threshold_for(fake_manifest(thresholds=rows), 0.125)
    assert str(caught.value) == (
        "The detector toy has no threshold for at most one false alarm in 8 hours: "
        "choose one of 0.25, 1, 10 per hour, or more."
    )


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_a_threshold_may_be_0_or_1(threshold: float) -> None:
    said = [machine(threshold).update(0.0, threshold)]
    assert said[0].causes == (Cause.TOO_FEW_FRAMES,)


@pytest.mark.parametrize("threshold", [-0.01, 1.01, math.nan])
def test_a_threshold_beyond_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="A threshold lies between 0 and 1"):
        machine(threshold)


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_a_score_may_be_0_or_1(score: float) -> None:
    assert machine().update(0.0, score).evidence == score


def test_evidence_is_there_from_the_first_score_and_judged_time_grows() -> None:
    verdicts = machine()
    assert verdicts.update(0.0, None).evidence is None
    said = [verdicts.update(time_s, score) for time_s, score in ((0.1, 0.4), (0.3, 0.8), (0.7, 0.2))]
    assert [one.score for one in said] == [None] * 3
    assert [one.evidence for one in said] == [0.4, 0.8, 0.2]
    assert [one.judged_s for one in said] == pytest.approx([0.0, 0.2, 0.6])
    assert verdicts.update(1.0, None, (Cause.DARK,)).judged_s == pytest.approx(0.6)
    after = verdicts.update(1.1, 0.3)
    assert after.judged_s == pytest.approx(0.6), "what lies on both sides of an abstention was not watched"
    assert verdicts.update(1.3, 0.3).judged_s == pytest.approx(0.8)
    gone = verdicts.update(2.4, None)
    assert (gone.evidence, gone.judged_s) == (None, 0.0)


def test_without_being_told_a_verdict_outlives_the_last_score_by_a_second() -> None:
    verdicts = VerdictMachine(PLAIN, 0.6)
    for step in range(11):
        said = verdicts.update(step / 10, 0.1)
    assert said.verdict is Verdict.NO_SIGNS
    assert verdicts.update(2.0, None).verdict is Verdict.NO_SIGNS
    assert verdicts.update(2.01, None).verdict is Verdict.CANNOT_JUDGE


def test_without_being_told_the_face_has_number_0() -> None:
    verdicts = VerdictMachine(PLAIN, 0.6)
    events = [verdicts.update(step / 10, 0.9).event for step in range(11)]
    assert [event.track_id for event in events if event] == [0]


def test_an_alarm_that_ends_with_the_film_ends_at_its_last_picture() -> None:
    verdicts = machine()
    for step in range(12):
        verdicts.update(step / 10, 0.9)
    verdicts.update(1.5, None, (Cause.DARK,))
    ended = verdicts.finish()
    assert ended is not None
    assert ended.end_s == 1.5
    assert verdicts.update(1.6, 0.9).judged_s == 0.0, "after the end it begins anew"


def test_a_margin_of_more_than_half_the_threshold_is_cut_to_half() -> None:
    wide = PLAIN.model_copy(update={"release_margin": 0.9})
    for score, verdict in ((0.29, Verdict.NO_SIGNS), (0.31, Verdict.CANNOT_JUDGE)):
        verdicts = machine(0.6, wide)
        said = [verdicts.update(step / 10, score) for step in range(11)]
        assert said[-1].verdict is verdict


def test_an_alarm_of_the_very_first_moment_ends_there() -> None:
    verdicts = machine(rule=PLAIN.model_copy(update={"dwell_s": 0.0}))
    assert verdicts.update(0.0, 0.9).verdict is Verdict.SIGNS
    ended = verdicts.finish()
    assert ended is not None
    assert (ended.start_s, ended.end_s) == (0.0, 0.0)


def test_the_same_moment_twice_is_no_jump_back() -> None:
    verdicts = machine()
    for step in range(11):
        verdicts.update(step / 10, 0.9)
    again = verdicts.update(1.0, 0.9)
    assert (again.verdict, again.ended) == (Verdict.SIGNS, None)


def test_time_that_goes_back_forgets_that_no_signs_were_found() -> None:
    verdicts = machine()
    for step in range(11):
        assert verdicts.update(step / 10, 0.1).ended is None
    back = verdicts.update(0.5, None)
    assert (back.verdict, back.causes, back.evidence) == (Verdict.CANNOT_JUDGE, (Cause.TOO_FEW_FRAMES,), None)
    assert verdicts.update(0.6, 0.1).verdict is Verdict.CANNOT_JUDGE


def test_what_is_said_without_more_has_no_evidence() -> None:
    plain = FaceVerdict(Verdict.CANNOT_JUDGE, (Cause.DARK,), None)
    assert (plain.event, plain.ended, plain.evidence, plain.judged_s) == (None, None, None, 0.0)


def test_a_smoothing_of_less_than_a_second_smooths() -> None:
    verdicts = machine(rule=PLAIN.model_copy(update={"smoothing_s": 0.5}))
    verdicts.update(0.0, 0.0)
    said = verdicts.update(0.1, 1.0).evidence
    assert said == pytest.approx(1 / (1 + math.exp(-0.2)))


@pytest.mark.parametrize(("score", "verdict"), [(0.4, Verdict.CANNOT_JUDGE), (0.4 - 1e-6, Verdict.NO_SIGNS)])
def test_a_score_just_at_the_lower_mark_is_not_below_it(score: float, verdict: Verdict) -> None:
    verdicts = machine()
    assert [verdicts.update(step / 10, score) for step in range(11)][-1].verdict is verdict
