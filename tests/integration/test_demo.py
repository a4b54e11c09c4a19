"""The demo whole: the clip, the monitor on it, what it records and logs, and a scan of the same clip."""

from __future__ import annotations

import functools
import json

import av
import pytest

from unmask.cli.main import main
from unmask.realtime.session import Session, SourcePlan
from unmask.realtime.sources.registry import SourceOptions, make_source
from unmask.realtime.types import SourceState
from unmask.training import demo_clip


@pytest.fixture
def options(toy):
    return ["--detector", str(toy), "--face-finder", "cascade"]


def read_lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_demo_runs_whole(clip, options, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(demo_clip, "ensure_demo_clip", lambda progress: clip.demo)
    recording, log = tmp_path / "out.mp4", tmp_path / "events.jsonl"
    code = main(["demo", "--headless", "--record", str(recording), "--jsonl", str(log), *options])
    out = capsys.readouterr().out
    assert code == 0, out
    frames = clip.demo.truth.frames
    assert clip.demo.truth.statement in " ".join(out.split())
    assert f"2 faces followed, {frames} frames analysed" in out
    assert "confirm through another channel" in out
    lines = read_lines(log)
    assert len({line["track"] for line in lines if line["type"] == "face"}) == 2
    assert [line for line in lines if line["type"] == "status"][-1]["analysed"] == frames
    with av.open(str(recording)) as container:
        stream = container.streams.video[0]
        played = [frame.pts * frame.time_base for frame in container.decode(stream)]
        assert (stream.width, stream.height) == (clip.demo.truth.width, clip.demo.truth.height)
    assert len(played) == frames
    assert float(played[-1]) == pytest.approx((frames - 1) / clip.demo.truth.fps, abs=0.05)


def test_the_boxes_of_the_session_are_where_the_truth_has_the_faces(clip, detector, new_finder, recorder):
    make = functools.partial(make_source, str(clip.path), SourceOptions())
    with Session([SourcePlan("demo", make, new_finder())], detector, sinks=[recorder]) as session:
        assert session.wait(60)
    truth = clip.demo.truth
    updates = {update.frame.index: update for update in recorder.updates if update.frame is not None}
    assert sorted(updates) == list(range(truth.frames))
    assert recorder.updates[-1].state is SourceState.ENDED
    tracks = set()
    for face in truth.faces:
        right = 0
        for index, update in updates.items():
            for state in update.faces:
                if state.track.face.overlap(face.face(index)) > 0.4:
                    right += 1
                    tracks.add((face.name, state.track.track_id))
        print(f"{face.name}: IoU over 0.4 in {right} of {truth.frames} frames")
        assert right >= 0.8 * truth.frames
    assert len(tracks) == 2, "each person keeps one number, and no two share one"
    assert {face.track.track_id for update in updates.values() for face in update.faces} == {1, 2}


def test_a_scan_of_the_demo_finds_two_faces(clip, options, tmp_path):
    report = tmp_path / "report.json"
    assert main(["scan", str(clip.path), "--json", str(report), *options]) == 0
    (item,) = json.loads(report.read_text(encoding="utf-8"))["items"]
    assert (item["kind"], item["duration_s"]) == ("video", pytest.approx(clip.demo.truth.seconds, abs=0.05))
    assert len(item["faces"]) == 2
    assert item["face_share"] > 0.9
    for face in item["faces"]:
        assert face["first_s"] < 0.5
        assert face["last_s"] > clip.demo.truth.seconds - 0.5
