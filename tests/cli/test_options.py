"""The engine's options: from the command line to the engine that is opened."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import pytest
from toy_package import build_toy_package

from unmask.cli.main import main
from unmask.cli.options import PRECISIONS, add_detector_arguments, engine_options, open_detector
from unmask.engines import choice as choice_module
from unmask.engines import options as options_module
from unmask.engines.build_progress import BuildProgress, report
from unmask.engines.choice import Choice
from unmask.engines.errors import UsageError
from unmask.engines.options import EngineOptions
from unmask.realtime import detector as detector_module

GATE = {
    "against": "torch",
    "data": "crops",
    "crops": 100,
    "largest_score_difference": 0.01,
    "verdict_flips": 0,
    "auroc_difference": -0.001,
    "speed_ratio": 2.0,
    "machine": "two cores",
}


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A detector with an int8 variant: the same graph under another name."""
    import hashlib
    import json

    folder = build_toy_package(tmp_path / "toy")
    shutil.copy(folder / "encoder.onnx", folder / "small.onnx")
    manifest = json.loads((folder / "detector.json").read_text())
    sha256 = hashlib.sha256((folder / "small.onnx").read_bytes()).hexdigest()
    manifest["files"]["variants"] = {"int8": {"path": "small.onnx", "sha256": sha256, "gate": GATE}}
    (folder / "detector.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, EngineOptions]]:
    """(engine, file, options) of everything that a detector opens."""
    seen: list[tuple[str, str, EngineOptions]] = []
    real = detector_module.open_engine

    def open_engine(name: str, model: Path, options: EngineOptions):
        seen.append((name, model.name, options))
        return real("ort-cpu", model, EngineOptions(threads=options.threads, sha256=options.sha256))

    monkeypatch.setattr(detector_module, "open_engine", open_engine)
    return seen


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_detector_arguments(parser)
    return parser.parse_args(words)


def test_the_precisions_are_those_of_the_engines() -> None:
    assert PRECISIONS == options_module.PRECISIONS


def test_nothing_said_is_the_default() -> None:
    args = parsed()
    assert (args.engine, args.precision) == ("auto", "fp32")
    assert engine_options(args) == EngineOptions()


def test_everything_said_arrives() -> None:
    words = "--engine remote --server host:8001 --remote-model toy --deadline 0.25 --device 1 --engine-threads 3"
    wanted = EngineOptions(threads=3, device="1", server="host:8001", remote_model="toy", deadline_s=0.25)
    assert engine_options(parsed(*words.split())) == wanted


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--engine remote", "give its --server HOST:PORT"),
        ("--server host:1", "--server is for a server: give --engine remote too"),
        ("--engine ort-cpu --remote-model toy", "--remote-model is for a server"),
        ("--deadline 1", "--deadline is for a server"),
    ],
)
def test_what_does_not_go_together(words: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        engine_options(parsed(*words.split()))


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--engine-threads", "0", "0 is not a whole number above 0"),
        ("--engine-threads", "x", "x is not a whole number above 0"),
        ("--engine-threads", "9" * 5000, "is not a whole number above 0"),
        ("--deadline", "0", "0 is not a number above 0"),
        ("--deadline", "soon", "soon is not a number above 0"),
        ("--alarms-per-hour", "x", "x is not a number above 0"),
        ("--precision", "fp64", "fp64"),
        ("--device", "", "the name is empty"),
        ("--remote-model", " ", "the name is empty"),
    ],
)
def test_what_is_no_value(option: str, value: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed(option, value)
    said = capsys.readouterr().err
    assert option in said
    assert sentence in said


def test_too_many_threads_start_none(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--engine", "ort-cpu", "--engine-threads", "100000"]
    assert main(["detectors", "verify", str(toy), *words]) == 2
    assert "at most 256 threads, it was given 100000: give fewer" in capsys.readouterr().err


def test_a_second_detector_is_refused_behind_the_usual_one_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert parsed("--detector", "unmask-lite").detector == "unmask-lite"
    with pytest.raises(SystemExit):
        parsed("--detector", "unmask-lite", "--detector", "other")
    assert "given twice" in capsys.readouterr().err


@pytest.mark.usefixtures("no_leaks")
def test_a_plan_that_is_built_is_told_with_the_reason(
    toy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever opens a detector waits for it for minutes."""
    real = detector_module.open_engine

    def open_engine(name: str, model: Path, options: EngineOptions):
        for number in (1, 2):
            report(BuildProgress("plan for [x]", "TensorRT 10.1 is now 11.0", f"phase {number}", number, 2, 0.5))
        report(BuildProgress("plan for [x]", "", "finished", 1, 1, 1.0, finished=True))
        return real(name, model, options)

    monkeypatch.setattr(detector_module, "open_engine", open_engine)
    open_detector(str(toy), "ort-cpu").close()
    captured = capsys.readouterr()
    assert captured.err.count("Building a plan for [x], which takes minutes: TensorRT 10.1 is now 11.0 ...") == 2
    assert captured.out == ""
    report(BuildProgress("plan", "", "afterwards", 0, 1, 0.0))
    assert "afterwards" not in capsys.readouterr().err


def test_the_encoder_runs_as_asked_and_the_head_on_the_processor(toy: Path, opened, monkeypatch) -> None:
    monkeypatch.setattr("unmask.engines.registry.require_engine", lambda name: None)
    said: list[str] = []
    options = EngineOptions(threads=2, device="1")
    open_detector(str(toy), "ort-cuda", precision="int8", options=options, say=said.append).close()
    (name, file, given), (head, _, head_options) = opened
    assert (name, file, given.threads, given.device) == ("ort-cuda", "small.onnx", 2, "1")
    assert (head, head_options.threads, head_options.device) == ("ort-cpu", 1, None)
    assert said == [], "nothing was left to choose"


def test_auto_says_what_it_picked_and_why(toy: Path, opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice_module, "choose", lambda *_, **__: Choice("openvino", "it was faster"))
    said: list[str] = []
    open_detector(str(toy), "auto", say=said.append).close()
    assert said == ["Engine openvino: it was faster."]
    assert opened[0][:2] == ("openvino", "encoder.onnx")


@pytest.mark.parametrize(
    ("engine", "file", "why"),
    [("ort-cpu", "small.onnx", "int8: its gate measured 2 times"), ("openvino", "encoder.onnx", "fp32: no variant")],
)
def test_precision_auto_goes_by_the_gate(
    engine: str, file: str, why: str, toy: Path, opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice_module, "choose", lambda *_, **__: Choice(engine, "a reason"))
    said: list[str] = []
    open_detector(str(toy), "auto", precision="auto", say=said.append).close()
    assert opened[0][:2] == (engine, file)
    assert f"Precision {why}" in said[1]


@pytest.mark.parametrize("command", ["watch", "scan"])
def test_the_commands_hand_them_on(
    command: str, toy: Path, opened, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    source = ["synthetic", "--headless", "--max-seconds", "0.2"] if command == "watch" else [str(picture(tmp_path))]
    words = ["--detector", str(toy), "--face-finder", "cascade", "--engine", "ort-cpu", "--engine-threads", "2"]
    assert main([command, *source, *words, "--precision", "int8"]) == 0
    name, file, given = opened[0]
    assert (name, file, given.threads) == ("ort-cpu", "small.onnx", 2)
    assert main([command, *source, *words, "--precision", "fp16"]) == 2
    assert "no encoder of precision fp16: choose from fp32, int8" in capsys.readouterr().err
    assert main([command, *source, *words, "--server", "host:1"]) == 2
    assert "--server is for a server" in capsys.readouterr().err


def picture(folder: Path) -> Path:
    import cv2
    import skimage.data

    path = folder / "face.png"
    cv2.imwrite(str(path), cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR))
    return path


def test_watch_prints_the_choice_beside_its_output(toy: Path, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setattr(choice_module, "choose", lambda *_, **__: Choice("ort-cpu", "a test says so"))
    words = ["--headless", "--max-seconds", "0.2", "--detector", str(toy), "--face-finder", "cascade"]
    assert main(["watch", "synthetic", *words]) == 0
    assert "Engine ort-cpu: a test says so." in capsys.readouterr().err
