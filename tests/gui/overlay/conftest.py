"""A display with a window manager for the tests of real layers."""

from __future__ import annotations

import contextlib

import pytest
from overlay_display import LEFT, TOP, Program
from x_display import x_display


@pytest.fixture(scope="module")
def display():
    with x_display(1280, 800) as server:
        server.start("openbox")
        yield server


@pytest.fixture
def start(display, monkeypatch):
    monkeypatch.setenv("DISPLAY", display.display)
    for name in ("WAYLAND_DISPLAY", "XDG_SESSION_TYPE"):
        monkeypatch.delenv(name, raising=False)
    with contextlib.ExitStack() as stack:

        def begin(*words, **environment):
            program = Program(display, *words, **environment)
            stack.callback(program.process.wait, 5)
            stack.callback(program.process.kill)
            return program

        yield begin


@pytest.fixture
def call(start):
    """The window "Call" over the desk."""
    program = start("target", str(LEFT), str(TOP))
    program.says("shown")
    return program
