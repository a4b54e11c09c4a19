"""How long a window did not answer: a timer that should tick every few milliseconds, and its longest silence."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from unmask.gui.qt import QTimer

TICK_MS = 4
#: A window that does not answer for longer feels stuck.
LONGEST_MS = 50.0


class Heartbeat:
    """Runs inside a ``with`` block; ``longest_ms`` is the longest time between two ticks."""

    def __init__(self) -> None:
        self.longest_ms = 0.0
        self._last = 0
        self._timer = QTimer()
        self._timer.timeout.connect(self._tick)

    def __enter__(self) -> Heartbeat:
        self._last = time.monotonic_ns()
        self._timer.start(TICK_MS)
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.stop()

    def _tick(self) -> None:
        now = time.monotonic_ns()
        self.longest_ms = max(self.longest_ms, (now - self._last) / 1e6)
        self._last = now


def best_of(times: int, measure: Callable[[], float]) -> float:
    """The smallest of up to so many measurements: a busy machine holds everything up now and then, a window that
    waits for something is held up every time."""
    best = float("inf")
    for _ in range(times):
        best = min(best, measure())
        if best < LONGEST_MS:
            break
    return best


def journey(services: object, wait_until: Callable[[Callable[[], bool]], None], act: Callable[..., None]) -> float:
    """Open, add, switch, pause, choose another detector and remove, in a window of ``services``, each of which
    takes its time; the longest time in ms in which the window did not answer. ``act`` may do something more."""
    from unmask.gui.controller import Controller
    from unmask.gui.qt import sip
    from unmask.gui.services import DetectorChoice
    from unmask.gui.window import MonitorWindow

    controller = Controller(services, DetectorChoice("toy"))  # type: ignore[arg-type]
    window = MonitorWindow([], [], controller.collector, controller=controller)
    timer = QTimer()

    def look() -> None:
        window.show_sources(controller.channels)
        window.show_updates(controller.updates())
        window.show_failures(controller.failures)

    def there(*names: str) -> Callable[[], bool]:
        return lambda: set(controller.updates()) == set(names) == set(window.panels)

    timer.timeout.connect(look)
    timer.start(33)
    window.show()
    try:
        wait_until(window.isVisible)
        act(window)
        with Heartbeat() as heart:
            window.start_page.chosen.emit("red")
            wait_until(there("red"))
            controller.add_source("blue")
            wait_until(there("red", "blue"))
            controller.replace_source("red", "short")
            wait_until(there("short", "blue"))
            window.commands["pause_all"].trigger()
            controller.choose_detector(DetectorChoice("other"))
            wait_until(lambda: controller.choice.detector == "other")
            controller.choose_detector(DetectorChoice("toy", "gone"))
            controller.set_alarms_per_hour(1.0)
            controller.set_cpu(0.5)
            controller.remove_source("short")
            wait_until(there("blue"))
        return heart.longest_ms
    finally:
        timer.stop()
        window.close()
        controller.close()
        for made in (timer, window, controller):
            sip.delete(made)
        sys.stdout.flush()
