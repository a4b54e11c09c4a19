from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from unmask.engines.manifest import Rule
from unmask.realtime.types import Cause, Event, Verdict
from unmask.realtime.verdict import FaceVerdict, VerdictMachine

Step = tuple[float, float | None, tuple[Cause, ...]]

# Coarse numbers meet the marks and each other far more often than fine ones.
TENTHS = st.integers(0, 10).map(lambda value: value / 10)
SCORES = st.one_of(TENTHS, st.floats(0, 1))
RULES = st.builds(
    Rule,
    smoothing_s=st.sampled_from([0.0, 0.3, 1.0, 5.0]),
    dwell_s=st.sampled_from([0.0, 0.3, 1.5]),
    release_margin=TENTHS,
    release_s=st.sampled_from([0.0, 0.4, 2.0]),
)
CAUSES = st.sampled_from([(), (), (), (), (Cause.BLURRED,), (Cause.PICTURE_FROZEN, Cause.DARK)])
PASSED = st.sampled_from([0.1, 0.1, 0.1, 0.1, 0.0, 0.25, 0.9, 1.1, 3.0, -0.5])


def steps(scores: st.SearchStrategy[float | None]) -> st.SearchStrategy[list[Step]]:
    def timed(raw: list[Step]) -> list[Step]:
        now, placed = 100.0, []
        for passed, score, causes in raw:
            now += passed
            placed.append((now, score, causes))
        return placed

    return st.lists(st.tuples(PASSED, scores, CAUSES), max_size=60).map(timed)


def run(rule: Rule, threshold: float, given_steps: list[Step]) -> tuple[list[FaceVerdict], list[Event]]:
    """What was said at every step, and every event that ended."""
    machine = VerdictMachine(rule, threshold, track_id=3)
    said = [machine.update(*step) for step in given_steps]
    ended = [one.ended for one in said] + [machine.finish()]
    return said, [event for event in ended if event is not None]


ANY_SCORE = st.one_of(st.none(), SCORES, st.sampled_from([math.nan, math.inf, -math.inf]))
NO_NUMBER = st.sampled_from([None, math.nan, math.inf, -math.inf])


@settings(max_examples=75, deadline=None)
@given(RULES, SCORES, steps(ANY_SCORE))
def test_what_is_said_always_makes_sense(rule: Rule, threshold: float, given_steps: list[Step]) -> None:
    said, ended = run(rule, threshold, given_steps)
    for one in said:
        assert one.score is None or 0.0 <= one.score <= 1.0
        assert bool(one.causes) == (one.verdict is Verdict.CANNOT_JUDGE)
        assert (one.event is not None) == (one.verdict is Verdict.SIGNS)
        assert (one.score is None) == (one.verdict is Verdict.CANNOT_JUDGE and one.causes != (Cause.UNCERTAIN,))
    for event in ended:
        assert event.end_s is not None
        assert event.start_s <= event.end_s
        assert threshold - 1e-9 <= event.peak_score <= 1.0


@settings(max_examples=75, deadline=None)
@given(RULES, SCORES, steps(ANY_SCORE))
def test_every_alarm_that_was_said_ends_once(rule: Rule, threshold: float, given_steps: list[Step]) -> None:
    said, ended = run(rule, threshold, given_steps)
    begun = {id_of(one.event) for one in said if one.event is not None}
    assert begun == {id_of(event) for event in ended}


def id_of(event: Event) -> tuple[int, float]:
    return event.track_id, event.start_s


@settings(max_examples=50, deadline=None)
@given(RULES, SCORES, steps(NO_NUMBER))
def test_without_a_score_it_never_judges(rule: Rule, threshold: float, given_steps: list[Step]) -> None:
    said, ended = run(rule, threshold, given_steps)
    assert all(one.verdict is Verdict.CANNOT_JUDGE and one.score is None for one in said)
    assert ended == []


@settings(max_examples=150, deadline=None)
@given(RULES, SCORES, steps(st.one_of(st.none(), SCORES)), st.data())
def test_higher_scores_never_turn_signs_into_anything_milder(
    rule: Rule, threshold: float, given_steps: list[Step], data: st.DataObject
) -> None:
    share = data.draw(SCORES)
    raised = [
        (time_s, None if score is None else min(1.0, score + share * (1 - score)), causes)
        for time_s, score, causes in given_steps
    ]
    lower, _ = run(rule, threshold, given_steps)
    higher, _ = run(rule, threshold, raised)
    for low, high in zip(lower, higher, strict=True):
        assert low.verdict is not Verdict.SIGNS or high.verdict is Verdict.SIGNS
