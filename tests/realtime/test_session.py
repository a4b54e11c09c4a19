"""Whole sessions over scripted sources and a tiny real detector: threads, order, stopping, faults."""

from __future__ import annotations

import itertools
import threading
import time

import pytest
from fakes import BLUE, RED, ScriptedFinder, ScriptedSource, one_face, picture
from toy_package import build_toy_package

from unmask.engines.errors import EngineError, SourceError, UsageError
from unmask.engines.package import load_package
from unmask.realtime.capture import ReconnectPolicy
from unmask.realtime.detector import Detector
from unmask.realtime.session import Session, SessionSettings, SourcePlan
from unmask.realtime.types import Cause, SourceState, Verdict

BOX = (80, 60, 200, 180)
FRAMES = 100  # 4 s at 25 fps: long enough for dwell and release


@pytest.fixture
def detector(tmp_path):
    rule = {"smoothing_s": 0.2, "dwell_s": 0.5, "release_s": 0.5}
    folder = build_toy_package(tmp_path / "toy", rule=rule, quality={"min_face_px": 20})
    with Detector.open(load_package(folder), "ort-cpu") as opened:
        yield opened


def plan(source_id="fake", colour=RED, frames=FRAMES, finder=None, **options):
    def make():
        steps = [picture((BOX, colour), seed=number) for number in range(frames)]
        return ScriptedSource(steps, source_id=source_id, **options)

    return SourcePlan(source_id, make, finder or ScriptedFinder(one_face(BOX)))


class Recorder:
    """A sink that keeps what it gets."""

    every_update = True

    def __init__(self):
        self.updates = []
        self.closed = 0

    def take(self, update):
        self.updates.append(update)

    def close(self):
        self.closed += 1


def run(session):
    with session:
        assert session.wait(30)
    return session.updates()


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
    sequences = [update.sequence for update in sink.updates]
    assert sequences == sorted(sequences)
    assert set(sequences) == set(range(1, FRAMES + 1)), (
        "a sink that wants every update of a file gets every one"
    )
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


@pytest.mark.usefixtures("no_leaks")
def test_stop_returns_within_a_second_while_a_live_source_blocks(detector):
    session = Session([plan(live=True, hang=True)], detector)
    session.start()
    while "fake" not in session.updates():
        time.sleep(0.01)
    began = time.monotonic()
    assert session.stop() == []
    assert time.monotonic() - began < 1.5


def test_stop_returns_though_a_source_ignores_close_and_names_it(detector):
    release = threading.Event()

    class Deaf(ScriptedSource):
        def read(self):
            release.wait(20)

    session = Session([SourcePlan("deaf", lambda: Deaf([]), ScriptedFinder(one_face()))], detector)
    session.start()
    began = time.monotonic()
    busy = session.stop()
    spent = time.monotonic() - began
    release.set()
    assert busy == ["unmask-capture-deaf"]
    assert spent < 2.0


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


def test_a_live_source_that_falls_silent_is_called_stalled_and_opened_again(detector):
    sink = Recorder()
    settings = SessionSettings(
        stall_after_s=0.3, restart_after_s=0.8, reconnect=ReconnectPolicy(first_wait_s=0.05)
    )
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
