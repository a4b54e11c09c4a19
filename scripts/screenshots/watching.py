"""What is done in the window for the pictures of something that is watched."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from live_senders import UdpSender
from picture_file import shoot
from window_driver import Condition, Driver, shown

from unmask.gui.alerts.bar import AlertBar
from unmask.gui.qt import QDialog, QSize
from unmask.realtime.types import SourceState, Verdict

Steps = Generator[Condition, None, None]
_SIZE, _LOW = QSize(1180, 780), QSize(900, 620)
#: Where the live stream comes from that stops.
PORT = 23507


def start(driver: Driver) -> Steps:
    yield from _ready(driver, _LOW)
    shoot("start", driver.window)


def no_signs(driver: Driver) -> Steps:
    yield from _ready(driver, _SIZE)
    yield driver.verdict(Verdict.NO_SIGNS)
    yield 2.5
    shoot("no-signs", driver.window)


def signs(driver: Driver) -> Steps:
    yield from _ready(driver, _SIZE)
    yield driver.verdict(Verdict.SIGNS)
    yield 3.0
    shoot(_themed(driver, "signs"), driver.window)


def black(driver: Driver) -> Steps:
    yield from _trouble(driver, "black")


def too_small(driver: Driver) -> Steps:
    yield from _ready(driver, _LOW)
    yield driver.verdict(Verdict.CANNOT_JUDGE)
    yield 3.0
    shoot("too-small", driver.window)


def stalled(driver: Driver) -> Steps:
    with UdpSender(Path("before the swap.mp4"), PORT) as sender:
        yield from _ready(driver, _LOW)
        yield driver.verdict(Verdict.NO_SIGNS)
        sender.silent.set()
        yield "the source stalls", lambda: any(each.state is SourceState.STALLED for each in driver.updates.values())
        yield "the banner", lambda: any(panel.banner.isVisible() for panel in driver.window.panels.values())
        yield 0.5
        shoot("stalled", driver.window)


def grid(driver: Driver) -> Steps:
    yield from _ready(driver, _SIZE)
    yield driver.verdict(Verdict.SIGNS, "call.mp4")
    yield 3.0
    shoot("grid", driver.window)


def heat_map(driver: Driver) -> Steps:
    yield from _ready(driver, _SIZE)
    for action in ("heat_map", "landmarks", "crops"):
        driver.trigger(action)
    yield driver.verdict(Verdict.NO_SIGNS)
    yield 2.0
    shoot("heat-map", driver.window)


def alarm_frames(driver: Driver) -> Steps:
    yield from _ready(driver, _SIZE)
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
    yield driver.verdict(Verdict.SIGNS)
    yield 2.5
    shoot("overlay")


def pill(driver: Driver) -> Steps:
    yield from _beside(driver)
    yield driver.verdict(Verdict.SIGNS)
    driver.window.showMinimized()
    yield 1.5
    shoot("pill")


def _trouble(driver: Driver, name: str) -> Steps:
    yield from _ready(driver, _LOW)
    yield "the banner", lambda: any(panel.banner.isVisible() for panel in driver.window.panels.values())
    yield 0.5
    shoot(name, driver.window)


def _ready(driver: Driver, size: QSize) -> Steps:
    driver.window.resize(size)
    driver.window.move(40, 30)
    yield 1.0


def _beside(driver: Driver) -> Steps:
    """Right of and below the call, so that both can be seen."""
    driver.window.resize(QSize(640, 520))
    driver.window.move(930, 430)
    yield 1.0


def _themed(driver: Driver, name: str) -> str:
    preferences = driver.window.preferences
    assert preferences is not None
    return f"{name}-{preferences.value('view/theme')}"
