"""What every test gets: helpers to import, folders of its own, and the reference material where it exists."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
USER_FOLDERS = ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME")

# Helpers that several files use (tests/support/*.py) are plain modules: the tests are no packages.
sys.path.insert(0, str(ROOT / "tests" / "support"))

# A shell's `&` has its program ignore Ctrl-C, and so would the programs that tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The reference models and clips beside the checkout; the test is skipped where they are absent."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared, which is absent")
    return SHARED


@pytest.fixture(autouse=True)
def own_user_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Fresh cache, data and settings folders, and none of the person's own ``UNMASK_*`` settings."""
    home = tmp_path_factory.mktemp("user")
    for name in [name for name in os.environ if name.startswith("UNMASK_")]:
        monkeypatch.delenv(name)
    for name in USER_FOLDERS:
        monkeypatch.setenv(name, str(home / name.lower()))
    return home


@pytest.fixture
def every_engine() -> None:
    """Ask for it where ``auto`` may pick among all engines of this machine."""


@pytest.fixture(autouse=True)
def auto_is_ort_cpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """``auto`` knows ``ort-cpu`` alone, and so measures nothing: each test has an empty cache, what is measured
    takes seconds, and what is picked would change with the machine and its mood."""
    if "every_engine" not in request.fixturenames:
        monkeypatch.setattr("unmask.engines.choice.AUTO_ENGINES", ("ort-cpu",))


def _children() -> set[int]:
    """Process ids of this process's own children (Linux; empty elsewhere)."""
    found: set[int] = set()
    for listing in Path("/proc/self/task").glob("*/children"):
        try:
            found.update(int(word) for word in listing.read_text(encoding="ascii").split())
        except OSError:  # the thread ended meanwhile
            continue
    return found


@pytest.fixture
def no_leaks() -> Iterator[None]:
    """Ask for it where threads or processes are started: all of them must be gone soon after the test."""
    threads, children = set(threading.enumerate()), _children()
    yield
    deadline = time.monotonic() + 3.0
    while True:
        left = [thread.name for thread in threading.enumerate() if thread not in threads]
        running = _children() - children
        if not left and not running:
            return
        if time.monotonic() > deadline:
            pytest.fail(f"left running: threads {left}, processes {sorted(running)}")
        time.sleep(0.02)
