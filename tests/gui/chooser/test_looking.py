"""Thumbnails beside the window: what is wanted is looked at, a camera that hangs holds up nobody, nothing stays."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from unmask.engines.errors import SourceError
from unmask.gui.chooser.eyes import SourceEye, shrunk
from unmask.gui.chooser.looking import Looker

pytestmark = pytest.mark.usefixtures("no_leaks")


class FakeEyes:
    """``hangs`` looks until it is closed; ``bad`` has no picture; the others are grey."""

    def __init__(self):
        self.open, self.most_open, self.looks = [], 0, []

    def __call__(self, spec):
        return FakeEye(self, spec)


class FakeEye:
    def __init__(self, eyes, spec):
        self._eyes, self._spec = eyes, spec
        self._closed = threading.Event()
        eyes.open.append(spec)
        eyes.most_open = max(eyes.most_open, len(eyes.open))

    def look(self):
        self._eyes.looks.append((self._spec, threading.current_thread().name))
        if "hangs" in self._spec:
            assert self._closed.wait(20), "nobody closed it"
        if "bad" in self._spec:
            raise SourceError("It is busy; close the other program.")
        return np.full((9, 16, 3), 128, np.uint8)

    def close(self):
        if not self._closed.is_set():
            self._closed.set()
            self._eyes.open.remove(self._spec)


def until(condition, within=5.0):
    limit = time.monotonic() + within
    while not condition():
        assert time.monotonic() < limit, "it never came to be"
        time.sleep(0.01)


@pytest.fixture
def eyes():
    return FakeEyes()


@pytest.fixture
def looker(eyes):
    made = Looker(eyes, every_s=0.02)
    yield made
    made.close()
    until(lambda: made.over)
    assert eyes.open == []


def seen(looker, *specs):
    """News until there is some of each."""
    found = {}

    def come():
        found.update(looker.news())
        return set(specs) <= set(found)

    until(come)
    return found


def test_nothing_is_opened_until_it_is_wanted(looker, eyes):
    assert (looker.news(), eyes.looks) == ({}, [])


def test_the_desktop_is_looked_at_over_and_over_by_one_thread(looker, eyes):
    looker.look_at(["screen:1", "window:0x1"])
    for _ in range(3):
        assert seen(looker, "screen:1", "window:0x1")["screen:1"].image.shape == (9, 16, 3)
    assert {name for _, name in eyes.looks} == {"unmask-look desktop"}


def test_why_there_is_no_picture_is_one_sentence(looker):
    looker.look_at(["window:bad", "screen:1"])
    found = seen(looker, "window:bad", "screen:1")
    assert found["window:bad"].problem == "It is busy; close the other program."
    assert found["screen:1"].image is not None


def test_a_camera_that_hangs_holds_up_neither_the_others_nor_the_end(looker, eyes):
    looker.look_at(["screen:1"], ["camera:hangs", "camera:1"])
    seen(looker, "screen:1", "camera:1")
    began = time.monotonic()
    looker.close()
    assert time.monotonic() - began < 5
    until(lambda: looker.over)


def test_what_is_no_longer_wanted_is_closed_and_no_news(looker, eyes):
    looker.look_at(["screen:1"], ["camera:0"])
    seen(looker, "screen:1", "camera:0")
    looker.look_at(["screen:2"])
    until(lambda: eyes.open == ["screen:2"])
    assert set(looker.news()) <= {"screen:2"}


def test_a_camera_is_let_go_of_before_it_is_opened_again(looker, eyes):
    for _ in range(3):
        looker.look_at([], ["camera:0"])
        seen(looker, "camera:0")
        looker.look_at([])
    assert eyes.most_open == 1


def test_a_small_picture_is_whole_and_not_larger_than_it_needs_to_be():
    assert shrunk(np.zeros((1080, 1920, 3), np.uint8)).shape == (252, 448, 3)
    assert shrunk(np.zeros((1000, 100, 3), np.uint8)).shape == (252, 25, 3)
    small = np.zeros((10, 10, 3), np.uint8)
    assert shrunk(small).shape == (10, 10, 3)
    assert not np.shares_memory(shrunk(small), small)


def test_a_source_is_opened_once_and_read_anew(monkeypatch):
    eye = SourceEye("synthetic:2")
    first = eye.look()
    assert (first.shape, np.array_equal(first, eye.look())) == ((252, 448, 3), False)
    with pytest.raises(SourceError, match="no picture any more"):
        eye.look()
    assert eye.look().shape == (252, 448, 3)
    eye.close()
