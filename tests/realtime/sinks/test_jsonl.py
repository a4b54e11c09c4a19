from __future__ import annotations

import json
import os

import pytest
from updates import face_state, update

from unmask.engines.errors import UsageError
from unmask.realtime.metrics.collector import MetricsCollector
from unmask.realtime.sinks.jsonl import JsonLinesSink
from unmask.realtime.types import Cause, Event, SourceState, Verdict


def lines_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def sink(tmp_path):
    sink = JsonLinesSink(tmp_path / "events.jsonl", {"engine": "ort-cpu"})
    sink.path = tmp_path / "events.jsonl"
    yield sink
    sink.close()


def test_only_changes_are_written(sink):
    for number in range(20):
        sink.take(update(number / 25, face_state(), sequence=number + 1))
    sink.take(update(1.0, face_state(Verdict.SIGNS, score=0.9), sequence=21))
    sink.close()
    lines = lines_of(sink.path)
    assert lines[0]["type"] == "session"
    assert lines[0]["engine"] == "ort-cpu"
    assert lines[-1]["type"] == "end"
    assert [line["verdict"] for line in lines if line["type"] == "verdict"] == [
        "no_signs_found",
        "signs_of_manipulation",
    ]
    assert [line["score"] for line in lines if line["type"] == "face"] == [0.2, 0.9]


def test_an_alarm_has_one_start_and_one_end_line(sink):
    began = Event(1, 2.0, None, 0.8)
    ended = Event(1, 2.0, 5.5, 0.93)
    sink.take(update(2.0, face_state(Verdict.SIGNS, event=began), events=(began,)))
    sink.take(update(3.0, face_state(Verdict.SIGNS, event=began), events=(began,), sequence=2))
    sink.take(update(6.0, face_state(), events=(ended,), sequence=3))
    sink.take(update(7.0, face_state(), events=(ended,), sequence=4))
    events = [line for line in lines_of(sink.path) if line["type"] == "event"]
    assert [event["phase"] for event in events] == ["start", "end"]
    assert (events[1]["start_s"], events[1]["end_s"], events[1]["peak_score"]) == (2.0, 5.5, 0.93)


def test_an_alarm_that_began_and_ended_unseen_is_still_written(sink):
    sink.take(update(9.0, face_state(), events=(Event(3, 2.0, 4.0, 0.9),)))
    assert [line["phase"] for line in lines_of(sink.path) if line["type"] == "event"] == ["start", "end"]


def test_causes_states_and_status_are_written_without_any_picture(sink):
    sink.take(update(0.0, face_state(Verdict.CANNOT_JUDGE, Cause.DARK, score=None), causes=(Cause.DARK,)))
    sink.take(update(1.0, state=SourceState.RECONNECTING, message="the server is gone", sequence=2))
    lines = lines_of(sink.path)
    assert next(line for line in lines if line["type"] == "face")["causes"] == ["dark"]
    assert [line["state"] for line in lines if line["type"] == "state"] == ["running", "reconnecting"]
    status = next(line for line in lines if line["type"] == "status")
    assert status["frame_age_ms"] == 12.0
    assert status["dropped"] == {"detection busy": 1}
    assert max(len(json.dumps(line)) for line in lines) < 500


def test_an_existing_file_is_continued(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text('{"type": "mine"}\n')
    JsonLinesSink(path, {}).close()
    assert [line["type"] for line in lines_of(path)] == ["mine", "session", "end"]


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(UsageError, match="Cannot write"):
        JsonLinesSink(tmp_path / "nowhere" / "events.jsonl", {})


def test_what_is_kept_of_faces_and_alarms_that_are_gone_does_not_grow(sink):
    for number in range(1, 500):
        alarm = Event(number, number / 25, number / 25, 0.9)
        sink.take(update(number / 25, face_state(track=number), sequence=number, events=(alarm,)))
    assert len(sink._said) < 20
    lines = lines_of(sink.path)
    assert sum(line["type"] == "event" for line in lines) == 2 * 499


def test_a_name_that_is_no_unicode_is_written_all_the_same(tmp_path):
    name = os.fsdecode(b"caf\xe9.mp4")
    sink = JsonLinesSink(tmp_path / "events.jsonl", {"sources": [name]})
    sink.take(update(1.0, source_id=name))
    sink.close()
    assert lines_of(tmp_path / "events.jsonl")[0]["sources"] == [name]


def test_the_clocks_stand_in_the_status_line_and_troubles_have_lines(tmp_path):
    collector = MetricsCollector(monotonic_s=iter(range(10_000)).__next__)
    path = tmp_path / "events.jsonl"
    sink = JsonLinesSink(path, {}, collector.clocks)
    black = {"causes": (Cause.PICTURE_BLACK,)}
    for number, changes in enumerate([{}, {}, black, black, {}, {}], 1):
        one = update(number, face_state(), sequence=number, **changes)
        collector.take(one)
        sink.take(one)
    sink.close()
    lines = lines_of(path)
    status = next(line for line in lines if line["type"] == "status")
    assert status["clocks"]["age"]["p99_ms"] == pytest.approx(12, rel=0.13)
    assert "publish" in status["clocks"]["stages"]
    assert [line["troubles"] for line in lines if line["type"] == "trouble"] == [["black"], []]
