"""An X server of our own for the tests that look at a screen, and the programs started on it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


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


@contextmanager
def x_display(width: int, height: int) -> Iterator[XServer]:
    """A running Xvfb on a free display; the test is skipped where there is none. ``DISPLAY`` is left alone."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed")
    ours, theirs = os.pipe()
    screen = f"{width}x{height}x24"
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(theirs), "-screen", "0", screen, "-nolisten", "tcp", "-noreset"],
        pass_fds=(theirs,),
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    with os.fdopen(ours) as told:
        number = told.readline().strip()
    if not number:
        server.wait(5)
        pytest.skip("Xvfb did not start")
    display = XServer(number, server)
    try:
        yield display
    finally:
        display.stop()
        server.terminate()
        server.wait(5)
