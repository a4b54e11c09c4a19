from __future__ import annotations

import json
from pathlib import Path

import pytest
from toy_package import build_toy_package

from unmask.cli.main import main
from unmask.engines import package as package_module
from unmask.engines.package import user_folder

METRIC = {
    "name": "AUROC",
    "value": 0.731,
    "low": 0.702,
    "high": 0.758,
    "data": "held-out faces",
    "units": 412,
    "unit": "people",
    "command": "unmask evaluate",
}
THRESHOLDS = [
    {"score": 0.7, "alarms_per_hour": 1.0, "footage_hours": 30.0, "alarms_seen": 0, "footage": "calls"},
    {"score": 0.9, "alarms_per_hour": 0.1, "footage_hours": 0.0, "alarms_seen": 0, "footage": "none yet"},
]


@pytest.fixture(autouse=True)
def nothing_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_module, "_shipped_roots", list)


@pytest.fixture
def toy() -> Path:
    return build_toy_package(
        user_folder() / "toy",
        description="Brackets [bold] and :smile: are text.",
        thresholds=THRESHOLDS,
        provenance={"metrics": [METRIC], "limits": ["It sees colour alone."]},
    )


def words(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_list_without_any_names_the_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detectors", "list"]) == 0
    assert str(user_folder()) in capsys.readouterr().out


def test_list(toy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    (build_toy_package(user_folder() / "bad", name="bad") / "detector.json").write_text("{")
    assert main(["detectors", "list"]) == 0
    shown = words(capsys)
    assert "toy 1.0.0 user" in shown
    assert "unusable: The manifest" in shown
    assert main(["detectors", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["detectors"]
    assert [(row["name"], bool(row["problem"])) for row in rows] == [("bad", True), ("toy", False)]
    assert rows[1]["folder"] == str(toy)


def test_show_says_what_backs_a_threshold(
    toy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    assert main(["detectors", "show", "toy"]) == 0
    shown = words(capsys)
    assert "Brackets [bold] and :smile: are text." in shown
    assert "0 false alarms in 30 h of calls: proves at most 0.1/h (95 %)" in shown
    assert "nothing: no footage was watched with it (none yet)" in shown
    assert "AUROC 0.731 0.702 to 0.758 held-out faces (412 people)" in shown
    assert shown.count("reproduced by: unmask evaluate") == 1
    assert "It sees colour alone." in shown
    assert "none: the score is no probability" in shown
    assert "4 crops, one per 100 ms (0.4 s)" in shown


def test_show_json(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detectors", "show", str(toy), "--json"]) == 0
    manifest = json.loads(capsys.readouterr().out)["manifest"]
    assert manifest["thresholds"][0]["proven_per_hour"] == pytest.approx(0.0999, abs=1e-3)
    assert manifest["thresholds"][1]["proven_per_hour"] is None
    assert manifest["provenance"]["metrics"][0]["value"] == 0.731


def test_verify_a_sound_one(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detectors", "verify", "toy", str(toy)]) == 0
    shown = capsys.readouterr().out
    assert shown.count("toy 1.0.0 is sound") == 2
    assert "says nothing about its accuracy" in shown


def test_verify_a_broken_one_exits_2_with_the_sentence(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (toy / "encoder.onnx").write_bytes(b"broken")
    assert main(["detectors", "verify", "toy"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "encoder.onnx differs from its checksum" in captured.err
    assert captured.err.count("\n") == 1


def test_verify_goes_on_after_a_broken_one(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detectors", "verify", "none", "toy"]) == 2
    captured = capsys.readouterr()
    assert "no detector 'none'" in captured.err
    assert "toy 1.0.0 is sound" in captured.out
    assert main(["detectors", "verify", "none", "toy", "--json"]) == 2
    rows = json.loads(capsys.readouterr().out)["detectors"]
    assert [row["sound"] for row in rows] == [False, True]
    assert rows[1]["provider"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--engine", "trt"], "choose one of auto"),
        (["--precision", "int8"], "no encoder of precision int8"),
        (["--engine", "remote"], "give its --server HOST:PORT"),
        (["--engine", "ort-cpu", "--device", "1"], "has no devices to choose from"),
    ],
)
def test_verify_on_what_cannot_run(
    toy: Path, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["detectors", "verify", "toy", *words]) == 2
    assert sentence in capsys.readouterr().err


def test_verify_with_an_engine_that_is_missing(
    toy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unmask.engines.ort_cuda.why_unavailable", lambda: "there is no GPU; buy one")
    assert main(["detectors", "verify", "toy", "--engine", "ort-cuda"]) == 2
    assert "The engine ort-cuda cannot run here: there is no GPU; buy one" in capsys.readouterr().err


def test_verify_says_what_ran(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detectors", "verify", "toy", "--engine", "ort-cpu", "--engine-threads", "2", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["detectors"]
    assert (row["engine"], row["precision"], row["engine_difference"]) == ("ort-cpu", "fp32", None)


def test_show_has_variants_and_the_activation_map(
    toy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    assert main(["detectors", "show", "toy"]) == 0
    shown = words(capsys)
    assert "Encoders of other precisions: none." in shown
    assert "none: it cannot show where it looked" in shown
    gate = {
        "against": "torch 2.13",
        "data": "held-out faces",
        "crops": 500,
        "largest_score_difference": 0.0123,
        "verdict_flips": 3,
        "auroc_difference": -0.002,
        "speed_ratio": 2.14,
        "machine": "two cores of X",
        "command": "unmask export it",
    }
    variants = {"int8": {"path": "int8.onnx", "sha256": "0" * 64, "gate": gate}}
    build_toy_package(toy, activation={"rows": 6, "columns": 7}, files={"variants": variants})
    assert main(["detectors", "show", "toy"]) == 0
    shown = words(capsys)
    assert "6 x 7 cells: where it looked, no evidence" in shown
    assert "int8 2.14 x fp32 0.0123 3 of 500 -0.20 points 500 crops of held-out faces, against torch 2.13" in shown
    assert "reproduced by: unmask export it" in shown


@pytest.mark.parametrize("arguments", [[], ["show"], ["verify"], ["list", "extra"], ["burn"]])
def test_wrong_arguments_are_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["detectors", *arguments])
    assert caught.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_show_of_nothing_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detectors", "show", "./nowhere"]) == 2
    assert "no detector package at nowhere" in capsys.readouterr().err
