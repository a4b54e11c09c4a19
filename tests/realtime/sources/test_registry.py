"""What a person types, and what comes of it; the listing and its command."""

from __future__ import annotations

import json

import pytest
from PIL import Image
from toy_package import build_toy_package

from unmask.cli.main import main
from unmask.engines.errors import UsageError
from unmask.realtime.sources.registry import SourceOptions, list_sources, make_source, refuse_unused
from unmask.realtime.sources.synthetic import read_number


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ("0", "CameraSource"),
        ("camera", "CameraSource"),
        ("camera:1", "CameraSource"),
        ("camera:Logi tech", "CameraSource"),
        ("screen", "ScreenSource"),
        ("screen:2", "ScreenSource"),
        ("region:-10,5,640,480", "ScreenSource"),
        ("window:Zoom: Meeting", "WindowSource"),
        ("window:0x2a", "WindowSource"),
        ("rtsp://camera/live", "StreamSource"),
        ("http://host/a.mp4", "StreamSource"),
        ("udp://@:5000", "StreamSource"),
        ("https://www.youtube.com/watch?v=x", "PageSource"),
        ("https://youtu.be/x", "PageSource"),
        ("https://notyoutube.com/x.mp4", "StreamSource"),
        ("page:https://example.org/video", "PageSource"),
        ("synthetic", "SyntheticSource"),
        ("synthetic:90", "SyntheticSource"),
    ],
)
def test_specs(spec, kind):
    source = make_source(spec)
    assert type(source).__name__ == kind
    assert source.source_id in (spec, spec.removeprefix("page:"))


def test_paths(tmp_path, video):
    video(tmp_path / "a.mp4", frames=2)
    Image.new("RGB", (8, 8)).save(tmp_path / "a.JPG", "jpeg")
    (tmp_path / "a.zip").touch()
    kinds = {"": "FolderSource", "a.mp4": "VideoFileSource", "a.JPG": "ImageSource", "a.zip": "ArchiveSource"}
    for name, kind in kinds.items():
        assert type(make_source(str(tmp_path / name))).__name__ == kind


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "nonsense",
        "camera:",
        "missing.mp4",
        "screen:x",
        "screen:",
        "region:1,2,3",
        "region:0,0,0,5",
        "window:",
        "file:///etc/passwd",
        "gopher://x",
        "page:file:///etc/passwd",
        "page:rtsp://x/y",
        "synthetic:0",
        "rtsp://",
    ],
)
def test_anything_else_is_a_usage_error(spec):
    with pytest.raises(UsageError) as caught:
        make_source(spec)
    assert "\n" not in str(caught.value)


def test_options_are_checked_and_used():
    with pytest.raises(UsageError, match="fps"):
        SourceOptions(fps=0)
    with pytest.raises(UsageError, match="backend"):
        make_source("0", SourceOptions(backend="vfw"))
    info = make_source("synthetic:10", SourceOptions(width=320, height=200, fps=10)).open()
    assert (info.width, info.height, info.fps, info.duration_s) == (320, 200, 10, 1.0)


def test_the_pattern_carries_its_number():
    source = make_source("synthetic:300")
    source.open()
    for number in range(300):
        frame = source.read()
        assert read_number(frame.image) == number
    assert source.read() is None


def test_the_live_pattern_ends_on_close():
    source = make_source("synthetic", SourceOptions(fps=200))
    assert source.open().live
    assert source.read().index == 0
    source.close()
    assert source.read() is None


def test_listing_names_what_cannot_be_used(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    rows = {row.spec: row for row in list_sources()}
    assert not rows["screen"].available
    assert "Wayland" in rows["screen"].reason
    assert rows["synthetic"].available
    assert all(bool(row.reason) != row.available for row in rows.values())


def test_the_command(monkeypatch, capsys):
    monkeypatch.delenv("DISPLAY", raising=False)
    assert main(["sources", "--json"]) == 0
    listing = json.loads(capsys.readouterr().out)
    assert listing["version"] == 1
    rows = listing["sources"]
    assert {"spec", "kind", "description", "available", "reason"} == set(rows[0])
    assert main(["sources"]) == 0
    assert ", unavailable: " in " ".join(capsys.readouterr().out.split())


def test_a_wish_that_no_source_can_grant_is_an_error(tmp_path, video):
    clip = make_source(str(video(tmp_path / "a.mp4", frames=2)))
    camera, screen = make_source("0"), make_source("screen")
    for wish, name in (({"width": 640}, "--width"), ({"fps": 5}, "--fps"), ({"backend": "v4l2"}, "--backend")):
        with pytest.raises(UsageError, match=name):
            refuse_unused([clip], SourceOptions(**wish))
        refuse_unused([clip, camera], SourceOptions(**wish))
    with pytest.raises(UsageError, match="--height"):
        refuse_unused([screen], SourceOptions(height=480))
    refuse_unused([clip, screen], SourceOptions(fps=5))
    refuse_unused([clip], SourceOptions())


def test_watch_refuses_an_option_that_would_be_ignored(tmp_path, video, capsys):
    clip, toy = video(tmp_path / "a.mp4", frames=2), build_toy_package(tmp_path / "toy")
    assert main(["watch", str(clip), "--headless", "--detector", str(toy), "--width", "640"]) == 2
    assert "--width" in capsys.readouterr().err


def test_a_device_file_is_its_camera():
    source = make_source("/dev/video2")
    assert (type(source).__name__, source.source_id) == ("CameraSource", "/dev/video2")
