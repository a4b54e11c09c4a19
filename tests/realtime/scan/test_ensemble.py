from __future__ import annotations

import pytest

from unmask.realtime.scan.ensemble import combine, mean_timeline
from unmask.realtime.scan.results import DetectorFinding
from unmask.realtime.types import Cause, Verdict

SIGNS, NONE, CANNOT = Verdict.SIGNS, Verdict.NO_SIGNS, Verdict.CANNOT_JUDGE


def finding(verdict, score, threshold=0.5, *causes):
    timeline = ((0.0, score), (1.0, score)) if score is not None else ()
    return DetectorFinding("d", verdict, causes, score, threshold, True, timeline, ())


def test_one_detector_is_taken_at_its_word():
    assert combine([finding(SIGNS, 0.9)], "majority")[:3] == (SIGNS, (), 0.9)


@pytest.mark.parametrize(
    ("scores", "verdict"),
    [((0.9, 0.2, 0.3), NONE), ((0.9, 0.2, 0.6), SIGNS), ((0.5, 0.5, 0.5), SIGNS)],
)
def test_the_mean_is_held_against_the_mean_threshold(scores, verdict):
    findings = [finding(SIGNS if score >= 0.5 else NONE, score) for score in scores]
    said, _, score, _ = combine(findings, "mean")
    assert said is verdict
    assert score == pytest.approx(sum(scores) / 3)


def test_a_majority_outvotes_one_loud_detector():
    findings = [finding(SIGNS, 1.0), finding(NONE, 0.45), finding(NONE, 0.45)]
    assert combine(findings, "mean")[0] is SIGNS
    assert combine(findings, "majority")[0] is NONE


def test_a_tie_cannot_be_judged_and_has_no_score():
    assert combine([finding(SIGNS, 0.9), finding(NONE, 0.1)], "majority")[:3] == (CANNOT, (Cause.UNCERTAIN,), None)


def test_who_cannot_judge_has_no_vote():
    findings = [finding(CANNOT, None, 0.5, Cause.DARK), finding(NONE, 0.1), finding(CANNOT, None)]
    assert combine(findings, "majority")[:3] == (NONE, (), 0.1)
    blind = [finding(CANNOT, None, 0.5, Cause.DARK), finding(CANNOT, None, 0.5, Cause.BLURRED)]
    assert combine(blind, "mean") == (CANNOT, (Cause.DARK, Cause.BLURRED), None, ())


def test_timelines_of_other_strides_are_interpolated_where_both_cover():
    slow = ((1.0, 0.0), (3.0, 1.0))
    quick = tuple((index / 2, 0.5) for index in range(10))
    assert mean_timeline([quick, slow]) == ((1.0, 0.25), (1.5, 0.375), (2.0, 0.5), (2.5, 0.625), (3.0, 0.75))
