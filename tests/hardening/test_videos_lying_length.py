"""Files that lie about their length, or whose clock goes back: a scan looks at all of them all the same.

Else whoever manipulates a clip would only have to declare it shorter than its first harmless seconds."""

from __future__ import annotations

import struct
import zipfile

import pytest
from clips import ColourFinder, write_video
from fakes import BLUE, RED, picture
from raw_server import http, sends, serving
from toy_package import build_toy_package

from unmask.engines.package import load_package
from unmask.realtime.detector import Detector
from unmask.realtime.scan.items import expand
from unmask.realtime.scan.scanner import Scanner, ScanSettings
from unmask.realtime.sources.registry import SourceOptions
from unmask.realtime.sources.video_file import VideoFileSource
from unmask.realtime.types import Verdict

BOX = (30, 60, 120, 150)
SECONDS = 4


def half(colour):
    return [picture((BOX, colour), seed=number) for number in range(SECONDS // 2 * 25)]


@pytest.fixture
def scan(tmp_path):
    rule = {"smoothing_s": 0.2, "dwell_s": 0.5, "release_s": 0.5}
    package = build_toy_package(tmp_path / "toy", rule=rule, quality={"min_face_px": 20})
    with Detector.open(load_package(package), "ort-cpu") as detector:

        def run(path, **settings):
            scanner = Scanner([(detector, 0.6)], ColourFinder(), ScanSettings(**settings))
            (item,) = expand([str(path)], SourceOptions())
            return scanner.scan(item)

        yield run


def declared(path):
    source = VideoFileSource(path)
    try:
        return source.open().duration_s
    finally:
        source.close()


def matroska(path, seconds):
    """Declare another length: the element 0x4489, a double of milliseconds."""
    data = path.read_bytes()
    at = data.index(b"\x44\x89\x88") + 3
    path.write_bytes(data[:at] + struct.pack(">d", 1000 * seconds) + data[at + 8 :])
    return path


def quicktime(path, seconds):
    """Declare another length in the header of the film, of its track and of its medium."""
    data = bytearray(path.read_bytes())
    for name, timescale_at, duration_at in ((b"mvhd", 16, 20), (b"mdhd", 16, 20), (b"tkhd", None, 24)):
        at = data.index(name)
        scale = struct.unpack_from(">I", data, at + timescale_at)[0] if timescale_at else 1000
        struct.pack_into(">I", data, at + duration_at, round(seconds * scale))
    path.write_bytes(bytes(data))
    return path


def check_whole(finding):
    assert finding.verdict is Verdict.SIGNS
    assert finding.duration_s == pytest.approx(SECONDS, abs=0.2)
    (event,) = finding.faces[0].detectors[0].events
    assert 2.0 < event.start_s < 3.5


@pytest.mark.parametrize("lie", [matroska, quicktime])
def test_a_clip_that_declares_one_second_and_lasts_four_is_scanned_whole(scan, tmp_path, lie):
    name = "short.mkv" if lie is matroska else "short.mp4"
    path = lie(write_video(tmp_path / name, half(BLUE) + half(RED)), 1.0)
    assert declared(path) == pytest.approx(1.0, abs=0.1), "the lie is not believed: this test proves nothing"
    check_whole(scan(path))


def test_so_is_one_in_an_archive(scan, tmp_path):
    path = matroska(write_video(tmp_path / "short.mkv", half(BLUE) + half(RED)), 1.0)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(path, "short.mkv")
    check_whole(scan(tmp_path / "a.zip"))


@pytest.mark.parametrize("seconds", [3600.0, 1e15])
def test_a_clip_that_declares_an_hour_and_lasts_four_seconds_is_scanned_whole(scan, tmp_path, seconds):
    path = matroska(write_video(tmp_path / "long.mkv", half(BLUE) + half(RED)), seconds)
    finding = scan(path, most_frames=100)
    check_whole(finding)
    if seconds == 3600.0:
        assert "breaks off after 4.0 s of 3600.0 s" in finding.error


def test_recordings_glued_together_are_scanned_to_their_end(scan, tmp_path):
    """``cat a.ts b.ts``: the clock begins anew in the middle, and the end says two seconds."""
    whole = tmp_path / "glued.ts"
    for number, colour in enumerate((BLUE, RED)):
        part = write_video(tmp_path / f"{number}.ts", half(colour))
        with whole.open("ab") as out:
            out.write(part.read_bytes())
    assert declared(whole) == pytest.approx(2.0, abs=0.2)
    check_whole(scan(whole))


def test_so_is_one_on_a_server(scan, tmp_path):
    path = matroska(write_video(tmp_path / "short.mkv", half(BLUE) + half(RED)), 1.0)
    with serving(sends(http(path.read_bytes(), kind="video/x-matroska"))) as server:
        check_whole(scan(f"{server}/short.mkv"))


def test_an_honest_clip_is_opened_once(scan, tmp_path, monkeypatch):
    opened = []
    original = VideoFileSource._open
    monkeypatch.setattr(VideoFileSource, "_open", lambda self: opened.append(1) or original(self))
    check_whole(scan(write_video(tmp_path / "honest.mp4", half(BLUE) + half(RED))))
    assert len(opened) == 1
