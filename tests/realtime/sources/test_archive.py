"""Zips: honest ones in order, hostile ones refused whole."""

from __future__ import annotations

import io
import stat
import tempfile
import threading
import time
import zipfile

import pytest
from PIL import Image

from unmask.engines.errors import SourceError
from unmask.realtime.sources import archive
from unmask.realtime.sources.archive import ArchiveLimits, ArchiveSource, list_members, open_member
from unmask.realtime.sources.synthetic import read_number


def png(red):
    out = io.BytesIO()
    Image.new("RGB", (8, 8), (red, 0, 0)).save(out, "png")
    return out.getvalue()


@pytest.fixture
def make_zip(tmp_path):
    def make(members, name="a.zip", compression=zipfile.ZIP_DEFLATED):
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", compression) as archive:
            for member, data in members:
                archive.writestr(member, data)
        return path

    return make


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_frames_in_natural_order(make_zip, temporary):
    names = ["f/10.png", "f/2.png", "f/1.png", "readme.txt", "__MACOSX/f/._1.png", ".x.png"]
    path = make_zip([(name, png(n)) for n, name in enumerate(names)])
    assert [(member.name, member.kind) for member in list_members(path)] == [
        ("f/1.png", "image"),
        ("f/2.png", "image"),
        ("f/10.png", "image"),
    ]
    source = ArchiveSource("zip", path, fps=10)
    info = source.open()
    assert (info.kind, info.frame_count, info.width) == ("archive", 3, 8)
    frames = [source.read() for _ in range(3)]
    assert [int(frame.image[0, 0, 2]) for frame in frames] == [2, 1, 0]
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0.1, 0.2])
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert source.read() is None
    assert list(temporary.iterdir()) == []


def test_videos_play_in_turn_well_apart(make_zip, video, tmp_path, temporary):
    data = video(tmp_path / "v.mp4", frames=5).read_bytes()
    path = make_zip([("1.mp4", data), ("2.mp4", data), ("3.png", png(9))])
    source = ArchiveSource("zip", path)
    source.open()
    assert len(list(temporary.iterdir())) == 1
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    assert [read_number(frame.image) for frame in frames[:10]] == [*range(5), *range(5)]
    times = [frame.time_s for frame in frames]
    assert times == sorted(times)
    assert times[5] - times[4] >= 5
    assert times[10] - times[9] >= 5
    assert list(temporary.iterdir()) == []


def test_one_member_for_the_scan(make_zip, video, tmp_path, temporary):
    data = video(tmp_path / "v.mp4").read_bytes()
    path = make_zip([("deep/v.mp4", data), ("w.png", png(7))])
    clip, picture = list_members(path)
    source = open_member(path, clip)
    info = source.open()
    assert (info.kind, info.frame_count) == ("video", 30)
    assert info.source_id.endswith("a.zip/deep/v.mp4")
    assert [read_number(frame.image) for frame in source.frames_at([0.0, 0.8])] == [0, 20]
    source.close()
    assert list(temporary.iterdir()) == []
    source = open_member(path, picture)
    assert source.open().kind == "image"
    assert [int(frame.image[0, 0, 2]) for frame in source.frames_at([0.0, 1.0])] == [7, 7]


def test_a_bad_video_leaves_nothing_behind(make_zip, temporary):
    path = make_zip([("a.mp4", b"x" * 5000)])
    with pytest.raises(SourceError):
        ArchiveSource("zip", path).open()
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["../a.png", "/a.png", "x/../../a.png", "C:/a.png", "..\\a.png", "\\\\host\\a.png", "x/../y.txt"]
)
def test_names_that_lead_outside(make_zip, name):
    with pytest.raises(SourceError, match="outside"):
        list_members(make_zip([("ok.png", png(1)), (name, png(2))]))


def test_links_are_refused(make_zip):
    link = zipfile.ZipInfo("a.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(SourceError, match="link"):
        list_members(make_zip([("ok.png", png(1)), (link, "/etc/passwd")]))


def test_encryption_is_refused(make_zip):
    path = make_zip([("a.png", png(1))])
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(SourceError, match="encrypted"):
        list_members(path)


def test_bombs_are_refused(make_zip):
    bomb = make_zip([("a.mp4", bytes(20 << 20))], "bomb.zip")
    assert bomb.stat().st_size < 1 << 20
    with pytest.raises(SourceError, match="zip bomb"):
        list_members(bomb)
    several = make_zip([(f"{n}.png", bytes(1 << 20)) for n in range(4)], "several.zip")
    assert len(list_members(several)) == 4
    with pytest.raises(SourceError, match="unpacks to"):
        list_members(several, ArchiveLimits(total_bytes=3 << 20))
    with pytest.raises(SourceError, match="at most 3"):
        list_members(several, ArchiveLimits(members=3))


def test_a_member_that_lies_about_its_size(make_zip):
    """The directory says 8 bytes, the data holds a megabyte: what is read never exceeds the claim."""
    path = make_zip([("a.png", bytes(1 << 20))])
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = (8).to_bytes(4, "little")
    path.write_bytes(data)
    (member,) = list_members(path)
    assert member.size == 8
    with pytest.raises(SourceError, match=r"a\.png"):
        open_member(path, member).open()


def test_what_is_no_zip_or_holds_nothing(make_zip, tmp_path):
    (tmp_path / "b.zip").write_bytes(b"PK nothing")
    with pytest.raises(SourceError, match="not a zip"):
        list_members(tmp_path / "b.zip")
    with pytest.raises(SourceError, match="does not exist"):
        list_members(tmp_path / "c.zip")
    with pytest.raises(SourceError, match="no pictures or videos"):
        list_members(make_zip([("a.txt", b"x")]))


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("place", [30, 60])
def test_a_damaged_member_is_named(make_zip, compression, place):
    """At 30 stands the member's name once more: a byte of no character; at 60 its data."""
    path = make_zip([("ä.png", png(1) * 20)], compression=compression)
    data = bytearray(path.read_bytes())
    data[place] ^= 0x7F
    path.write_bytes(data)
    with pytest.raises(SourceError, match=r"ä\.png"):
        ArchiveSource("zip", path).open()


def test_close_ends_the_unpacking_of_a_large_video(make_zip, video, tmp_path, temporary, monkeypatch, until):
    """Unpacked to its end, this one takes minutes; nothing of it may stay on the disk."""
    path = make_zip([("a.mp4", video(tmp_path / "a.mp4", frames=120).read_bytes())])
    read = zipfile.ZipExtFile.read
    monkeypatch.setattr(archive, "_COPY_BLOCK", 16)
    monkeypatch.setattr(zipfile.ZipExtFile, "read", lambda self, n: (time.sleep(0.05), read(self, n))[1])
    source = ArchiveSource("zip", path)
    said = []

    def open_it():
        try:
            source.open()
        except SourceError as error:
            said.append(error)

    thread = threading.Thread(target=open_it, daemon=True)
    thread.start()
    until(lambda: list(temporary.rglob("video.mp4")))
    source.close()
    thread.join(10)
    assert not thread.is_alive()
    assert said[0].retryable
    assert list(temporary.iterdir()) == []
