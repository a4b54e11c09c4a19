from __future__ import annotations

from pathlib import Path

import pytest
from toy_package import build_toy_package

from unmask.engines.errors import PackageError
from unmask.engines.package import DetectorPackage, load_package
from unmask.export.package_writer import ExportError, check_target, model_file, write_package


@pytest.fixture
def toy(tmp_path: Path) -> DetectorPackage:
    return load_package(build_toy_package(tmp_path / "toy"))


def test_writes_a_package_that_loads(toy: DetectorPackage, tmp_path: Path) -> None:
    encoder, head = toy.encoder_path.read_bytes(), toy.head_path.read_bytes()
    written = write_package(tmp_path / "out" / "toy", toy.manifest, encoder, head, card="# toy\n")
    assert written.manifest == toy.manifest
    assert sorted(p.name for p in written.folder.iterdir()) == [
        "README.md",
        "detector.json",
        "encoder.onnx",
        "head.onnx",
    ]
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["toy"]


def test_replaces_an_old_package_and_keeps_its_card(toy: DetectorPackage) -> None:
    (toy.folder / "README.md").write_text("by hand")
    manifest = toy.manifest.model_copy(update={"description": "newer"})
    write_package(toy.folder, manifest, toy.encoder_path.read_bytes(), toy.head_path.read_bytes())
    assert load_package(toy.folder).manifest.description == "newer"
    assert (toy.folder / "README.md").read_text() == "by hand"


def test_what_does_not_load_leaves_the_old_package_alone(toy: DetectorPackage) -> None:
    before = {path.name: path.read_bytes() for path in toy.folder.iterdir()}
    with pytest.raises(PackageError, match="checksum"):
        write_package(toy.folder, toy.manifest, b"no graph", toy.head_path.read_bytes())

    def refuse(package: DetectorPackage) -> None:
        assert package.folder != toy.folder
        raise PackageError("The gate is shut.")

    with pytest.raises(PackageError, match="gate"):
        write_package(toy.folder, toy.manifest, toy.encoder_path.read_bytes(), toy.head_path.read_bytes(), check=refuse)
    assert {path.name: path.read_bytes() for path in toy.folder.iterdir()} == before
    assert [path.name for path in toy.folder.parent.iterdir()] == ["toy"]


def test_what_is_no_package_is_never_replaced(
    toy: DetectorPackage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder, head = toy.encoder_path.read_bytes(), toy.head_path.read_bytes()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_text("mine")
    (tmp_path / "link").symlink_to(toy.folder)
    for name in ("photos", "photos/a.jpg", "link"):
        with pytest.raises(ExportError, match="is no detector package, so it is not replaced"):
            write_package(tmp_path / name, toy.manifest, encoder, head)
    assert (tmp_path / "photos" / "a.jpg").read_text() == "mine"
    with pytest.raises(ExportError, match=r"a\.jpg is no folder to write in: give another place"):
        check_target(tmp_path / "photos" / "a.jpg" / "below", replace=False)
    monkeypatch.chdir(toy.folder)
    assert write_package(Path(), toy.manifest, encoder, head).folder == toy.folder


def test_a_model_file_names_its_checksum() -> None:
    assert model_file("x.onnx", b"").sha256.startswith("e3b0c44298fc1c14")
