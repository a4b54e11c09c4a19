"""Zips made to harm, beyond tests/realtime/sources/test_archive.py (names that lead outside, links, encryption, bombs,
members that lie about their size, damaged members): directories that lie, members that are many, names, places."""

from __future__ import annotations

import gc
import io
import os
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from fuzz_targets import try_some
from hostile_files import nothing_stays_in, peak_mib, sentence
from sound_files import sound_pictures

from unmask.engines.errors import SourceError
from unmask.realtime.scan.items import ScanItem, expand
from unmask.realtime.sources.archive import ArchiveLimits, ArchiveSource, list_members
from unmask.realtime.sources.registry import SourceOptions

PNG = sound_pictures()["png"]


def zipped(path: Path, members: Sequence[tuple[str, bytes]], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def entries_only(count: int, stated: int, name: bytes = b"a%07d.png") -> bytes:
    """A directory of ``count`` empty members with nothing before it; its end says that they are ``stated``."""
    entry = struct.Struct("<4s4B4HL2L5H2L")
    rows = []
    for number in range(count):
        own = name % number
        rows.append(
            entry.pack(b"PK\x01\x02", 20, 0, 20, 0, 0, 0, 0, 0, zlib.crc32(b""), 0, 0, len(own), 0, 0, 0, 0, 0, 0) + own
        )
    body = b"".join(rows)
    return body + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, stated, stated, len(body), 0, 0)


def test_other_bytes_give_pictures_or_sentences_and_leave_nothing(tmp_path: Path) -> None:
    try_some("zip", tmp_path, 100)


def refusal(path: Path, limits: ArchiveLimits | None = None) -> str:
    with pytest.raises(SourceError) as caught:
        list_members(path, limits)
    return sentence(caught.value)


@pytest.mark.parametrize("stated", [0, 1, 3, 65535])
def test_more_members_than_the_end_of_the_file_states(tmp_path: Path, stated: int) -> None:
    (tmp_path / "a.zip").write_bytes(entries_only(40, stated))
    assert "too many members; at most 30 are taken" in refusal(tmp_path / "a.zip", ArchiveLimits(members=30))


def test_a_directory_of_hundreds_of_thousands_is_not_made_into_objects(tmp_path: Path) -> None:
    """Twenty megabytes of bare entries would be 200 MB of objects, and a larger file without end more."""
    (tmp_path / "a.zip").write_bytes(entries_only(300_000, 1))
    said: list[str] = []
    assert peak_mib(lambda: said.append(refusal(tmp_path / "a.zip"))) < 100
    assert "at most 100000 are taken" in said[0]


def test_a_directory_longer_than_any_honest_one_is_not_even_read(tmp_path: Path) -> None:
    with (tmp_path / "a.zip").open("wb") as file:
        file.truncate(1 << 30)  # takes no room on the disk
        file.seek(0, io.SEEK_END)
        file.write(struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 1 << 30, 0, 0))
    said: list[str] = []
    assert peak_mib(lambda: said.append(refusal(tmp_path / "a.zip"))) < 100
    assert "too many members" in said[0]


def test_one_name_for_two_members_is_no_guess(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = zipped(tmp_path / "a.zip", [("a.png", PNG), ("a.png", sound_pictures()["grey jpeg"])])
    assert "holds 'a.png' twice" in refusal(path)


NAMES = {
    "digits without end": ("9" * 5000 + ".png", ""),
    "a digit that is no number": ("3\xb24.png", ""),
    "other digits": ("\u0663\u0664.png", ""),
    "as long as a name can be": ("x" * 65_000 + ".png", ""),
    "a terminal's command": ("\x1b]0;x\x07\x1b[2J.png", ""),
    "turned round": ("a\u202egnp.png", ""),
    "lines": ("a\nb.png", ""),
    "a device of Windows": ("CON.png", ""),
    "a stream of Windows": ("a.png:b.png", "leads outside"),
    "a share of Windows": ("//host/a.png", "leads outside"),
    "a drive": ("C:a.png", "leads outside"),
    "up and down": ("a/../../b.png", "leads outside"),
    "no name at all": ("", "holds no pictures"),  # found by fuzzing
    "a null byte": ("a\0.png", "leads outside"),
}


@pytest.mark.parametrize("name", NAMES)
def test_names(tmp_path: Path, name: str) -> None:
    member, words = NAMES[name]
    path = tmp_path / "a.zip"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo("placeholder.png")
        info.filename = info.orig_filename = member
        archive.writestr(info, b"no picture either")
    path.write_bytes(out.getvalue())
    with nothing_stays_in(tmp_path):
        items = expand([str(path)], SourceOptions())
        assert len(items) == 1
        said = items[0].error or unreadable(items[0])
        assert words in said
        sentence(said)
        assert len(said) < 700


def look_at(item: ScanItem) -> None:
    assert item.make is not None
    source = item.make()
    source.open()
    assert source.read() is not None
    source.close()


def unreadable(item: ScanItem) -> str:
    assert item.make is not None
    source = item.make()
    with pytest.raises(SourceError) as caught:
        source.open()
    source.close()
    return str(caught.value)


def patched(change: Callable[[bytearray, int, int], None]) -> bytes:
    """A zip of one picture after ``change`` of its bytes, given where its local and its central header begin."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.png", PNG)
    raw = bytearray(out.getvalue())
    change(raw, raw.index(b"PK\x03\x04"), raw.index(b"PK\x01\x02"))
    return bytes(raw)


def put(place: str, offset: int, value: bytes) -> Callable[[bytearray, int, int], None]:
    def change(raw: bytearray, local: int, central: int) -> None:
        at = (local if place == "local" else central) + offset
        raw[at : at + len(value)] = value

    return change


LYING: dict[str, tuple[Callable[[bytearray, int, int], None], str]] = {
    "a packing that nobody has": (put("central", 10, b"\x63\0"), "compression"),
    "a version of the future": (put("central", 6, b"\xff\0"), "not a zip that can be read"),
    "strongly encrypted": (put("central", 8, b"\x41\0"), "is encrypted"),
    "patched data": (put("central", 8, b"\x20\0"), "patched data"),
    "a place beyond the end": (put("central", 42, b"\xf0\xff\xff\x7f"), "cannot be unpacked"),
    "a place in the middle": (put("central", 42, b"\x05\0\0\0"), "cannot be unpacked"),
    "another name at its place": (put("local", 30, b"b"), "cannot be unpacked"),
    "a checksum of something else": (put("central", 16, b"\0\0\0\1"), "cannot be unpacked"),
    "a size that is far larger": (put("central", 20, b"\0\0\0\x10" * 2), "cut off|cannot be unpacked|not a zip"),
    "a device": (put("central", 40, b"\0\x20"), "link or device"),
}


@pytest.mark.parametrize("name", LYING)
def test_headers_that_lie(tmp_path: Path, name: str) -> None:
    change, words = LYING[name]
    path = tmp_path / "a.zip"
    path.write_bytes(patched(change))
    with nothing_stays_in(tmp_path):
        (item,) = expand([str(path)], SourceOptions())
        said = sentence(item.error or unreadable(item))
    assert any(word in said for word in words.split("|")), said


def test_two_members_in_the_same_bytes(tmp_path: Path) -> None:
    """As the bombs that overlap do (Fifield, 2019): the second entry leads to the first one's data."""
    raw = bytearray(zipped(tmp_path / "a.zip", [("a.png", PNG), ("b.png", PNG)]).read_bytes())
    second = raw.index(b"PK\x01\x02", raw.index(b"PK\x01\x02") + 4)
    raw[second + 42 : second + 46] = bytes(4)
    (tmp_path / "a.zip").write_bytes(raw)
    items = expand([str(tmp_path / "a.zip")], SourceOptions())
    assert "cannot be unpacked" in sentence(unreadable(items[1])) if len(items) == 2 else sentence(items[0].error)


def test_zips_in_zips_are_not_followed(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "in.zip", [("a.png", PNG)]).read_bytes()
    path = zipped(tmp_path / "out.zip", [("in.zip", inner), ("in.cbz", inner)])
    assert "holds no pictures or videos" in refusal(path)


@pytest.fixture
def times_read(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """One entry for each time that a directory is read."""
    read: list[object] = []
    real = zipfile.ZipFile._RealGetContents  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setattr(zipfile.ZipFile, "_RealGetContents", lambda self: (read.append(self), real(self))[1])
    return read


def test_thousands_of_tiny_files_are_listed_once(tmp_path: Path, times_read: list[object]) -> None:
    """Read anew for each member, the directory of 3000 would take longer than everything else together."""
    path = zipped(tmp_path / "a.zip", [(f"{number}.png", PNG) for number in range(3000)], zipfile.ZIP_STORED)
    times_read.clear()
    items = expand([str(path)], SourceOptions())
    assert len(items) == 3000
    for item in items[:200]:
        look_at(item)
    assert len(times_read) == 1


def open_files_below(folder: Path) -> list[str]:
    places = [os.path.realpath(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")]
    return [place for place in places if place.startswith(str(folder))]


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs Linux's list of open files")
def test_one_archive_is_open_at_a_time_and_none_at_the_end(tmp_path: Path) -> None:
    paths = [zipped(tmp_path / f"{name}.zip", [("1.png", PNG), ("2.png", PNG)]) for name in "abcd"]
    items = expand([str(path) for path in paths], SourceOptions())
    assert len(open_files_below(tmp_path)) == 1
    for item in items:
        look_at(item)
        assert len(open_files_below(tmp_path)) == 1
    item = None
    items.clear()
    gc.collect()
    assert open_files_below(tmp_path) == []


@pytest.mark.parametrize("kind", ["pipe", "folder", "loop", "device"])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.zip"
    match kind:
        case "pipe" if hasattr(os, "mkfifo"):
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "loop":
            path.symlink_to(path)
        case "device" if Path("/dev/zero").exists():
            path.symlink_to("/dev/zero")
        case _:
            pytest.skip(f"this system has no {kind} of that kind")
    with nothing_stays_in(tmp_path):
        (item,) = expand([str(path)], SourceOptions())
        sentence(item.error)
        with pytest.raises(SourceError) as caught:
            ArchiveSource("zip", path).open()
        sentence(caught.value)


@pytest.mark.parametrize("place", ["absent", "full"])
def test_no_place_to_unpack_a_video_to(tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(tmp_path / "a.zip", [("a.mp4", bytes(5000))])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent" if place == "absent" else tmp_path))
    real = Path.open

    def on_a_full_disk(self: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        return Full(io.FileIO(self, "w")) if mode == "wb" else real(self, mode, *rest, **more)

    if place == "full":
        monkeypatch.setattr(Path, "open", on_a_full_disk)
    with nothing_stays_in(tmp_path):
        (item,) = expand([str(path)], SourceOptions())
        said = sentence(unreadable(item))
    assert "free some space or point TMPDIR elsewhere" in said


class Full(io.BufferedWriter):
    def write(self, *_: object) -> int:
        raise OSError(28, "No space left on device")


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs Linux's list of open files")
def test_an_unsound_zip_is_closed_again(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(PNG)
    with pytest.raises(SourceError, match="not a zip"):
        list_members(tmp_path / "a.zip")
    assert open_files_below(tmp_path) == []
