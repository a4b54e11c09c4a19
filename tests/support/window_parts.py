"""A window over a real session with a toy detector, for tests of what is attached to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clips import ColourFinder
from sessions import open_toy_detector, plan

from unmask.engines.errors import EngineUnavailable
from unmask.gui.controller import Controller
from unmask.gui.services import DetectorChoice, DetectorEntry, EngineEntry
from unmask.gui.settings.preferences import Preferences
from unmask.gui.window import MonitorWindow
from unmask.realtime.detector import Detector
from unmask.realtime.plans import SessionSettings, SourcePlan


class ClosableFinder(ColourFinder):
    """Knows whether it was closed."""

    closed = False

    def close(self) -> None:
        self.closed = True


class ToyServices:
    """Every source is a red face; ``problem`` makes the detector unavailable; counts what was opened and closed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.problem = ""
        self.finders: list[ClosableFinder] = []
        self.detectors_opened: list[Detector] = []
        self.frames = 2000

    def plan(self, spec: str) -> SourcePlan:
        return plan(spec, frames=self.frames)

    def open_detector(self, choice: DetectorChoice) -> Detector:
        if self.problem:
            raise EngineUnavailable(self.problem)
        detector = open_toy_detector(self._folder / f"toy{len(self.detectors_opened)}")
        self.detectors_opened.append(detector)
        return detector

    def detectors(self) -> list[DetectorEntry]:
        return [DetectorEntry("toy", "1.0.0", "a toy")]

    def engines(self) -> list[EngineEntry]:
        return [EngineEntry("ort-cpu", "CPUExecutionProvider")]

    def backing(self, detector: object, alarms_per_hour: float) -> str:
        return f"The footage behind {alarms_per_hour:g} per hour."

    def face_finder(self) -> ClosableFinder:
        self.finders.append(ClosableFinder())
        return self.finders[-1]


@contextmanager
def toy_window(folder: Path, **preferences: object) -> Iterator[tuple[MonitorWindow, ToyServices]]:
    """A window that watches nothing yet, with preferences of its own; all of it is ended. Files are paced."""
    services = ToyServices(folder)
    kept = Preferences(folder / "settings.ini")
    for key, value in preferences.items():
        kept.set(key.replace("__", "/"), value)  # pyright: ignore[reportArgumentType]
    controller = Controller(services, DetectorChoice("toy", "ort-cpu"), SessionSettings(pace=True))
    window = MonitorWindow(controller=controller, preferences=kept)
    try:
        yield window, services
    finally:
        window.close()
        controller.close()
        kept.save()
        window.deleteLater()


def show(window: MonitorWindow) -> None:
    """What the window's timer would do."""
    assert window.controller is not None
    window.show_sources(window.controller.channels)
    window.show_updates(window.controller.updates())
