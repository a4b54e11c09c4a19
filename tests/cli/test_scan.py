"""The command as a person runs it: real files, a tiny detector, OpenCV's bundled face finder."""

from __future__ import annotations

import json

import numpy as np
import pytest
import skimage.data
from clips import write_video
from toy_package import build_toy_package

from unmask.cli.main import main
from unmask.cli.scan import write_whole


@pytest.fixture(scope="module")
def portrait(tmp_path_factory):
    """Two seconds of a portrait that the camera pans over; the toy detector finds it red."""
    picture = skimage.data.astronaut()[:400, :, ::-1]
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
        (["--face-size", "333"], "multiple of 32"),
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
