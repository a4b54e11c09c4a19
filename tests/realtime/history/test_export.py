from __future__ import annotations

import csv
import json

import pytest
from history import add_scan, add_session

from unmask.realtime.history.export import csv_text, json_text
from unmask.realtime.history.records import Query
from unmask.realtime.history.store import History
from unmask.realtime.types import Verdict


@pytest.fixture
def history(tmp_path):
    with History(tmp_path / "history.sqlite") as opened:
        add_session(opened, alarms=2)
        add_scan(opened, "=cmd|' /C calc'!A0", verdict=Verdict.CANNOT_JUDGE)
        yield opened


def test_json_holds_everything_but_pictures(history):
    event = history.record(1).events[0]
    history.put_picture(event.event_id, 1.0, 0.9, b"PICTURE")
    document = json.loads("".join(json_text(history)))
    assert document["version"] == 1
    scan, session = document["entries"]
    assert scan["finding"]["frames_analysed"] == 40
    assert session["at"] == "1970-01-12T13:46:40+00:00"
    assert session["coverage"] == 0.5
    assert [event["start_s"] for event in session["events"]] == [10.0, 11.0]
    assert session["events"][0]["pictures"] == 1
    assert session["judged_by"]["engine"] == "CPUExecutionProvider"
    assert "confirm through another channel" in document["hint"]


def test_an_empty_history_is_still_a_document(history):
    assert json.loads("".join(json_text(history, Query(text="nothing"))))["entries"] == []


def test_csv_has_a_line_per_entry_and_no_formula(history):
    head, scan, session = csv.reader(list(csv_text(history.entries())))
    assert head[0] == "number"
    assert scan[3] == "'=cmd|' /C calc'!A0"
    assert scan[4:6] == ["cannot judge", "because no face in the picture"]
    assert session[1:5] == ["session", "1970-01-12T13:46:40+00:00", "camera:0", "signs of manipulation"]
    assert session[6:8] == ["0.9100", "2"]
