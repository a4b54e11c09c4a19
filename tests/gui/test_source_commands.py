"""The window with a controller: what a person does with keys, buttons and menus, over a real session."""

from __future__ import annotations

import pytest
from gui_services import FakePreferences, FakeServices

from unmask.gui.chooser.chosen import ChosenSource
from unmask.gui.controller import Controller
from unmask.gui.qt import QDockWidget, QLabel, Qt, QTimer, sip
from unmask.gui.services import DetectorChoice
from unmask.gui.source_commands import SourceCommands
from unmask.gui.window import MonitorWindow
from unmask.realtime.sources.registry import SourceOptions
from unmask.realtime.types import SourceState


class Desk:
    """A window, its controller and the timer that feeds it, as ``run_window`` has them."""

    def __init__(self, services, preferences=None):
        self.controller = Controller(services, DetectorChoice("toy"))
        self.window = MonitorWindow(
            [], [], self.controller.collector, controller=self.controller, preferences=preferences
        )
        self.timer = QTimer()
        self.timer.timeout.connect(self.look)
        self.timer.start(20)
        self.window.show()

    def look(self):
        self.window.show_sources(self.controller.channels)
        self.window.show_updates(self.controller.updates())
        self.window.show_failures(self.controller.failures)

    def state(self, source_id):
        panel = self.window.panels.get(source_id)
        return panel.newest.state if panel is not None and panel.newest is not None else None

    def close(self):
        self.timer.stop()
        self.window.close()
        self.controller.close()
        for made in (self.timer, self.window, self.controller):
            sip.delete(made)


@pytest.fixture
def answers(monkeypatch):
    """What a person answers when asked for a source."""
    given = []
    monkeypatch.setattr(SourceCommands, "_choose", lambda self, kind="": given.pop(0) if given else None)
    return given


@pytest.fixture
def desk(nothing_left, qtbot, open_toy, answers):
    made = Desk(FakeServices(open_toy))
    qtbot.waitExposed(made.window)
    yield made
    made.close()


def running(desk, *names):
    return lambda: [desk.state(name) for name in names] == [SourceState.RUNNING] * len(names)


def test_it_begins_with_the_start_page_and_goes_back_to_it(desk, qtbot, answers):
    window = desk.window
    assert window.start_page.isVisible()
    assert not window.commands["pause"].isEnabled()
    answers.append("red")
    qtbot.mouseClick(window.start_page.buttons["camera"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(running(desk, "red"), timeout=8000)
    assert not window.start_page.isVisible()
    assert "Detector toy" in window.notices.label.text()
    window.commands["remove_source"].trigger()
    qtbot.waitUntil(lambda: window.start_page.isVisible())
    assert window.panels == {}


def test_who_thinks_better_of_it_changes_nothing(desk, qtbot):
    for name in ("open_source", "add_source"):
        desk.window.commands[name].trigger()
    qtbot.wait(100)
    assert desk.controller.session is None


def test_keys_pause_switch_and_open_the_selected_source(desk, qtbot, answers):
    window = desk.window
    for spec in ("red", "blue"):
        answers.append(spec)
        window.commands["add_source"].trigger()
        qtbot.waitUntil(running(desk, spec), timeout=8000)
    assert window.grid.selected == "blue"
    qtbot.keyClick(window, Qt.Key.Key_Space)
    assert window.commands["pause"].isChecked()
    qtbot.waitUntil(lambda: desk.state("blue") is SourceState.PAUSED, timeout=8000)
    assert desk.state("red") is SourceState.RUNNING
    banner = window.panels["blue"].banner
    qtbot.waitUntil(banner.isVisible)
    qtbot.mouseClick(banner.buttons["resume"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(running(desk, "blue"), timeout=8000)
    assert not window.commands["pause"].isChecked()
    answers.append("short")
    qtbot.keyClick(window, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: desk.state("short") is SourceState.ENDED, timeout=8000)
    assert set(window.panels) == {"red", "short"}
    answers.append("blue")
    qtbot.keyClick(window, Qt.Key.Key_O, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(running(desk, "blue"), timeout=8000)
    assert set(window.panels) == {"blue"}


def test_a_source_that_is_over_can_be_watched_again(desk, qtbot, answers):
    answers.append("short")
    desk.window.commands["add_source"].trigger()
    qtbot.waitUntil(lambda: desk.state("short") is SourceState.ENDED, timeout=8000)
    panel = desk.window.panels["short"]
    qtbot.waitUntil(panel.banner.isVisible)
    assert "9 frames" in panel.banner.label.text()
    qtbot.mouseClick(panel.banner.buttons["watch_again"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: desk.window.panels.get("short") not in (None, panel), timeout=8000)
    qtbot.waitUntil(lambda: desk.state("short") is SourceState.ENDED, timeout=8000)


def test_a_busy_camera_is_a_sentence_with_buttons(desk, qtbot, answers):
    answers.append("broken")
    desk.window.commands["add_source"].trigger()
    qtbot.waitUntil(lambda: desk.state("broken") is SourceState.FAILED, timeout=8000)
    banner = desk.window.panels["broken"].banner
    qtbot.waitUntil(banner.isVisible)
    assert "close the other program" in banner.label.text()
    assert "close the other program" not in desk.window.notices.label.text(), "said once"
    answers.append("red")
    qtbot.mouseClick(banner.buttons["switch_source"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(running(desk, "red"), timeout=8000)


def test_a_detector_that_is_gone_offers_another_engine(desk, qtbot, answers):
    opened = []
    desk.window.commands.bind("detector", lambda: opened.append(True))
    desk.controller.choice = DetectorChoice("toy", "gone")
    answers.append("red")
    desk.window.commands["add_source"].trigger()
    qtbot.waitUntil(lambda: "cannot run here" in desk.window.notices.label.text(), timeout=8000)
    assert desk.window.notices.remedy.isVisible()
    assert desk.window.notices.remedy.text() == "Choose another engine"
    qtbot.mouseClick(desk.window.notices.remedy, Qt.MouseButton.LeftButton)
    assert opened == [True]
    desk.controller.choose_detector(DetectorChoice("toy"))
    qtbot.waitUntil(running(desk, "red"), timeout=8000)
    qtbot.waitUntil(lambda: not desk.window.notices.remedy.isVisible())


def test_what_cannot_be_opened_is_said_in_the_window(desk, qtbot, answers):
    answers.append("nothing")
    desk.window.commands["add_source"].trigger()
    qtbot.waitUntil(lambda: "no source nothing" in desk.window.notices.label.text())
    assert desk.window.busy.text() == ""


def test_a_button_with_the_focus_keeps_the_space_key(desk, qtbot, answers):
    answers.append("red")
    desk.window.commands["add_source"].trigger()
    qtbot.waitUntil(running(desk, "red"), timeout=8000)
    dismiss = desk.window.notices.dismiss
    desk.window.activateWindow()
    dismiss.setFocus()
    qtbot.keyClick(dismiss, Qt.Key.Key_Space)
    assert not desk.window.notices.isVisible()
    assert not desk.window.commands["pause"].isChecked()


def test_docks_and_place_are_remembered(nothing_left, qtbot, open_toy):
    kept = FakePreferences()

    def begin():
        desk = Desk(FakeServices(open_toy), kept)
        qtbot.waitExposed(desk.window)
        return desk

    desk = begin()
    desk.window.resize(790, 650)
    desk.window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, desk.window.findChild(QDockWidget, "alarms"))
    desk.window.commands["alarms"].trigger()
    desk.close()
    assert kept.values["window/state"]
    desk = begin()
    dock = desk.window.findChild(QDockWidget, "alarms")
    assert desk.window.dockWidgetArea(dock) is Qt.DockWidgetArea.LeftDockWidgetArea
    assert (dock.isHidden(), desk.window.commands["alarms"].isChecked()) == (True, False)
    assert (desk.window.width(), desk.window.height()) == (790, 650)
    desk.close()


@pytest.mark.parametrize("broken", ["not base64 at all", "AAAA", "ü"])
def test_a_place_that_makes_no_sense_is_left_out(nothing_left, qtbot, open_toy, broken):
    kept = FakePreferences()
    kept.values.update({"window/state": broken, "window/geometry": broken})
    desk = Desk(FakeServices(open_toy), kept)
    qtbot.waitExposed(desk.window)
    desk.close()


def test_a_feature_is_attached_fed_and_closed(nothing_left, qtbot, open_toy, answers):
    class Counter:
        def __init__(self):
            self.calls = []

        def attach(self, window):
            self.calls.append("attach")
            window.docks.add("toy", "Toy", QLabel("toy"), Qt.DockWidgetArea.BottomDockWidgetArea, action="timeline")

        def show_updates(self, updates):
            self.calls.append("updates")

        def close(self):
            self.calls.append("close")

    desk, feature = Desk(FakeServices(open_toy)), Counter()
    desk.window.add_feature(feature)
    assert desk.window.commands["timeline"].isChecked()
    qtbot.waitUntil(lambda: "updates" in feature.calls)
    desk.close()
    assert (feature.calls[0], feature.calls[-1], feature.calls.count("close")) == ("attach", "close", 1)


def test_the_chooser_is_asked_for_the_kind_that_was_wanted(nothing_left, qtbot, open_toy, monkeypatch):
    asked, kept, wished = [], FakePreferences(), SourceOptions(fps=10.0)

    def choose(parent, preferences, kind):
        asked.append((preferences, kind))
        return ChosenSource("short", wished, pace=True)

    monkeypatch.setattr("unmask.gui.chooser.dialog.choose_source", choose)
    services = FakeServices(open_toy)
    desk = Desk(services, kept)
    qtbot.waitExposed(desk.window)
    desk.window.start_page.chosen.emit("region")
    qtbot.waitUntil(lambda: desk.state("short") is SourceState.ENDED, timeout=8000)
    desk.close()
    assert asked == [(kept, "region")]
    assert services.wishes == {"short": (wished, True)}
