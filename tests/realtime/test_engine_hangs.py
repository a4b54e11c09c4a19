"""An engine that does not answer: it is named, replaced where that is possible, and never waited for in silence."""

from __future__ import annotations

import itertools
import threading
import time

import pytest
from fakes import RED, ScriptedFinder, ScriptedSource, one_face, picture
from sessions import BOX, Recorder, open_toy_detector, plan

from unmask.engines.errors import EngineError
from unmask.realtime.engine_guard import MOST_RESTARTS
from unmask.realtime.session import Session, SessionSettings, SourcePlan
from unmask.realtime.types import Cause, SourceState, Verdict

QUICK = SessionSettings(hang_after_s=0.4)


class Hanging:
    """Makes the ``nth`` call of a detector's encoder block until ``release``."""

    def __init__(self, detector, nth=15):
        self.release = threading.Event()
        self.hung = threading.Event()
        self.detector = detector
        self._calls, self._nth, self._encode = itertools.count(1), nth, detector.encode
        detector.encode = self.encode

    def encode(self, crops):
        if next(self._calls) == self._nth:
            self.hung.set()
            assert self.release.wait(30)
        return self._encode(crops)


@pytest.fixture
def opened(tmp_path):
    """Opens toy detectors, and closes them in the end."""
    made = []

    def open_one():
        made.append(open_toy_detector(tmp_path / f"toy-{len(made)}"))
        return made[-1]

    yield open_one
    for detector in made:
        detector.close()


def camera():
    pictures = [picture((BOX, RED), seed=seed) for seed in range(9)]

    def make():
        steps = (step for number in itertools.count() for step in (pictures[number % 9], 0.03))
        return ScriptedSource(steps, live=True, source_id="camera")

    return SourcePlan("camera", make, ScriptedFinder(one_face(BOX)))


def until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


def verdict(session):
    update = session.updates().get("camera")
    return update.verdict if update is not None else None


def test_it_is_named_and_nothing_is_said_of_the_picture_until_it_answers(opened):
    hanging, sink = Hanging(opened()), Recorder()
    with Session([camera()], hanging.detector, QUICK, [sink]) as session:
        assert hanging.hung.wait(20)
        until(lambda: "has not answered" in session.updates()["camera"].message)
        update = session.updates()["camera"]
        assert update.message.startswith("the engine ort-cpu has not answered for ")
        assert (update.verdict, update.causes) == (Verdict.CANNOT_JUDGE, (Cause.DETECTOR_UNAVAILABLE,))
        assert (update.state, update.faces) == (SourceState.RUNNING, ())
        hanging.release.set()
        until(lambda: verdict(session) is Verdict.SIGNS)
        assert session.updates()["camera"].message == ""


def test_with_a_way_to_open_it_again_another_thread_takes_over(opened):
    hanging = Hanging(opened())
    reopened = []

    def reopen():
        reopened.append(opened())
        return reopened[-1]

    sink = Recorder()
    with Session([camera()], hanging.detector, QUICK, [sink], reopen=reopen) as session:
        assert hanging.hung.wait(20)
        until(lambda: len(reopened) == 1 and verdict(session) is Verdict.SIGNS)
        assert session.detector is reopened[0]
        assert session.failures == [line for line in session.failures if "has not answered" in line] != []
        before = len(sink.updates)
        hanging.release.set()  # what the old call says is not listened to
        time.sleep(0.3)
        assert verdict(session) is Verdict.SIGNS
        assert len(sink.updates) > before
    told = [update for update in sink.updates if "opened again" in update.message or "answered" in update.message]
    assert told, "never in silence"
    assert all(update.verdict is Verdict.CANNOT_JUDGE for update in told)
    sequences = [update.sequence for update in sink.updates if update.faces and update.state is SourceState.RUNNING]
    assert len(set(sequences)) == len(sequences), "nobody else speaks for the same frames"


def test_alarms_end_where_nobody_sees_any_more(opened):
    hanging = Hanging(opened(), nth=25)
    with Session([camera()], hanging.detector, QUICK, reopen=opened) as session:
        until(lambda: verdict(session) is Verdict.SIGNS)
        assert hanging.hung.wait(20)
        until(lambda: [event.end_s is None for event in session.updates()["camera"].events] == [False, True])
        hanging.release.set()


def test_it_is_not_opened_again_for_ever(opened):
    hangings = [Hanging(opened(), nth=1)]

    def reopen():
        hangings.append(Hanging(opened(), nth=1))
        return hangings[-1].detector

    with Session([camera()], hangings[0].detector, QUICK, reopen=reopen) as session:
        until(lambda: "choose another engine" in session.updates().get("camera", _Nothing).message)
        assert len(hangings) == 1 + MOST_RESTARTS
        assert session.updates()["camera"].verdict is Verdict.CANNOT_JUDGE
        for hanging in hangings:
            hanging.release.set()


def test_an_engine_that_cannot_be_opened_again_ends_the_session_with_its_words(opened):
    hanging = Hanging(opened(), nth=3)

    def reopen():
        raise EngineError("The card is gone; put it back.")

    with Session([camera()], hanging.detector, QUICK, reopen=reopen) as session:
        assert session.wait(20)
        hanging.release.set()
    update = session.updates()["camera"]
    assert (update.state, update.verdict) == (SourceState.FAILED, Verdict.CANNOT_JUDGE)
    assert "The card is gone; put it back." in session.failures
    assert not any("bug" in line for line in session.failures)


def test_a_hanging_engine_can_be_replaced_by_hand(opened):
    hanging, other = Hanging(opened(), nth=3), opened()
    with Session([camera()], hanging.detector, QUICK) as session:
        assert hanging.hung.wait(20)
        assert session.replace_detector(other) is hanging.detector
        until(lambda: verdict(session) is Verdict.SIGNS)
        hanging.release.set()


def test_a_file_is_scored_to_its_end_though_the_engine_hung(opened):
    hanging = Hanging(opened(), nth=5)
    with Session([plan(frames=100)], hanging.detector, QUICK, reopen=opened) as session:
        assert session.wait(20)
        hanging.release.set()
    update = session.updates()["fake"]
    assert (update.state, update.verdict) == (SourceState.ENDED, Verdict.SIGNS)


def test_a_session_stops_in_time_though_the_engine_hangs_and_its_sinks_hear_the_end(opened):
    hanging, sink = Hanging(opened()), Recorder()
    session = Session([camera()], hanging.detector, QUICK, [sink])
    session.start()
    assert hanging.hung.wait(20)
    began = time.monotonic()
    assert session.stop() == ["unmask-score"]
    assert time.monotonic() - began < 2.0
    assert (sink.updates[-1].state, sink.closed) == (SourceState.ENDED, 1)
    hanging.release.set()


class _Nothing:
    message = ""
