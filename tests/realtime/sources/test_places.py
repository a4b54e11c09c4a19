"""Where on the desktop the pixels of a source come from, on a real X server."""

from __future__ import annotations

import importlib.util
import time

import pytest
from overlay_display import Program
from x_display import x_display

from unmask.engines.errors import SourceError
from unmask.realtime.sources.registry import make_source
from unmask.realtime.sources.screen import Region, under_wayland
from unmask.realtime.sources.xcb import XConnection

pytestmark = pytest.mark.display


@pytest.fixture(scope="module")
def display():
    if importlib.util.find_spec("PyQt6") is None:
        pytest.skip("PyQt6 is not installed: nothing shows a window")
    with x_display(800, 600) as server:
        server.start("openbox")
        yield server


@pytest.fixture
def here(display, monkeypatch):
    monkeypatch.setenv("DISPLAY", display.display)
    for name in ("WAYLAND_DISPLAY", "XDG_SESSION_TYPE"):
        monkeypatch.delenv(name, raising=False)
    return display


@pytest.fixture
def call(here):
    program = Program(here, "target", "200", "150")
    program.says("shown")
    yield program
    program.process.kill()
    program.process.wait(5)


def until(place, wanted):
    end = time.monotonic() + 5
    while (found := place.look()) != wanted:
        assert time.monotonic() < end, f"{found} instead of {wanted}"
        time.sleep(0.05)


@pytest.mark.usefixtures("here")
def test_screens_and_regions_do_not_move():
    assert make_source("screen:1").locator().look() == Region(0, 0, 800, 600)
    assert make_source("screen").locator().look() == Region(0, 0, 800, 600)
    assert make_source("region:10,20,300,200").locator().look() == Region(10, 20, 300, 200)


@pytest.mark.usefixtures("here")
def test_what_is_not_on_the_screen_has_no_place():
    with pytest.raises(SourceError, match="There is no monitor 7"):
        make_source("screen:7").locator()
    with pytest.raises(SourceError, match="reaches beyond the screen"):
        make_source("region:700,20,300,200").locator()


@pytest.mark.usefixtures("call")
def test_a_window_is_followed_until_it_closes_and_found_again(here):
    place = make_source("window:Call").locator()
    try:
        until(place, Region(200, 150, 400, 300))
        window = here.run("xdotool", "search", "--name", "^Call$").split()[0]
        here.run("xdotool", "windowmove", window, "600", "400")
        until(place, Region(600, 400, 200, 200))
        here.run("xdotool", "windowminimize", window)
        until(place, None)
        here.run("xdotool", "windowmap", window, "windowmove", window, "100", "100")
        until(place, Region(100, 100, 400, 300))
    finally:
        place.close()


def test_a_window_that_opens_later_is_found(here):
    place = make_source("window:Call").locator()
    try:
        assert place.look() is None
        program = Program(here, "target", "50", "60")
        try:
            program.says("shown")
            until(place, Region(50, 60, 400, 300))
        finally:
            program.process.kill()
            program.process.wait(5)
        until(place, None)
    finally:
        place.close()


def test_a_bare_x_server_has_no_compositor_and_windows_take_clicks(call, here):
    connection = XConnection()
    try:
        assert not connection.has_owner("_NET_WM_CM_S0")
        window = int(here.run("xdotool", "search", "--name", "^Call$").split()[0])
        assert connection.input_rectangles(window) == 1
        assert connection.input_rectangles(0x1FFFFFFF) is None
    finally:
        connection.close()


def test_wayland_is_told_from_no_display(monkeypatch, here):
    assert not under_wayland()
    monkeypatch.delenv("DISPLAY")
    assert not under_wayland()
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert under_wayland()
