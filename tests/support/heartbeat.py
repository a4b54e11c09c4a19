"""How long a window did not answer: a timer that should tick every few milliseconds, and its longest silence.

``journey`` does everything that could hold up a window with all its parts, over sources and detectors that take their
time, and tells the longest silence of each step.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import cv2
from fakes import RED, picture
from sessions import BOX

from unmask.cli.window_parts import WindowParts
from unmask.gui.alerts.feature import AlertFeature
from unmask.gui.capture.feature import CaptureFeature
from unmask.gui.chooser.dialog import SourceChooser
from unmask.gui.controller import Controller
from unmask.gui.garbage import collected_here
from unmask.gui.overlay.feature import OverlayFeature
from unmask.gui.qt import QApplication, QDialog, QEvent, QObject, QTimer, sip
from unmask.gui.scanning.feature import ScanFeature
from unmask.gui.services import DetectorChoice
from unmask.gui.timeline.feature import TimelineFeature
from unmask.gui.window import MonitorWindow
from unmask.realtime.types import SourceState

TICK_MS = 4
#: A window that does not answer for longer feels stuck.
LONGEST_MS = 50.0
_SCHEDULED = Path("/proc/thread-self/schedstat")
#: After a step is done: what it has left to do still counts as its own.
_AFTER_S = 0.12

Part = TypeVar("Part")
Step = tuple[str, Callable[[], object], Callable[[], object]]
Wait = Callable[[Callable[[], bool]], None]


class Heartbeat:
    """Runs inside a ``with`` block, on the thread of the window.

    A time in which this thread was ready and other programs had every processor is no silence of the window: it is
    left out where the system tells of it (Linux).
    """

    def __init__(self) -> None:
        self._longest_ns = 0
        self._last = self._starved = 0
        self._timer = QTimer()
        self._timer.timeout.connect(self._tick)

    def __enter__(self) -> Heartbeat:
        self._last, self._starved = time.monotonic_ns(), starved_ns()
        self._timer.start(TICK_MS)
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.stop()

    def lap(self) -> float:
        """The longest silence since the last lap, in ms."""
        self._tick()
        longest_ns, self._longest_ns = self._longest_ns, 0
        return longest_ns / 1e6

    def _tick(self) -> None:
        now, starved = time.monotonic_ns(), starved_ns()
        self._longest_ns = max(self._longest_ns, now - self._last - (starved - self._starved))
        self._last, self._starved = now, starved


def starved_ns() -> int:
    """For how long this thread has waited for a processor so far; 0 where the system does not tell."""
    try:
        return int(_SCHEDULED.read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):
        return 0


def best_of(times: int, measure: Callable[[], dict[str, float]]) -> dict[str, float]:
    """The smallest of up to so many measurements of each step: a busy machine holds everything up now and then, a
    window that waits for something is held up every time."""
    best: dict[str, float] = {}
    for _ in range(times):
        for step, silence_ms in measure().items():
            best[step] = min(silence_ms, best.get(step, float("inf")))
        if max(best.values()) < LONGEST_MS:
            break
    return best


def too_slow(silences: dict[str, float]) -> dict[str, float]:
    return {step: round(ms, 1) for step, ms in silences.items() if ms >= LONGEST_MS}


def journey(services: object, wait_until: Wait, folder: Path) -> dict[str, float]:
    """In a window of ``services``, each of which takes its time, as the command line makes it: with all features."""
    with collected_here():
        stage = Stage(services, folder)
        try:
            wait_until(stage.window.isVisible)
            return stage.walk(wait_until)
        finally:
            stage.end()


class Stage:
    """A window with all its features, shown; ``end`` ends it all."""

    def __init__(self, services: object, folder: Path) -> None:
        parts = WindowParts()
        parts.preferences.set("general/first_run_done", True)
        self._folder = Path(tempfile.mkdtemp(dir=folder))
        self.preferences = parts.preferences
        self.controller = Controller(services, DetectorChoice("toy"), sinks=[parts.ring])  # type: ignore[arg-type]
        self.window = MonitorWindow(
            [], [], self.controller.collector, controller=self.controller, preferences=parts.preferences
        )
        self._features = list(parts.features())
        for feature in self._features:
            self.window.add_feature(feature)
        self._chooser: SourceChooser | None = None
        self._timer = QTimer()
        self._timer.timeout.connect(self._look)
        self._timer.start(33)
        self.window.show()

    def walk(self, wait_until: Wait) -> dict[str, float]:
        silences: dict[str, float] = {}
        with Heartbeat() as heart:
            wait_until(_after(2 * _AFTER_S))  # the first paintings are the start's
            heart.lap()
            for name, act, there in self._steps():
                act()
                wait_until(lambda there=there: bool(there()))
                wait_until(_after(_AFTER_S))
                silences[name] = heart.lap()
        silences["close the window"] = self._close()
        return silences

    def end(self) -> None:
        self._timer.stop()
        self.window.close()
        self.controller.close()
        for made in (self._timer, self.window, self.controller):
            sip.delete(made)

    def _look(self) -> None:
        """What the window's own timer does in the program."""
        self.window.show_sources(self.controller.channels)
        self.window.show_updates(self.controller.updates())
        self.window.show_failures(self.controller.failures)

    def _steps(self) -> Iterator[Step]:
        yield from self._sources()
        yield from self._sights()
        yield from self._dialogs()
        yield from self._files()
        yield "remove a source", lambda: self.controller.remove_source("short"), self.watched("blue")

    def _sources(self) -> Iterator[Step]:
        controller, trigger, timeline = self.controller, self.trigger, self.part(TimelineFeature)
        begin = self.window.start_page.chosen.emit
        yield "open a source", lambda: begin("red"), self.watched("red")
        yield "an alert", lambda: None, self.part(AlertFeature).bar.isVisible
        event = lambda: controller.updates()["red"].events[0]  # noqa: E731
        yield "its frames", lambda: timeline.open_event("red", event()), self.dialogs
        yield "close them", self.close_dialogs, lambda: not self.dialogs()
        yield "add a source", lambda: controller.add_source("blue"), self.watched("red", "blue")
        yield "switch a source", lambda: controller.replace_source("red", "short"), self.watched("short", "blue")
        yield "pause", lambda: trigger("pause_all"), lambda: self._state("blue") is SourceState.PAUSED
        yield "resume", lambda: trigger("pause_all"), lambda: self._state("blue") is SourceState.RUNNING
        other = DetectorChoice("other")
        yield "another detector", lambda: controller.choose_detector(other), lambda: controller.choice == other
        gone = DetectorChoice("toy", "gone")
        yield "one that is gone", lambda: controller.choose_detector(gone), lambda: "cannot run" in self._notices
        yield "sensitivity", lambda: controller.set_alarms_per_hour(1.0), lambda: True
        yield "processor budget", lambda: controller.set_cpu(0.5), lambda: controller.cpu == 0.5

    def _sights(self) -> Iterator[Step]:
        for name in ("heat_map", "landmarks", "crops", "details", "timeline", "timeline", "alarms", "alarms"):
            yield f"switch {name}", lambda name=name: self.trigger(name), lambda: True
        overlay, choose = self.part(OverlayFeature), self.preferences.set
        yield "the pill", lambda: choose("overlay/mode", "pill"), lambda: overlay.pill is not None
        yield "marks", lambda: choose("overlay/mode", "rings"), lambda: overlay.pill is not None
        yield "no overlay", lambda: choose("overlay/mode", "off"), lambda: overlay.pill is None
        for theme in ("dark", "light", "system"):
            yield f"theme {theme}", lambda theme=theme: choose("view/theme", theme), lambda: True

    def _dialogs(self) -> Iterator[Step]:
        for name in ("preferences", "privacy", "detector", "keyboard", "limits", "about", "history"):
            yield f"open {name}", lambda name=name: self.trigger(name), self.dialogs
            yield f"close {name}", self.close_dialogs, lambda: not self.dialogs()
        yield "open the chooser", lambda: self.choose("screen"), self._listed
        yield "its windows", lambda: self._turn("window"), lambda: True
        yield "close the chooser", self.close_dialogs, lambda: not self.dialogs()

    def _files(self) -> Iterator[Step]:
        capture, scan = self.part(CaptureFeature), self.part(ScanFeature)
        film, image = self._folder / "film.mp4", self._folder / "one.png"
        cv2.imwrite(str(image), picture((BOX, RED)))
        yield "record", lambda: capture.record("blue", film), lambda: capture.recording is not None
        yield "record no more", capture.stop, film.exists
        yield "scan a file", lambda: scan.scan([str(image)]), lambda: scan.panel.findings
        yield "the end of the scan", lambda: None, lambda: not scan.panel.running

    def _close(self) -> float:
        """Until it is gone from the screen, in ms."""
        watch = _Gone(self.window)
        began = time.monotonic_ns() - starved_ns()
        self.window.close()
        return (watch.at_ns - began) / 1e6

    def part(self, kind: type[Part]) -> Part:
        return next(feature for feature in self._features if isinstance(feature, kind))

    def watched(self, *names: str) -> Callable[[], bool]:
        return lambda: set(self.controller.updates()) == set(names) == set(self.window.panels)

    def _state(self, source_id: str) -> SourceState:
        return self.controller.updates()[source_id].state

    @property
    def _notices(self) -> str:
        return self.window.notices.label.text()

    def trigger(self, name: str) -> None:
        self.window.commands[name].trigger()

    def dialogs(self) -> list[QDialog]:
        return [each for each in QApplication.topLevelWidgets() if isinstance(each, QDialog) and each.isVisible()]

    def close_dialogs(self) -> None:
        for dialog in self.dialogs():
            dialog.close()

    def choose(self, kind: str) -> None:
        """As ``choose_source`` does, but for its event loop."""
        self._chooser = SourceChooser(self.window, self.preferences, kind)
        self._chooser.show()

    def _listed(self) -> bool:
        assert self._chooser is not None
        tiles: Any = self._chooser.page
        return tiles.tiles.count() > 0 or self._chooser.problem.text() != ""

    def _turn(self, kind: str) -> None:
        assert self._chooser is not None
        self._chooser.kinds.setCurrentRow(list(self._chooser.pages).index(kind))


class _Gone(QObject):
    """When a window was taken from the screen, less the time without a processor."""

    def __init__(self, window: MonitorWindow) -> None:
        super().__init__(window)
        self.at_ns = 0
        window.installEventFilter(self)

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:
        if a1 is not None and a1.type() == QEvent.Type.Hide:
            self.at_ns = time.monotonic_ns() - starved_ns()
        return False


def _after(seconds: float) -> Callable[[], bool]:
    until = time.monotonic() + seconds
    return lambda: time.monotonic() >= until
