"""Whole sessions over scripted sources and a tiny real detector: what is said, order, faults."""

from __future__ import annotations

import itertools
import threading
import time
import zipfile

import cv2
import pytest
from fakes import BLUE, RED, ScriptedFinder, ScriptedSource, one_face, picture
from sessions import BOX, FRAMES, Recorder, open_toy_detector, plan, run

from unmask.engines.errors import EngineError, SourceError, UsageError
from unmask.realtime.capture import ReconnectPolicy
from unmask.realtime.session import Session, SessionSettings, SourcePlan
from unmask.realtime.sources.registry import make_source
from unmask.realtime.types import Cause, SourceState, Verdict


@pytest.fixture
def detector(tmp_path):
    with open_toy_detector(tmp_path / "toy") as opened:
        yield opened


@pytest.mark.usefixtures("no_leaks")
def test_a_finite_source_is_analysed_whole_and_ends(detector):
    sink = Recorder()
    session = Session([plan()], detector, sinks=[sink])
    update = run(session)["fake"]
    assert update.state is SourceState.ENDED
    assert update.counters.captured == update.counters.analysed == FRAMES
    assert update.counters.dropped == {}
    assert update.verdict is Verdict.SIGNS
    assert len(update.events) == 1
    assert session.failures == []
    # On a busy machine it may be said before the first frame that the source is being opened.
    sequences = [update.sequence for update in sink.updates if update.state is not SourceState.OPENING]
    assert sequences == sorted(sequences)
    assert set(sequences) == set(range(1, FRAMES + 1)), "a sink that wants every update of a file gets every one"
    assert sink.closed == 1


def test_the_encoder_runs_once_per_stride_not_per_frame(detector):
    update = run(Session([plan()], detector))["fake"]
    seconds, stride_s = (FRAMES - 1) / 25.0, detector.manifest.window.stride_ms / 1000
    assert update.counters.scored_crops == pytest.approx(seconds / stride_s, abs=3)


def test_two_sources_share_one_detector_and_keep_their_own_verdicts(detector):
    updates = run(Session([plan("red", RED), plan("blue", BLUE)], detector))
    assert updates["red"].verdict is Verdict.SIGNS
    assert updates["blue"].verdict is Verdict.NO_SIGNS


def test_no_face_cannot_be_judged(detector):
    update = run(Session([plan(finder=ScriptedFinder(lambda _: []))], detector))["fake"]
    assert update.verdict is Verdict.CANNOT_JUDGE
    assert Cause.NO_FACE in update.causes
    assert update.score is None


def test_a_source_that_dies_and_returns_is_followed_again(detector):
    openings = itertools.count()

    def make():
        steps = [step for number in range(10) for step in (picture((BOX, RED), seed=number), 0.01)]
        error = SourceError("the server is gone", retryable=next(openings) == 0)
        return ScriptedSource([*steps, error], live=True, source_id="stream")

    sink = Recorder()
    settings = SessionSettings(reconnect=ReconnectPolicy(first_wait_s=0.6))
    session = Session([SourcePlan("stream", make, ScriptedFinder(one_face(BOX)))], detector, settings, [sink])
    update = run(session)["stream"]
    assert update.counters.reconnects == 1
    gone = [update for update in sink.updates if update.state is SourceState.RECONNECTING]
    assert gone, "the interruption is shown"
    assert all(update.verdict is Verdict.CANNOT_JUDGE and not update.faces for update in gone)
    assert session.failures == ["the server is gone"]


def test_a_picture_on_its_way_when_the_source_goes_says_nothing_any_more(detector):
    def slow(call):
        time.sleep(0.25)
        return one_face(BOX)(call)

    def make():
        steps = [step for number in range(20) for step in (picture((BOX, RED), seed=number), 0.1)]
        return ScriptedSource([*steps, SourceError("gone", retryable=True)], live=True)

    sink = Recorder()
    settings = SessionSettings(reconnect=ReconnectPolicy(first_wait_s=0.8))
    with Session([SourcePlan("fake", make, ScriptedFinder(slow))], detector, settings, [sink]) as session:
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline and session.channels[0].status.view().counters.captured <= 20:
            time.sleep(0.02)
    away = [update for update in sink.updates if update.state is SourceState.RECONNECTING]
    assert away
    assert all(update.verdict is Verdict.CANNOT_JUDGE and not update.faces for update in away)


def test_a_live_source_that_falls_silent_is_called_stalled_and_opened_again(detector):
    sink = Recorder()
    settings = SessionSettings(stall_after_s=0.3, restart_after_s=0.8, reconnect=ReconnectPolicy(first_wait_s=0.05))
    session = Session([plan(frames=3, live=True, hang=True)], detector, settings, [sink])
    with session:
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline and session.channels[0].status.view().counters.reconnects < 1:
            time.sleep(0.05)
    stalled = [update for update in sink.updates if update.state is SourceState.STALLED]
    assert stalled
    assert all(Cause.SOURCE_STALLED in update.causes and update.score is None for update in stalled)
    assert session.channels[0].status.view().counters.reconnects >= 1


def test_a_detector_that_fails_makes_the_verdict_abstain_and_is_named(detector, monkeypatch):
    def broken(crops):
        raise EngineError("The engine fell over; restart it.")

    monkeypatch.setattr(detector, "encode", broken)
    session = Session([plan(frames=30)], detector)
    update = run(session)["fake"]
    assert update.verdict is Verdict.CANNOT_JUDGE
    assert Cause.DETECTOR_UNAVAILABLE in update.causes
    assert update.score is None
    assert session.failures == ["The engine fell over; restart it."]


def test_an_unforeseen_failure_ends_its_source_only_and_keeps_the_traceback(detector):
    def explode(call):
        raise ZeroDivisionError("finder bug")

    session = Session([plan("bad", finder=ScriptedFinder(explode)), plan("good")], detector)
    updates = run(session)
    assert updates["bad"].state is SourceState.FAILED
    assert updates["good"].state is SourceState.ENDED
    assert updates["good"].counters.analysed == FRAMES
    assert "finder bug" in session.failures[0]
    assert "ZeroDivisionError" in session.tracebacks[0]


def test_a_sink_that_fails_is_reported_and_harms_nobody(detector):
    class Full(Recorder):
        def take(self, update):
            raise OSError("No space left on device")

    good = Recorder()
    session = Session([plan()], detector, sinks=[Full(), good])
    assert run(session)["fake"].counters.analysed == FRAMES
    assert session.failures == ["Full stopped: No space left on device"]
    assert len(good.updates) >= FRAMES


def test_a_sink_that_sleeps_does_not_slow_a_live_source(detector):
    class Asleep(Recorder):
        def take(self, update):
            super().take(update)
            gate.wait(20)

    gate = threading.Event()
    steps = [step for number in range(60) for step in (picture((BOX, RED), seed=number), 0.005)]
    make = lambda: ScriptedSource([*steps, SourceError("done")], live=True)  # noqa: E731
    sink = Asleep()
    session = Session([SourcePlan("fake", make, ScriptedFinder(one_face(BOX)))], detector, sinks=[sink])
    session.start()
    while session.channels[0].status.view().state is not SourceState.FAILED:
        time.sleep(0.02)
    assert session.channels[0].status.view().counters.captured == 60
    assert len(sink.updates) == 1
    gate.set()
    session.stop()


def test_a_budget_that_the_detector_has_no_threshold_for_is_refused(detector):
    with pytest.raises(UsageError, match="per hour"):
        Session([plan()], detector, SessionSettings(alarms_per_hour=1e-9))


def test_two_sources_of_one_name_are_refused(detector):
    with pytest.raises(UsageError, match="two sources"):
        Session([plan("same"), plan("same")], detector)


def test_an_archive_of_photographs_does_not_freeze(detector, tmp_path):
    with zipfile.ZipFile(tmp_path / "stills.zip", "w") as archive:
        for number in range(110):
            archive.writestr(f"{number}.png", cv2.imencode(".png", picture((BOX, RED)))[1].tobytes())
    finder = ScriptedFinder(one_face(BOX))
    plans = [SourcePlan("zip", lambda: make_source(str(tmp_path / "stills.zip")), finder)]
    update = run(Session(plans, detector))["zip"]
    assert (update.verdict, update.causes) == (Verdict.SIGNS, ())


def test_the_face_in_a_single_picture_is_seen(detector, tmp_path):
    path = tmp_path / "one.png"
    cv2.imwrite(str(path), picture((BOX, RED)))
    plans = [SourcePlan("one", lambda: make_source(str(path)), ScriptedFinder(one_face(BOX)))]
    update = run(Session(plans, detector))["one"]
    assert (update.verdict, update.causes) == (Verdict.CANNOT_JUDGE, (Cause.TOO_FEW_FRAMES,))
