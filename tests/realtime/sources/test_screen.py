"""A real X server (Xvfb), real windows, real captures."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from PIL import Image

from unmask.engines.errors import SourceError, UsageError
from unmask.realtime.sources.lifecycle import State
from unmask.realtime.sources.listing import list_sources
from unmask.realtime.sources.screen import Region, ScreenGrabber, ScreenSource, check_screen, parse_region
from unmask.realtime.sources.window import WindowSource


def quarters(width=200, height=120):
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = (255, 0, 0)
    picture[: height // 2, width // 2 :] = (0, 255, 0)
    picture[height // 2 :, : width // 2] = (0, 0, 255)
    picture[height // 2 :, width // 2 :] = (255, 255, 0)
    return picture


@pytest.fixture
def picture(tmp_path):
    """A PNG of four colours, and the array (BGR) that a capture of it must give."""
    rgb = quarters()
    Image.fromarray(rgb).save(tmp_path / "quarters.png")
    return str(tmp_path / "quarters.png"), rgb[..., ::-1]


def show(x_server, until, picture, title="Call with Ann", at="+50+40"):
    """Put the picture on the screen in a window of that title; returns the program."""
    path, want = picture
    program = x_server.start("display", "-title", title, "-geometry", at, "-borderwidth", "0", path)
    grabber = ScreenGrabber()
    left, top = (int(number) for number in at.strip("+").split("+"))
    region = Region(left, top, want.shape[1], want.shape[0])
    until(lambda: np.array_equal(grabber.grab(region)[0], want))
    grabber.close()
    return program


def failed(source, step="read"):
    """Whether that step raised, which must then be an error that may pass."""
    try:
        getattr(source, step)()
    except SourceError as error:
        return error.retryable
    return False


@pytest.mark.display
def test_the_pixels_of_a_region(x_server, until, picture):
    show(x_server, until, picture)
    source = ScreenSource("region", parse_region("50,40,200,120"), fps=100)
    info = source.open()
    assert (info.kind, info.live, info.width, info.height) == ("screen", True, 200, 120)
    frame = source.read()
    assert np.array_equal(frame.image, picture[1])
    assert frame.image.flags.c_contiguous
    later = source.read()
    assert later.captured_at > frame.captured_at
    assert later.image is not frame.image
    source.close()


@pytest.mark.display
def test_monitors_and_shared_memory(x_server):
    source = ScreenSource("screen")
    info = source.open()
    assert (info.width, info.height) == (640, 480)
    assert source._grabber.shared_memory is True
    assert "MIT-SHM" not in info.description
    source.close()
    assert ScreenSource("screen:0", 0).open().width == 640
    with pytest.raises(SourceError, match="no monitor 3"):
        ScreenSource("screen:3", 3).open()
    with pytest.raises(SourceError, match="beyond the screen"):
        ScreenSource("region", Region(600, 0, 100, 100)).open()


@pytest.mark.display
def test_close_from_another_thread_ends_the_wait(x_server):
    source = ScreenSource("screen", fps=0.05)
    source.open()
    assert source.read() is not None
    ended = threading.Event()
    threading.Thread(target=lambda: (source.read(), ended.set()), daemon=True).start()
    assert not ended.wait(0.1)
    source.close()
    assert ended.wait(1.0)


@pytest.mark.display
def test_a_named_window_is_followed(x_server, until, picture):
    program = show(x_server, until, picture)
    source = WindowSource("window:ann", "ann", fps=100)
    info = source.open()
    assert (info.kind, info.width, info.height) == ("window", 200, 120)
    assert np.array_equal(source.read().image, picture[1])

    x_server.run("xdotool", "search", "--name", "Call with Ann", "windowmove", "300", "200")
    until(lambda: source._visible_part() == Region(300, 200, 200, 120))
    until(lambda: np.array_equal(source.read().image, picture[1]))

    x_server.run("xdotool", "search", "--name", "Call with Ann", "windowmove", "540", "200")
    until(lambda: source.read().image.shape == (120, 100, 3))

    x_server.run("xdotool", "search", "--name", "Call with Ann", "windowunmap")
    with pytest.raises(SourceError, match="minimised or hidden") as caught:
        until(lambda: source.read() is None)
    assert caught.value.retryable
    x_server.run("xdotool", "search", "--name", "Call with Ann", "windowmap", "windowmove", "10", "10")

    until(lambda: not failed(source, "open"))
    program.terminate()
    program.wait(5)
    with pytest.raises(SourceError, match="was closed") as caught:
        until(lambda: source.read() is None)
    assert caught.value.retryable


@pytest.mark.display
def test_under_a_window_manager(x_server, until, picture):
    """Frames and reparenting: the inside of the window is captured, and the list is the manager's."""
    x_server.start("display", "-title", "Call with Ann", picture[0])
    until(lambda: any(row.description == "Call with Ann" for row in list_sources()))
    # In this order: openbox overlooks a window that is shown for the first time while it starts.
    x_server.start("openbox")
    until(lambda: "Call with Ann" in x_server.run("wmctrl", "-l"))
    assert any(row.description == "Call with Ann" for row in list_sources())
    source = WindowSource("window", "call WITH ann", fps=100)
    source.open()
    until(lambda: np.array_equal(source.read().image, picture[1]))
    source.close()


@pytest.mark.display
def test_titles_that_fit_several_windows_or_none(x_server, until, picture):
    show(x_server, until, picture, "Call with Ann", "+0+0")
    show(x_server, until, picture, "Call with Bob", "+300+200")
    with pytest.raises(SourceError, match="fits 2 windows") as caught:
        WindowSource("w", "call").open()
    assert not caught.value.retryable
    rows = {row.description: row.spec for row in list_sources() if row.kind == "window"}
    source = WindowSource("w", rows["Call with Bob"].removeprefix("window:"))
    source.open()
    assert source._visible_part() == Region(300, 200, 200, 120)
    source.close()
    for absent in ("carol", "0xffffff0"):
        with pytest.raises(SourceError, match="no window") as caught:
            WindowSource("w", absent).open()
        assert caught.value.retryable
    with pytest.raises(SourceError, match="no window id"):
        WindowSource("w", "0xzz").open()


@pytest.mark.display
def test_a_display_that_dies_is_an_error(x_server, until):
    source = ScreenSource("screen", fps=100)
    source.open()
    source.read()
    x_server.kill()
    until(lambda: failed(source))
    assert source.state is State.FAILED
    source.close()


def test_no_display_and_wayland_are_refused():
    with pytest.raises(SourceError, match="no X display"):
        check_screen("linux", {})
    with pytest.raises(SourceError, match="Wayland"):
        check_screen("linux", {"XDG_SESSION_TYPE": "wayland"})
    check_screen("win32", {})


@pytest.mark.display
def test_a_real_x_server_within_wayland_is_fine(x_server):
    environment = {"XDG_SESSION_TYPE": "wayland", "WAYLAND_DISPLAY": "wayland-0", "DISPLAY": x_server.display}
    assert check_screen("linux", environment) is None


def test_a_display_that_is_not_there(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":987")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("XDG_SESSION_TYPE", raising=False)
    for source in (ScreenSource("screen"), WindowSource("w", "x")):
        with pytest.raises(SourceError):
            source.open()


def test_regions():
    assert parse_region("-5,0,10,20") == Region(-5, 0, 10, 20)
    for bad in ("", "1,2,3", "a,b,c,d", "0,0,-1,5"):
        with pytest.raises(UsageError, match="LEFT,TOP"):
            parse_region(bad)
    assert Region(-5, -5, 10, 10).within(Region(0, 0, 100, 100)) == Region(0, 0, 5, 5)
    assert Region(200, 0, 10, 10).within(Region(0, 0, 100, 100)) is None
