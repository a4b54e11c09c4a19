"""The command as a person runs it, on a history in a folder of its own."""

from __future__ import annotations

import csv
import io
import json
import time

import pytest
from clips import write_video
from fakes import picture
from history import add_scan, add_session
from sessions import open_toy_detector, plan, run
from toy_package import build_toy_package

from unmask.cli.history import session_sink
from unmask.cli.main import main
from unmask.realtime.history.opening import history_file
from unmask.realtime.history.store import History
from unmask.realtime.session import Session, SessionSettings
from unmask.realtime.types import Verdict


@pytest.fixture
def filled():
    with History() as history:
        add_session(history, "window:Weekly [call]", at=1_000_000.0, alarms=2)
        add_scan(history, "/videos/clip.mp4", at=2_000_000.0)
        add_scan(history, "/videos/dark.mp4", at=3_000_000.0, verdict=Verdict.CANNOT_JUDGE)


@pytest.fixture
def said(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")

    def run(*words, code=0):
        assert main(["history", *words]) == code
        captured = capsys.readouterr()
        return captured.out + captured.err

    return run


def numbers(said, *words):
    return [entry["number"] for entry in json.loads(said(*words, "--json"))["entries"]]


@pytest.mark.usefixtures("filled")
def test_the_list_has_the_newest_first_in_the_words_of_verdicts(said):
    out = said("list")
    assert out.index("dark.mp4") < out.index("clip.mp4") < out.index("Weekly [call]")
    assert "signs of manipulation" in out
    assert "no face in the picture" in " ".join(out.split())
    assert "confirm through another channel" in out
    assert "2 more" in said("list", "--limit", "1")


@pytest.mark.usefixtures("filled")
def test_what_is_looked_for_is_found(said):
    assert numbers(said, "search", "videos", "DARK") == [3]
    assert numbers(said, "list", "--verdict", "signs") == [1]
    assert numbers(said, "list", "--kind", "scan") == [3, 2]
    day = time.strftime("%Y-%m-%d", time.localtime(2_000_000))
    assert numbers(said, "list", "--since", day) == [3, 2]
    assert numbers(said, "list", "--until", day) == [2, 1]
    assert "nothing of that kind" in said("search", "elephant")
    with pytest.raises(SystemExit):
        main(["history", "list", "--since", "yesterday"])


@pytest.mark.usefixtures("filled")
def test_one_is_shown_with_all_that_is_known(said):
    out = said("show", "1")
    for words in ("50% of the face time could be judged", "face 1 of window:Weekly", "ended", "toy 1.0.0", "0.60"):
        assert words in out
    assert "40 frames" in said("show", "2")
    assert json.loads(said("show", "1", "--json"))["coverage"] == 0.5
    assert "no entry 99" in said("show", "99", code=2)


@pytest.mark.usefixtures("filled")
def test_it_is_exported(said, tmp_path):
    assert "3 entries written" in said("export", str(tmp_path / "all.json"))
    assert len(json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))["entries"]) == 3
    said("export", str(tmp_path / "scans.csv"), "--kind", "scan")
    rows = list(csv.reader(io.StringIO((tmp_path / "scans.csv").read_text(encoding="utf-8"))))
    assert [row[0] for row in rows] == ["number", "3", "2"]
    assert ".json or .csv" in said("export", str(tmp_path / "all.txt"), code=2)


@pytest.mark.usefixtures("filled")
def test_it_is_deleted(said):
    assert "Say what to delete" in said("delete", code=2)
    assert "no entry 9" in said("delete", "1", "9", code=2)
    assert numbers(said, "list") == [3, 2, 1], "a wrong number deletes nothing"
    assert "1 entry" in said("delete", "1")
    assert "add --yes" in said("delete", "--all", code=2)
    assert "2 entries" in said("delete", "--older-than", "30")
    assert "0 entries" in said("delete", "--all", "--yes")


def test_an_empty_one_says_how_to_fill_it(said):
    assert "--history" in said("list")


def test_a_damaged_one_is_named(said):
    history_file().parent.mkdir(parents=True)
    history_file().write_bytes(b"no database" * 200)
    assert "kept as history.sqlite.broken" in said("list")


def test_a_scan_is_kept_only_where_it_was_asked_for(tmp_path, capsys, said):
    clip = write_video(tmp_path / "clip.mp4", [picture(seed=number) for number in range(20)])
    options = ["--detector", str(build_toy_package(tmp_path / "toy")), "--face-finder", "cascade"]
    assert main(["scan", str(clip), *options]) == 0
    assert not history_file().exists()
    assert main(["scan", str(clip), *options, "--history"]) == 0
    capsys.readouterr()
    (entry,) = json.loads(said("list", "--json"))["entries"]
    assert (entry["what"], entry["verdict"], entry["causes"]) == (str(clip), "cannot_judge", ["no_face"])
    assert entry["size"] == clip.stat().st_size
    assert entry["judged_by"]["engine"] == "CPUExecutionProvider"


def test_a_session_in_the_terminal_can_be_recorded(tmp_path, said):
    with open_toy_detector(tmp_path / "toy") as detector:
        settings = SessionSettings()
        sink = session_sink(detector, settings, ["red"], "fp32")
        run(Session([plan("red")], detector, settings, [sink]))
    out = said("show", "1")
    assert "session 1: red" in out
    assert "signs of manipulation" in out
    assert "Alarms start at score" in out
