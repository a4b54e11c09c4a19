"""A call that is made here, a detector that reacts to its swapped half, a screen on which it plays, and `unmask`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from clips import write_video
from free_call import CallSettings, write_free_call
from journeys import PLAYS
from stand_in import build_stand_in
from window_driver import own_folders
from x_display import XServer, x_display

SUPPORT = Path(__file__).resolve().parents[2] / "support"
Start = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="package")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Swapped in its second half."""
    path = tmp_path_factory.mktemp("call") / "call.mp4"
    write_free_call(path, CallSettings(PLAYS[2], PLAYS[3], fps=10, seconds=8))
    return path


@pytest.fixture(scope="package")
def swapped(clip: Path) -> Path:
    """Two seconds of its swapped half: what is scanned is looked at in full."""
    with av.open(str(clip)) as container:
        pictures = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    return write_video(clip.with_name("swapped.mp4"), [np.asarray(each, np.uint8) for each in pictures[50:70]], fps=10)


@pytest.fixture(scope="package")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_stand_in(tmp_path_factory.mktemp("detector") / "stand-in")


@pytest.fixture
def screen() -> Iterator[XServer]:
    with x_display(1400, 900) as server:
        server.environment["QT_QPA_PLATFORM"] = "xcb"  # the other windows of these tests are drawn in memory
        server.start("openbox")
        if not server.run("xdotool", "version"):
            pytest.skip("xdotool is not installed")
        yield server


@pytest.fixture
def start(screen: XServer, clip: Path, swapped: Path, detector: Path, tmp_path: Path) -> Start:
    """Runs a script of a module in ``tests/support`` to its end, as one and the same person each time."""

    def run(module: str, name: str, *arguments: str, timeout_s: float = 110, **more: str) -> Start:
        environment = {
            **own_folders(tmp_path),
            "DISPLAY": screen.display,
            "QT_QPA_PLATFORM": "xcb",
            "QT_SCALE_FACTOR": "1",
            "JOURNEY_CLIP": str(clip),
            "JOURNEY_SWAPPED": str(swapped),
            "JOURNEY_DETECTOR": str(detector),
            "PYTHONPATH": os.pathsep.join(filter(None, (str(SUPPORT), os.environ.get("PYTHONPATH")))),
            **more,
        }
        command = [sys.executable, str(SUPPORT / f"{module}.py"), name, *arguments]
        return subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=timeout_s, check=False
        )

    return run
