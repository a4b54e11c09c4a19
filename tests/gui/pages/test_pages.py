"""The pages: what there is and what is not and why, what is kept and deleting it, the first run, keys, licences."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from unmask.engines.errors import UnmaskError
from unmask.gui.actions import ActionSet
from unmask.gui.pages.about import about_html
from unmask.gui.pages.detector_page import AtWork, DetectorPage
from unmask.gui.pages.first_run import FirstRunDialog
from unmask.gui.pages.keyboard_page import KeyboardPage
from unmask.gui.pages.limits import limits_html
from unmask.gui.qt import QMainWindow, Qt
from unmask.gui.services import DetectorChoice, DetectorEntry, EngineEntry
from unmask.gui.settings.preferences import Preferences
from unmask.gui.theme import disabled_words

LITE = DetectorEntry(
    "lite",
    "1.2.3",
    "A small one",
    precisions=("fp32", "int8"),
    budgets=(1.0, 0.1),
    backings=("One hour is backed by 3 h.", "Ten hours are backed by nothing."),
    measured=("AUROC: 0.9", "TPR at the threshold 0.8: 0.51"),
    limits=("knows <b>one</b> data set",),
    licence="research only",
)
BROKEN = DetectorEntry("broken", "0.1.0", "", "unavailable, because encoder.onnx is gone")
ENGINES = (
    EngineEntry("ort-cuda", "", "unavailable, because there is no NVIDIA driver"),
    EngineEntry("auto", "the fastest"),
    EngineEntry("ort-cpu", "ready"),
)
AT_WORK = AtWork(DetectorChoice("lite", "ort-cpu", "fp32"), 1.0, None, "lite on ort-cpu")


class FakeServices:
    def __init__(self, problem=""):
        self.problem = problem
        self.threads = []

    def detectors(self):
        self.threads.append(threading.current_thread().name)
        if self.problem:
            raise UnmaskError(self.problem)
        return [BROKEN, LITE]

    def engines(self):
        self.threads.append(threading.current_thread().name)
        return ENGINES


@pytest.fixture
def preferences(qapp, tmp_path):
    return Preferences(tmp_path / "settings" / "unmask.ini")


def settled(qtbot, background):
    qtbot.waitUntil(lambda: not background.busy, timeout=5000)


def listed(qtbot, page):
    qtbot.waitUntil(lambda: page.engines.count() == len(ENGINES))
    settled(qtbot, page.background)


@pytest.fixture
def page(qtbot):
    services = FakeServices()
    made = DetectorPage(services, AT_WORK)
    qtbot.addWidget(made)
    made.show()
    listed(qtbot, made)
    assert set(services.threads) == {"unmask-detector-page"}
    return made


def texts(items):
    return [items.item(row).text() for row in range(items.count())]


def test_what_cannot_be_used_comes_last_greyed_with_its_reason_for_eyes_and_ears(page):
    last = page.engines.item(page.engines.count() - 1)
    assert last.text() == "ort-cuda\nunavailable, because there is no NVIDIA driver"
    assert last.data(Qt.ItemDataRole.AccessibleTextRole) == "ort-cuda, unavailable, because there is no NVIDIA driver"
    palette = page.engines.palette()
    assert last.foreground().color() == disabled_words(palette) != palette.color(palette.ColorRole.Text)
    assert texts(page.detectors)[-1].startswith("broken 0.1.0\nunavailable, because")
    assert (page.detectors.current, page.engines.current, page.precision.currentText()) == ("lite", "ort-cpu", "fp32")


def test_the_arrows_reach_a_reason_and_it_cannot_be_chosen(qtbot, page):
    qtbot.keyClick(page.engines, Qt.Key.Key_End)
    assert page.engines.current == "ort-cuda"
    assert not page.use.isEnabled()
    assert "no NVIDIA driver" in page.status.text()
    qtbot.keyClick(page.engines, Qt.Key.Key_Home)
    assert page.use.isEnabled()
    assert page.status.text() == ""


def test_a_choice_is_asked_for_by_keyboard(qtbot, page):
    asked = []
    page.detector_chosen.connect(asked.append)
    qtbot.keyClick(page.engines, Qt.Key.Key_Home)
    page.precision.setCurrentText("int8")
    qtbot.keyClick(page.use, Qt.Key.Key_Space)
    assert asked == [DetectorChoice("lite", "auto", "int8")]


def test_sensitivity_is_a_budget_with_what_backs_it(qtbot, page):
    asked = []
    page.alarms_chosen.connect(asked.append)
    buttons = page.sensitivity.buttons
    assert [buttons[budget].isEnabled() for budget in (1.0, 0.1, 0.01)] == [True, True, False]
    assert "no threshold" in buttons[0.01].text()
    assert page.sensitivity.backing.text() == "One hour is backed by 3 h."
    qtbot.keyClick(buttons[0.1], Qt.Key.Key_Space)
    assert asked == [0.1]
    assert page.sensitivity.backing.text() == "Ten hours are backed by nothing."
    page.show_at_work(AtWork(AT_WORK.choice, 2.0, None))
    assert buttons[2.0].isChecked()
    assert "2 false alarms" in buttons[2.0].text()
    assert page.sensitivity.backing.text() == "One hour is backed by 3 h."
    assert asked == [0.1]


def test_the_processor_budget(qtbot, page):
    asked = []
    page.cpu_chosen.connect(asked.append)
    assert not page.cores.isEnabled()
    qtbot.keyClick(page.limit, Qt.Key.Key_Space)
    page.cores.setValue(0.5)
    qtbot.keyClick(page.limit, Qt.Key.Key_Space)
    assert asked == [1.0, 0.5, None]
    page.show_at_work(AtWork(AT_WORK.choice, 1.0, 0.7))
    assert page.limit.isChecked()
    assert page.cores.value() == 0.7
    assert asked == [1.0, 0.5, None]


def test_a_list_that_cannot_be_had_says_why(qtbot):
    page = DetectorPage(FakeServices("The folder of detectors is gone."), AT_WORK)
    qtbot.addWidget(page)
    assert not page.use.isEnabled()
    listed(qtbot, page)
    assert texts(page.detectors) == ["The folder of detectors is gone."]
    assert not page.use.isEnabled()


def test_the_first_run_must_be_acknowledged_and_reads_the_figures_of_the_detector(qtbot):
    dialog = FirstRunDialog(FakeServices(), "lite")
    qtbot.addWidget(dialog)
    settled(qtbot, dialog.background)
    text = dialog.text.toPlainText()
    assert "TPR at the threshold 0.8: 0.51" in text
    assert "knows <b>one</b> data set" in text
    assert "AUROC" not in text
    assert "consent" in text
    answers = []
    dialog.finished.connect(answers.append)
    dialog.show()
    qtbot.keyClick(dialog.text, Qt.Key.Key_PageDown)
    dialog.begin.click()
    assert answers == []
    qtbot.keyClick(dialog.read, Qt.Key.Key_Space)
    qtbot.keyClick(dialog, Qt.Key.Key_Return)
    assert answers == [1]


def test_the_first_run_says_where_there_are_no_figures(qtbot):
    dialog = FirstRunDialog(FakeServices("No detectors here."), "lite")
    qtbot.addWidget(dialog)
    settled(qtbot, dialog.background)
    assert "No detectors here." in dialog.text.toPlainText()
    assert not dialog.begin.isEnabled()


def test_the_limits_tell_everything_when_asked():
    html = limits_html([LITE], everything=True)
    assert "AUROC: 0.9" in html
    assert "research only" in html
    assert "&lt;b&gt;" in html
    for word in ("authentic", "100 %", "fake video"):
        assert word not in html


def test_the_keyboard_page_has_what_is_bound(qtbot):
    window = QMainWindow()
    qtbot.addWidget(window)
    commands = ActionSet(window)
    commands.bind("quit", window.close)
    page = KeyboardPage(commands.keyboard_rows())
    qtbot.addWidget(page)
    shown = {page.table.item(row, 0).text(): page.table.item(row, 1).text() for row in range(page.table.rowCount())}
    assert shown["Ctrl+Q / Q / Ctrl+W"] == "Stop watching and close"
    assert "Esc" in shown
    assert not any("Ctrl+O" in keys for keys in shown)


def test_about_names_versions_and_licences(qapp):
    html = about_html()
    for words in ("PyQt6", "GNU General Public License, version 3", "Apache License", "no warranty"):
        assert words in html
    assert (Path(__file__).resolve().parents[3] / "NOTICE").is_file()
