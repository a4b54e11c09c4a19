"""The command as a person runs it: real files, a tiny detector, OpenCV's bundled face finder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import av
import numpy as np
import pytest
import skimage.data
from clips import write_video
from toy_package import build_toy_package

from unmask.cli.main import main
from unmask.realtime.writing import write_whole


@pytest.fixture(scope="module")
def portrait(tmp_path_factory):
    """Two seconds of a portrait that the camera pans over; the toy detector finds it red."""
    picture = skimage.data.astronaut()[:400:2, ::2, ::-1]  # a quarter of the pixels: the search is what takes time
    noise = np.random.default_rng(0)
    frames = [
        np.clip(np.roll(picture, number // 4, axis=1) + noise.integers(-3, 4, picture.shape), 0, 255).astype(np.uint8)
        for number in range(60)
    ]
    return write_video(tmp_path_factory.mktemp("portrait") / "portrait.mp4", frames)


@pytest.fixture
def options(tmp_path):
    toy = build_toy_package(tmp_path / "toy", rule={"dwell_s": 0.5, "release_s": 0.5}, quality={"min_face_px": 20})
    return ["--detector", str(toy), "--face-finder", "cascade"]


def test_a_scan_prints_a_table_and_writes_both_reports(portrait, options, tmp_path, capsys):
    json_file, html_file = tmp_path / "out.json", tmp_path / "out.html"
    code = main(["scan", str(portrait), *options, "--json", str(json_file), "--html", str(html_file)])
    assert code == 0
    (item,) = json.loads(json_file.read_text(encoding="utf-8"))["items"]
    assert item["path"] == str(portrait)
    assert item["face_share"] > 0.9
    assert len(item["faces"]) == 1
    assert item["verdict"] in ("signs_of_manipulation", "no_signs_found")
    assert "<svg" in html_file.read_text(encoding="utf-8")
    out = capsys.readouterr().out
    assert item["verdict"].split("_")[0] in out
    assert "confirm through another channel" in out
    assert "fallback" in out, "the cascade says that it is only the fallback"


def test_json_to_the_terminal_is_nothing_but_json(portrait, options, capsys):
    assert main(["scan", str(portrait), *options, "--json", "-", "--frames", "20"]) == 0
    assert json.loads(capsys.readouterr().out)["version"] == 1


def test_when_nothing_could_be_read_the_exit_code_says_so(options, tmp_path, capsys):
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    report = tmp_path / "out.json"
    assert main(["scan", str(tmp_path / "broken.mp4"), *options, "--json", str(report)]) == 2
    (item,) = json.loads(report.read_text(encoding="utf-8"))["items"]
    assert item["error"]
    assert item["verdict"] == "cannot_judge"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--json", "nowhere/out.json"], "folder that exists"),
        (["--crops"], "give --html"),
        (["--detector", "no-such-detector"], "no-such-detector"),
        (["--engine", "tensorrt"], "tensorrt cannot run here"),
        (["--engine", "tensorflow"], "There is no engine"),
        (["--face-size", "333", "--face-finder", "auto"], "multiple of 32"),
        (["--face-size", "²"], "number of pixels"),
        (["--alarms-per-hour", "0.0001"], "per hour"),
    ],
)
def test_a_wrong_argument_is_one_sentence(portrait, options, words, sentence, capsys):
    assert main(["scan", str(portrait), *options, *words]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert "Traceback" not in error
    assert error.count("\n") <= 2


@pytest.mark.parametrize("words", [["--frames", "0"], ["--frames", "x"], ["--face-confidence", "7"], []])
def test_what_the_parser_refuses_is_one_sentence(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["scan", *(["clip.mp4"] if words else []), *words])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_an_interrupted_report_leaves_what_was_there(tmp_path, monkeypatch):
    target = tmp_path / "out.json"
    target.write_text("before")

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_whole(target, "after")
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


def test_a_report_is_never_written_over_what_is_scanned(portrait, options, capsys):
    before = portrait.read_bytes()
    assert main(["scan", str(portrait.parent), *options, "--json", str(portrait)]) == 2
    assert "would be written over" in capsys.readouterr().err
    assert portrait.read_bytes() == before


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_a_place_that_cannot_be_written_is_known_before_the_work(portrait, options, option, capsys):
    if not Path("/proc/self").is_dir():
        pytest.skip("needs Linux's /proc, a folder in which nobody can make a file")
    assert main(["scan", str(portrait), *options, option, "/proc/out"]) == 2
    output = capsys.readouterr()
    assert "cannot be written" in output.err
    assert "Faces:" not in output.out


def test_what_is_no_file_is_written_to_and_a_link_is_followed(tmp_path):
    """As root a rename would put a file in place of /dev/null itself: a pipe of our own stands in for it."""
    pipe, link, target = tmp_path / "pipe", tmp_path / "link.json", tmp_path / "kept" / "out.json"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    write_whole(pipe, "into the pipe")
    reader.join(5)
    assert pipe.is_fifo(), "it must not be replaced"
    assert read == ["into the pipe"]
    target.parent.mkdir()
    target.write_text("before")
    link.symlink_to(target)
    write_whole(link, "after")
    assert link.is_symlink()
    assert target.read_text() == "after"


def test_a_file_name_that_is_no_unicode_is_reported_all_the_same(portrait, options, tmp_path, capsys):
    odd = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    try:
        shutil.copy(portrait, odd)
    except OSError:
        pytest.skip("this file system wants Unicode")
    report, page = tmp_path / "out.json", tmp_path / "out.html"
    words = ["--frames", "20", "--json", str(report), "--html", str(page)]
    code = subprocess.run(
        [sys.executable, "-m", "unmask.cli.main", "scan", str(odd), *options, *words],
        capture_output=True,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "utf-8:strict"},
    )
    assert code.returncode == 0, code.stderr.decode()
    assert json.loads(report.read_text(encoding="utf-8"))["items"][0]["path"] == str(odd)
    assert "caf" in page.read_text(encoding="utf-8")


def test_a_terminal_without_the_signs_gets_escapes_instead_of_a_crash(options, tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    done = subprocess.run(
        [sys.executable, "-m", "unmask.cli.main", "scan", str(tmp_path / "broken.mp4"), *options],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "cp1252:strict"},
    )
    assert done.returncode == 2, done.stderr.decode()
    assert b"Traceback" not in done.stderr


def test_a_file_that_breaks_off_is_reported_as_far_as_it_goes(portrait, options, tmp_path, capsys):
    cut, report, page = tmp_path / "cut.mp4", tmp_path / "out.json", tmp_path / "out.html"
    with av.open(str(portrait)) as whole, av.open(str(cut), "w", options={"movflags": "faststart"}) as target:
        stream = target.add_stream_from_template(whole.streams.video[0])
        for packet in whole.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    data = cut.read_bytes()
    cut.write_bytes(data[: len(data) * 4 // 10])
    assert main(["scan", str(cut), *options, "--json", str(report), "--html", str(page)]) == 0
    (item,) = json.loads(report.read_text(encoding="utf-8"))["items"]
    assert "breaks off" in item["error"]
    assert item["frames_analysed"] > 3
    assert item["faces"]
    assert "breaks off" in capsys.readouterr().out.replace("\n", " ")
    assert "breaks off" in page.read_text(encoding="utf-8")
    assert "<svg" in page.read_text(encoding="utf-8")


def test_a_rate_without_a_sequence_is_refused(portrait, options, capsys):
    assert main(["scan", str(portrait), *options, "--fps", "10"]) == 2
    assert "--sequence" in capsys.readouterr().err
