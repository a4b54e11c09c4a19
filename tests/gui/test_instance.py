"""The second start of the program finds the first."""

from __future__ import annotations

import threading
import uuid

import pytest

from unmask.gui.instance import FirstInstance, instance_name, raise_first

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def name():
    return f"unmask-test-{uuid.uuid4().hex}"


@pytest.fixture
def first(nothing_left, qtbot, name):
    made = FirstInstance(name)
    yield made
    made.close()


def test_a_later_one_raises_the_first(first, qtbot):
    answers = []
    later = threading.Thread(target=lambda: answers.append(raise_first(first.name)))
    with qtbot.waitSignal(first.raised, timeout=5000):
        later.start()
    qtbot.waitUntil(lambda: answers != [])
    later.join()
    assert answers == [True]
    assert first.problem == ""


def test_without_a_first_there_is_nobody_to_raise(qapp, name):
    assert not raise_first(name)


def test_one_that_was_closed_is_not_found(first):
    first.close()
    assert not raise_first(first.name)


def test_what_a_killed_one_left_behind_is_no_hindrance(nothing_left, qapp, name, tmp_path):
    path = tmp_path / "socket"
    path.write_bytes(b"")  # what is left of a socket nobody listens on
    again = FirstInstance(str(path))
    assert again.problem == ""
    again.close()


def test_one_that_cannot_listen_says_why(qapp, tmp_path):
    deaf = FirstInstance(str(tmp_path / "no" / "such" / "folder" / "socket"))
    assert deaf.problem
    deaf.close()


def test_each_display_has_a_name_of_its_own(monkeypatch):
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", ":1")
    one = instance_name()
    monkeypatch.setenv("DISPLAY", ":2")
    assert instance_name() != one
