"""The windows of these tests are drawn in memory; one test starts an X server for a real one."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# Before anything loads Qt. ``display`` tests run their window in a process of its own.
os.environ["QT_QPA_PLATFORM"] = "offscreen"

from unmask.gui.qt import QApplication, QEvent, QObject, QTimer, application


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    """pytest-qt's application, made the way the program makes it: without OpenCV's plugins."""
    return application()


@pytest.fixture(autouse=True)
def collected_here() -> Iterator[None]:
    """As in the program: no thread of a test deletes a widget because it happened to look for garbage."""
    gc.disable()
    yield
    gc.collect(1)
    gc.enable()


@pytest.fixture
def no_windows_left(qapp: QApplication) -> Iterator[None]:
    """Every window that the test opened is gone at its end."""
    before = set(qapp.topLevelWidgets())
    yield
    assert set(qapp.topLevelWidgets()) <= before


@pytest.fixture
def nothing_left(qapp: QApplication) -> Iterator[None]:
    """Every thread, window and running timer of the test is gone soon after it. Ask for it before ``qtbot``."""
    threads, windows, timers = set(threading.enumerate()), set(qapp.topLevelWidgets()), _running_timers(qapp)
    yield
    deadline = time.monotonic() + 3.0
    while True:
        qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
        left = [thread.name for thread in threading.enumerate() if thread not in threads]
        open_ = [repr(window) for window in qapp.topLevelWidgets() if window not in windows]
        ticking = _running_timers(qapp) - timers
        if not (left or open_ or ticking):
            return
        assert time.monotonic() < deadline, f"left: threads {left}, windows {open_}, timers {ticking}"
        time.sleep(0.02)


def _running_timers(app: QApplication) -> set[QTimer]:
    """The timers that belong to the application or to one of its windows and run."""
    owners: list[QObject] = [app, *app.topLevelWidgets()]
    return {timer for owner in owners for timer in owner.findChildren(QTimer) if timer.isActive()}


@pytest.fixture
def open_toy(tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """Opens a toy detector of that name: red faces show signs. ``two budgets`` is judged by one of two thresholds."""
    from sessions import open_toy_detector

    opened: list[Any] = []

    def make(name: str) -> Any:
        detector = open_toy_detector(tmp_path / f"{name}-{len(opened)}")
        usual = detector.manifest.thresholds[0]
        strict = usual.model_copy(update={"alarms_per_hour": 0.1, "score": 1.0})
        both = (usual, strict) if name == "two-budgets" else (usual,)
        detector.manifest = detector.manifest.model_copy(update={"name": name, "thresholds": both})
        opened.append(detector)
        return detector

    yield make
    for detector in opened:
        detector.close()
