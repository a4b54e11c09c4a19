from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from updates import face_state

from unmask.engines.manifest import Rule
from unmask.realtime.scan.records import MOST_CROPS, DetectorRecord, held_level
from unmask.realtime.types import Cause, Event, Verdict
from unmask.realtime.verdict import VerdictMachine


def plain_held_level(evidence, dwell_s):
    """The definition, written down without any cleverness."""
    best = None
    for first in range(len(evidence)):
        lowest = evidence[first][1]
        for last in range(first, len(evidence)):
            if last > first and evidence[last][0] < evidence[last - 1][0]:
                break
            lowest = min(lowest, evidence[last][1])
            if evidence[last][0] - evidence[first][0] >= dwell_s - 1e-6:
                best = lowest if best is None else max(best, lowest)
    return best


@given(
    steps=st.lists(st.tuples(st.sampled_from([0.0, 0.125, 0.25, 0.5, None]), st.integers(0, 20)), max_size=40),
    dwell_s=st.sampled_from([0.0, 0.25, 0.5, 1.5]),
)
def test_it_is_the_largest_minimum_of_any_span_that_lasts(steps, dwell_s):
    evidence, judged_s = [], 0.0
    for step, level in steps:
        judged_s = 0.0 if step is None else judged_s + step  # None: all was forgotten
        evidence.append((judged_s, level / 20))
    assert held_level(evidence, dwell_s) == plain_held_level(evidence, dwell_s)


def test_one_wild_moment_does_not_count():
    evidence = [(index / 8, 1.0 if index == 10 else 0.2) for index in range(40)]
    assert held_level(evidence, 1.5) == 0.2
    assert held_level(evidence, 0.0) == 1.0


def test_over_a_gap_in_time_nothing_is_held():
    timeline = [(0.0, 0.9), (0.5, 0.9), (3.0, 0.9), (3.5, 0.9)]
    assert held_level(timeline, 1.0, 1.0) is None
    assert held_level(timeline, 0.5, 1.0) == 0.9


@settings(deadline=None)
@given(
    moments=st.lists(
        st.tuples(st.sampled_from([0.125, 0.125, 0.25, 0.9, 1.5]), st.none() | st.integers(6, 14)), max_size=80
    ),
    dwell_s=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_the_score_is_over_the_threshold_just_where_an_alarm_went_off(moments, dwell_s):
    """Also where blurred moments lie between the scores, and where the face was away for long."""
    machine = VerdictMachine(Rule(smoothing_s=0.3, dwell_s=dwell_s, release_s=0.5, release_margin=0.1), 0.5)
    record = DetectorRecord("toy", 0.5, True, dwell_s)
    time_s = 0.0
    for step_s, twentieths in moments:
        time_s += step_s
        if twentieths is None:
            said = machine.update(time_s, None, (Cause.BLURRED,))
        else:
            said = machine.update(time_s, twentieths / 20)
        state = face_state(said.verdict, *said.causes, score=said.score, event=said.event)
        record.take(time_s, replace(state, evidence=said.evidence, judged_s=said.judged_s))
    finding = record.finding()
    if finding.verdict is not Verdict.CANNOT_JUDGE:
        assert finding.score is not None
        assert (finding.score >= 0.5) is (finding.verdict is Verdict.SIGNS)


@pytest.fixture
def record():
    return DetectorRecord("toy", 0.6, True, 0.5)


def at(index, state):
    return replace(state, judged_s=index / 8)


def test_an_alarm_makes_signs_whatever_came_after(record):
    for index in range(10):
        record.take(index / 8, at(index, face_state(Verdict.SIGNS, score=0.9, event=Event(1, 0.5, None, 0.9))))
    record.end(Event(1, 0.5, 1.2, 0.95))
    for index in range(10, 40):
        record.take(index / 8, at(index, face_state(Verdict.NO_SIGNS, score=0.1)))
    finding = record.finding()
    assert finding.verdict is Verdict.SIGNS
    assert finding.score == 0.9
    assert finding.events == (Event(1, 0.5, 1.2, 0.95),)
    assert finding.causes == ()


def test_a_face_that_was_never_judged_has_no_score_and_its_causes_by_weight(record):
    for index in range(10):
        cause = Cause.DARK if index < 3 else Cause.BLURRED
        record.take(index / 8, face_state(Verdict.CANNOT_JUDGE, cause, score=None))
    finding = record.finding()
    assert (finding.verdict, finding.score) == (Verdict.CANNOT_JUDGE, None)
    assert finding.causes == (Cause.BLURRED, Cause.DARK)


def test_evidence_from_before_the_first_verdict_carries_the_score(record):
    """While a face is new there is evidence but no verdict: the alarm's own dwell lies there."""
    for index in range(5):
        early = replace(face_state(Verdict.CANNOT_JUDGE, Cause.TOO_FEW_FRAMES, score=None), evidence=0.8)
        record.take(index / 8, at(index, early))
    record.take(5 / 8, at(5, face_state(Verdict.SIGNS, score=0.9, event=Event(1, 5 / 8, None, 0.9))))
    finding = record.finding()
    assert finding.score == 0.8
    assert finding.timeline == ((5 / 8, 0.9),)


def test_kept_crops_are_the_most_suspicious_and_lie_apart(record):
    crop = np.zeros((4, 4, 3), np.uint8)
    for index in range(200):
        record.keep_crop(index / 8, (index % 50) / 50, crop)
    assert len(record.crops) <= MOST_CROPS
    times = sorted(time_s for time_s, _, _ in record.crops)
    assert all(later - earlier >= 1.0 for earlier, later in itertools.pairwise(times))
    assert record.crops[0][1] == 0.98
