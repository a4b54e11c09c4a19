"""From a run to a package: measured, calibrated, written, loadable."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs torch (the train extra)")
pytest.importorskip("onnxscript", reason="needs onnxscript (the train extra)")

import small_run

from unmask.engines.package import load_package
from unmask.engines.verify import verify_package
from unmask.export import first, measure
from unmask.export.card import card
from unmask.training.first import MARGIN, prepare


def test_a_run_becomes_a_sound_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, shared, run = small_run.random_network(), tmp_path / "data", tmp_path / "run"
    small_run.write_data(shared, model)
    small_run.write_run(run, shared, model)
    small_run.write_faces(run / "cache")
    prepare(shared, run / "cache", None)
    monkeypatch.setattr(first, "SIDES", (64,))
    monkeypatch.setattr(measure, "DEGRADATIONS", {"JPEG quality 30": measure.DEGRADATIONS["JPEG quality 30"]})
    out = tmp_path / "detectors" / "small"
    asked = ["--material", str(shared), "--run", str(run), "--out", str(out), "--name", "small"]
    assert first.main(asked) == 0

    manifest = load_package(out).manifest
    assert verify_package(out).batch_difference == 0
    assert manifest.crop.margin == MARGIN
    assert manifest.input.size == small_run.SIZE
    metrics = {metric.name: metric for metric in manifest.provenance.metrics}
    assert metrics["AUROC"].value > 0.95, "the labels are what the network says"
    assert metrics["AUROC"].units == 24
    assert {"AUROC, crop of 64 px", "AUROC, JPEG quality 30", "ECE", "Brier"} <= set(metrics)
    assert (out / "README.md").read_text() == card(manifest)


def test_a_missing_run_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--material", str(tmp_path), "--run", str(tmp_path), "--out", str(tmp_path / "out")]
    assert first.main(asked) == 2
    assert "There is no best.pt" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()
