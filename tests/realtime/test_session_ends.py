"""How sessions start and end: threads that hang, fail or lag, and the last word on every source."""

from __future__ import annotations

import itertools
import threading
import time

import pytest
from fakes import RED, ScriptedFinder, ScriptedSource, one_face, picture
from sessions import BOX, FRAMES, Recorder, open_toy_detector, plan, run

from unmask.realtime.channel import Channel
from unmask.realtime.session import Session, SessionSettings, SourcePlan
from unmask.realtime.types import SourceState, Verdict


@pytest.fixture
def detector(tmp_path):
    with open_toy_detector(tmp_path / "toy") as opened:
        yield opened


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


def test_the_end_is_said_once_and_last(detector):
    def slow(call):
        time.sleep(0.01)
        return one_face(BOX)(call)

    sink = Recorder()
    run(Session([plan(frames=20, finder=ScriptedFinder(slow))], detector, sinks=[sink]))
    states = [update.state for update in sink.updates if update.state is not SourceState.OPENING]
    assert states == [SourceState.RUNNING] * 20 + [SourceState.ENDED]


def test_a_stop_ends_the_alarms_and_says_so(detector):
    def make():
        return ScriptedSource(
            (step for number in itertools.count() for step in (picture((BOX, RED), seed=number % 9), 0.02)), live=True
        )

    sink = Recorder()
    with Session([SourcePlan("fake", make, ScriptedFinder(one_face(BOX)))], detector, sinks=[sink]) as session:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not any(update.events for update in session.updates().values()):
            time.sleep(0.02)
    last = sink.updates[-1]
    assert last.state is SourceState.ENDED
    assert [event.end_s is not None for event in last.events] == [True]
    assert session.failures == []


def test_an_unforeseen_failure_of_scoring_ends_the_session_and_is_named(detector, monkeypatch):
    def broken(crops):
        raise ZeroDivisionError("scoring bug")

    monkeypatch.setattr(detector, "encode", broken)
    live = plan("live", live=True, hang=True)
    session = Session([plan("file"), live], detector)
    with session:
        assert session.wait(10), "nobody waits for a thread that is dead"
    assert "scoring bug" in session.failures[0]
    assert "ZeroDivisionError" in session.tracebacks[0]
    for update in session.updates().values():
        assert (update.state, update.verdict) == (SourceState.FAILED, Verdict.CANNOT_JUDGE)
        assert update.faces == ()


def test_a_busy_machine_that_starts_slowly_does_not_end_the_session(detector, monkeypatch):
    start = Channel.start
    monkeypatch.setattr(Channel, "start", lambda channel: (time.sleep(0.6), start(channel)))
    assert run(Session([plan(frames=10)], detector))["fake"].counters.analysed == 10


def test_many_sources_that_close_slowly_are_stopped_at_once(detector):
    class Slow(ScriptedSource):
        def close(self):
            super().close()
            time.sleep(0.5)

    plans = [
        SourcePlan(str(number), lambda: Slow([], live=True, hang=True), ScriptedFinder(one_face(BOX)))
        for number in range(6)
    ]
    session = Session(plans, detector)
    session.start()
    time.sleep(0.2)
    began = time.monotonic()
    session.stop()
    assert time.monotonic() - began < 2.0


def test_a_sink_that_a_file_waits_for_holds_no_live_source_up(detector):
    """Nor the watchdog: a live source that falls silent meanwhile is called stalled."""

    class Asleep(Recorder):
        def take(self, update):
            super().take(update)
            gate.wait(20)

    gate = threading.Event()

    def live():
        steps = (step for number in range(80) for step in (picture((BOX, RED), seed=number % 9), 0.01))
        return ScriptedSource(steps, live=True, hang=True)

    plans = [plan("file"), SourcePlan("live", live, ScriptedFinder(one_face(BOX)))]
    sink = Asleep()
    with Session(plans, detector, SessionSettings(stall_after_s=0.5), sinks=[sink]) as session:
        deadline = time.monotonic() + 15
        states = set()
        while time.monotonic() < deadline and SourceState.STALLED not in states:
            states |= {update.state for update in session.updates().values() if update.source_id == "live"}
            time.sleep(0.02)
        assert SourceState.STALLED in states
        assert session.updates()["live"].sequence > 20
        assert session.updates()["file"].sequence < 30, "the file waits"
        gate.set()
        while time.monotonic() < deadline and session.updates()["file"].state is not SourceState.ENDED:
            time.sleep(0.02)
    sequences = [update.sequence for update in sink.updates if update.source_id == "file"]
    assert sorted(set(sequences)) == list(range(1, FRAMES + 1)), "and loses nothing"
