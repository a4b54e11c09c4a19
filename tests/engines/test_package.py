from __future__ import annotations

import json
import os
from pathlib import Path

import platformdirs
import pytest
from toy_package import (
    build_manifest,
    build_toy_package,
    rehash,
    toy_encoder,
    toy_head,
    write_manifest,
    write_package,
)

from unmask.engines import package as package_module
from unmask.engines.errors import PackageError
from unmask.engines.package import (
    find_package,
    list_packages,
    load_package,
    read_manifest,
    user_folder,
)

GATE = {
    "against": "the FP32 network",
    "data": "toy crops",
    "crops": 8,
    "largest_score_difference": 0.001,
    "verdict_flips": 0,
    "auroc_difference": 0.0,
    "speed_ratio": 1.0,
    "machine": "a test",
}


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    return build_toy_package(tmp_path / "toy")


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of the packages that ship."""
    root = tmp_path / "shipped"
    root.mkdir()
    monkeypatch.setattr(package_module, "_shipped_roots", lambda: [root])
    return root


def refusal(folder: Path) -> str:
    with pytest.raises(PackageError) as caught:
        load_package(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder) in message
    assert message.endswith(".")
    return message


def edit(folder: Path, **overrides: object) -> None:
    write_manifest(folder, build_manifest(**{**json.loads((folder / "detector.json").read_text()), **overrides}))


def test_it_loads(toy: Path) -> None:
    package = load_package(toy)
    assert package.folder == toy
    assert package.manifest.name == "toy"
    assert (package.encoder_path, package.head_path) == (toy / "encoder.onnx", toy / "head.onnx")


def test_other_sizes_and_colours_load(tmp_path: Path) -> None:
    folder = build_toy_package(
        tmp_path / "big",
        size=96,
        embedding=1,
        length=9,
        input={"colour": "bgr"},
        quality={"min_face_px": 20.0},
    )
    manifest = load_package(folder).manifest
    assert (manifest.input.size, manifest.input.colour, manifest.embedding) == (96, "bgr", 1)
    assert manifest.quality.min_face_px == 20.0


@pytest.mark.parametrize("name", ["encoder.onnx", "head.onnx", "detector.json"])
def test_a_missing_file_is_named(toy: Path, name: str) -> None:
    (toy / name).unlink()
    assert f"lacks {name}" in refusal(toy)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert "no detector package" in refusal(tmp_path / "none")


@pytest.mark.parametrize("role", ["encoder", "head"])
def test_one_changed_bit_is_noticed(toy: Path, role: str) -> None:
    path = toy / f"{role}.onnx"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    assert f"{role}.onnx differs from its checksum" in refusal(toy)


@pytest.mark.parametrize("raw", [b"", b"\xff" * 500])
def test_a_damaged_graph_with_a_right_checksum(toy: Path, raw: bytes) -> None:
    (toy / "head.onnx").write_bytes(raw)
    rehash(toy)
    assert "head.onnx" in refusal(toy)


def test_graphs_are_checked_against_the_manifest(toy: Path) -> None:
    edit(toy, embedding=16)
    assert "unmask.embedding is '8', the manifest says '16'" in refusal(toy)


def test_variants_are_checked_too(tmp_path: Path) -> None:
    manifest = build_manifest(files={"variants": {"fp16": {"path": "fp16.onnx", "sha256": "0" * 64, "gate": GATE}}})
    folder = tmp_path / "toy"
    folder.mkdir()
    write_package(folder, manifest, toy_encoder(manifest), toy_head(manifest))
    assert "lacks fp16.onnx" in refusal(folder)
    (folder / "fp16.onnx").write_bytes(b"x")
    assert "fp16.onnx differs" in refusal(folder)


def test_size_bounds(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_module, "MAX_MODEL_BYTES", 100)
    assert "larger than" in refusal(toy)
    (toy / "detector.json").write_bytes(b" " * (package_module.MAX_MANIFEST_BYTES + 1))
    assert "detector.json is larger than 1 MiB" in refusal(toy)


def test_a_link_out_of_the_folder_is_refused(toy: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.onnx"
    (toy / "encoder.onnx").rename(outside)
    (toy / "encoder.onnx").symlink_to(outside)
    assert "encoder.onnx is a link out of its package" in refusal(toy)


def test_a_linked_subfolder_is_refused(toy: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (toy / "head.onnx").rename(tmp_path / "elsewhere" / "head.onnx")
    (toy / "sub").symlink_to(tmp_path / "elsewhere")
    files = json.loads((toy / "detector.json").read_text())["files"]
    edit(toy, files={**files, "head": {**files["head"], "path": "sub/head.onnx"}})
    assert "link out of its package" in refusal(toy)


def test_a_link_inside_and_a_linked_folder_are_fine(toy: Path, tmp_path: Path) -> None:
    (toy / "encoder.onnx").rename(toy / "v1.onnx")
    (toy / "encoder.onnx").symlink_to("v1.onnx")
    (tmp_path / "linked").symlink_to(toy)
    assert load_package(tmp_path / "linked").manifest.name == "toy"


def test_a_loop_of_links_and_special_files(toy: Path) -> None:
    (toy / "encoder.onnx").unlink()
    (toy / "encoder.onnx").symlink_to("encoder.onnx")
    assert "cannot be read" in refusal(toy)
    (toy / "encoder.onnx").unlink()
    (toy / "encoder.onnx").mkdir()
    assert "not an ordinary file" in refusal(toy)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes, which this system lacks")
def test_a_pipe_does_not_hang(toy: Path) -> None:
    (toy / "encoder.onnx").unlink()
    os.mkfifo(toy / "encoder.onnx")
    assert "not an ordinary file" in refusal(toy)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"{", "not valid JSON"),
        (b"", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b"[]", "the whole: "),
        (b'{"name": "a", "name": "b"}', "the field 'name' appears twice"),
        (b'{"embedding": NaN}', "NaN is not a number"),
        (b'{"embedding": -Infinity}', "-Infinity is not a number"),
        (b'{"format": 2, "novelty": 1}', "is of format 2"),
    ],
)
def test_a_manifest_that_cannot_be_read(toy: Path, raw: bytes, words: str) -> None:
    (toy / "detector.json").write_bytes(raw)
    assert words in refusal(toy)


def test_a_number_too_large_for_a_float_is_refused(toy: Path) -> None:
    text = (toy / "detector.json").read_text().replace('"score": 0.6', '"score": 1e999')
    (toy / "detector.json").write_text(text)
    assert "thresholds.0.score" in refusal(toy)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"surprise": 1}, "the field surprise is not known; remove it or update Unmask."),
        ({"embedding": "8"}, "embedding: input should be a valid integer (it is '8')"),
        ({"embedding": True}, "embedding: input should be a valid integer"),
        ({"version": 1}, "version: input should be a valid string"),
        (
            {"window": {"length": 4, "stride_ms": 9, "max_gap_ms": 9, "min_frames": 5}},
            "window: min_frames 5 exceeds the window length 4",
        ),
        ({"name": "X", "version": "y"}, "(1 more)."),
    ],
)
def test_each_complaint_is_a_sentence(toy: Path, change: dict, words: str) -> None:
    edit(toy, **change)
    assert words in refusal(toy)


def test_a_missing_field_is_named(toy: Path) -> None:
    manifest = json.loads((toy / "detector.json").read_text())
    del manifest["window"]["stride_ms"]
    write_manifest(toy, manifest)
    assert "the field window.stride_ms is missing; add it." in refusal(toy)


def test_paths_and_names(shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = build_toy_package(user_folder() / "mine", name="mine")
    theirs = build_toy_package(shipped / "theirs", name="theirs")
    assert find_package("mine") == mine
    assert find_package("theirs") == theirs
    assert find_package(str(theirs)) == theirs
    monkeypatch.chdir(shipped)
    assert load_package(find_package("./theirs")).manifest.name == "theirs"
    with pytest.raises(PackageError, match=r"no detector 'other' \(known: mine, theirs\)"):
        find_package("other")
    with pytest.raises(PackageError, match="no detector package at"):
        find_package(str(tmp_path / "other"))


def test_a_folder_here_is_hinted_at_never_taken_for_a_name(
    shipped: Path, toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(toy.parent)
    with pytest.raises(PackageError, match=r"known: none is installed\)\. For the folder here write \./toy"):
        find_package("toy")


def test_a_name_in_both_places_is_no_guess(shipped: Path) -> None:
    build_toy_package(shipped / "toy")
    build_toy_package(user_folder() / "toy")
    with pytest.raises(PackageError, match="Two detectors are called toy"):
        find_package("toy")


def test_the_list_shows_the_broken_with_their_problem(shipped: Path) -> None:
    build_toy_package(shipped / "good", name="good")
    build_toy_package(user_folder() / "renamed", name="original")
    bad = build_toy_package(user_folder() / "bad", name="bad")
    (bad / "detector.json").write_text("{")
    (shipped / "no-package").mkdir()
    rows = {row.name: row for row in list_packages()}
    assert list(rows) == ["bad", "good", "renamed"]
    good = rows["good"]
    assert (good.version, good.origin, good.licence, good.problem) == (
        "1.0.0",
        "shipped",
        "GPL-3.0-or-later",
        "",
    )
    assert good.size_bytes == sum(path.stat().st_size for path in good.folder.iterdir())
    assert "not valid JSON" in rows["bad"].problem
    assert "holds the detector original" in rows["renamed"].problem
    assert rows["bad"].origin == "user"


def test_nothing_installed_is_an_empty_list(shipped: Path) -> None:
    assert list_packages() == []


def test_an_editable_install_shows_links_into_the_source(shipped: Path, tmp_path: Path) -> None:
    source = build_toy_package(tmp_path / "source" / "toy")
    (shipped / "toy").mkdir()
    for file in source.iterdir():
        (shipped / "toy" / file.name).symlink_to(file)
    assert find_package("toy") == source
    assert load_package(find_package("toy")).manifest.name == "toy"


def test_the_users_folder_follows_the_system() -> None:
    assert user_folder().is_relative_to(platformdirs.user_data_dir())
    assert user_folder().parts[-2:] == ("unmask", "detectors")


def test_what_ships_is_sound() -> None:
    for row in list_packages():
        assert row.problem == ""
        assert load_package(row.folder).manifest == read_manifest(row.folder)
