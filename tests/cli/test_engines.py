from __future__ import annotations

import json
from pathlib import Path

import pytest
from toy_package import build_toy_package

from unmask.cli.main import main
from unmask.engines import choice as choice_module
from unmask.engines.choice_memory import Measured
from unmask.engines.registry import ENGINE_NAMES, EngineListing

ROWS = (Measured("ort-cpu", 10.0, 10.5), Measured("openvino", 4.0, 8.0, 0.001))


@pytest.fixture
def toy(tmp_path: Path) -> str:
    return str(build_toy_package(tmp_path / "toy"))


@pytest.fixture
def two_engines(every_engine: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """ort-cpu and openvino run here, and are as fast as ``ROWS`` say."""
    here = {row.engine for row in ROWS}
    monkeypatch.setattr(choice_module, "why_unavailable", lambda name: None if name in here else "no")
    monkeypatch.setattr(choice_module, "measure", lambda *_: ROWS)
    listing = [
        EngineListing(name, name in here, "ready" if name in here else "not here; buy one") for name in ENGINE_NAMES
    ]
    monkeypatch.setattr("unmask.engines.registry.list_engines", lambda: listing)


def test_the_table_names_every_engine(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engines"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ENGINE_NAMES)


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engines", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["engines"]
    assert [row["name"] for row in rows] == list(ENGINE_NAMES)
    assert {"auto", "ort-cpu"} <= {row["name"] for row in rows if row["available"]}
    assert all(row["reason"] for row in rows)


@pytest.mark.usefixtures("two_engines")
def test_measure_shows_numbers_and_reasons(toy: str, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["engines", "--measure", toy]) == 0
    captured = capsys.readouterr()
    lines = {line.split()[0]: line for line in captured.out.splitlines() if line.split()}
    assert lines["openvino"].split()[1:5] == ["4", "8", "0.001", "picked:"]
    assert lines["ort-cpu"].split()[1:3] == ["10", "10.5"]
    assert "not picked" in lines["ort-cpu"]
    assert "not here; buy one" in lines["ort-cuda"]
    assert "auto picks openvino: 4 ms per crop where ort-cpu takes 10 (measured now)." in captured.out
    assert "Measuring ort-cpu, openvino on toy/encoder.onnx" in captured.err


@pytest.mark.usefixtures("two_engines")
def test_measure_json(toy: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engines", "--measure", toy, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["picked"] == "openvino"
    assert report["detector"] == {"name": "toy", "version": "1.0.0", "precision": "fp32"}
    rows = {row["name"]: row for row in report["engines"]}
    assert "auto" not in rows
    assert (rows["openvino"]["wall_ms"], rows["openvino"]["cpu_ms"]) == (4.0, 8.0)
    assert rows["remote"]["wall_ms"] is None
    assert all(row["reason"] for row in rows.values())


@pytest.mark.usefixtures("every_engine")
def test_measure_for_real(toy: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engines", "--measure", toy, "--json", "--engine-threads", "2"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["engines"]}
    assert rows["ort-cpu"]["wall_ms"] > 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--precision", "fp32"], "give --measure DETECTOR too"),
        (["--measure", "nobody"], "no detector 'nobody'"),
    ],
)
def test_what_cannot_be_measured(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engines", *arguments]) == 2
    assert sentence in capsys.readouterr().err


def test_a_missing_precision(toy: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engines", "--measure", toy, "--precision", "int8"]) == 2
    assert "no encoder of precision int8" in capsys.readouterr().err


def test_a_wrong_argument_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["engines", "--nonsense"])
    assert caught.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_reason_in_brackets_is_text_and_no_markup(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [EngineListing("x", False, "run: pip install 'unmask[gpu]' [/usr/lib]")]
    monkeypatch.setattr("unmask.engines.registry.list_engines", lambda: rows)
    assert main(["engines"]) == 0
    assert "unmask[gpu]' [/usr/lib]" in " ".join(capsys.readouterr().out.split())
