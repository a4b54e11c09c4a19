"""Readers, splits and the cache, on a data set made here; and once on the real one, where it lies."""

from __future__ import annotations

import io
import tarfile
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from unmask.realtime.faces.crop import CropSpec
from unmask.realtime.types import FaceBox, Image
from unmask.training.data.cache import build_cache, has_cache, open_cache
from unmask.training.data.dfdc import (
    CropRecord,
    DataError,
    hold_out_groups,
    read_index,
    read_pictures,
)
from unmask.training.data.lfw import central_face, cut_faces

HEADER = "key,label,original,source_width,source_height,identity_group,split\n"


def png(colour: tuple[int, int, int], side: int = 224) -> bytes:
    ok, data = cv2.imencode(".png", np.full((side, side, 3), colour, np.uint8))
    assert ok
    return data.tobytes()


def write_tar(path: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    rows = "a,real,,200,201,7,train\nb,fake,a,150,150,7,train\nc,real,,180,180,9,val\n"
    (tmp_path / "index.csv").write_text(HEADER + rows)
    write_tar(tmp_path / "faces-00.tar", {"a.png": png((255, 0, 0)), "c.png": png((0, 255, 0))})
    write_tar(tmp_path / "faces-01.tar", {"b.png": png((0, 0, 255)), "notes.txt": b"no picture"})
    return tmp_path


def test_index_and_pictures(crops: Path) -> None:
    records = read_index(crops)
    assert records[1] == CropRecord("b", True, "7", "train", 150, "a")
    found = dict(read_pictures(crops, ["a", "b"]))
    assert list(found) == ["a", "b"]
    assert found["a"][0, 0].tolist() == [255, 0, 0]  # blue first, as OpenCV has it


def test_a_cache_gives_back_what_went_in_as_rgb(crops: Path, tmp_path: Path) -> None:
    path = tmp_path / "cache" / "train"
    assert not has_cache(path)
    build_cache(path, read_pictures(crops, ["a", "b"]), colour="bgr")
    cache = open_cache(path)
    assert has_cache(path)
    assert cache.names == ("a", "b")
    assert cache.pixels.shape == (2, 224, 224, 3)
    assert cache.pixels[0, 5, 5].tolist() == [0, 0, 255]
    with pytest.raises(ValueError, match="read-only"):
        cache.pixels[0] = 0


def test_a_cache_cut_short_is_no_cache(tmp_path: Path) -> None:
    def broken():  # type: ignore[no-untyped-def]
        yield "a", np.zeros((224, 224, 3), np.uint8)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="disk"):
        build_cache(tmp_path / "x", broken(), colour="rgb")
    assert not has_cache(tmp_path / "x")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "no index.csv"),
        ("key,label\n", "lacks the column 'original'"),
        (HEADER + "a,maybe,,1,1,1,train\n", "must be real or fake"),
    ],
)
def test_a_wrong_index_is_named(tmp_path: Path, text: str | None, words: str) -> None:
    if text is not None:
        (tmp_path / "index.csv").write_text(text)
    with pytest.raises(DataError, match=words):
        read_index(tmp_path)


def test_missing_tars_and_damaged_pictures_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no tar"):
        list(read_pictures(tmp_path, ["a"]))
    write_tar(tmp_path / "faces-00.tar", {"a.jpg": b"nonsense"})
    with pytest.raises(DataError, match=r"a\.jpg .* no readable picture"):
        list(read_pictures(tmp_path, ["a"]))


def test_only_wanted_pictures_are_decoded(tmp_path: Path) -> None:
    write_tar(tmp_path / "faces-00.tar", {"a.jpg": b"nonsense", "b.png": png((0, 0, 255))})
    assert [key for key, _ in read_pictures(tmp_path, ["b"])] == ["b"]


def records_of(sizes: dict[str, int]) -> list[CropRecord]:
    return [CropRecord(f"{g}-{i}", bool(i % 2), g, "train", 200) for g, n in sizes.items() for i in range(n)]


def test_held_out_groups_reach_the_share_and_leave_the_giant_alone() -> None:
    records = records_of({"giant": 300} | {str(i): 10 for i in range(70)})
    held = hold_out_groups(records, 0.1, seed=1)
    assert "giant" not in held
    assert sum(record.group in held for record in records) == 100
    assert held == hold_out_groups(list(reversed(records)), 0.1, seed=1)
    assert held != hold_out_groups(records, 0.1, seed=2)

    with pytest.raises(DataError, match="Nobody can be held out"):
        hold_out_groups(records_of({"a": 5, "b": 5}), 0.1, seed=1)


class FixedFinder:
    """Finds two faces, of which one is central; none in dark pictures."""

    name, description = "fixed", "a fake"

    def find(self, image: Image) -> list[FaceBox]:
        if image.max() == 0:
            return []
        return [FaceBox(0, 0, 20, 20, 0.9), FaceBox(80, 70, 160, 170, 0.8)]

    def close(self) -> None: ...


def test_lfw_takes_the_central_face_and_skips_pictures_without_one(tmp_path: Path) -> None:
    write_tar(tmp_path / "lfw.tar", {"Ann_Lee_0001.png": png((9, 9, 9), 250), "Bo_0001.png": png((0, 0, 0), 250)})
    found = list(cut_faces(tmp_path, FixedFinder(), CropSpec(64, 0.84)))
    assert [name for name, _ in found] == ["Ann_Lee"]
    assert found[0][1].shape == (64, 64, 3)
    assert central_face([], 10, 10) is None


def test_the_real_index_keeps_people_apart(shared: Path) -> None:
    records = read_index(shared / "data" / "dfdc")
    assert Counter(record.split for record in records) == {"train": 17301, "val": 2199}
    train, val = ({r.group for r in records if r.split == split} for split in ("train", "val"))
    assert not train & val
    kept = [record for record in records if record.split == "train"]
    held = hold_out_groups(kept, 0.1, seed=1)
    assert 0.1 <= sum(record.group in held for record in kept) / len(kept) < 0.12
