"""What lies in cycles is deleted on the UI thread, whichever thread makes the objects."""

from __future__ import annotations

import gc
import threading

import pytest

from unmask.gui.garbage import collected_here, generation


@pytest.fixture(autouse=True)
def as_python_starts():
    """These tests are about switching it: the others have it switched off."""
    gc.enable()
    yield
    gc.disable()


class Widget:
    def __init__(self, died_on: list[threading.Thread]) -> None:
        self.died_on, self.itself = died_on, self

    def __del__(self) -> None:
        self.died_on.append(threading.current_thread())


def make_objects(number: int = 20_000) -> None:
    """As many as would have Python look for garbage some times."""
    kept = [[] for _ in range(number)]
    assert len(kept) == number


def test_a_cycle_dies_on_this_thread_though_another_one_makes_the_objects(qtbot):
    died_on: list[threading.Thread] = []
    with collected_here():
        Widget(died_on)
        thread = threading.Thread(target=make_objects)
        thread.start()
        thread.join()
        assert died_on == []
        qtbot.waitUntil(lambda: died_on != [], timeout=5000)
    assert died_on == [threading.current_thread()]


def test_without_it_the_other_thread_deletes_it():
    """What this is about; where Python does otherwise one day the module has done its duty."""
    died_on: list[threading.Thread] = []
    gc.collect()
    Widget(died_on)
    thread = threading.Thread(target=make_objects)
    thread.start()
    thread.join()
    assert died_on == [thread]


def test_afterwards_all_is_as_before(qapp):
    frozen = gc.get_freeze_count()
    with collected_here():
        assert not gc.isenabled()
        assert gc.get_freeze_count() > frozen
        with collected_here():
            assert not gc.isenabled()
        assert not gc.isenabled(), "the outer one goes on"
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_what_is_still_there_at_the_end_dies_on_this_thread(qapp):
    died_on: list[threading.Thread] = []
    with collected_here():
        Widget(died_on)
    assert died_on == [threading.current_thread()]


def test_most_looks_are_short():
    looks = [generation(number) for number in range(1, 241)]
    assert (looks.count(2), looks.count(1)) == (2, 28)
