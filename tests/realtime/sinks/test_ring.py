from __future__ import annotations

import dataclasses
import threading

import cv2
import numpy as np
import pytest
from sessions import Recorder, open_toy_detector, plan
from updates import BOX, face_state, update

from unmask.realtime.session import Session
from unmask.realtime.sinks import ring as module
from unmask.realtime.sinks.ring import AFTER_S, BEFORE_S, LONGEST_SIDE, MOST_OF_AN_ALARM, FrameRing
from unmask.realtime.types import Event, FaceBox, SourceState, Verdict


def feed(ring, times, *, events=(), source_id="fake", start=1, score=0.2, **options):
    for number, time_s in enumerate(times, start):
        face = face_state(Verdict.SIGNS if events else Verdict.NO_SIGNS, score=score)
        ring.take(update(time_s, face, sequence=number, source_id=source_id, events=tuple(events), **options))
    return start + len(times)


def at(fps, begin_s, end_s):
    return [begin_s + number / fps for number in range(round((end_s - begin_s) * fps))]


def times_of(frames):
    return [round(kept.time_s, 3) for kept in frames]


def alarm(start_s, end_s=None, track=1):
    return Event(track, start_s, end_s, 0.9)


def test_it_keeps_the_last_seconds_at_most_ten_times_a_second():
    ring = FrameRing(2.0)
    feed(ring, at(30, 0, 10))
    times = times_of(ring.recent("fake"))
    assert times[0] >= 7.9
    assert times[-1] >= 9.9
    assert 0.099 <= min(np.diff(times)) <= max(np.diff(times)) < 0.14
    assert len(times) <= 21


def test_a_kept_picture_is_small_and_its_boxes_are_in_its_pixels():
    ring = FrameRing()
    marks = np.array([[100, 100], [180, 100], [140, 130], [110, 160], [170, 160]], np.float32)
    box = FaceBox(400, 300, 1000, 900, 0.9, marks)
    face = face_state(Verdict.SIGNS, score=0.9)
    face = dataclasses.replace(face, track=dataclasses.replace(face.track, face=box))
    image = np.zeros((1080, 1920, 3), np.uint8)
    image[300:900, 400:1000] = (0, 0, 255)
    ring.take(update(1.0, face, image=image))
    (kept,) = ring.recent("fake")
    assert (kept.width, kept.height) == (LONGEST_SIDE, 360)
    small = kept.faces[0].track.face
    assert (small.x0, small.y0, small.x1, small.y1) == pytest.approx((400 / 3, 100, 1000 / 3, 300))
    assert small.landmarks is not None
    assert small.landmarks[0] == pytest.approx(marks[0] / 3)
    picture = cv2.imdecode(np.frombuffer(kept.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (360, 640, 3)
    assert picture[200, 230, 2] > 200, "the red face is where its box is"
    assert picture[50, 50].max() < 30
    assert (kept.faces[0].verdict, kept.faces[0].score) == (Verdict.SIGNS, 0.9)


def test_a_small_picture_keeps_its_size():
    ring = FrameRing()
    ring.take(update(1.0, face_state()))
    (kept,) = ring.recent("fake")
    assert (kept.width, kept.height) == (320, 240)
    assert kept.faces[0].track.face == BOX


def test_the_pictures_of_an_alarm_outlast_the_ring():
    ring = FrameRing(6.0)
    following = feed(ring, at(10, 0, 10))
    following = feed(ring, at(10, 10, 13), events=[alarm(10.0)], start=following)
    over = alarm(10.0, 13.0)
    feed(ring, at(10, 13, 60), events=[over], start=following)
    times = times_of(ring.frames("fake", over))
    assert times[0] == pytest.approx(10 - BEFORE_S)
    assert times[-1] == pytest.approx(13 + AFTER_S)
    assert max(np.diff(times)) < 0.11, "nothing is missing in between"
    assert ring.recent("fake")[0].time_s > 50


def test_an_alarm_is_found_by_what_it_was_called_while_it_lasted():
    ring = FrameRing()
    feed(ring, at(10, 0, 3), events=[alarm(1.0)])
    assert ring.frames("fake", alarm(1.0, 2.5)) == ring.frames("fake", alarm(1.0)) != ()


def test_a_long_alarm_is_thinned_and_covered_with_its_highest_score():
    ring = FrameRing()
    following = feed(ring, at(2, 0, 100), events=[alarm(0.0)], score=0.8)
    following = feed(ring, [100.0], events=[alarm(0.0)], start=following, score=0.99)
    feed(ring, at(2, 100.1, 300), events=[alarm(0.0)], start=following, score=0.8)
    frames = ring.frames("fake", alarm(0.0))
    times = times_of(frames)
    assert MOST_OF_AN_ALARM / 3 < len(times) <= MOST_OF_AN_ALARM
    assert times[0] < 10
    assert times[-1] > 290
    assert max(np.diff(times)) < 10
    assert max(kept.faces[0].score for kept in frames) == 0.99


def test_clear_forgets_all_and_an_alarm_that_lasts_goes_on():
    ring = FrameRing()
    following = feed(ring, at(10, 0, 3), events=[alarm(1.0)])
    assert ring.size_bytes > 0
    ring.clear()
    assert (ring.recent("fake"), ring.frames("fake", alarm(1.0)), ring.size_bytes) == ((), (), 0)
    feed(ring, at(10, 3, 4), events=[alarm(1.0)], start=following)
    assert times_of(ring.frames("fake", alarm(1.0)))[0] == 3.0


def test_a_picture_that_is_being_encoded_while_all_is_cleared_is_not_kept(monkeypatch):
    ring = FrameRing()
    encode = cv2.imencode

    def clear_meanwhile(*arguments):
        other = threading.Thread(target=ring.clear)
        other.start()
        other.join(5)
        assert not other.is_alive(), "nobody waits for the encoding"
        return encode(*arguments)

    monkeypatch.setattr(module.cv2, "imencode", clear_meanwhile)
    ring.take(update(1.0, face_state()))
    assert ring.size_bytes == 0


def test_no_seconds_keep_nothing_and_fewer_seconds_shorten_at_once():
    ring = FrameRing(20.0)
    following = feed(ring, at(10, 0, 15), events=[alarm(1.0)])
    ring.set_seconds(5.0)
    assert ring.recent("fake")[0].time_s >= 9.9
    ring.set_seconds(0.0)
    following = feed(ring, at(10, 15, 16), events=[alarm(1.0), alarm(15.2)], start=following)
    assert ring.size_bytes == 0
    assert ring.frames("fake", alarm(15.2)) == ()


def test_memory_is_bounded_whatever_the_pictures_are(monkeypatch):
    monkeypatch.setattr(module, "RING_BYTES", 60_000)
    monkeypatch.setattr(module, "PINNED_BYTES", 180_000)
    ring, events, following = FrameRing(20.0), [], 1
    for number in range(9):
        events.append(alarm(4.0 * number, 4.0 * number + 1.0))
        following = feed(ring, at(10, 4.0 * number, 4.0 * number + 4), events=events, start=following)
    assert sum(len(kept.jpeg) for kept in ring.recent("fake")) <= 60_000
    assert ring.size_bytes <= 240_000
    assert ring.frames("fake", events[0]) == (), "the oldest goes first"
    assert ring.frames("fake", events[-1]) != ()


def test_a_source_that_is_over_keeps_its_alarms_alone_and_only_few_such_are_kept():
    ring = FrameRing()
    for number in range(12):
        name = f"source {number}"
        following = feed(ring, at(10, 0, 3), events=[alarm(1.0)], source_id=name)
        feed(ring, [2.9], events=[alarm(1.0, 2.9)], source_id=name, start=following, state=SourceState.ENDED)
        assert ring.recent(name) == ()
        assert ring.frames(name, alarm(1.0))
    assert ring.frames("source 3", alarm(1.0)) == ()
    assert all(ring.frames(f"source {number}", alarm(1.0)) for number in range(4, 12))


def test_repeated_and_silent_updates_and_a_timeline_that_begins_anew():
    ring = FrameRing()
    one = update(5.0, face_state(), sequence=7)
    ring.take(one)
    ring.take(one)
    ring.take(dataclasses.replace(one, sequence=8, stages=None))
    assert times_of(ring.recent("fake")) == [5.0]
    ring.take(update(0.0, face_state(), sequence=9))
    assert times_of(ring.recent("fake")) == [0.0]


def test_an_unknown_source_has_nothing():
    assert FrameRing().recent("nobody") == FrameRing().frames("nobody", alarm(0.0)) == ()


def test_nothing_touches_the_disk(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError(f"a file was written: {arguments}")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr(module.cv2, "imwrite", refuse)
    feed(FrameRing(), at(10, 0, 3), events=[alarm(1.0)])
    assert list(tmp_path.iterdir()) == []


def test_in_a_session_the_alarm_of_a_file_has_its_pictures(tmp_path):
    ring, recorder = FrameRing(), Recorder()
    with open_toy_detector(tmp_path / "toy") as detector:
        with Session([plan()], detector, sinks=[ring, recorder]) as session:
            assert session.wait(30)
        assert session.failures == []
    (event,) = recorder.updates[-1].events
    frames = ring.frames("fake", event)
    assert len(frames) > 10
    assert frames[0].time_s < event.start_s, "some are from before it began"
    assert any(face.verdict is Verdict.SIGNS for kept in frames for face in kept.faces)
