"""The chooser on a real X server with a window manager: real pictures, real keys, a real mouse."""

from __future__ import annotations

import contextlib
import queue
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from x_display import x_display

pytestmark = pytest.mark.display

SUPPORT = Path(__file__).resolve().parents[2] / "support"


class Chooser:
    """The support's program, with its output line by line."""

    def __init__(self, display, kind, **environment):
        self._display = display
        inherited = {name: value for name, value in display.environment.items() if not name.startswith("QT_")}
        for name in ("WAYLAND_DISPLAY", "XDG_SESSION_TYPE"):
            inherited.pop(name, None)
        self.process = subprocess.Popen(
            [sys.executable, str(SUPPORT / "chooser_program.py"), kind],
            env={**inherited, "QT_QPA_PLATFORM": "xcb", **environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.says("shown")

    def _read(self):
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.strip())

    def says(self, pattern, within=20.0):
        """The next line that is like that; what comes before is passed over."""
        until, heard = time.monotonic() + within, []
        while True:
            try:
                line = self._lines.get(timeout=max(0.01, until - time.monotonic()))
            except queue.Empty:
                pytest.fail(f"it never said {pattern!r}, but {heard}")
            if re.fullmatch(pattern, line):
                return line
            heard.append(line)

    def do(self, *words):
        self._display.run("xdotool", *words)

    def ends_with(self, chosen):
        self.says(f"chosen {chosen}")
        self.says(re.escape("left []"))
        assert self.process.wait(10) == 0


@pytest.fixture(scope="module")
def display():
    with x_display(1280, 800) as server:
        server.start("openbox")
        yield server


@pytest.fixture
def choose(display):
    with contextlib.ExitStack() as stack:

        def begin(kind, **environment):
            program = Chooser(display, kind, **environment)
            stack.callback(program.process.wait, 5)
            stack.callback(program.process.kill)
            return program

        yield begin


@pytest.mark.parametrize("scale", ["1", "2"])
def test_a_region_is_drawn_by_mouse_in_the_pixels_of_the_screen(choose, scale):
    chooser = choose("region", QT_SCALE_FACTOR=scale)
    chooser.do("key", "Return")
    chooser.says("picking")
    pause = "sleep", "0.1"
    chooser.do("mousemove", "100", "120", *pause, "mousedown", "1", *pause, "mousemove", "300", "200", *pause)
    chooser.do("mousemove", "501", "421", *pause, "mouseup", "1", *pause, "key", "Return")
    chooser.says("shown again")
    # On a scaled screen the mouse is known in whole device pixels all the same.
    chooser.says("picture region:100,120,401,301")
    chooser.do("key", "Return")
    chooser.ends_with("region:100,120,401,301")


def test_a_region_is_drawn_by_keyboard_and_escape_leaves_the_one_before(choose):
    chooser = choose("region")
    chooser.do("key", "Return")
    chooser.says("picking")
    chooser.do("key", "Left", "Up", "ctrl+Up", "shift+Right", "ctrl+shift+Down", "Return")
    chooser.says("picture region:310,189,650,401")
    chooser.do("key", "shift+Tab", "Escape")
    chooser.ends_with("nothing")


def test_a_window_is_chosen_by_keyboard_with_its_picture(display, choose):
    target = display.start(
        "env", "QT_QPA_PLATFORM=xcb", sys.executable, str(SUPPORT / "overlay_program.py"), "target", "300", "200"
    )
    until = time.monotonic() + 20
    while not (found := display.run("xdotool", "search", "--onlyvisible", "--name", "^Call$").split()):
        assert time.monotonic() < until, "the window never came"
        time.sleep(0.1)
    call = hex(int(found[0]))
    try:
        chooser = choose("")
        # From the list of kinds: cameras, monitors, windows; then into the windows, of which Call is the last.
        chooser.do("key", "Down", "Down")
        chooser.says(f"picture window:{call}")
        chooser.do("key", "Tab", "End", "Return")
        chooser.ends_with(f"window:{call}")
    finally:
        target.terminate()
        target.wait(5)


def test_monitors_have_pictures_and_escape_chooses_nothing(choose):
    chooser = choose("screen")
    chooser.says("picture screen:1")
    chooser.do("key", "Escape")
    chooser.ends_with("nothing")
