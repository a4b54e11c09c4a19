"""What is done in the window for the pictures of its dialogs and pages."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from picture_file import shoot
from window_driver import Condition, Driver, shown

from unmask.gui.chooser.dialog import SourceChooser
from unmask.gui.pages.first_run import FirstRunDialog
from unmask.gui.qt import QDialog, QSize
from unmask.gui.scanning.panel import ScanPanel
from unmask.gui.settings.dialog import SettingsDialog
from unmask.realtime.types import Verdict

Steps = Generator[Condition, None, None]
#: What is drawn round the call on the desk: from where, to where.
REGION = ((31, 66), (671, 426))


def chooser(driver: Driver) -> Steps:
    yield from _aside(driver)
    driver.later(driver.window.start_page.buttons["window"].click)
    yield driver.dialog(SourceChooser)
    _front(SourceChooser).resize(640, 400)
    _front(SourceChooser).move(730, 440)
    yield 4.0
    shoot("chooser", _front(SourceChooser))


def region(driver: Driver) -> Steps:
    yield from _aside(driver)
    driver.later(driver.window.start_page.buttons["region"].click)
    yield driver.dialog(SourceChooser)
    yield 1.0
    found = _front(SourceChooser)
    assert isinstance(found, SourceChooser)
    driver.key("Return")
    yield "the picker", lambda: found.picker is not None and found.picker.isActiveWindow()
    yield 0.5
    driver.drag(*REGION)
    yield 0.7
    shoot("region")
    driver.key("Escape")
    yield "the chooser again", found.isVisible
    yield 0.3


def detector(driver: Driver) -> Steps:
    yield 1.0
    yield driver.verdict(Verdict.NO_SIGNS)
    yield from _page(driver, "detector", "detector", 4.0)


def settings(driver: Driver) -> Steps:
    yield 1.0
    driver.trigger("preferences")
    yield driver.dialog(SettingsDialog)
    dialog = _front(SettingsDialog)
    assert isinstance(dialog, SettingsDialog)
    dialog.groups.setCurrentRow(1)
    yield from _framed(dialog)
    shoot("settings", dialog)


def privacy(driver: Driver) -> Steps:
    yield from _page(driver, "privacy", "privacy", 2.0)


def limits(driver: Driver) -> Steps:
    yield from _page(driver, "limits", "limits", 3.0)


def keyboard(driver: Driver) -> Steps:
    yield from _page(driver, "keyboard", "keyboard")


def first_run(driver: Driver) -> Steps:
    yield driver.dialog(FirstRunDialog)
    yield from _framed(_front(FirstRunDialog))
    yield 2.0
    shoot("first-run", _front(FirstRunDialog))


def history(driver: Driver) -> Steps:
    """With an entry of the session that is on, and one for each of two files that were scanned."""
    yield 1.0
    yield driver.verdict(Verdict.SIGNS)
    panel = driver.window.findChild(ScanPanel)
    assert panel is not None
    driver.drop([Path("before the swap.mp4").resolve(), Path("call.mp4").resolve()])
    yield "the scan", lambda: panel.running
    yield "the end of the scan", lambda: not panel.running
    yield 1.5
    driver.trigger("history")
    yield driver.dialog(QDialog)
    yield 1.5
    driver.key("Tab", "Tab", "Tab", "Tab", "Down")
    yield 1.0
    shoot("history", _front(QDialog))


def scan(driver: Driver) -> Steps:
    driver.window.resize(QSize(960, 660))
    driver.window.move(40, 30)
    yield 1.0
    panel = driver.window.findChild(ScanPanel)
    assert panel is not None
    driver.drop([Path("call.mp4").resolve(), Path("before the swap.mp4").resolve(), Path("black.mp4").resolve()])
    yield "the scan", lambda: panel.running
    yield "the end of the scan", lambda: not panel.running
    yield 0.7
    shoot("scan", driver.window)


def _page(driver: Driver, action: str, name: str, seconds: float = 1.0) -> Steps:
    yield 1.0
    driver.trigger(action)
    yield driver.dialog(QDialog)
    yield from _framed(_front(QDialog))
    yield seconds
    shoot(name, _front(QDialog))


def _framed(dialog: QDialog) -> Steps:
    """The window manager has put its frame round it, and it was painted."""
    yield "its frame", lambda: dialog.frameGeometry().height() > dialog.geometry().height()
    yield 1.0


def _aside(driver: Driver) -> Steps:
    """Where the call on the desk can be seen beside it."""
    driver.window.resize(QSize(660, 480))
    driver.window.move(740, 360)
    yield 1.0


def _front(kind: type[QDialog]) -> QDialog:
    dialog = shown(kind)[-1]
    assert isinstance(dialog, QDialog)
    return dialog
