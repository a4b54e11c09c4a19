"""What a person does from the first start to the end, with the real pointer and keys: ``python journeys.py NAME ...``.

Runs `unmask` in this process with the script NAME in its window (``window_driver``), and prints at the end what was
left: threads, and the files in the person's folders. A step that waits in vain is an error with a traceback.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path

from window_driver import USER_FOLDERS, Condition, Driver, drive, shown

from unmask.gui.alerts.bar import AlertBar
from unmask.gui.chooser.dialog import SourceChooser
from unmask.gui.chooser.region_page import RegionPage
from unmask.gui.chooser.typed import FilePage
from unmask.gui.pages.first_run import FirstRunDialog
from unmask.gui.scanning.panel import ScanPanel
from unmask.gui.timeline.event_dialog import EventDialog
from unmask.realtime.types import SourceState, Verdict

Steps = Generator[Condition, None, None]
#: Where the clip plays on the screen (``player.py``): left, top, width, height.
PLAYS = (20, 20, 640, 360)


def whole_way(driver: Driver) -> Steps:
    """The first start, a region of the screen, an alert, pause, another source, a dropped file, the end."""
    yield from _agree(driver)
    yield from _draw_the_region(driver)
    yield from _meet_the_alert(driver)
    yield from _pause(driver)
    clip = Path(os.environ["JOURNEY_CLIP"])
    yield from _switch_to(driver, clip)
    yield from _drop(driver, Path(os.environ["JOURNEY_SWAPPED"]))
    driver.window.resize(1000, 720)
    yield 0.5
    driver.key("ctrl+q")
    yield "the end", lambda: False


def second_start(driver: Driver) -> Steps:
    """What the first start left behind in the settings, printed."""
    yield 1.0
    preferences = driver.window.preferences
    assert preferences is not None
    print("asked again:", bool(shown(FirstRunDialog)))
    size = driver.window.size()
    print("size:", size.width(), size.height())
    sources = preferences.value("general/sources")
    assert isinstance(sources, list)
    print("sources:", *(Path(source).name for source in sources))
    driver.trigger("history")
    yield 1.0
    from unmask.gui.history.page import HistoryPage

    page = driver.window.findChild(HistoryPage)
    assert page is not None
    yield "the history", lambda: page.model.rowCount() > 0
    print("history:", page.model.rowCount())


def _agree(driver: Driver) -> Steps:
    yield driver.dialog(FirstRunDialog)
    first = shown(FirstRunDialog)[0]
    assert isinstance(first, FirstRunDialog)
    yield 0.5
    driver.key("alt+r")
    yield "the button", first.begin.isEnabled
    driver.click(first.begin)
    yield "the window behind it", lambda: not shown(FirstRunDialog)
    # Beside the clip, which is watched.
    driver.window.move(PLAYS[0] + PLAYS[2] + 20, 20)
    driver.window.resize(640, 600)
    yield 0.7


def _draw_the_region(driver: Driver) -> Steps:
    left, top, width, height = PLAYS
    driver.click(driver.window.start_page.buttons["region"])
    yield driver.dialog(SourceChooser)
    chooser = shown(SourceChooser)[0]
    assert isinstance(chooser, SourceChooser)
    page = chooser.page
    assert isinstance(page, RegionPage)
    yield "the front", chooser.isActiveWindow
    driver.click(page.draw_button)
    yield "the picker", lambda: chooser.picker is not None and chooser.picker.isActiveWindow()
    driver.drag((left + 2, top + 2), (left + width - 2, top + height - 2))
    driver.release()
    yield 0.3
    driver.key("Return")
    yield "the chooser", lambda: chooser.isVisible() and chooser.isActiveWindow() and page.region is not None
    assert page.region is not None
    assert abs(page.region.width - width) <= 8, page.region
    driver.click(chooser.watch_button)
    yield "the region is watched", lambda: bool(driver.window.panels)


def _meet_the_alert(driver: Driver) -> Steps:
    yield driver.verdict(Verdict.NO_SIGNS)
    yield driver.verdict(Verdict.SIGNS)
    bar = driver.window.findChild(AlertBar)
    assert bar is not None
    yield "the alert", bar.isVisible
    assert "igns of manipulation" in bar.title.text(), bar.title.text()
    assert "confirm" in bar.advice.text(), bar.advice.text()
    assert driver.window.alarms.table.rowCount() > 0
    assert "stand-in" in driver.window.notices.label.text(), "nothing says which detector it is"
    print("alert:", bar.title.text())
    driver.click(bar.frames)
    yield driver.dialog(EventDialog)
    dialog = shown(EventDialog)[0]
    assert isinstance(dialog, EventDialog)
    assert dialog.model.rowCount() > 0, "no picture of the alarm was kept"
    yield "the front", dialog.isActiveWindow
    driver.key("Escape")
    yield "it is gone", lambda: not shown(EventDialog)
    driver.click(bar.dismiss)
    yield "it is dismissed", bar.isHidden


def _pause(driver: Driver) -> Steps:
    def state_is(state: SourceState) -> tuple[str, Callable[[], bool]]:
        return f"state {state.name}", lambda: [each.state for each in driver.updates.values()] == [state]

    panel = next(iter(driver.window.panels.values()))
    yield "the front", driver.window.isActiveWindow
    driver.click(panel.picture)
    driver.key("space")
    yield state_is(SourceState.PAUSED)
    yield "the banner", panel.banner.isVisible
    print("pause:", panel.banner.label.text())
    driver.key("space")
    yield state_is(SourceState.RUNNING)


def _switch_to(driver: Driver, clip: Path) -> Steps:
    driver.key("ctrl+r")
    yield driver.dialog(SourceChooser)
    chooser = shown(SourceChooser)[0]
    assert isinstance(chooser, SourceChooser)
    yield "the front", chooser.isActiveWindow
    chooser.kinds.setCurrentRow(list(chooser.pages).index("file"))
    page = chooser.page
    assert isinstance(page, FilePage)
    page.entry.setFocus()
    yield 0.2
    driver.type(str(clip))
    yield "the path", lambda: page.text == str(clip)
    driver.key("Return")
    yield "the file is watched", lambda: list(driver.window.panels) == [str(clip)]
    yield driver.verdict(Verdict.NO_SIGNS, str(clip))


def _drop(driver: Driver, clip: Path) -> Steps:
    driver.drop([clip])
    panel = driver.window.findChild(ScanPanel)
    assert panel is not None
    yield "the scan", lambda: panel.running
    yield "the end of the scan", lambda: not panel.running
    rows = [panel.table.item(row, 1) for row in range(panel.table.rowCount())]
    print("scanned:", *(item.text() for item in rows if item is not None))


SCRIPTS: dict[str, Callable[[Driver], Steps]] = {"whole-way": whole_way, "second-start": second_start}


def main(name: str, arguments: list[str], scripts: dict[str, Callable[[Driver], Steps]]) -> int:
    code = drive(arguments, scripts[name])
    until = time.monotonic() + 3
    while threading.active_count() > 1 and time.monotonic() < until:
        time.sleep(0.02)
    print("threads:", *(each.name for each in threading.enumerate() if each is not threading.main_thread()))
    folders = [Path(os.environ[folder]) for folder in USER_FOLDERS]
    print("files:", *sorted(path.name for folder in folders for path in folder.rglob("*") if path.is_file()))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:], SCRIPTS))
