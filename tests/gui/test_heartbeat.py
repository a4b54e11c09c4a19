"""The window answers while sources open slowly, are switched and closed, and a detector is replaced."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from gui_services import FakeServices
from heartbeat import LONGEST_MS, Heartbeat, best_of, journey
from x_display import x_display

from unmask.gui.source_commands import SourceCommands

SUPPORT = Path(__file__).resolve().parents[1] / "support"
SLOW_S = 1.0


def test_nothing_that_takes_a_second_holds_the_window_up(nothing_left, qtbot, open_toy, monkeypatch):
    monkeypatch.setattr(SourceCommands, "_choose", lambda self, kind="": kind)

    def measure():
        services = FakeServices(open_toy, SLOW_S)
        return journey(services, lambda done: qtbot.waitUntil(done, timeout=20_000), lambda window: None)

    assert best_of(3, measure) < LONGEST_MS


def test_the_heartbeat_notices_a_window_that_is_held_up(nothing_left, qtbot):
    with Heartbeat() as heart:
        qtbot.wait(30)
        time.sleep(0.12)
        qtbot.wait(30)
    assert heart.longest_ms > 100


PROGRAM = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from gui_services import FakeServices
from heartbeat import best_of, journey
from sessions import open_toy_detector
from unmask.gui.qt import application
from unmask.gui.source_commands import SourceCommands
SourceCommands._choose = lambda self, kind="": kind
app, opened = application(), []

def open_toy(name):
    opened.append(open_toy_detector(Path(sys.argv[2]) / f"{name}-{len(opened)}"))
    return opened[-1]

def wait_until(done):
    while not done():
        app.processEvents()
        time.sleep(0.001)

# As the command line does before there is a window: importing a runtime holds the interpreter's lock for long.
open_toy("first")
print(app.platformName(), best_of(3, lambda: journey(FakeServices(open_toy, 1.0), wait_until, lambda window: None)))
"""


@pytest.mark.display
def test_nor_a_real_window(tmp_path):
    with x_display(1280, 800) as server:
        environment = {**os.environ, "DISPLAY": server.display, "QT_QPA_PLATFORM": "xcb"}
        arguments = [sys.executable, "-c", PROGRAM, str(SUPPORT), str(tmp_path)]
        done = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    platform, longest_ms = done.stdout.split()
    assert platform == "xcb"
    assert float(longest_ms) < LONGEST_MS
