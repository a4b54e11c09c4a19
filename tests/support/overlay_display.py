"""Programs on a display of their own, and what the screen then shows, for the tests of the overlay."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from unmask.realtime.sources.screen import Region, ScreenGrabber

PROGRAM = Path(__file__).with_name("overlay_program.py")
ORANGE, GREEN = (0, 94, 213), (0, 128, 0)  # BGR
LEFT, TOP, WIDE, HIGH = 300, 200, 400, 300
BAR = (LEFT + 100, LEFT + 180)


class Program:
    """One of the support's programs, with its output line by line."""

    def __init__(self, display, *words, **environment):
        inherited = {name: value for name, value in display.environment.items() if not name.startswith("QT_")}
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), *words],
            env={**inherited, "QT_QPA_PLATFORM": "xcb", **environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.strip())

    def says(self, start, within=20.0):
        """The next line that begins so; what comes before is passed over."""
        until = time.monotonic() + within
        while True:
            try:
                line = self._lines.get(timeout=max(0.01, until - time.monotonic()))
            except queue.Empty:
                pytest.fail(f"it never said {start!r}")
            if line.startswith(start):
                return line


def screen():
    grabber = ScreenGrabber()
    try:
        return grabber.grab(Region(0, 0, 1280, 800))[0]
    finally:
        grabber.close()


def has(colour, image):
    return (np.abs(image.astype(int) - colour) <= 6).all(axis=2)


def extent(mask):
    """Left, top, right and bottom of what is true."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1) if len(rows) else None


def until(true, what, within=10.0):
    end = time.monotonic() + within
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def frame_at(left, top):
    """Whether the frame of the marks surrounds a window at that place."""
    found = extent(has(ORANGE, screen()))
    return found is not None and abs(found[0] - (left - 8)) <= 3 and abs(found[2] - (left + WIDE + 8)) <= 3
