"""What preparing, training and exporting read again of what they wrote: indexes, ledgers, reports, arrays, metadata."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from fuzz_targets import try_some
from hostile_files import changed_json, deep, nothing_stays_in, peak_mib, sentence
from hypothesis import HealthCheck, given, settings
from sound_files import SOUND_INDEX
from toy_package import build_toy_package

from unmask.engines.errors import UsageError
from unmask.engines.package import load_package
from unmask.export.footage import backed, read_report
from unmask.export.package_writer import ExportError
from unmask.training.data.cache import build_cache, open_cache
from unmask.training.data.dfdc import DataError, iterate_tar
from unmask.training.prepare.index import read_prepared
from unmask.training.prepare.layouts.base import LayoutOptions
from unmask.training.prepare.layouts.dfdc import DfdcLayout
from unmask.training.prepare.ledger import Ledger, read_json
from unmask.training.run.arrays import Arrays
from unmask.training.run.folder import CONFIG, RunError, RunFolder
from unmask.training.synthesis.truth import TRUTH_VERSION, TruthError, file_sha256, load_truth, truth_path
from unmask.training.zoo.recipe import RecipeError, read_recipe

SOME = settings(
    max_examples=100, deadline=None, derandomize=True, database=None, suppress_health_check=list[Any](HealthCheck)
)


def test_other_indexes_give_a_sentence_or_crops(tmp_path: Path) -> None:
    try_some("index", tmp_path, 200)


def cell(column: str, value: str) -> bytes:
    lines = [line.split(",") for line in SOUND_INDEX.decode().splitlines()[:2]]
    lines[1][lines[0].index(column)] = value
    return "\n".join(",".join(line) for line in lines).encode()


INDEXES = {
    "a word for a width": cell("source_width", "wide"),
    "a width without end": cell("source_width", "9" * 5000),
    "a line that ends too soon": SOUND_INDEX.splitlines()[0] + b"\na,real\n",
    "no number": cell("margin", "nan"),
    "a box without end": cell("box", "0 0 inf 9"),
    "a box of three": cell("box", "1 2 3"),
    "no column of confidence": SOUND_INDEX.replace(b"face_confidence", b"confidence"),
    "no text": b"\xff\xfe" + SOUND_INDEX,
    "a field that is too large": cell("key", "x" * 200_000),
}


@pytest.mark.parametrize("name", INDEXES)
def test_an_index_that_nobody_wrote(tmp_path: Path, name: str) -> None:
    (tmp_path / "index.csv").write_bytes(INDEXES[name])
    with pytest.raises(DataError) as caught:
        read_prepared(tmp_path)
    assert "index.csv" in sentence(caught.value)


def tar(name: str, data: bytes, size: int | None = None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    raw = bytearray(out.getvalue())
    if size is not None:  # the size in octal, and the checksum of the header anew
        raw[124:136] = b"%011o\0" % size
        raw[148:156] = b" " * 8
        raw[148:156] = b"%06o\0 " % sum(raw[:512])
    return bytes(raw)


PNG = cv2.imencode(".png", np.full((8, 8, 3), 128, np.uint8))[1].tobytes()
HUGE = PNG[:16] + (60_000).to_bytes(4, "big") * 2 + PNG[24:]
TARS = {
    "no tar": b"no tar at all" * 100,
    "nothing": b"",
    "cut off": tar("a.png", PNG)[:600],
    "a picture that is none": tar("a.png", b"no picture"),
    "a picture of no bytes": tar("a.png", b""),
    "a claim of 8 GB": tar("a.png", PNG, 8 << 30),
    "a picture of too many pixels": tar("a.png", HUGE),
}


@pytest.mark.parametrize("name", TARS)
def test_a_tar_that_nobody_wrote(tmp_path: Path, name: str) -> None:
    (tmp_path / "faces.tar").write_bytes(TARS[name])

    def look() -> None:
        with nothing_stays_in(tmp_path), pytest.raises(DataError, match=r"faces\.tar") as caught:
            list(iterate_tar(tmp_path / "faces.tar"))
        sentence(caught.value)

    assert peak_mib(look) < 200


JUNK = ["", "{", "[]", "7", '"x"', "null", deep(100_000), deep(100_000, "{"), "9" * 5000, "\ud800"]


@pytest.mark.parametrize("text", JUNK, ids=range(len(JUNK)))
def test_a_ledger_that_nobody_wrote(tmp_path: Path, text: str) -> None:
    raw = text.encode("utf-8", "surrogatepass")
    ledger = Ledger(tmp_path / "out")
    assert not ledger.open({"cut": {"frames": 3}}, restart=False)
    (ledger.folder / "prepare.json").write_bytes(raw)
    with pytest.raises(UsageError) as caught:
        ledger.open({"cut": {"frames": 3}}, restart=False)
    assert "--restart" in sentence(caught.value)
    assert not ledger.open({"cut": {"frames": 3}}, restart=True)
    ledger.write(7, [{"source": "a.mp4", "rows": [{"file": "a.png"}]}], [])
    assert ledger.read(7)[0]["source"] == "a.mp4"
    ledger.record_path(7).write_bytes(raw if text != "[]" else b"[3]")
    (ledger.parts / "1x.json").write_bytes(raw)
    assert ledger.done() == {7}
    for read in (lambda: ledger.read(7), lambda: read_json(ledger.record_path(7), dict)):
        with pytest.raises(UsageError) as caught:
            read()
        sentence(caught.value)


@SOME
@given(changed_json([{"source": "a.mp4", "rows": [{"file": "a.png"}], "frames": 3}]))
def test_other_records_of_a_ledger(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    ledger = Ledger(tmp_path_factory.getbasetemp() / "records")
    ledger.parts.mkdir(parents=True, exist_ok=True)
    ledger.record_path(1).write_bytes(raw)
    try:
        found = ledger.read(1)
    except UsageError as error:
        sentence(error)
    else:
        assert all(isinstance(row["file"], str) for result in found for row in result["rows"])


@pytest.mark.parametrize("text", JUNK, ids=range(len(JUNK)))
def test_the_folder_of_a_run_that_nobody_began(tmp_path: Path, text: str) -> None:
    (tmp_path / CONFIG).write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(RunError) as caught:
        RunFolder(tmp_path).begin({"recipe": {"rate": 0.1}})
    sentence(caught.value)


METADATA = {
    "a path upwards": {"../../secret.mp4": {"label": "REAL"}, "a.mp4": {"label": "REAL"}},
    "an absolute path": {"/etc/passwd": {"label": "REAL"}, "a.mp4": {"label": "REAL"}},
    "a path as long as can be": {"x" * 5000: {"label": "REAL"}, "a.mp4": {"label": "REAL"}},
    "a null byte": {"a\0b.mp4": {"label": "REAL"}, "a.mp4": {"label": "REAL"}},
}


@pytest.mark.parametrize("name", METADATA)
def test_metadata_lead_to_the_files_beside_them_only(tmp_path: Path, name: str) -> None:
    part = tmp_path / "dfdc_train_part_0"
    part.mkdir()
    (part / "a.mp4").touch()
    (part / "metadata.json").write_text(json.dumps(METADATA[name]))
    listing = DfdcLayout().list_items(tmp_path, LayoutOptions())
    assert [item.path for item in listing.items] == [part / "a.mp4"]
    assert len(listing.skipped) == 1
    (part / "metadata.json").write_text(deep(100_000, "{"))
    assert DfdcLayout().find(tmp_path) is None


def truth() -> dict[str, Any]:
    face = {
        "name": "left", "person": "a", "donor": None, "swapped": [0.5, 1.0],
        "boxes": [[1, 2, 3, 4]] * 2, "landmarks": [[[1, 2]] * 5] * 2,
    }  # fmt: skip
    return {
        "version": TRUTH_VERSION, "width": 8, "height": 8, "fps": 25, "frames": 2, "seed": 1, "faces": [face],
        "credits": [], "generator": "x", "video_sha256": "", "statement": "x",
    }  # fmt: skip


@SOME
@given(changed_json(truth()))
def test_other_truths_of_a_clip(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    clip = tmp_path_factory.getbasetemp() / "clip.mp4"
    clip.write_bytes(b"a clip")
    truth_path(clip).write_bytes(raw.replace(b'"video_sha256": ""', f'"video_sha256": "{file_sha256(clip)}"'.encode()))
    try:
        load_truth(clip)
    except TruthError as error:
        sentence(error)


def damaged_arrays() -> dict[str, bytes]:
    out = io.BytesIO()
    np.savez_compressed(out, frames=np.zeros((2, 3, 8, 8), np.uint8), label=np.int64(1))
    raw = out.getvalue()
    vast = io.BytesIO()
    np.lib.format.write_array_header_1_0(vast, {"descr": "|u1", "fortran_order": False, "shape": (1 << 45,)})
    lying = io.BytesIO()

    with zipfile.ZipFile(lying, "w") as archive:
        archive.writestr("frames.npy", vast.getvalue())
        archive.writestr("label.npy", vast.getvalue())
    return {"cut": raw[:200], "flipped": raw[:60] + b"\xff" * 20 + raw[80:], "vast": lying.getvalue(), "none": b"x"}


@pytest.mark.parametrize("name", ["cut", "flipped", "vast", "none"])
def test_arrays_that_nobody_wrote(tmp_path: Path, name: str) -> None:
    (tmp_path / "index.csv").write_bytes(SOUND_INDEX)
    crops = read_prepared(tmp_path)
    (tmp_path / "npz").mkdir()
    (tmp_path / "npz" / f"{crops[0].video}.npz").write_bytes(damaged_arrays()[name])
    with pytest.raises(DataError, match="is no array of a video") as caught:
        Arrays(tmp_path, crops)
    sentence(caught.value)


def test_a_cache_of_crops_that_is_damaged(tmp_path: Path) -> None:
    crop = np.zeros((224, 224, 3), np.uint8)
    build_cache(tmp_path / "a", [("x", crop)], colour="rgb")
    assert open_cache(tmp_path / "a").names == ("x",)
    for text in (*JUNK[:2], "7", deep(100_000), json.dumps(["x"] * 1000)):
        (tmp_path / "a.json").write_text(text)
        with pytest.raises(DataError) as caught:
            open_cache(tmp_path / "a")
        assert "is no cache of crops" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 5000, "a = " + "9" * 5000, "a = '\x00'", "[" * 5000, "\udcff"], ids=range(5)
)
def test_a_recipe_that_nobody_wrote(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(RecipeError, match="no readable TOML"):
        read_recipe(path)
    with pytest.raises(RecipeError, match="no readable TOML"):
        read_recipe(tmp_path)


def footage() -> dict[str, Any]:
    clip = {
        "clip": "a",
        "half": "",
        "seconds": 360.0,
        "judged_seconds": 180.0,
        "crops": 9,
        "score": 0.2,
        "alarms": {"1": 2},
    }
    return {"detector": "toy", "version": "1.0.0", "clips": [clip]}


def test_other_reports_of_footage(tmp_path: Path) -> None:
    manifest = load_package(build_toy_package(tmp_path / "toy")).manifest

    @SOME
    @given(changed_json(footage()))
    def try_it(raw: bytes) -> None:
        (tmp_path / "footage.json").write_bytes(raw)
        try:
            seen = read_report(tmp_path / "footage.json", manifest)
            backed(manifest.thresholds, seen)
        except ExportError as error:
            sentence(error)

    try_it()


def test_the_sound_ones_are_read(tmp_path: Path) -> None:
    """Or all of the above would prove nothing."""
    (tmp_path / "index.csv").write_bytes(SOUND_INDEX)
    assert [crop.record.key for crop in read_prepared(tmp_path)] == ["a", "b, c"]
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"a clip")
    truth_path(clip).write_text(json.dumps({**truth(), "video_sha256": file_sha256(clip)}))
    assert load_truth(clip).faces[0].boxes.shape == (2, 4)
    manifest = load_package(build_toy_package(tmp_path / "toy")).manifest
    (tmp_path / "footage.json").write_text(json.dumps(footage()))
    assert read_report(tmp_path / "footage.json", manifest).clips[0]["seconds"] == 360.0
    (tmp_path / "faces.tar").write_bytes(tar("a.png", PNG))
    assert [name for name, _ in iterate_tar(tmp_path / "faces.tar")] == ["a"]
