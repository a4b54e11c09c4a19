"""What the command line would give the window, with fakes in it: sources and detectors that take their time."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from fakes import BLUE, RED, ScriptedFinder, ScriptedSource, one_face, picture
from sessions import BOX

from unmask.engines.errors import EngineUnavailable, SourceError, UsageError
from unmask.gui.services import DetectorChoice, DetectorEntry, EngineEntry
from unmask.realtime.session import SourcePlan
from unmask.realtime.sources.registry import SourceOptions


class FakeServices:
    """``plan``: ``red`` and ``blue`` are endless cameras with one face, ``short`` ends after some frames, ``broken``
    cannot be opened, ``nothing`` is no source. A detector is what ``open_toy(name)`` gives; ``gone`` cannot be opened.
    Everything takes ``slow_s``."""

    def __init__(self, open_toy: Callable[[str], Any], slow_s: float = 0.0) -> None:
        self._open_toy, self.slow_s = open_toy, slow_s
        self.finders: dict[str, ScriptedFinder] = {}
        self.wishes: dict[str, tuple[SourceOptions, bool | None]] = {}
        self.opened: list[Any] = []

    def plan(self, spec: str) -> SourcePlan:
        time.sleep(self.slow_s)
        if spec == "nothing":
            raise UsageError("There is no source nothing; name another.")
        self.finders[spec] = ScriptedFinder(one_face(BOX))
        return SourcePlan(spec, lambda: self._source(spec), self.finders[spec])

    def wish(self, spec: str, options: SourceOptions, pace: bool | None = None) -> None:
        self.wishes[spec] = (options, pace)

    def _source(self, spec: str) -> ScriptedSource:
        if spec == "broken":
            return ScriptedSource(
                [], source_id=spec, open_error=SourceError("broken is busy; close the other program.")
            )
        pictures = [picture((BOX, BLUE if spec == "blue" else RED), seed=seed) for seed in range(9)]
        if spec == "short":
            return ScriptedSource(pictures, source_id=spec)
        steps = (step for number in itertools.count() for step in (pictures[number % 9], 0.03))
        source = ScriptedSource(steps, live=True, source_id=spec)
        open_now = source.open

        def open_slowly() -> Any:
            time.sleep(self.slow_s)
            return open_now()

        source.open = open_slowly  # type: ignore[method-assign]
        return source

    def open_detector(self, choice: DetectorChoice) -> Any:
        time.sleep(self.slow_s)
        if choice.engine == "gone":
            raise EngineUnavailable("The engine gone cannot run here; choose another.")
        detector = self._open_toy(choice.detector)
        self.opened.append(detector)
        return detector

    def detectors(self) -> list[DetectorEntry]:
        return [DetectorEntry("toy", "1.0.0", "A toy.", budgets=(1.0, 0.1))]

    def engines(self) -> list[EngineEntry]:
        return [EngineEntry("ort-cpu", "CPU"), EngineEntry("gone", "", "unavailable, because it is gone")]

    def backing(self, detector: Any, alarms_per_hour: float) -> str:
        return f"Set for {alarms_per_hour:g} false alarms per hour."

    def face_finder(self) -> ScriptedFinder:
        return ScriptedFinder(one_face(BOX))


class FakePreferences:
    """Settings in memory."""

    problem = ""

    def __init__(self, **values: Any) -> None:
        self.values: dict[str, Any] = {"window/geometry": "", "window/state": "", **values}

    def value(self, key: str) -> Any:
        return self.values[key]

    def set(self, key: str, value: Any) -> None:
        self.values[key] = value


def named(*source_ids: str) -> list[Any]:
    """Sources as the window sees them, each with a key of its own."""
    return [SimpleNamespace(source_id=source_id, key=number) for number, source_id in enumerate(source_ids, 1)]
