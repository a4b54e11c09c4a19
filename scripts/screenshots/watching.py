"""What is done in the window for the pictures of something that is watched."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from live_senders import UdpSender
from picture_file import shoot
from troubles import ready
from window_driver import Condition, Driver, shown

from unmask.gui.alerts.bar import AlertBar, SnoozeLine
from unmask.gui.qt import QDialog, QMessageBox, QSize
from unmask.realtime.types import Cause, SourceState, Verdict

Steps = Generator[Condition, None, None]
_SIZE, _LOW = QSize(1160, 940), QSize(1060, 700)
#: Where the live stream comes from that stops.
PORT = 23507


def start(driver: Driver) -> Steps:
    yield from ready(driver)
    shoot("start", driver.window)


def no_signs(driver: Driver) -> Steps:
    yield from ready(driver, _SIZE)
    yield driver.verdict(Verdict.NO_SIGNS)
    yield 2.5
    shoot("no-signs", driver.window)


def signs(driver: Driver) -> Steps:
    yield from ready(driver, _SIZE)
    yield driver.verdict(Verdict.SIGNS)
    yield 3.0
    preferences = driver.window.preferences
    assert preferences is not None
    shoot(f"signs-{preferences.value('view/theme')}", driver.window)


def snoozed(driver: Driver) -> Steps:
    yield from ready(driver, _LOW)
    yield driver.verdict(Verdict.SIGNS)
    bar, line = driver.window.findChild(AlertBar), driver.window.findChild(SnoozeLine)
    assert bar is not None
    assert line is not None
    yield "the alert", bar.isVisible
    driver.click(bar.snooze)
    yield "the line", line.isVisible
    yield 1.0
    shoot("snoozed", driver.window)


def too_small(driver: Driver) -> Steps:
    yield from ready(driver, _LOW)
    driver.trigger("timeline")
    yield "small faces", lambda: any(Cause.FACE_TOO_SMALL in update.causes for update in driver.updates.values())
    yield 3.0
    shoot("too-small", driver.window)


def stalled(driver: Driver) -> Steps:
    with UdpSender(Path("before the swap.mp4"), PORT) as sender:
        yield from ready(driver, _LOW)
        yield driver.verdict(Verdict.NO_SIGNS)
        sender.silent.set()
        yield "the source stalls", lambda: any(each.state is SourceState.STALLED for each in driver.updates.values())
        yield "the banner", lambda: any(panel.banner.isVisible() for panel in driver.window.panels.values())
        yield 0.5
        shoot("stalled", driver.window)


def grid(driver: Driver) -> Steps:
    yield from ready(driver, _SIZE)
    driver.trigger("timeline")
    yield driver.verdict(Verdict.SIGNS, "call.mp4")
    bar = driver.window.findChild(AlertBar)
    assert bar is not None
    yield "the alert", bar.isVisible
    driver.click(bar.dismiss)
    yield 2.5
    shoot("grid", driver.window)


def heat_map(driver: Driver) -> Steps:
    yield from ready(driver, _SIZE)
    for action in ("alarms", "heat_map", "landmarks", "crops"):
        driver.trigger(action)
    yield driver.verdict(Verdict.NO_SIGNS)
    yield 2.0
    shoot("heat-map", driver.window)


def clocks(driver: Driver) -> Steps:
    yield from ready(driver, _SIZE)
    driver.trigger("details")
    driver.trigger("timeline")
    yield driver.verdict(Verdict.NO_SIGNS)
    yield 3.0
    shoot("clocks", driver.window)


def consent(driver: Driver) -> Steps:
    yield from ready(driver, _LOW)
    yield driver.verdict(Verdict.NO_SIGNS)
    driver.trigger("timeline")
    driver.trigger("record")
    yield driver.dialog(QMessageBox)
    place = driver.window.geometry().bottomLeft()
    shown(QMessageBox)[0].move(place.x() + 90, place.y() - 170)  # below the faces
    yield 2.0
    shoot("consent", driver.window)
    shown(QMessageBox)[0].close()
    yield "the answer", lambda: not shown(QMessageBox)


def alarm_frames(driver: Driver) -> Steps:
    yield from ready(driver, _SIZE)
    yield driver.verdict(Verdict.SIGNS)
    yield 4.0
    bar = driver.window.findChild(AlertBar)
    assert bar is not None
    driver.click(bar.frames)
    yield driver.dialog(QDialog)
    yield 1.0
    shoot("alarm-frames", shown(QDialog)[-1])


def overlay(driver: Driver) -> Steps:
    yield from _beside(driver)
    yield from _newly_swapped(driver)
    yield 2.0
    shoot("overlay")


def pill(driver: Driver) -> Steps:
    yield from _beside(driver)
    yield from _newly_swapped(driver)
    driver.window.showMinimized()
    yield 1.5
    shoot("pill")


def _newly_swapped(driver: Driver) -> Steps:
    """The call on the desk goes round and round: an alarm from the end of the swap would stand by a face without."""
    yield driver.verdict(Verdict.NO_SIGNS)
    yield driver.verdict(Verdict.SIGNS)


def _beside(driver: Driver) -> Steps:
    """Right of and below the call, so that both can be seen."""
    for dock in ("alarms", "timeline"):
        driver.trigger(dock)
    yield 0.3
    driver.window.resize(QSize(660, 700))
    driver.window.move(760, 120)
    yield 1.0
