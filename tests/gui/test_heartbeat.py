"""The window answers, with all its features, while sources open slowly, detectors are replaced and dialogs come."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from gui_services import FakeServices
from heartbeat import Heartbeat, best_of, journey, too_slow
from x_display import x_display

from unmask.gui.qt import QTimer, sip
from unmask.gui.source_commands import SourceCommands

SUPPORT = Path(__file__).resolve().parents[1] / "support"
#: Six times what the window may be silent for.
SLOW_S = 0.3


def test_nothing_that_takes_its_time_holds_the_window_up(nothing_left, qtbot, open_toy, monkeypatch, tmp_path):
    monkeypatch.setattr(SourceCommands, "_choose", lambda self, kind="": kind)
    open_toy("first")  # importing a runtime holds the interpreter's lock for long

    def measure():
        return journey(FakeServices(open_toy, SLOW_S), lambda done: qtbot.waitUntil(done, timeout=20_000), tmp_path)

    assert too_slow(best_of(4, measure)) == {}
    timers = [each for each in gc.get_objects() if isinstance(each, QTimer) and not sip.isdeleted(each)]
    assert [timer for timer in timers if timer.isActive()] == [], "also those that belong to no window"


def test_the_heartbeat_notices_a_window_that_is_held_up(nothing_left, qtbot):
    with Heartbeat() as heart:
        qtbot.wait(30)
        time.sleep(0.12)
        qtbot.wait(30)
        assert heart.lap() > 100
        qtbot.wait(10)
        assert heart.lap() < 100
    assert too_slow({"held up": 120.0, "well": 12.0}) == {"held up": 120.0}


PROGRAM = """
import json, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from gui_services import FakeServices
from heartbeat import best_of, journey
from sessions import open_toy_detector
from unmask.gui.qt import application
from unmask.gui.source_commands import SourceCommands
SourceCommands._choose = lambda self, kind="": kind
app, opened, folder = application(), [], Path(sys.argv[2])

def open_toy(name):
    opened.append(open_toy_detector(folder / f"{name}-{len(opened)}"))
    return opened[-1]

def wait_until(done):
    until = time.monotonic() + 20
    while not done():
        assert time.monotonic() < until, "waited in vain"
        app.processEvents()
        time.sleep(0.001)

# As the command line does before there is a window: importing a runtime holds the interpreter's lock for long.
open_toy("first")
silences = best_of(4, lambda: journey(FakeServices(open_toy, float(sys.argv[3])), wait_until, folder))
print(json.dumps([app.platformName(), silences]))
"""


@pytest.mark.display
def test_nor_a_real_window(tmp_path):
    with x_display(1280, 800) as server:
        server.start("openbox")
        environment = {**os.environ, "DISPLAY": server.display, "QT_QPA_PLATFORM": "xcb"}
        arguments = [sys.executable, "-c", PROGRAM, str(SUPPORT), str(tmp_path), str(SLOW_S)]
        done = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    platform, silences = json.loads(done.stdout.splitlines()[-1])
    assert platform == "xcb"
    assert too_slow(silences) == {}
