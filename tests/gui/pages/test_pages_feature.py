"""The pages as a part of the window: actions open them, choices reach the controller and are kept."""

from __future__ import annotations

import pytest

from unmask.gui.pages.feature import PagesFeature
from unmask.gui.pages.first_run import FirstRunDialog
from unmask.gui.pages.page_dialog import PageDialog
from unmask.gui.qt import QApplication, QObject, pyqtSignal
from unmask.gui.services import DetectorChoice, DetectorEntry, EngineEntry
from unmask.gui.settings.appearance import Appearance
from unmask.gui.settings.dialog import SettingsDialog
from unmask.gui.settings.preferences import Preferences
from unmask.gui.theme import scheme_of
from unmask.gui.window import MonitorWindow


class FakeServices:
    def detectors(self):
        return [DetectorEntry("lite", "1.0.0", "small", budgets=(1.0, 0.1), measured=("TPR at the threshold: 0.5",))]

    def engines(self):
        return [EngineEntry("auto", "fastest"), EngineEntry("ort-cpu", "ready")]


class FakeController(QObject):
    """Does at once what it is asked, but refuses the engine ``ort-cpu``."""

    busy, failed, said, changed = pyqtSignal(str), pyqtSignal(str), pyqtSignal(str), pyqtSignal()

    def __init__(self):
        super().__init__()
        self.services, self.collector, self.session = FakeServices(), None, None
        self.choice, self.alarms_per_hour, self.cpu = DetectorChoice("lite"), 1.0, None
        self.header, self.detector_problem = ("lite at work",), ""

    def choose_detector(self, choice):
        if choice.engine == "ort-cpu":
            self.failed.emit("The engine ort-cpu cannot run here.")
            return
        self.choice = choice
        self.changed.emit()

    def set_alarms_per_hour(self, alarms_per_hour):
        self.alarms_per_hour = alarms_per_hour
        self.changed.emit()

    def set_cpu(self, cores):
        self.cpu = cores
        self.changed.emit()


class Stage:
    def __init__(self, qtbot, preferences, *, greet=False):
        self.qtbot, self.controller, self.preferences = qtbot, FakeController(), preferences
        self.window = MonitorWindow(controller=self.controller, preferences=preferences)
        qtbot.addWidget(self.window)
        self.feature = PagesFeature(preferences, greet=greet)
        self.window.add_feature(self.feature)
        self.window.show()

    def opened(self, kind):
        return [one for one in QApplication.topLevelWidgets() if isinstance(one, kind) and one.isVisible()]

    def detector_page(self):
        self.window.commands["detector"].trigger()
        (dialog,) = self.opened(PageDialog)
        self.qtbot.waitUntil(lambda: dialog.page.engines.count() == 2)
        return dialog.page


@pytest.fixture
def preferences(qapp, tmp_path):
    return Preferences(tmp_path / "unmask.ini")


@pytest.fixture
def stage(qtbot, preferences):
    made = Stage(qtbot, preferences)
    yield made
    made.window.close()
    qtbot.wait(1)
    assert made.opened(PageDialog) == made.opened(SettingsDialog) == made.opened(FirstRunDialog) == []


def test_each_action_opens_its_page_once(stage):
    names = ("privacy", "keyboard", "limits", "about", "detector", "sensitivity", "cpu")
    for name in (*names, *names):
        stage.window.commands[name].trigger()
    assert len(stage.opened(PageDialog)) == 5
    stage.window.commands["preferences"].trigger()
    stage.window.commands["preferences"].trigger()
    assert len(stage.opened(SettingsDialog)) == 1


def test_a_page_that_was_closed_opens_again(qtbot, stage):
    stage.window.commands["about"].trigger()
    stage.opened(PageDialog)[0].close()
    qtbot.wait(1)
    stage.window.commands["about"].trigger()
    assert len(stage.opened(PageDialog)) == 1


def test_what_a_person_chose_reaches_the_controller_and_is_kept(stage):
    page = stage.detector_page()
    page.detector_chosen.emit(DetectorChoice("lite", "auto", "int8"))
    page.alarms_chosen.emit(0.1)
    page.cpu_chosen.emit(0.5)
    assert (stage.controller.choice.precision, stage.controller.alarms_per_hour, stage.controller.cpu) == (
        "int8",
        0.1,
        0.5,
    )
    kept = {
        key: stage.preferences.value(f"monitor/{key}") for key in ("detector", "precision", "alarms_per_hour", "cpu")
    }
    assert kept == {"detector": "lite", "precision": "int8", "alarms_per_hour": 0.1, "cpu": 0.5}
    assert page.limit.isChecked()


def test_what_came_from_the_command_line_is_not_kept(stage):
    stage.controller.set_alarms_per_hour(0.01)
    assert stage.preferences.value("monitor/alarms_per_hour") == 1.0


def test_a_choice_that_fails_is_said_on_the_page_and_not_kept(stage):
    page = stage.detector_page()
    page.detector_chosen.emit(DetectorChoice("lite", "ort-cpu", "fp32"))
    assert page.status.text() == "The engine ort-cpu cannot run here."
    assert stage.preferences.value("monitor/engine") == "auto"


def test_settings_that_cannot_be_kept_are_said_in_the_window(stage, tmp_path):
    stage.preferences.failed.emit("Changed settings last only until the end.")
    assert "last only until the end" in stage.window.notices.label.text()


def greeted(stage):
    stage.window.show_updates({})
    stage.window.show_updates({})
    return stage.opened(FirstRunDialog)


def test_the_first_run_is_acknowledged_once(qtbot, preferences):
    stage = Stage(qtbot, preferences, greet=True)
    (dialog,) = greeted(stage)
    qtbot.waitUntil(lambda: not dialog.background.busy, timeout=5000)
    assert "TPR at the threshold: 0.5" in dialog.text.toPlainText()
    dialog.read.setChecked(True)
    dialog.begin.click()
    assert preferences.value("general/first_run_done") is True
    assert stage.window.isVisible()
    stage.window.close()
    again = Stage(qtbot, Preferences(preferences.path), greet=True)
    assert greeted(again) == []
    again.window.close()


def test_who_does_not_acknowledge_it_leaves(qtbot, preferences):
    stage = Stage(qtbot, preferences, greet=True)
    (dialog,) = greeted(stage)
    dialog.reject()
    assert not stage.window.isVisible()
    assert preferences.value("general/first_run_done") is False


def test_closing_the_window_is_no_answer(qtbot, preferences):
    stage = Stage(qtbot, preferences, greet=True)
    assert len(greeted(stage)) == 1
    stage.window.close()
    qtbot.wait(1)
    assert stage.opened(FirstRunDialog) == []
    assert preferences.value("general/first_run_done") is False


def test_the_appearance_follows_the_settings(qapp, preferences):
    preferences.set("view/theme", "dark")
    appearance = Appearance(qapp, preferences)
    assert appearance.problem == ""
    assert scheme_of(qapp.palette()) == "dark"
    preferences.set("view/theme", "light")
    assert scheme_of(qapp.palette()) == "light"
    preferences.set("view/theme", "system")
    appearance.theme.set("system")
