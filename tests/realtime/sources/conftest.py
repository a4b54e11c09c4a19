"""Media and displays for the tests of the sources, made on the spot."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from unmask.realtime.sources.synthetic import draw_pattern

SIZE = (256, 96)


def write_video(
    path: Path,
    *,
    ticks: list[int] | None = None,
    frames: int = 30,
    codec: str = "libx264",
    gop: int = 10,
    rotation: int = 0,
    b_frames: int = 2,
    images: list[np.ndarray] | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """A video whose frame n carries the number n; ``ticks`` are timestamps in units of 1/100 s."""
    images = images or [draw_pattern(*SIZE, number) for number in range(frames if ticks is None else len(ticks))]
    ticks = ticks or [4 * number for number in range(len(images))]
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=25, options=options or {})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 100)
        stream.codec_context.gop_size = gop
        stream.codec_context.max_b_frames = b_frames
        if rotation:
            stream.set_display_rotation(rotation)
        for tick, image in zip(ticks, images, strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = tick, Fraction(1, 100)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def video() -> Callable[..., Path]:
    return write_video


class XServer:
    """An Xvfb of our own with the programs started on it."""

    def __init__(self, number: str, server: subprocess.Popen[bytes]) -> None:
        self._server = server
        self.display = f":{number}"
        self.environment = {**os.environ, "DISPLAY": self.display}
        self._children: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        if shutil.which(command[0]) is None:
            pytest.skip(f"{command[0]} is not installed")
        child = subprocess.Popen(command, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._children.append(child)
        return child

    def run(self, *command: str) -> str:
        if shutil.which(command[0]) is None:
            pytest.skip(f"{command[0]} is not installed")
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        return done.stdout

    def kill(self) -> None:
        self._server.kill()
        self._server.wait(5)

    def stop(self) -> None:
        for child in reversed(self._children):
            child.terminate()
            child.wait(5)


@pytest.fixture
def x_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[XServer]:
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed")
    ours, theirs = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(theirs), "-screen", "0", "640x480x24", "-nolisten", "tcp", "-noreset"],
        pass_fds=(theirs,),
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    with os.fdopen(ours) as told:
        number = told.readline().strip()
    if not number:
        server.wait(5)
        pytest.skip("Xvfb did not start")
    monkeypatch.setenv("DISPLAY", f":{number}")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("XDG_SESSION_TYPE", raising=False)
    screen = XServer(number, server)
    try:
        yield screen
    finally:
        screen.stop()
        server.terminate()
        server.wait(5)


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Wait for something that another process does; fails after ten seconds."""

    def wait(met: Callable[[], object]) -> None:
        limit = time.monotonic() + 10
        while not met():
            assert time.monotonic() < limit, "it did not happen"
            time.sleep(0.02)

    return wait
