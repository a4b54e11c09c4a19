"""Pictures made to harm, beyond tests/realtime/sources/test_images.py (modes, EXIF, depth, transparency, animation, cut
off ones, a huge claim in a header, what decoders raise): other bytes, other formats, bombs, odd shapes, odd places."""

from __future__ import annotations

import os
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from fakes import RED, picture
from fuzz_targets import check_picture, try_some
from hostile_files import nothing_stays_in, peak_mib, sentence
from PIL import GifImagePlugin, TiffImagePlugin
from sessions import open_toy_detector
from sound_files import sound_pictures

from unmask.engines.errors import SourceError
from unmask.realtime.faces.cascade import CascadeFinder
from unmask.realtime.scan.items import expand
from unmask.realtime.scan.scanner import Scanner, ScanSettings
from unmask.realtime.sources.images import FolderSource, ImageSource, decode_image
from unmask.realtime.sources.registry import SourceOptions, make_source
from unmask.realtime.types import Verdict


def test_other_bytes_give_a_picture_or_a_sentence(tmp_path: Path) -> None:
    try_some("picture", tmp_path, 250)


@pytest.mark.parametrize("name", sound_pictures())
def test_the_sound_ones_are_read_whatever_they_are_called(tmp_path: Path, name: str) -> None:
    for suffix in (".png", ".jpg", ".tif"):
        path = tmp_path / f"a{suffix}"
        path.write_bytes(sound_pictures()[name])
        image, _ = decode_image(path, path.name)
        turned = "exif" not in name and name in ("turned jpeg", "webp", "tiff")
        assert image.shape == ((40, 24, 3) if turned else (24, 40, 3))


def refusal(data: bytes | Path) -> str:
    with pytest.raises(SourceError) as caught:
        decode_image(data, "a.png")
    return sentence(caught.value)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *more: bytes, depth: int = 8, colour: int = 2, pixels: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + b"".join(more) + chunk(b"IDAT", zlib.compress(pixels))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


def compressed(size: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)), packer.flush()])


def many_directories(count: int, circle: bool) -> bytes:
    """A TIFF of one picture, then ``count`` empty directories, the last of which leads nowhere or to the second."""
    sound = sound_pictures()["tiff"]
    first = struct.unpack("<I", sound[4:8])[0]
    entries = struct.unpack("<H", sound[first : first + 2])[0]
    link, size, raw = first + 2 + 12 * entries, 18, bytearray(sound)
    start = len(raw)
    raw[link : link + 4] = struct.pack("<I", start)
    for number in range(count):
        last = start if circle else 0
        following = start + (number + 1) * size if number + 1 < count else last
        raw += struct.pack("<HHHIII", 1, 256, 4, 1, 40, following)
    return bytes(raw)


def many_frames(count: int) -> bytes:
    """A GIF of ``count`` frames of one pixel."""
    frame = b",\0\0\0\0\1\0\1\0\0\2\2D\1\0"
    return b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff" + frame * count + b";"


BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "no pixels": (lambda: png(0, 0), "damaged|not a picture"),
    "no height": (lambda: png(5, 0), "damaged|not a picture"),
    "a claim of 4 thousand million": (lambda: png(65_000, 65_000), "too large"),
    "a claim of as many as there are": (lambda: png(2**31 - 1, 2**31 - 1), "too large"),
    "a long line": (lambda: png(89_478_486, 1), "too large"),
    "a claim without the pixels": (lambda: png(9000, 9000), "damaged"),
    "deep pixels without the pixels": (lambda: png(9000, 9000, depth=16, colour=6), "damaged"),
    "notes that unpack to 200 MB": (lambda: png(2, 2, chunk(b"zTXt", b"k\0\0" + compressed(200 << 20))), ""),
    "a profile that unpacks to 200 MB": (lambda: png(2, 2, chunk(b"iCCP", b"k\0\0" + compressed(200 << 20))), ""),
    "a chunk of 2 GB that is not there": (lambda: png(2, 2)[:33] + struct.pack(">I", 2**31 - 1) + b"IDAT", "damaged"),
    "a JPEG 2000 of many tiles": (
        lambda: sound_pictures()["jpeg 2000"].replace(struct.pack(">II", 40, 24), struct.pack(">II", 60_000, 60_000)),
        "",
    ),
    "a TIFF of huge tiles": (
        lambda: tiff({256: 8, 257: 8, 258: 8, 259: 1, 262: 1, 322: 1 << 20, 323: 1 << 20, 324: 8, 325: 1 << 30}),
        "",
    ),
    "a TIFF of one huge strip": (
        lambda: tiff({256: 60_000, 257: 1400, 258: 8, 259: 5, 262: 1, 273: 8, 278: 2**31, 279: 2**31}),
        "",
    ),
}


def tiff(tags: dict[int, int]) -> bytes:
    rows = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + rows + bytes(4)


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_stays_small(tmp_path: Path, name: str) -> None:
    make, words = BOMBS[name]
    raw = make()
    said: list[str] = []

    def look() -> None:
        try:
            check_picture(raw, tmp_path)
            decode_image(raw, "a.png")
            said.append("")
        except SourceError as error:
            said.append(sentence(error))

    with nothing_stays_in(tmp_path):
        grown = peak_mib(look)
    assert grown < 600, "the pixels that may be there take 350 MB, once as they are read and once as BGR"
    assert any(word in said[0] for word in words.split("|")), said


def test_the_frames_of_an_animation_are_not_counted_by_reading_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of 20 MB may hold a million; they would be read for one number in a description."""
    seen: list[int] = []
    real = GifImagePlugin.GifImageFile._seek
    monkeypatch.setattr(
        GifImagePlugin.GifImageFile,
        "_seek",
        lambda self, frame, *rest: (seen.append(frame), real(self, frame, *rest))[1],
    )
    image, count = decode_image(many_frames(200_000), "a.gif")
    assert (image.shape, count) == ((1, 1, 3), None)
    assert len(seen) < 5
    assert decode_image(many_frames(1), "a.gif")[1] == 1


@pytest.mark.parametrize("circle", [True, False])
def test_the_directories_of_a_tiff_are_not_followed(monkeypatch: pytest.MonkeyPatch, circle: bool) -> None:
    seen: list[int] = []
    real = TiffImagePlugin.TiffImageFile._seek
    monkeypatch.setattr(
        TiffImagePlugin.TiffImageFile, "_seek", lambda self, frame: (seen.append(frame), real(self, frame))[1]
    )
    image, count = decode_image(many_directories(20_000, circle), "a.tif")
    assert (image.shape, count) == ((40, 24, 3), None)
    assert max(seen) <= 1


def test_several_pictures_are_said_without_their_number(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(many_frames(3))
    assert "the first of several pictures" in ImageSource("a", tmp_path / "a.png").open().description


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(x) run\nshowpage\n%%EOF\n"
OTHER_FORMATS = {
    "PostScript": POSTSCRIPT,
    "PostScript with a preview": b"\xc5\xd0\xd3\xc6" + struct.pack("<II", 30, len(POSTSCRIPT)) + bytes(18) + POSTSCRIPT,
    "a metafile": b"\xd7\xcd\xc6\x9a\0\0" + bytes(16) + b"\1\0\x09\0\0\3" + bytes(40),
    "an icon": b"\0\0\1\0\1\0\1\1\0\0\1\0\x20\0\x30\0\0\0\x16\0\0\0" + bytes(48),
    "FITS": b"SIMPLE  =                    T" + b" " * 50 + b"END" + b" " * 2797,
    "PCX": b"\x0a\5\1\x08" + bytes(124),
    "a video": b"\0\0\0\x20ftypisom" + bytes(100),
    "a page": b"<!doctype html><svg xmlns='http://www.w3.org/2000/svg'/>",
    "a link of Windows": b"[InternetShortcut]\nURL=file:///etc/passwd\n",
    "nothing": b"",
    "a program": b"#!/bin/sh\ntouch harmed\n",
}


@pytest.mark.parametrize("name", OTHER_FORMATS)
def test_other_formats_are_not_even_tried(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow hands PostScript to a program, whatever the file is called."""

    def started(*_: object, **__: object) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr(subprocess, "Popen", started)
    monkeypatch.setattr(os, "system", started)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jpg").write_bytes(OTHER_FORMATS[name])
    with nothing_stays_in(tmp_path):
        assert "not a picture" in refusal(tmp_path / "a.jpg")


def test_a_picture_called_a_video_and_the_other_way_round(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(sound_pictures()["png"])
    with pytest.raises(SourceError, match="single picture") as caught:
        make_source(str(tmp_path / "a.mp4")).open()
    sentence(caught.value)


SHAPES = [(1, 1), (1, 5000), (5000, 1), (2, 3), (7, 20_000), (20_000, 7), (3000, 3000)]


@pytest.fixture(scope="module")
def scanner(tmp_path_factory: pytest.TempPathFactory):
    with open_toy_detector(tmp_path_factory.mktemp("toy")) as detector:
        yield Scanner([(detector, 0.6)], CascadeFinder(), ScanSettings())


@pytest.mark.parametrize("shape", SHAPES)
def test_any_shape_is_looked_at(tmp_path: Path, scanner: Scanner, shape: tuple[int, int]) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full((*shape, 3), 128, np.uint8))
    (item,) = expand([str(tmp_path / "a.png")], SourceOptions())
    finding = scanner.scan(item)
    assert (finding.verdict, finding.error, finding.size) == (Verdict.CANNOT_JUDGE, "", shape[::-1])


def pipe(path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("needs named pipes, which this system lacks")
    os.mkfifo(path)


def device(path: Path) -> None:
    if not Path("/dev/zero").exists():
        pytest.skip("needs /dev/zero, which this system lacks")
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [pipe, device, Path.mkdir, lambda path: path.symlink_to(path)])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "a.png"
    make(path)
    with pytest.raises(SourceError) as caught:
        ImageSource("a", path).open()
    assert sentence(caught.value).startswith("a.png ")
    with pytest.raises(SourceError, match="no pictures"):
        FolderSource("folder", tmp_path).open()


def test_what_is_said_of_a_name_steers_no_terminal(tmp_path: Path) -> None:
    path = tmp_path / "\x1b[2Ja\n\u202eb.png"
    path.write_bytes(b"no picture")
    with pytest.raises(SourceError) as caught:
        ImageSource("a", path).open()
    assert sentence(caught.value).startswith(r"\x1b[2Ja\n\u202eb.png is not a picture")
    cv2.imwrite(str(tmp_path / "b.png"), picture(((80, 60, 200, 180), RED)))
    (tmp_path / "b.png").rename(path)
    assert ImageSource("a", path).open().description.isprintable()


def test_damaged_notes_cost_no_picture_its_sentence(tmp_path: Path) -> None:
    """EXIF that is none: the picture is refused in words, or shown as it lies."""
    raw = sound_pictures()["turned jpeg"]
    place = raw.index(b"Exif\0\0") + 6
    for at in range(place, place + 40):
        check_picture(raw[:at] + b"\xff\xff" + raw[at + 2 :], tmp_path)
