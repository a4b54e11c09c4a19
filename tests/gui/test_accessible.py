"""Every window and dialog: what can be worked has a name for a screen reader, and the keyboard reaches it."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from gui_services import FakeServices
from heartbeat import Stage
from sessions import open_toy_detector
from window_driver import USER_FOLDERS

from unmask.gui.actions import ACTIONS
from unmask.gui.alerts.feature import AlertFeature
from unmask.gui.chooser.dialog import SourceChooser
from unmask.gui.chooser.picker import RegionPicker
from unmask.gui.overlay.feature import OverlayFeature
from unmask.gui.overlay.geometry import monitors
from unmask.gui.pages.feature import PagesFeature
from unmask.gui.qt import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QDialog,
    QDockWidget,
    QDoubleSpinBox,
    QGroupBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QSlider,
    QSpinBox,
    QSplitter,
    Qt,
    QTextBrowser,
    QToolBar,
    QWidget,
)
from unmask.gui.timeline.feature import TimelineFeature

WORKED = (
    QAbstractButton,
    QAbstractItemView,
    QComboBox,
    QDoubleSpinBox,
    QLineEdit,
    QPlainTextEdit,
    QSlider,
    QSpinBox,
    QTextBrowser,
)
#: What is made of several widgets has one name: that of the whole.
WHOLE = (QComboBox, QDoubleSpinBox, QLineEdit, QSpinBox, QAbstractItemView)


def inner(widget):
    """Whether Qt made it as a part of another widget, which has the name and the focus, or for itself."""
    if widget.focusProxy() is not None and widget.focusProxy() is widget.parent():
        return True
    parent = widget.parent()
    while parent is not None:
        if isinstance(parent, WHOLE):
            return True
        parent = parent.parent()
    return widget.objectName().startswith("qt_") or isinstance(widget, QHeaderView)


def spoken(widget):
    """The name that a screen reader is given."""
    if widget.accessibleName():
        return widget.accessibleName()
    if isinstance(widget, QAbstractButton):
        return widget.text()
    if isinstance(widget, QGroupBox):
        return widget.title()
    buddies = [label for label in widget.window().findChildren(QLabel) if label.buddy() is widget]
    return buddies[0].text() if buddies else ""


def reached(widget):
    """Whether Tab comes to it, or a key works it."""
    if widget.focusPolicy() & Qt.FocusPolicy.TabFocus or not widget.isEnabled():
        return True
    if isinstance(widget, QAbstractButton):
        actions = widget.actions()
        return "&" in widget.text() or not widget.shortcut().isEmpty() or any(act.shortcuts() for act in actions)
    return False


def worked(window):
    """What a person can work in ``window`` or could when it is shown."""
    found = [each for each in window.findChildren(QWidget) if isinstance(each, WORKED) or takes_keys(each)]
    return [each for each in found if not inner(each) and each.window() is window]


def takes_keys(widget):
    return bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus) and not isinstance(widget, QSplitter | QDockWidget)


def faults(window):
    """What is wrong, in words."""
    wrong = []
    if isinstance(window, QDialog) and not window.windowTitle():
        wrong.append(f"{window!r} has no title")
    for widget in worked(window):
        place = type(widget.parent()).__name__
        words = (
            f"{type(widget).__name__} {widget.objectName()} {spoken(widget)!r} of {place} in {window.windowTitle()!r}"
        )
        if not spoken(widget):
            wrong.append(f"{words} has no name")
        if not reached(widget):
            wrong.append(f"{words} cannot be reached by keyboard")
    return wrong


@pytest.fixture(scope="module")
def stage(qapp, tmp_path_factory):
    """With one source that is judged, and an alert; the same for all tests here, for it takes its time."""
    home = tmp_path_factory.mktemp("home")
    threads = set(threading.enumerate())
    with pytest.MonkeyPatch.context() as patch:
        for name in USER_FOLDERS:
            patch.setenv(name, str(home / name.lower()))
        made = Stage(FakeServices(lambda name: open_toy_detector(home / name)), home)
        made.controller.add_source("red")
        wait_until(qapp, made.watched("red"))
        wait_until(qapp, made.part(AlertFeature).bar.isVisible)
        yield made
        made.end()
    wait_until(qapp, lambda: set(threading.enumerate()) <= threads)


@pytest.fixture(autouse=True)
def dialogs_are_closed(stage, qapp):
    yield
    stage.close_dialogs()
    wait_until(qapp, lambda: not stage.dialogs())


def wait_until(app, done):
    limit = time.monotonic() + 10
    while not done():
        assert time.monotonic() < limit, "waited in vain"
        app.processEvents()
        time.sleep(0.005)


def test_the_window_and_its_docks(stage, qtbot):
    for name in ("crops", "details"):
        stage.trigger(name)
    stage.part(AlertFeature).alerter.snooze(10, None)
    timeline = stage.part(TimelineFeature)
    qtbot.waitUntil(lambda: timeline.view.plot is not None, timeout=8000)
    for dock in stage.window.findChildren(QDockWidget):
        dock.show()
    assert len(worked(stage.window)) > 15, "something was looked at"
    assert not (wrong := faults(stage.window)), "\n".join(wrong)


def test_it_fits_on_a_small_screen_whatever_is_said_in_it(stage, qapp):
    """With an alert, eight notices and every dock at the foot: no page that is not shown keeps it larger."""
    stage.window.notices.add(["A sentence that is long enough to be broken in a window of that width, if " * 2] * 3)
    stage.window.resize(1000, 700)
    wait_until(qapp, lambda: stage.window.height() == 700)
    assert stage.window.minimumSizeHint().height() <= 700


def test_every_row_of_the_table_is_in_a_menu_with_a_letter(stage):
    bar = stage.window.menuBar()
    menus = [action.menu() for action in bar.actions()]
    assert all("&" in action.text() for action in bar.actions())
    offered = {each.objectName(): each.text() for menu in menus for each in menu.actions() if each.isVisible()}
    for spec in ACTIONS:
        if stage.window.commands.is_bound(spec.id):
            assert "&" in offered[spec.id], spec.id


def test_the_tools_can_be_worked_without_the_bar(stage):
    """The bar itself is beside the Tab order on some desktops: each of its actions is in a menu too."""
    in_menus = {each for menu in stage.window.menuBar().actions() for each in menu.menu().actions()}
    (bar,) = [bar for bar in stage.window.findChildren(QToolBar) if bar.objectName() == "tools"]
    assert {action for action in bar.actions() if action.objectName()} <= in_menus


@pytest.mark.parametrize("page", ["preferences", "privacy", "detector", "keyboard", "limits", "about", "history"])
def test_a_page(stage, qtbot, page):
    stage.trigger(page)
    (dialog,) = stage.dialogs()
    qtbot.wait(100)  # lists come from threads
    assert worked(dialog)
    assert not (wrong := faults(dialog)), "\n".join(wrong)


def test_the_first_run_page(stage):
    stage.part(PagesFeature).show_first_run()
    (dialog,) = stage.dialogs()
    assert len(worked(dialog)) >= 4
    assert not (wrong := faults(dialog)), "\n".join(wrong)
    dialog.accept()


def test_the_frames_of_an_alarm(stage):
    event = stage.controller.updates()["red"].events[0]
    stage.part(TimelineFeature).open_event("red", event)
    (dialog,) = stage.dialogs()
    assert len(worked(dialog)) >= 2
    assert not (wrong := faults(dialog)), "\n".join(wrong)


def test_the_chooser_on_all_its_pages(stage):
    stage.choose("camera")
    (dialog,) = stage.dialogs()
    assert isinstance(dialog, SourceChooser)
    for row in range(dialog.kinds.count()):
        dialog.kinds.setCurrentRow(row)
        assert worked(dialog.page)[:1] or [each for each in worked(dialog) if dialog.page.isAncestorOf(each)]
    assert not (wrong := faults(dialog)), "\n".join(wrong)


def test_the_region_picker(stage):
    screens = QApplication.screens()
    pictures = [np.zeros((600, 800, 3), np.uint8) for _ in screens]
    picker = RegionPicker(screens, monitors(screens), pictures, None, stage.window)
    picker.begin()
    assert not (wrong := faults(picker)), "\n".join(wrong)
    assert all(pane.accessibleDescription() for pane in picker.panes)
    picker.reject()
    picker.deleteLater()


def test_the_pill(stage, qtbot):
    stage.preferences.set("overlay/mode", "pill")
    overlay = stage.part(OverlayFeature)
    qtbot.waitUntil(lambda: overlay.pill is not None)
    assert spoken(overlay.pill)
    assert takes_keys(overlay.pill)
    assert all(action.text() for action in overlay.pill.menu().actions())


def test_a_fault_would_be_found(qtbot):
    dialog = QDialog()
    qtbot.addWidget(dialog)
    entry = QLineEdit(dialog)
    entry.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    assert [fault.rpartition(" in ")[2].partition("' ")[2] for fault in faults(dialog)[1:]] == [
        "has no name",
        "cannot be reached by keyboard",
    ]
