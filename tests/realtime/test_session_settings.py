"""What is set anew while a session runs: the false-alarm budget, the processor budget; and one that stays."""

from __future__ import annotations

import itertools
import math
import time

import pytest
from fakes import RED, ScriptedFinder, ScriptedSource, one_face, picture
from sessions import BOX, Recorder, open_toy_detector, plan

from unmask.engines.errors import UsageError
from unmask.realtime.session import Session, SessionSettings, SourcePlan
from unmask.realtime.types import SourceState, Verdict


@pytest.fixture
def detector(tmp_path):
    """Red faces score about 0.9; it has a strict threshold over that, for a tenth of an alarm per hour."""
    with open_toy_detector(tmp_path / "toy") as opened:
        usual = opened.manifest.thresholds[0]
        strict = usual.model_copy(update={"alarms_per_hour": 0.1, "score": 1.0})
        opened.manifest = opened.manifest.model_copy(update={"thresholds": (usual, strict)})
        yield opened


def red_camera():
    def make():
        pictures = [picture((BOX, RED), seed=seed) for seed in range(9)]
        steps = (step for number in itertools.count() for step in (pictures[number % 9], 0.03))
        return ScriptedSource(steps, live=True, source_id="camera")

    return SourcePlan("camera", make, ScriptedFinder(one_face(BOX)))


def until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


def newest(session):
    return session.updates()["camera"]


@pytest.mark.usefixtures("no_leaks")
def test_a_stricter_budget_ends_the_alarm_and_a_laxer_one_raises_it_again(detector):
    sink = Recorder()
    with Session([red_camera()], detector, sinks=[sink]) as session:
        until(lambda: "camera" in session.updates() and newest(session).verdict is Verdict.SIGNS)
        before = session.threshold.score
        session.set_alarms_per_hour(0.1)
        assert (session.threshold.score, session.settings.alarms_per_hour) == (1.0, 0.1)
        until(lambda: newest(session).verdict is not Verdict.SIGNS)
        assert [event.end_s is not None for event in newest(session).events] == [True]
        time.sleep(1.2)
        assert newest(session).verdict is not Verdict.SIGNS, "under the strict threshold it stays no alarm"
        session.set_alarms_per_hour(5.0)
        assert session.threshold.score == before
        until(lambda: newest(session).verdict is Verdict.SIGNS)
        assert [event.end_s is None for event in newest(session).events] == [False, True]
    fills = [update.faces[0].window_fill for update in sink.updates if update.faces and update.faces[0].window_fill]
    assert fills == sorted(fills), "the windows were kept"
    assert session.failures == []


def test_a_budget_without_a_threshold_is_refused_and_changes_nothing(detector):
    with Session([red_camera()], detector) as session:
        threshold = session.threshold
        with pytest.raises(UsageError, match="no threshold"):
            session.set_alarms_per_hour(0.001)
        assert (session.threshold, session.settings.alarms_per_hour) == (threshold, 1.0)
        until(lambda: "camera" in session.updates() and newest(session).verdict is Verdict.SIGNS)


def test_a_detector_that_comes_later_is_judged_by_the_budget_that_was_set(detector, tmp_path):
    with Session([red_camera()], detector) as session, open_toy_detector(tmp_path / "other") as other:
        session.set_alarms_per_hour(0.1)
        with pytest.raises(UsageError, match="no threshold"):
            session.replace_detector(other)
        assert session.detector is detector


def test_the_processor_budget_is_switched_on_and_off(detector):
    with Session([red_camera()], detector) as session:
        until(lambda: "camera" in session.updates())
        session.set_cpu_budget(0.001)
        until(lambda: newest(session).lowered)
        assert session.channels[0].cutting.cores == 0.001
        assert session.channels[0].cutting.step.calm
        session.set_cpu_budget(None)
        assert session.channels[0].cutting.cores == math.inf
        assert not session.channels[0].cutting.step.calm
        until(lambda: not newest(session).lowered)


@pytest.mark.parametrize("cores", [0.0, -1.0, math.nan, math.inf])
def test_a_processor_budget_that_is_none_is_refused(detector, cores):
    with Session([red_camera()], detector, SessionSettings(cpu_budget=0.5)) as session:
        with pytest.raises(UsageError, match="above 0"):
            session.set_cpu_budget(cores)
        assert session.settings.cpu_budget == 0.5
        assert session.channels[0].cutting.cores == 0.5


def test_a_session_that_stays_goes_on_when_its_sources_are_over(detector):
    with Session([plan(frames=5)], detector, SessionSettings(stays=True)) as session:
        until(lambda: "fake" in session.updates() and session.updates()["fake"].state is SourceState.ENDED)
        assert not session.wait(0.8)
        session.replace_source("fake", plan(frames=7))
        until(lambda: session.updates().get("fake") and session.updates()["fake"].state is SourceState.ENDED)
        assert session.updates()["fake"].counters.analysed == 7
    assert session.failures == []
