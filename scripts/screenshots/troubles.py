"""What is done in the window for the pictures of its bad moments: each is a sentence with a remedy."""

from __future__ import annotations

from collections.abc import Generator

from picture_file import shoot
from window_driver import Condition, Driver, shown

from unmask.gui.pages.first_run import FirstRunDialog
from unmask.gui.qt import QSize
from unmask.gui.timeline.view import TimelineView
from unmask.realtime.types import Verdict

Steps = Generator[Condition, None, None]
_SIZE = QSize(1000, 720)


def black(driver: Driver) -> Steps:
    yield from _trouble(driver, "black", "picture is black")


def frozen(driver: Driver) -> Steps:
    yield from _trouble(driver, "frozen", "picture is frozen")


def ended(driver: Driver) -> Steps:
    driver.trigger("timeline")  # whose room the picture has better use for: words over its foot, and labels
    yield from _trouble(driver, "ended", "source is over")


def no_camera(driver: Driver) -> Steps:
    yield from _trouble(driver, "no-camera", "amera")


def paused(driver: Driver) -> Steps:
    yield from ready(driver)
    yield driver.verdict(Verdict.NO_SIGNS)
    yield 1.0
    driver.trigger("pause")
    yield _banner(driver, "Paused")
    yield 0.5
    shoot("paused", driver.window)


def detector_gone(driver: Driver) -> Steps:
    """The settings name a detector that is not there; it is missed with the first source."""
    yield from ready(driver)
    controller = driver.window.controller
    assert controller is not None
    controller.add_source("call.mp4")
    yield "the way out", driver.window.notices.remedy.isVisible
    yield 1.5
    shoot("detector-gone", driver.window)


def settings_broken(driver: Driver) -> Steps:
    """A file of settings that cannot be read asks everything anew."""
    yield driver.dialog(FirstRunDialog)
    first = shown(FirstRunDialog)[0]
    assert isinstance(first, FirstRunDialog)
    first.accept()
    yield from ready(driver)
    yield 0.5
    shoot("settings-broken", driver.window)


def ready(driver: Driver, size: QSize = _SIZE) -> Steps:
    driver.window.resize(size)
    driver.window.move(40, 30)
    yield 1.0
    timeline = driver.window.findChild(TimelineView)
    assert timeline is not None
    yield "the timeline", lambda: not timeline.isVisible() or timeline.plot is not None


def _trouble(driver: Driver, name: str, words: str) -> Steps:
    yield from ready(driver)
    yield _banner(driver, words)
    yield 0.7
    shoot(name, driver.window)


def _banner(driver: Driver, words: str) -> Condition:
    def there() -> bool:
        banners = [panel.banner for panel in driver.window.panels.values()]
        return any(banner.isVisible() and words in banner.label.text() for banner in banners)

    return f"a banner with {words!r}", there
