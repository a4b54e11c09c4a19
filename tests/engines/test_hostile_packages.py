"""Manifests and folders made to harm: each is refused with one sentence before a runtime sees a file."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto
from toy_package import build_manifest, build_toy_package, rehash, toy_encoder

from unmask.engines import package as package_module
from unmask.engines.errors import PackageError
from unmask.engines.package import list_packages, load_package

PLAIN = build_manifest()
TEXT = json.dumps(PLAIN, indent=1).encode()


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.tuples(st.integers(0, len(TEXT) - 1), st.binary(max_size=6)), min_size=1, max_size=4),
    st.sampled_from([b"", b"\x1b[2J", b"NaN", b"1e999", b"9" * 5000, b'"\\ud800"', b"[" * 5000, b"\\u0000"]),
)
def test_a_changed_manifest_gives_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, bytes]], planted: bytes
) -> None:
    raw = TEXT
    for position, piece in changes:
        raw = raw[:position] + piece + planted + raw[position + len(piece) :]
    folder = tmp_path_factory.getbasetemp() / "fuzzed"
    folder.mkdir(exist_ok=True)
    (folder / "detector.json").write_bytes(raw)
    with pytest.raises(PackageError) as caught:
        load_package(folder)  # it lacks its graphs even where the manifest still reads
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 800


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    return build_toy_package(tmp_path / "toy")


def package_refusal(folder: Path) -> str:
    with pytest.raises(PackageError) as caught:
        load_package(folder)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 800
    return str(caught.value)


def lying_encoder() -> bytes:
    """It claims a weight of four terabytes that is not there."""
    model = toy_encoder(PLAIN)
    model.graph.initializer.append(TensorProto(name="vast", data_type=TensorProto.FLOAT, dims=[1 << 40], raw_data=b""))
    return model.SerializeToString()


def rewrite(folder: Path, old: str, new: str) -> None:
    text = (folder / "detector.json").read_text()
    assert old in text
    (folder / "detector.json").write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"format": 1', '"format": 1, "\\u001b[2J": 1', r"the field \x1b[2J is not known"),
        ('"format": 1', '"format": 1, "' + "x" * 9000 + '": 1', "xxx..."),
        ('"format": 1', '"format": ' + "9" * 3000, "is of format 99999999999999999..."),
        ('"format": 1', '"format": ' + "9" * 5000, "not valid JSON"),
        ('"embedding": 8', '"embedding": ' + "9" * 400, "embedding: "),
        ('"embedding": 8', '"embedding": 8.5', "embedding: "),
        ('"embedding": 8', '"embedding": Infinity', "Infinity is not a number"),
        ('"margin": 1.0', '"margin": 1e308', "crop.margin"),
        ('"margin": 1.0', '"margin": -1e400', "crop.margin"),
        ('"encoder.onnx"', '"../encoder.onnx"', "leaves the package folder"),
        ('"encoder.onnx"', '"/etc/passwd"', "leaves the package folder"),
        ('"encoder.onnx"', '"C:/x"', "leaves the package folder"),
        ('"encoder.onnx"', '"..\\\\x"', "leaves the package folder"),
        ('"encoder.onnx"', '"a\\u0000b"', "control characters"),
        ('"encoder.onnx"', '"\\ud800"', "wrong"),
        ('"encoder.onnx"', '"' + "a/" * 4000 + '"', "with 8000 letters"),
        ('"encoder.onnx"', '"' + "a" * 255 + "/" + '"', "names a file with 256 letters"),
        ('"name": "toy"', '"name": "../toy"', "name: "),
        ('"description": "', '"description": "\\u001b]0;x\\u0007', "control characters"),
    ],
)
def test_a_manifest_made_to_harm(toy: Path, old: str, new: str, words: str) -> None:
    rewrite(toy, old, new)
    assert words in package_refusal(toy)


@pytest.mark.parametrize("name", ["detector.json", "encoder.onnx"])
@pytest.mark.parametrize("kind", ["folder", "pipe", "device", "loop", "link out"])
def test_files_that_are_no_files(toy: Path, name: str, kind: str) -> None:
    path = toy / name
    path.unlink()
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            if not hasattr(os, "mkfifo"):
                pytest.skip("needs named pipes, which this system lacks")
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "loop":
            path.symlink_to(path)
        case "link out":
            path.symlink_to(toy.parent / "other")
            (toy.parent / "other").write_bytes(b"x")
    words = {"loop": "cannot be read", "link out": "link out of", "device": "link out of"}
    assert words.get(kind, "not an ordinary file") in package_refusal(toy)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes, which this system lacks")
def test_a_file_that_becomes_a_pipe_does_not_hang(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ordinary = (toy / "encoder.onnx").stat()
    (toy / "encoder.onnx").unlink()
    os.mkfifo(toy / "encoder.onnx")
    real = Path.stat

    def lie(self: Path, **options: bool) -> os.stat_result:
        return ordinary if self.name == "encoder.onnx" else real(self, **options)

    monkeypatch.setattr(Path, "stat", lie)
    assert "not an ordinary file" in package_refusal(toy)


def test_a_vast_file_is_not_read(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (toy / "encoder.onnx").open("r+b") as stream:
        stream.truncate(1 << 40)  # takes no room on the disk
    opened: list[object] = []
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, *rest: opened.append(path) or real(path, *rest))
    assert "larger than 1024 MiB" in package_refusal(toy)
    assert opened == [toy / "detector.json"]


def test_a_hostile_graph_with_a_right_checksum_in_a_package(toy: Path) -> None:
    (toy / "encoder.onnx").write_bytes(lying_encoder())
    assert "differs from its checksum" in package_refusal(toy)
    rehash(toy)
    assert "encoder.onnx has the weight 'vast' as float(1099511627776), but 0 bytes" in package_refusal(toy)


def test_a_variant_is_checked_as_strictly(toy: Path) -> None:
    raw = lying_encoder()
    (toy / "small.onnx").write_bytes(raw)
    manifest = json.loads((toy / "detector.json").read_text())
    gate = {
        "against": "x", "data": "x", "crops": 1, "largest_score_difference": 0.0, "verdict_flips": 0,
        "auroc_difference": 0.0, "speed_ratio": 1.0, "machine": "x",
    }  # fmt: skip
    entry = {"path": "small.onnx", "sha256": hashlib.sha256(raw).hexdigest(), "gate": gate}
    manifest["files"]["variants"] = {"int8": entry}
    (toy / "detector.json").write_text(json.dumps(manifest))
    assert "small.onnx has the weight 'vast'" in package_refusal(toy)


def test_an_unreadable_folder_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = build_toy_package(tmp_path / "users" / "toy")
    monkeypatch.setattr(package_module, "_shipped_roots", lambda: [tmp_path / "users"])

    def denied(self: Path) -> None:
        raise PermissionError(13, "Permission denied")

    roots = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda self: denied(self) if self == folder else roots(self))
    (row,) = list_packages()
    assert row.problem == f"The folder {folder} cannot be read: Permission denied."
