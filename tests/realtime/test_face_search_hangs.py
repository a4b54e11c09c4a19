"""A search for faces that does not answer, a watchdog that fails, drivers that take their time: never in silence."""

from __future__ import annotations

import itertools
import threading
import time

import pytest
from fakes import RED, ScriptedFinder, ScriptedSource, one_face, picture
from sessions import BOX, Recorder, open_toy_detector

from unmask.realtime.session import Session, SessionSettings, SourcePlan
from unmask.realtime.types import Cause, SourceState, Verdict

QUICK = SessionSettings(hang_after_s=0.4, stall_after_s=0.3, restart_after_s=0.6)
PICTURES = [picture((BOX, RED), seed=seed) for seed in range(9)]


@pytest.fixture
def detector(tmp_path):
    with open_toy_detector(tmp_path / "toy") as opened:
        yield opened


class Hanging(ScriptedFinder):
    """Blocks in search number ``nth`` until ``release``."""

    def __init__(self, nth):
        super().__init__(one_face(BOX))
        self.release, self.hung, self._nth = threading.Event(), threading.Event(), nth

    def find(self, image):
        if self.calls == self._nth:
            self.hung.set()
            assert self.release.wait(30)
        return super().find(image)


def camera(finder, source_id="camera", source=ScriptedSource, **options):
    def make():
        steps = (step for number in itertools.count() for step in (PICTURES[number % 9], 0.03))
        return source(steps, live=True, source_id=source_id, **options)

    return SourcePlan(source_id, make, finder)


def until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


def newest(session, source_id="camera"):
    return session.updates().get(source_id)


def shows(session, verdict, source_id="camera"):
    return lambda: (update := newest(session, source_id)) is not None and update.verdict is verdict


def test_it_is_named_its_alarm_ends_the_others_go_on_and_it_recovers(detector):
    finder = Hanging(nth=40)
    plans = [camera(finder), camera(ScriptedFinder(one_face(BOX)), "other")]
    with Session(plans, detector, QUICK) as session:
        until(shows(session, Verdict.SIGNS))
        assert finder.hung.wait(20)
        until(lambda: newest(session).causes == (Cause.FACE_SEARCH_HANGS,))
        update = newest(session)
        assert update.message.startswith("the search for faces in camera has not answered for ")
        assert (update.verdict, update.faces, update.state) == (Verdict.CANNOT_JUDGE, (), SourceState.RUNNING)
        assert [event.end_s is not None for event in update.events] == [True]
        before = newest(session, "other").sequence
        until(lambda: newest(session, "other").sequence > before + 5)
        assert newest(session, "other").verdict is Verdict.SIGNS
        finder.release.set()
        until(shows(session, Verdict.SIGNS))
        assert newest(session).message == ""
    assert session.failures == []


def test_a_session_stops_in_time_though_it_hangs_and_names_the_thread(detector):
    finder, sink = Hanging(nth=3), Recorder()
    session = Session([camera(finder)], detector, QUICK, [sink])
    session.start()
    assert finder.hung.wait(20)
    began = time.monotonic()
    busy = session.stop()
    spent = time.monotonic() - began
    finder.release.set()
    assert busy == session.left == ["unmask-detect-camera"]
    assert spent < 2.0
    assert (sink.updates[-1].state, sink.closed) == (SourceState.ENDED, 1)


def test_a_watchdog_that_fails_ends_the_session_and_is_named(detector, monkeypatch):
    def broken(session):
        raise ZeroDivisionError("watchdog bug")

    monkeypatch.setattr(Session, "look_after", broken)
    with Session([camera(ScriptedFinder(one_face(BOX)))], detector, QUICK) as session:
        assert session.wait(10), "nobody waits for a thread that is dead"
    assert any("watchdog bug" in line for line in session.failures)
    assert "ZeroDivisionError" in session.tracebacks[0]
    assert newest(session).state is SourceState.FAILED


def test_a_driver_that_never_returns_from_closing_keeps_the_watchdog_from_nothing(detector):
    release = threading.Event()

    class Deaf(ScriptedSource):
        def close(self):
            release.wait(30)

    def deaf():
        return Deaf([PICTURES[0]], live=True, hang=True, deaf=True, source_id="deaf")

    finder = Hanging(nth=25)
    plans = [SourcePlan("deaf", deaf, ScriptedFinder(one_face(BOX))), camera(finder)]
    session = Session(plans, detector, QUICK)
    session.start()
    until(lambda: any(thread.name == "unmask-restart-deaf" for thread in threading.enumerate()))
    assert newest(session, "deaf").state is SourceState.STALLED
    assert finder.hung.wait(20)
    until(lambda: newest(session).causes == (Cause.FACE_SEARCH_HANGS,))
    finder.release.set()
    session.stop()
    release.set()


def test_a_source_that_is_told_to_close_before_it_opens_is_told_again(detector):
    """Between the making of a source and its opening a closing is not heard: ``open`` begins anew."""
    made, opening = threading.Event(), threading.Event()

    class Forgetful(ScriptedSource):
        def open(self):
            made.set()
            assert opening.wait(10)
            self._closed.clear()
            return super().open()

    session = Session(
        [SourcePlan("late", lambda: Forgetful([], live=True, hang=True), ScriptedFinder(one_face()))], detector
    )
    session.start()
    assert made.wait(10)
    threading.Timer(0.1, opening.set).start()
    assert session.stop(within_s=3.0) == []


@pytest.mark.parametrize("fps", [5.0, 240.0])
def test_a_live_source_of_any_rate_is_judged_and_each_frame_is_accounted_for(detector, fps):
    def make():
        steps = (step for number in itertools.count() for step in (PICTURES[number % 9], 1 / fps))
        return ScriptedSource(steps, live=True, fps=fps, source_id="camera")

    sink = Recorder()
    with Session([SourcePlan("camera", make, ScriptedFinder(one_face(BOX)))], detector, sinks=[sink]) as session:
        until(shows(session, Verdict.SIGNS))
        until(lambda: newest(session).counters.analysed >= min(12, 4 * fps))
    counters = sink.updates[-1].counters
    assert 0 <= counters.captured - counters.analysed - sum(counters.dropped.values()) <= 1, "one may be on its way"
    stride_s, seconds = detector.manifest.window.stride_ms / 1000, sink.updates[-1].frame.time_s
    assert counters.scored_crops <= min(counters.analysed, seconds / stride_s + 3)


def test_whoever_asks_again_after_a_long_sleep_gets_the_newest_and_nothing_grew(detector):
    """Three thousand frames stand for a minute asleep: neither the window nor a sink may be owed anything."""
    gate, seen = threading.Event(), []

    class Asleep(Recorder):
        def take(self, update):
            seen.append(update.sequence)
            gate.wait(30)

    frames = ScriptedSource((step for n in range(3000) for step in (PICTURES[n % 9], 0.0005)), live=True, hang=True)
    plan = SourcePlan("fake", lambda: frames, ScriptedFinder(one_face(BOX)))
    with Session([plan], detector, SessionSettings(stall_after_s=60.0), sinks=[Asleep()]) as session:
        until(lambda: session.channels[0].status.view().counters.captured == 3000, 40)
        until(lambda: newest(session, "fake").frame.index == 2999)
        depths = session.flow().depths
        assert depths["sink", "Asleep"] <= 8
        assert session.flow().sink_dropped["Asleep"] > 100
        assert len(seen) == 1
        gate.set()
        until(lambda: seen[-1] == newest(session, "fake").sequence)
