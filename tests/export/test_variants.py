"""Variants in a package: written with their gate where they pass it, left out with the reason where not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import toy_package
from small_encoder import DEPTH, SIZE, small_encoder, some_crops

from unmask.engines.errors import UsageError
from unmask.engines.manifest import Gate, Manifest
from unmask.engines.package import load_package
from unmask.engines.registry import open_engine
from unmask.export import variants
from unmask.export.int8 import Quantised
from unmask.export.measure import Crops
from unmask.export.package_writer import ExportError
from unmask.export.variants import Material, add_variants

COUNT = 40
PASSED = Gate(
    against="x", data="toys", crops=COUNT, largest_score_difference=0.001, verdict_flips=0, auroc_difference=0.0,
    speed_ratio=2.0, machine="m",
)  # fmt: skip


@pytest.fixture
def package(tmp_path: Path) -> Path:
    manifest = toy_package.build_manifest(input={"size": SIZE}, embedding=DEPTH)
    encoder = onnx.load_model_from_string(small_encoder(Manifest.model_validate(manifest)))
    folder = tmp_path / "toy"
    folder.mkdir()
    toy_package.write_package(folder, manifest, encoder, toy_package.toy_head(manifest))
    return folder


@pytest.fixture
def material() -> Material:
    crops = Crops(
        some_crops(COUNT + 20),
        [str(i) for i in range(COUNT + 20)],
        tuple((i,) for i in range(COUNT)),
        np.arange(COUNT) % 2 == 0,
        np.asarray([f"p{i % 9}" for i in range(COUNT)]),
    )
    return Material(crops, tuple(range(COUNT, COUNT + 20)), "toys", "unmask export variants toy --data toys")


def _gates(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    monkeypatch.setattr(variants, "run_gate", lambda *args, **kwargs: PASSED.model_copy(update=changes))


def test_a_variant_that_passes_is_written_with_its_gate(package: Path, material: Material) -> None:
    fp32 = (package / "encoder.onnx").read_bytes()
    written, (made,) = add_variants(package, ["fp16"], material)
    assert made.passed, made.sentence
    gate = written.manifest.files.variants["fp16"].gate
    assert (gate.crops, gate.data, gate.command) == (COUNT, "toys", "unmask export variants toy --data toys")
    assert gate.largest_score_difference <= 0.01
    path, sha256 = written.encoder_file("fp16")
    assert path.name == "encoder_fp16.onnx"
    assert (package / "encoder.onnx").read_bytes() == fp32
    assert "0.001" in made.sentence or "score difference" in made.sentence
    with open_engine("ort-cpu", path) as engine:
        assert engine.infer({"crops": some_crops(2)})["logit"].dtype == np.float32
    assert load_package(package).encoder_file("fp16")[1] == sha256


def test_a_variant_that_fails_is_not_written_and_says_why(
    package: Path, material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    _gates(monkeypatch, largest_score_difference=0.25)
    before = sorted((path.name, path.read_bytes()) for path in package.iterdir())
    written, (made,) = add_variants(package, ["fp16"], material)
    assert not made.passed
    assert "fp16 is left out, because a score differs by 0.25" in made.sentence
    assert sorted((path.name, path.read_bytes()) for path in package.iterdir()) == before
    with pytest.raises(UsageError, match="no encoder of precision fp16"):
        written.encoder_file("fp16")


def test_a_precision_tried_anew_that_fails_loses_its_older_file_and_others_stay(
    package: Path, material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    _gates(monkeypatch)
    int8 = Quantised((package / "encoder.onnx").read_bytes(), "by hand", 0.0, 2.0)
    monkeypatch.setattr(variants, "to_int8", lambda *args, **kwargs: int8)
    add_variants(package, ["fp16", "int8"], material)
    assert {path.name for path in package.glob("encoder_*")} == {"encoder_fp16.onnx", "encoder_int8.onnx"}
    _gates(monkeypatch, speed_ratio=1.1)
    written, (made,) = add_variants(package, ["int8"], material)
    assert "1.10 times as fast" in made.sentence
    assert set(written.manifest.files.variants) == {"fp16"}
    assert {path.name for path in package.glob("encoder_*")} == {"encoder_fp16.onnx"}


def test_a_copy_leaves_the_package_as_it_was(
    package: Path, material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _gates(monkeypatch)
    before = (package / "detector.json").read_bytes()
    add_variants(package, ["fp16"], material, out=tmp_path / "other" / "toy")
    assert (package / "detector.json").read_bytes() == before
    assert "fp16" in json.loads((tmp_path / "other" / "toy" / "detector.json").read_text())["files"]["variants"]


def test_calibration_with_the_gate_s_crops_is_refused(package: Path, material: Material) -> None:
    mixed = Material(material.crops, (0, COUNT), "toys")
    with pytest.raises(ExportError, match="1 calibration crops are among those of the parity gate"):
        add_variants(package, ["int8"], mixed)


def test_a_variant_that_cannot_be_made_is_a_reason_not_a_crash(package: Path, material: Material) -> None:
    few = Material(material.crops, (COUNT,), "toys")
    before = sorted(path.name for path in package.iterdir())
    _, (made,) = add_variants(package, ["int8"], few)
    assert made.gate is None
    assert "int8 is left out: INT8 needs at least 16 calibration crops" in made.sentence
    assert sorted(path.name for path in package.iterdir()) == before
