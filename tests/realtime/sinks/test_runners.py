"""Sinks that come and go while a session runs."""

from __future__ import annotations

import time

import av
import pytest
from sessions import Recorder, open_toy_detector, plan, run

from unmask.engines.errors import UsageError
from unmask.realtime.session import Session, SessionSettings
from unmask.realtime.sinks.video import VideoSink


@pytest.fixture
def detector(tmp_path):
    with open_toy_detector(tmp_path / "toy") as opened:
        yield opened


def wait_until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Failing(Recorder):
    def take(self, update):
        raise OSError("no room")


@pytest.mark.usefixtures("no_leaks")
def test_a_recording_can_begin_and_end_in_the_middle(detector, tmp_path):
    path = tmp_path / "part.mp4"
    sink, recorder = VideoSink(path, "fake"), Recorder()
    with Session([plan(frames=400)], detector, SessionSettings(pace=True)) as session:
        wait_until(lambda: session.updates().get("fake") is not None)
        session.add_sink(sink)
        session.add_sink(recorder)
        wait_until(lambda: len({update.sequence for update in recorder.updates if update.frame}) > 12)
        assert session.remove_sink(sink) == []
        taken = len(recorder.updates)
        wait_until(lambda: len(recorder.updates) > taken)
        assert session.remove_sink(recorder) == []
        assert recorder.closed == 1
        assert session.remove_sink(recorder) == [], "twice is harmless"
        assert session.failures == []
        assert {name for kind, name in session.flow().depths if kind == "sink"} == set()
    with av.open(str(path)) as video:
        assert len(list(video.decode(video=0))) >= 10


def test_a_sink_that_was_added_before_the_start_gets_everything(detector):
    recorder = Recorder()
    session = Session([plan(frames=30)], detector)
    session.add_sink(recorder)
    run(session)
    assert len({update.sequence for update in recorder.updates if update.frame}) >= 30
    assert recorder.closed == 1


def test_a_failure_is_still_told_after_the_sink_is_gone(detector):
    sink = Failing()
    with Session([plan(frames=400)], detector, SessionSettings(pace=True)) as session:
        session.add_sink(sink)
        wait_until(lambda: session.failures != [])
        session.remove_sink(sink)
        assert session.failures == ["Failing stopped: no room"]


def test_nothing_can_be_added_to_a_session_that_is_over(detector):
    session = Session([plan(frames=10)], detector)
    run(session)
    with pytest.raises(UsageError, match="session is over"):
        session.add_sink(Recorder())
