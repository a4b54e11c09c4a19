"""The docks that are empty without a source: out of the way of the start page, and back with the first source."""

from __future__ import annotations

import pytest
from gui_services import FakePreferences, FakeServices, named

from unmask.gui.controller import Controller
from unmask.gui.qt import QDockWidget, sip
from unmask.gui.services import DetectorChoice
from unmask.gui.window import MonitorWindow


@pytest.fixture
def opened(nothing_left, qtbot, open_toy):
    """Opens windows that watch nothing yet; all of them are ended."""
    made = []

    def begin(kept=None):
        controller = Controller(FakeServices(open_toy), DetectorChoice("toy"))
        window = MonitorWindow(controller=controller, preferences=kept)
        made.append((window, controller))
        window.show()
        qtbot.waitExposed(window)
        return window

    yield begin
    for window, controller in made:
        window.close()
        controller.close()
        sip.delete(window)
        sip.delete(controller)


def alarms(window):
    dock = window.findChild(QDockWidget, "alarms")
    return dock.isVisible(), window.commands["alarms"].isChecked()


def test_the_start_page_has_the_window_to_itself_until_there_is_a_source(opened):
    window = opened()
    assert alarms(window) == (False, False)
    window.show_sources(named("red"))
    assert alarms(window) == (True, True)
    # What was found meanwhile stays in sight when nothing is watched any more.
    window.show_sources([])
    assert alarms(window) == (True, True)


def test_what_a_person_shows_or_hides_on_the_start_page_stays_so(opened):
    window = opened()
    window.commands["alarms"].trigger()
    assert alarms(window) == (True, True)
    window.commands["alarms"].trigger()
    window.show_sources(named("red"))
    assert alarms(window) == (False, False)


def test_a_window_that_was_closed_on_its_start_page_has_them_the_next_time(opened):
    kept = FakePreferences()
    opened(kept).close()
    window = opened(kept)
    window.show_sources(named("red"))
    assert alarms(window) == (True, True)


def test_a_window_that_only_shows_has_them_from_the_start(qtbot, nothing_left):
    window = MonitorWindow(named("red"))
    qtbot.addWidget(window)
    window.show()
    assert alarms(window) == (True, True)
    window.close()
