"""Faults that a monitor must survive. docs/FAULTS.md lists them all, with the test of each."""

from __future__ import annotations

import dataclasses
import itertools
import os
import time
from io import FileIO
from pathlib import Path

import cv2
import pytest
from fakes import BLUE, RED, ScriptedFinder, ScriptedSource, one_face, picture
from sessions import BOX, Recorder, open_toy_detector, plan, run

from unmask.engines.errors import EngineError, SourceError
from unmask.realtime.capture import ReconnectPolicy
from unmask.realtime.session import Session, SessionSettings, SourcePlan
from unmask.realtime.sinks.jsonl import JsonLinesSink
from unmask.realtime.sinks.video import VideoSink
from unmask.realtime.types import SourceState, Verdict

PICTURES = [picture((BOX, RED), seed=seed) for seed in range(9)]


@pytest.fixture
def detector(tmp_path):
    with open_toy_detector(tmp_path / "toy") as opened:
        yield opened


def live_plan(steps, finder=None, source=ScriptedSource):
    """A live source over ``steps`` (made anew for every opening)."""
    return SourcePlan("fake", lambda: source(steps(), live=True), finder or ScriptedFinder(one_face(BOX)))


def endless(pause_s):
    return lambda: (step for number in itertools.count() for step in (PICTURES[number % 9], pause_s))


def until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


def newest(session):
    return session.updates().get("fake")


def has_signs(session):
    return lambda: newest(session) is not None and newest(session).verdict is Verdict.SIGNS


def test_a_camera_that_is_pulled_ends_its_alarm_and_begins_a_new_one_when_it_is_back(detector):
    plugged = [True]

    class Camera(ScriptedSource):
        def open(self):
            if not plugged[0]:
                raise SourceError("there is no camera", retryable=True)
            return super().open()

        def read(self):
            if not plugged[0]:
                raise SourceError("the camera was pulled", retryable=True)
            return super().read()

    sink = Recorder()
    settings = SessionSettings(reconnect=ReconnectPolicy(first_wait_s=0.1, longest_wait_s=0.2), alarms_end_after_s=0.6)
    with Session([live_plan(endless(0.03), source=Camera)], detector, settings, [sink]) as session:
        until(has_signs(session))
        seen_s = newest(session).frame.time_s
        plugged[0] = False
        until(lambda: newest(session).events[0].end_s is not None)
        update = newest(session)
        assert update.state in (SourceState.RECONNECTING, SourceState.OPENING), "it ended while the camera is away"
        assert (update.verdict, update.faces) == (Verdict.CANNOT_JUDGE, ())
        assert seen_s <= update.events[0].end_s <= update.frame.time_s, "at the last picture that was seen"
        plugged[0] = True
        until(has_signs(session))
        assert [event.end_s is None for event in newest(session).events] == [False, True]
    assert session.failures == []


def test_a_frame_size_that_changes_in_mid_stream_is_followed(detector):
    large = [cv2.resize(image, (640, 480)) for image in PICTURES]

    def steps():
        yield from (step for number in range(30) for step in (PICTURES[number % 9], 0.03))
        yield from (step for number in itertools.count() for step in (large[number % 9], 0.03))

    class Finder(ScriptedFinder):
        def find(self, image):
            found = super().find(image)
            scale = image.shape[1] / 320
            return [
                dataclasses.replace(
                    face, x0=face.x0 * scale, y0=face.y0 * scale, x1=face.x1 * scale, y1=face.y1 * scale
                )
                for face in found
            ]

    with Session([live_plan(steps, Finder(one_face(BOX)))], detector) as session:
        until(lambda: newest(session) is not None and newest(session).frame is not None)
        until(lambda: newest(session).frame.width == 640 and newest(session).verdict is Verdict.SIGNS)
        (face,) = newest(session).faces
        assert face.track.face.x1 == pytest.approx(400, abs=20)
    assert session.failures == []


@pytest.mark.parametrize(("fps", "seconds"), [(5.0, 6), (240.0, 3)])
def test_any_frame_rate_gives_the_same_verdict_and_no_more_crops_than_a_stride_asks_for(detector, fps, seconds):
    frames = int(fps * seconds)
    update = run(Session([plan(frames=frames, fps=fps)], detector))["fake"]
    assert (update.verdict, update.counters.analysed) == (Verdict.SIGNS, frames)
    stride_s = detector.manifest.window.stride_ms / 1000
    assert update.counters.scored_crops == pytest.approx(min(frames, seconds / stride_s), abs=3)


class Stamped(ScriptedSource):
    """Its timestamps are what ``stamp`` makes of them."""

    def read(self):
        frame = super().read()
        return None if frame is None else dataclasses.replace(frame, time_s=self.stamp(frame))


class Stopped(Stamped):
    def stamp(self, frame):
        return min(frame.time_s, 1.0)


class JumpsBack(Stamped):
    def stamp(self, frame):
        return frame.time_s % 1.0 + (1000 if frame.index == 40 else 0)


@pytest.mark.parametrize("source", [Stopped, JumpsBack])
def test_timestamps_that_stop_or_jump_do_not_stop_the_clock_of_a_live_source(detector, source):
    sink = Recorder()

    def colours():
        for number in itertools.count():
            yield picture((BOX, RED if number < 90 else BLUE), seed=number % 9)
            yield 0.03

    with Session([live_plan(colours, source=source)], detector, sinks=[sink]) as session:
        until(has_signs(session))
        until(lambda: newest(session).verdict is Verdict.NO_SIGNS)
        assert newest(session).events[0].end_s is not None
    times = [update.frame.time_s for update in sink.updates if update.state is SourceState.RUNNING]
    assert all(after > before for before, after in itertools.pairwise(times))


def test_a_detector_that_throws_on_one_frame_is_named_and_the_next_one_is_judged(detector, monkeypatch):
    encode, calls = detector.encode, itertools.count(1)

    def throws_once(crops):
        if next(calls) == 12:
            raise EngineError("A bit fell over.")
        return encode(crops)

    monkeypatch.setattr(detector, "encode", throws_once)
    sink = Recorder()
    session = Session([plan()], detector, sinks=[sink])
    update = run(session)["fake"]
    assert (update.state, update.verdict) == (SourceState.ENDED, Verdict.SIGNS)
    assert session.failures == ["A bit fell over."]
    said = [update.message for update in sink.updates]
    assert "A bit fell over." in said
    assert said[-1] == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, the disk that is always full")
@pytest.mark.usefixtures("no_leaks")
def test_a_disk_that_is_full_ends_the_recording_and_is_named_while_the_monitor_goes_on(detector, tmp_path, monkeypatch):
    def opened_anew(path):
        return FileIO("/dev/full", "w") if path.name == ".full.part.mp4" else FileIO(path, "x")

    monkeypatch.setattr("unmask.realtime.sinks.video.opened_anew", opened_anew)
    os.symlink("/dev/full", tmp_path / "full.jsonl")
    good = tmp_path / "good.mp4"
    with pytest.raises(OSError, match="No space left"):
        JsonLinesSink(tmp_path / "full.jsonl", {})
    sinks = [VideoSink(tmp_path / "full.mp4", "fake"), VideoSink(good, "fake")]
    session = Session([plan()], detector, sinks=sinks)
    update = run(session)["fake"]
    assert (update.state, update.verdict) == (SourceState.ENDED, Verdict.SIGNS)
    assert any(line.startswith("VideoSink stopped") for line in session.failures), session.failures
    assert any("No space left" in line for line in session.failures)
    assert all("good" not in line for line in session.failures)
    reader = cv2.VideoCapture(str(good))
    frames = sum(1 for _ in iter(lambda: reader.read()[0], False))
    reader.release()
    assert frames == 100


def test_the_budget_lowers_the_cadence_of_a_live_source_and_says_so(detector, monkeypatch):
    busy = itertools.count(0.0, 10.0)
    monkeypatch.setattr("unmask.realtime.session.time.process_time", lambda: next(busy))
    monkeypatch.setattr("unmask.realtime.budget.PERIOD_S", 0.2)
    sink = Recorder()
    finder = ScriptedFinder(one_face(BOX))
    with Session([live_plan(endless(0.01), finder)], detector, SessionSettings(cpu_budget=0.5), [sink]) as session:
        until(lambda: any("nothing more" in line for line in newest(session).lowered) if newest(session) else False)
        began, searched = newest(session), finder.calls
        until(lambda: newest(session).frame.time_s - began.frame.time_s > 3)
        now = newest(session)
        assert (finder.calls - searched) / 3 < 5
        assert (now.counters.scored_crops - began.counters.scored_crops) / 3 < 5
        assert now.counters.dropped["processor budget"] > 50
        assert now.verdict is Verdict.SIGNS, "within the longest gap of the window"
        assert now.stages.age_ms < 1000
    assert "to stay within 0.5 cores" in now.lowered[0]


def test_a_session_without_a_budget_lowers_nothing(detector):
    assert run(Session([plan(frames=20)], detector))["fake"].lowered == ()
