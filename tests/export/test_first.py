"""From a run to a package: measured, calibrated, written, loadable."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import numpy as np
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
    few = {"JPEG 30": measure.degradations(MARGIN)["JPEG 30"]}
    quick = dataclasses.replace(first.SUBJECTS["first"], sides=(64,), degradations=few)
    monkeypatch.setitem(first.SUBJECTS, "first", quick)
    out = tmp_path / "detectors" / "small"
    asked = ["--material", str(shared), "--run", str(run), "--out", str(out), "--name", "small"]
    assert first.main(asked) == 0

    manifest = load_package(out).manifest
    assert verify_package(out).batch_difference == 0
    assert manifest.crop.margin == MARGIN
    assert manifest.activation is not None
    assert (manifest.activation.rows, manifest.activation.columns) == (1, 1)
    assert manifest.input.size == small_run.SIZE
    metrics = {metric.name: metric for metric in manifest.provenance.metrics}
    assert metrics["AUROC"].value > 0.95, "the labels are what the network says"
    assert metrics["AUROC"].units == 24
    assert {"AUROC, crop of 64 px", "AUROC, JPEG 30", "ECE", "Brier"} <= set(metrics)
    assert (out / "README.md").read_text() == card(manifest)


def test_a_wider_subject_sees_tight_crops_with_mirrored_surroundings() -> None:
    wide = first.SUBJECTS["wide192"]
    tight = np.random.default_rng(1).integers(0, 256, (224, 224, 3)).astype(np.uint8)
    seen = wide.widen(cv2.GaussianBlur(tight, (0, 0), 6.0))
    assert seen.shape == (224, 224, 3)
    # 1.4 / 0.8 of the tight crop is seen: beyond its edge, at (1 - 0.8 / 1.4) / 2 of the side, all is mirrored.
    edge = round(224 * (1 - 0.8 / wide.margin) / 2)
    left, right = seen[40:180, edge - 12 : edge].astype(int), seen[40:180, edge : edge + 12][:, ::-1].astype(int)
    assert np.abs(left - right).mean() < 3
    assert np.abs(left - right[:, ::-1]).mean() > 2 * np.abs(left - right).mean()


def test_a_missing_run_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--material", str(tmp_path), "--run", str(tmp_path), "--out", str(tmp_path / "out")]
    assert first.main(asked) == 2
    assert "There is no best.pt" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
