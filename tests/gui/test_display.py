"""A real window on a real X server, over a real session: what is on the screen is looked at."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from x_display import x_display

SUPPORT = Path(__file__).resolve().parents[1] / "support"

#: Red faces over and over: the toy detector calls red manipulated. The last picture stays: the source hangs.
PROGRAM = """
import signal, sys, threading, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from fakes import RED, ScriptedFinder, ScriptedSource, one_face, picture
from toy_package import build_toy_package
from unmask.engines.package import load_package
from unmask.realtime.detector import Detector
from unmask.realtime.session import Session, SourcePlan
BOX = (80, 60, 200, 180)

def make():
    steps = [step for number in range(200) for step in (picture((BOX, RED), seed=number), 0.02)]
    return ScriptedSource(steps, live=True, hang=True)

rule = {"smoothing_s": 0.2, "dwell_s": 0.5, "release_s": 0.5}
folder = build_toy_package(Path(sys.argv[2]), rule=rule, quality={"min_face_px": 20})
interrupted = threading.Event()
signal.signal(signal.SIGINT, lambda *_: interrupted.set())
with Detector.open(load_package(folder), "ort-cpu") as detector:
    session = Session([SourcePlan("fake", make, ScriptedFinder(one_face(BOX)))], detector)
    with session:
        from unmask.gui.app import run_window
        from unmask.gui.qt import application
        print(application().platformName(), flush=True)
        run_window(session, notices=["A notice."], max_seconds=60, interrupted=interrupted)
        print(f"alarms: {len(session.updates()['fake'].events)}", flush=True)
until = time.monotonic() + 3  # a source that hangs is closed beside the session
while threading.active_count() > 1 and time.monotonic() < until:
    time.sleep(0.02)
print("threads:", [t.name for t in threading.enumerate() if t is not threading.main_thread()])
"""


@pytest.fixture
def display():
    """The name of an X server of our own."""
    with x_display(1280, 800) as server:
        yield server.display


def screen(display):
    """What the X server shows, RGB int16 (H, W, 3)."""
    from mss import MSS

    with MSS(display=display) as grabber:
        shot = grabber.grab(grabber.monitors[0])
    return np.frombuffer(shot.bgra, np.uint8).reshape(shot.height, shot.width, 4)[..., 2::-1].astype(np.int16)


def orange(shot):
    """Where the colour of signs is."""
    return np.abs(shot - np.array([213, 94, 0])).max(axis=-1) < 8


def red_face(shot):
    """Where the face is: the fakes' red, with their noise."""
    return (shot[..., 0] > 190) & (shot[..., 1:].max(axis=-1) < 60)


def boxed_face(shot):
    """Whether the red face is on the screen, with orange all around it."""
    rows, columns = np.nonzero(red_face(shot))
    if len(rows) < 10_000:
        return False
    top, bottom, left, right = (int(np.percentile(axis, part)) for axis in (rows, columns) for part in (0.5, 99.5))
    signs = orange(shot)
    middle, centre = (top + bottom) // 2, (left + right) // 2
    near = 16
    return all(
        part.any()
        for part in (
            signs[top - near : top + near, centre],
            signs[bottom - near : bottom + near, centre],
            signs[middle, left - near : left + near],
            signs[middle, right - near : right + near],
        )
    )


@pytest.mark.display
@pytest.mark.usefixtures("no_leaks")
def test_the_picture_and_its_verdict_are_on_the_screen_and_ctrl_c_ends_it(display, tmp_path):
    environment = {**os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb", "QT_SCALE_FACTOR": "1"}
    arguments = [sys.executable, "-c", PROGRAM, str(SUPPORT), str(tmp_path / "toy")]
    program = subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        limit = time.monotonic() + 30
        while not boxed_face(screen(display)):
            assert program.poll() is None, "it ended by itself"
            assert time.monotonic() < limit, "the boxed face never appeared"
            time.sleep(0.1)
        program.send_signal(signal.SIGINT)
        said, _ = program.communicate(timeout=20)
    finally:
        program.kill()
        program.wait(5)
    assert program.returncode == 0
    assert said.splitlines() == ["xcb", "alarms: 1", "threads: []"]
    assert not orange(screen(display)).any(), "the window is gone"
