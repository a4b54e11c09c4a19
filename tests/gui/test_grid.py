"""The sources side by side: the grid is laid anew when they come and go, and one of them is selected."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from gui_services import named
from updates import update

from unmask.gui.grid import SourceGrid
from unmask.gui.qt import Qt, QVBoxLayout, QWidget
from unmask.realtime.types import SourceState

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def grid(nothing_left, qtbot):
    window = QWidget()
    made = SourceGrid()
    QVBoxLayout(window).addWidget(made)
    window.resize(900, 700)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    made.window_of_its_own = window
    return made


def test_panels_come_and_go_and_fill_the_room(grid, qtbot):
    for number in (1, 2, 5, 3, 1):
        grid.show_sources(named(*[f"source {index}" for index in range(number)]))
        qtbot.wait(20)
        places = [panel.geometry() for panel in grid.panels.values()]
        assert len(places) == number
        for index, place in enumerate(places):
            assert not any(place.intersects(other) for other in places[:index])
        right = max(place.right() for place in places)
        bottom = max(place.bottom() for place in places)
        assert (right, bottom) == (grid.rect().right(), grid.rect().bottom()), "no room is left over"


def test_a_banner_takes_nothing_from_the_panels_above(grid, qtbot):
    grid.window_of_its_own.resize(900, 940)
    grid.show_sources(named("one", "two", "three", "four"))
    for name, state in zip(grid.panels, [SourceState.RUNNING] * 2 + [SourceState.STALLED] * 2, strict=True):
        grid.panels[name].show_update(update(source_id=name, state=state))
    qtbot.waitUntil(grid.panels["four"].banner.isVisible)
    qtbot.wait(20)
    heights = [panel.height() for panel in grid.panels.values()]
    assert max(heights) - min(heights) <= 2, heights


def test_a_source_of_the_same_name_gets_a_new_panel(grid):
    grid.show_sources(named("one"))
    before = grid.panels["one"]
    before.show_update(update(source_id="one"))
    assert grid.show_sources([SimpleNamespace(source_id="one", key=1)]) == []
    assert grid.panels["one"] is before
    assert grid.show_sources([SimpleNamespace(source_id="one", key=7)]) == ["one"]
    assert grid.panels["one"] is not before
    assert grid.panels["one"].newest is None


def test_it_tells_who_came_and_who_went(grid):
    came, went = [], []
    grid.panel_added.connect(lambda panel: came.append(panel.source_id))
    grid.panel_removed.connect(went.append)
    grid.show_sources(named("one", "two"))
    grid.show_sources(named("one"))
    assert (came, went) == (["one", "two"], ["two"])


def test_a_click_selects_and_the_ring_shows_it(grid, qtbot):
    grid.show_sources(named("one", "two"))
    assert grid.selected == "one"
    plain = grid.panels["two"].grab().toImage()
    qtbot.mouseClick(grid.panels["two"].picture, Qt.MouseButton.LeftButton)
    assert grid.selected == "two"
    assert grid.panels["two"].accessibleDescription() == "selected"
    assert grid.panels["two"].grab().toImage() != plain
    assert grid.panels["one"].accessibleDescription() == ""


def test_the_tab_key_goes_from_source_to_source(grid, qtbot):
    grid.show_sources(named("one", "two"))
    grid.window_of_its_own.activateWindow()
    grid.panels["one"].setFocus()
    qtbot.keyClick(grid.panels["one"], Qt.Key.Key_Tab)
    assert grid.selected == "two"


def test_what_was_added_is_selected_and_one_that_is_gone_is_not(grid):
    told = []
    grid.selection_changed.connect(told.append)
    grid.show_sources(named("one"))
    grid.show_sources(named("one", "two"))
    assert grid.selected == "two"
    grid.show_sources(named("one"))
    assert grid.selected == "one"
    grid.show_sources([])
    assert grid.selected is None
    assert told == ["one", "two", "one", ""]
