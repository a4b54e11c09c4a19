"""What a session leaves in the history, also when it is killed, when the disk is full, when it is deleted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from history import JUDGING
from sessions import open_toy_detector, plan, run
from updates import face_state, update

from unmask.realtime.history import sink as sink_module
from unmask.realtime.history.records import HistoryError, Judging, SessionRecord
from unmask.realtime.history.sink import HistorySink
from unmask.realtime.history.store import History
from unmask.realtime.session import Session
from unmask.realtime.types import Cause, Event, SourceState, Verdict


@pytest.fixture
def file(tmp_path):
    return tmp_path / "history.sqlite"


@pytest.fixture
def sink(file):
    opened = HistorySink(History(file), JUDGING, ["fake"])
    yield opened
    opened.close()


@pytest.fixture
def stored(file, sink):
    """The one session, as another program reads it now."""

    def read() -> SessionRecord:
        with History(file) as history:
            (entry,) = history.entries()
            record = history.record(entry.entry_id)
        assert isinstance(record, SessionRecord)
        return record

    return read


@pytest.fixture
def written_always(monkeypatch):
    monkeypatch.setattr(sink_module, "WRITE_EVERY_S", 0.0)


def test_the_session_is_there_before_anything_happened(stored):
    record = stored()
    assert record.entry.title == "fake"
    assert record.entry.verdict is Verdict.CANNOT_JUDGE
    assert record.ended_at is None
    assert record.judging == JUDGING


def test_coverage_is_the_share_of_the_face_time_that_was_judged(sink, stored, written_always):
    blurred = face_state(Verdict.CANNOT_JUDGE, Cause.BLURRED, score=None, track=2)
    sink.take(update(0.0, face_state(), blurred, sequence=1))
    sink.take(update(1.0, face_state(), blurred, sequence=2))
    sink.take(update(3.0, blurred, sequence=3, causes=(Cause.BLURRED,)))
    sink.take(update(4.0, sequence=4, causes=(Cause.NO_FACE,)))
    (account,) = stored().sources
    assert account.watched_s == 4.0
    assert account.face_s == 4.0, "two faces for one second, one for two"
    assert account.judged_s == 1.0
    assert account.coverage == 0.25
    assert account.no_signs_s == 1.0
    assert account.causes == ("blurred", "no_face")
    assert stored().entry.verdict is Verdict.NO_SIGNS


def test_a_pause_and_a_jump_back_count_nothing(sink, stored, written_always):
    sink.take(update(1.0, face_state(), sequence=1))
    sink.take(update(2.0, face_state(), sequence=2, state=SourceState.PAUSED))
    sink.take(update(50.0, face_state(), sequence=3))
    sink.take(update(51.0, face_state(), sequence=4))
    sink.take(update(0.5, face_state(), sequence=5))
    assert stored().watched_s == 1.0


def test_an_alarm_is_written_when_it_begins_and_when_it_ends(sink, stored):
    began, ended = Event(1, 2.0, None, 0.8), Event(1, 2.0, 5.5, 0.93)
    sink.take(update(2.0, face_state(Verdict.SIGNS, event=began), events=(began,)))
    (event,) = stored().events
    assert (event.start_s, event.end_s, event.peak_score, event.detector) == (2.0, None, 0.8, "toy 1.0.0")
    assert stored().entry.alarms == 1
    sink.take(update(6.0, face_state(), events=(ended,), sequence=2))
    sink.take(update(7.0, face_state(), sequence=3))
    (event,) = stored().events
    assert (event.end_s, event.peak_score) == (5.5, 0.93)
    assert (stored().entry.verdict, stored().entry.score) == (Verdict.SIGNS, 0.93)


def test_a_rising_score_reaches_the_file_without_a_write_each(sink, stored, monkeypatch):
    writes = []
    put = History.put_event
    monkeypatch.setattr(History, "put_event", lambda *given: writes.append(given) or put(*given))
    for number in range(50):
        event = Event(1, 2.0, None, 0.8 + number / 1000)
        sink.take(update(2.0 + number / 25, face_state(Verdict.SIGNS, event=event), events=(event,), sequence=number))
    assert len(writes) == 1
    sink.take(update(5.0, face_state(), events=(event,), sequence=51, state=SourceState.ENDED))
    assert len(writes) == 2
    assert stored().events[0].peak_score == pytest.approx(0.849)


def test_an_end_is_written(file):
    HistorySink(History(file), JUDGING, ["fake"]).close()
    with History(file) as history:
        record = history.record(history.entries()[0].entry_id)
    assert isinstance(record, SessionRecord)
    assert record.ended_at is not None


def test_a_change_of_detector_is_told(sink, stored, written_always):
    sink.describe(Judging("other", "2.0"))
    event = Event(1, 2.0, None, 0.8)
    sink.take(update(2.0, face_state(Verdict.SIGNS, event=event), events=(event,)))
    assert stored().entry.detector == "toy 1.0.0, then other 2.0"
    assert stored().events[0].detector == "other 2.0"
    assert stored().judging.detector == "other"


def test_no_picture_is_kept_unless_it_was_allowed(sink, stored, file):
    events = []
    for number, score in enumerate((0.7, 0.72, 0.8, 0.9, 0.95, 0.99)):
        sink.keep_pictures = number > 0
        event = Event(1, 2.0, None, score)
        events.append(event)
        state = face_state(Verdict.SIGNS, event=event, score=score)
        sink.take(update(2.0 + number, state, events=(event,), sequence=number + 1))
    (event,) = stored().events
    assert event.pictures == 4, "the first that was allowed, and what scored clearly higher, four at most"
    with History(file) as history:
        (time_s, jpeg), *_ = history.pictures(event.event_id)
    assert time_s == 3.0
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert max(picture.shape) <= 160


def test_a_face_outside_the_picture_has_no_picture(sink):
    image = np.zeros((20, 20, 3), np.uint8)
    assert sink_module.face_jpeg(image, face_state()) is None


def test_what_a_person_deletes_meanwhile_stays_deleted_but_an_alarm_that_is_on(sink, stored, file, written_always):
    over, on = Event(1, 2.0, 3.0, 0.9), Event(2, 4.0, None, 0.8)
    sink.take(update(5.0, face_state(Verdict.SIGNS, event=on), events=(over, on)))
    first = stored()
    assert len(first.events) == 2
    with History(file) as history:
        history.delete_all()
    ended = Event(2, 4.0, 6.0, 0.85)
    sink.take(update(6.0, face_state(), events=(over, ended), sequence=2))
    record = stored()
    assert record.entry.entry_id > first.entry.entry_id
    assert [(event.track, event.end_s) for event in record.events] == [(2, 6.0)]
    assert (record.entry.alarms, record.entry.score, record.entry.verdict) == (1, 0.85, Verdict.SIGNS)
    sink.take(update(7.0, face_state(), events=(over, ended), sequence=3))
    assert stored().events == record.events
    assert sink.entry_id == record.entry.entry_id


def test_a_long_call_is_not_kept_in_memory(sink):
    for number in range(100):
        event = Event(number, float(number), number + 0.5, 0.8)
        sink.take(update(float(number), events=(event,), sequence=number))
    assert len(sink._alarms) == 1


def test_a_whole_session_is_recorded(tmp_path, file, no_leaks):
    with open_toy_detector(tmp_path / "toy") as detector:
        session = Session([plan("red")], detector, sinks=[HistorySink(History(file), JUDGING, ["red"])])
        newest = run(session)
        assert session.failures == []
    with History(file) as history:
        record = history.record(history.entries()[0].entry_id)
    assert isinstance(record, SessionRecord)
    assert [(event.start_s, event.end_s) for event in record.events] == [
        (event.start_s, event.end_s) for event in newest["red"].events
    ]
    assert record.watched_s == pytest.approx(99 / 25, abs=0.01)
    assert 0 < (record.coverage or 0) < 1, "the first frames are too few to judge"
    assert record.ended_at is not None


def test_a_full_disk_is_named_and_the_monitor_goes_on(tmp_path, file, no_leaks):
    history = History(file)
    sink = HistorySink(history, JUDGING, ["red"])
    history._connection.execute("PRAGMA query_only = ON")
    with open_toy_detector(tmp_path / "toy") as detector:
        session = Session([plan("red")], detector, sinks=[sink])
        newest = run(session)
        (failure,) = session.failures
    assert "HistorySink stopped: The history" in failure
    assert newest["red"].events, "the alarm was raised all the same"
    assert newest["red"].state is SourceState.ENDED


def test_what_was_known_outlives_a_kill(file):
    program = (
        "import sys, os, signal; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
        "from history import JUDGING; from updates import face_state, update\n"
        "from unmask.realtime.history.sink import HistorySink; from unmask.realtime.history.store import History\n"
        "from unmask.realtime.types import Event, Verdict\n"
        "sink = HistorySink(History(Path(sys.argv[2])), JUDGING, ['fake'])\n"
        "event = Event(1, 2.0, None, 0.8)\n"
        "sink.take(update(2.0, face_state(Verdict.SIGNS, event=event), events=(event,)))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    support = Path(__file__).parents[2] / "support"
    done = subprocess.run([sys.executable, "-c", program, str(support), str(file)], check=False, env=dict(os.environ))
    assert done.returncode == -signal.SIGKILL
    with History(file) as history:
        assert history.notice == ""
        record = history.record(history.entries()[0].entry_id)
    assert isinstance(record, SessionRecord)
    assert record.ended_at is None
    assert record.broken_off(record.seen_at + 60)
    assert [event.start_s for event in record.events] == [2.0]


def test_a_history_that_cannot_be_written_is_named_before_the_session(file):
    history = History(file)
    history._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(HistoryError, match="cannot be written"):
        HistorySink(history, JUDGING, ["fake"])
    history.close()
