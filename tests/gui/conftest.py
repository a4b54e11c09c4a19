"""The windows of these tests are drawn in memory; one test starts an X server for a real one."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

# Before anything loads Qt. ``display`` tests run their window in a process of its own.
os.environ["QT_QPA_PLATFORM"] = "offscreen"

from unmask.gui.qt import QApplication, application


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    """pytest-qt's application, made the way the program makes it: without OpenCV's plugins."""
    return application()


@pytest.fixture
def no_windows_left(qapp: QApplication) -> Iterator[None]:
    """Every window that the test opened is gone at its end."""
    before = set(qapp.topLevelWidgets())
    yield
    assert set(qapp.topLevelWidgets()) <= before
