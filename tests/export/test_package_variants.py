"""Further precisions of a package that is there: with crops as it wants them, of people apart."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import toy_package
from labelled_crops import crop_picture
from small_encoder import DEPTH, SIZE, small_encoder

from unmask.cli.main import main
from unmask.engines.errors import UnmaskError
from unmask.engines.manifest import Manifest
from unmask.engines.package import load_package
from unmask.export import package_variants, variants
from unmask.export.package_variants import VariantOptions, variants_of_package
from unmask.export.variants import Material


@pytest.fixture
def package(tmp_path: Path) -> Path:
    manifest = toy_package.build_manifest(input={"size": SIZE}, embedding=DEPTH)
    encoder = onnx.load_model_from_string(small_encoder(Manifest.model_validate(manifest)))
    folder = tmp_path / "toy"
    folder.mkdir()
    toy_package.write_package(folder, manifest, encoder, toy_package.toy_head(manifest))
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    labels = np.arange(64) % 2
    crops = np.stack([crop_picture(label - 0.5, n)[..., ::-1] for n, label in enumerate(labels)])
    np.savez(tmp_path / "crops.npz", crops=crops, labels=labels, groups=[f"g{n // 4}" for n in range(64)])
    return tmp_path / "crops.npz"


def options(package: Path, data: Path, **more: Any) -> VariantOptions:
    margin = load_package(package).manifest.crop.margin
    return dataclasses.replace(VariantOptions(package, data, ("fp16",), margin=margin), **more)


def test_a_copy_gets_the_precision_and_the_package_stays(package: Path, data: Path, tmp_path: Path) -> None:
    written, (made,) = variants_of_package(options(package, data, out=tmp_path / "copy"), lambda line: None)
    assert made.passed, made.sentence
    assert written.folder == tmp_path / "copy"
    gate = load_package(tmp_path / "copy").manifest.files.variants["fp16"].gate
    assert (gate.crops, gate.data) == (48, "crops.npz")
    assert gate.command == "unmask export variants toy --data CROPS --precision fp16 --most 2000"
    assert not load_package(package).manifest.files.variants


@pytest.mark.parametrize("colour", ["rgb", "bgr"])
def test_crops_are_shown_in_the_order_of_the_detector(
    colour: str, package: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Material] = []
    monkeypatch.setattr(package_variants, "add_variants", lambda *args, **more: shown.append(args[2]) or (None, []))
    loaded = load_package(package)
    told = loaded.manifest.model_copy(update={"input": loaded.manifest.input.model_copy(update={"colour": colour})})
    monkeypatch.setattr(package_variants, "load_package", lambda folder: dataclasses.replace(loaded, manifest=told))
    variants_of_package(options(package, data), lambda line: None)
    (material,) = shown
    fake = material.crops.windows[int(np.flatnonzero(material.crops.labels)[0])][0]
    red, _, blue = material.crops.views([fake], SIZE)[0].mean(axis=(0, 1))
    assert bool(red > blue) == (colour == "rgb")


def test_what_would_not_be_the_detectors_crops_is_refused(package: Path, data: Path, tmp_path: Path) -> None:
    with pytest.raises(UnmaskError, match=r"sees crops of margin .*, not 3: cut them anew"):
        variants_of_package(options(package, data, margin=3.0), lambda line: None)
    with pytest.raises(UnmaskError, match="give --margin"):
        variants_of_package(options(package, data, margin=None), lambda line: None)
    (tmp_path / "photos").mkdir()
    with pytest.raises(UnmaskError, match="is no detector package, so it is not replaced"):
        variants_of_package(options(package, data, out=tmp_path / "photos", replace=True), lambda line: None)


def test_the_command_ends_with_2_where_the_gate_refuses(
    package: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    margin = load_package(package).manifest.crop.margin
    words = ["export", "variants", str(package), "--data", str(data), "--margin", f"{margin:g}", "--precision", "fp16"]
    assert main(words) == 0
    assert "toy has fp32, fp16" in capsys.readouterr().out
    monkeypatch.setattr(variants, "judged", lambda gate, precision: ["it is as it is"])
    assert main(words) == 2
    said = capsys.readouterr()
    assert "toy has fp32\n" in said.out
    assert "fp16 is left out, because it is as it is" in said.err
    assert not load_package(package).manifest.files.variants
