"""The table of the zoo: its report, and one tiny family through every step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unmask.export import zoo_report, zoo_table
from unmask.export.speed import Timing
from unmask.export.zoo_report import Row
from unmask.export.zoo_table import COLUMNS, FAMILIES
from unmask.training.zoo.registry import find_recipe, recipe_names

TIMES = {"torch": Timing(20.0, 10.0, 45), "ORT fp32": Timing(4.5, 4.0, 45), "ORT int8": Timing(2.5, 2.0, 45)}
ROW = Row("cnn", "cnn", 128, 0.4, TIMES, {"ORT fp32": 1e-6, "ORT int8": 2e-2}, {"OpenVINO": "not installed"}, "eq")


def test_the_report_shows_times_ratios_differences_and_what_is_missing() -> None:
    text = zoo_report.markdown([ROW], {"swin": "too new"}, COLUMNS, "9 crops")
    latency = "| cnn | cnn | 128 px | 0.4 M | 10.00 (20.00) | 4.00 (4.50) | - | 2.00 (2.50) | - | 2.00 | 2.50 | 45 |"
    assert latency in text
    assert "| cnn | 1.0e-06 | - | 2.0e-02 | - |" in text
    assert "- cnn, OpenVINO: not installed" in text
    assert "- swin: too new" in text
    assert "weights are random" in text


def test_every_network_of_the_zoo_has_a_family() -> None:
    def kind(name: str) -> str:
        network = find_recipe(name).network
        return getattr(network, "backbone", network.kind)

    assert {kind(name) for name in FAMILIES} == {kind(name) for name in recipe_names()}


def test_a_tiny_family_goes_through_every_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch", reason="needs torch (the train extra)")
    pytest.importorskip("onnxscript", reason="needs onnxscript (the train extra)")
    crops = np.random.default_rng(0).integers(0, 256, (36, 64, 64, 3), dtype=np.uint8)
    out = tmp_path / "table.md"
    zoo_table.table(["feed-forward-adamw"], crops, most_s=0.2, out=out, words="noise")
    assert "feed-forward-adamw: measured" in capsys.readouterr().out
    line = next(line for line in out.read_text().splitlines() if line.startswith("| feed-forward-adamw | feed-forward"))
    assert " - " not in line.split("|")[5:9]
    parity = out.read_text().split("## Parity")[1]
    differences = next(row for row in parity.splitlines() if row.startswith("| feed-forward-adamw")).split("|")[2:5]
    fp32, fp16, int8 = (float(cell) for cell in differences)
    assert fp32 < 1e-4 < fp16 < 1e-2
    assert 1e-4 < int8 < 0.2
