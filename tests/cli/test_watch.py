"""`unmask watch --headless` as a person runs it, signals included."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import av
import cv2
import pytest
import skimage.data
from clips import write_video
from fakes import picture
from toy_package import build_toy_package

from unmask.cli.main import main
from unmask.realtime.session import Session


@pytest.fixture
def options(tmp_path):
    toy = build_toy_package(tmp_path / "toy", rule={"dwell_s": 0.5, "release_s": 0.5}, quality={"min_face_px": 20})
    return ["--headless", "--detector", str(toy), "--face-finder", "cascade"]


@pytest.fixture
def portrait(tmp_path):
    face = cv2.cvtColor(skimage.data.astronaut()[:320:2, 60:380:2], cv2.COLOR_RGB2BGR)  # searching takes time
    moving = [cv2.convertScaleAbs(face, alpha=1.0, beta=number % 7) for number in range(50)]
    return write_video(tmp_path / "portrait.mp4", moving)


def test_a_file_is_watched_recorded_and_summed_up(portrait, options, tmp_path, capsys):
    recording, log = tmp_path / "out.mp4", tmp_path / "events.jsonl"
    code = main(["watch", str(portrait), *options, "--record", str(recording), "--jsonl", str(log)])
    out = capsys.readouterr().out
    assert code == 0, out
    assert "1 face followed, 50 frames analysed" in out
    assert "confirm through another channel" in out
    with av.open(str(recording)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 50
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert lines[0]["type"] == "session"
    assert lines[-1]["type"] == "end"
    assert any(line["type"] == "face" for line in lines)


def test_max_seconds_ends_a_live_source(options, capsys):
    began = time.monotonic()
    assert main(["watch", "synthetic", *options, "--max-seconds", "1"]) == 0
    assert 1.0 <= time.monotonic() - began < 10
    assert "cannot judge" in capsys.readouterr().out


def test_a_processor_budget_slows_a_file_and_changes_nothing_else(portrait, options, capsys):
    assert main(["watch", str(portrait), *options]) == 0
    free = capsys.readouterr().out
    assert main(["watch", str(portrait), *options, "--cpu", "0.3"]) == 0
    held = capsys.readouterr().out
    assert "50 frames analysed" in held
    assert ("cannot judge" in held) == ("cannot judge" in free)


def test_a_budget_of_nothing_is_refused(portrait, options, capsys):
    with pytest.raises(SystemExit):
        main(["watch", str(portrait), *options, "--cpu", "0"])
    assert "--cpu" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_completes_the_files(options, tmp_path, number):
    recording = tmp_path / "out.mp4"
    command = [sys.executable, "-m", "unmask.cli.main", "watch", "synthetic", *options, "--record", str(recording)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not list(tmp_path.glob(".out.part*")):
            time.sleep(0.1)
        time.sleep(0.5)
        process.send_signal(number)
        out, _ = process.communicate(timeout=15)
    finally:
        process.kill()
    assert process.returncode == 0, out
    assert "frames analysed" in out
    with av.open(str(recording)) as container:
        assert sum(1 for _ in container.decode(video=0)) > 3
    assert not list(tmp_path.glob(".out.part*"))


def test_two_sources_share_a_session_and_record_apart(portrait, options, tmp_path, capsys):
    other = write_video(tmp_path / "other.mp4", [picture(seed=number) for number in range(40)])
    assert main(["watch", str(portrait), str(other), *options, "--record", str(tmp_path / "out.mp4")]) == 0
    out = capsys.readouterr().out
    assert "50 frames analysed" in out
    assert "40 frames analysed" in out
    assert (tmp_path / "out-1.mp4").exists()
    assert (tmp_path / "out-2.mp4").exists()


def test_a_source_that_cannot_be_opened_is_one_sentence_and_exit_2(options, tmp_path, capsys):
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    assert main(["watch", str(tmp_path / "broken.mp4"), *options]) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "more", "sentence"),
    [
        ("no-such-thing", [], "no-such-thing"),
        ("synthetic", ["--record", "out.txt"], "must end with"),
        ("synthetic", ["--jsonl", "nowhere/x.jsonl"], "Cannot write"),
        ("synthetic", ["--engine", "remote"], "give its --server HOST:PORT"),
    ],
)
def test_a_wrong_argument_is_one_sentence(options, source, more, sentence, capsys):
    assert main(["watch", source, *options, *more]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert "Traceback" not in error


def test_without_a_display_the_window_is_refused_with_the_remedy(monkeypatch, options, capsys):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert main(["watch", "synthetic", *options[1:]]) == 2
    assert "add --headless" in capsys.readouterr().err


def test_the_same_source_twice_is_refused(options, capsys):
    assert main(["watch", "synthetic", "synthetic", *options]) == 2
    assert "named twice" in capsys.readouterr().err


def test_a_second_interrupt_while_it_stops_breaks_nothing(options, tmp_path, monkeypatch, capsys):
    stop = Session.stop

    def impatient(session, *_):
        os.kill(os.getpid(), signal.SIGINT)
        return stop(session)

    monkeypatch.setattr(Session, "stop", impatient)
    recording = tmp_path / "out.mp4"
    assert main(["watch", "synthetic", *options, "--max-seconds", "1", "--record", str(recording)]) == 0
    assert "frames analysed" in capsys.readouterr().out
    assert recording.exists()


@pytest.mark.parametrize("option", ["--record", "--jsonl"])
def test_what_is_watched_is_never_written_over(portrait, options, option, capsys):
    before = portrait.read_bytes()
    other_name = portrait.parent / ".." / portrait.parent.name / portrait.name
    assert main(["watch", str(portrait), *options, option, str(other_name)]) == 2
    assert "would be written over" in capsys.readouterr().err
    assert portrait.read_bytes() == before


def test_one_source_by_two_spellings_is_refused_too(options, capsys):
    assert main(["watch", "synthetic", " synthetic", *options]) == 2
    assert "named twice" in capsys.readouterr().err


def test_two_detectors_for_one_monitor_are_refused(options, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["watch", "synthetic", *options, "--detector", "other"])
    assert stopped.value.code == 2
    assert "given twice" in capsys.readouterr().err
