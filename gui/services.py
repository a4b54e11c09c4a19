"""What the command line gives the window, so that the window needs to know nothing of packages and runtimes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from unmask.realtime.detector import Detector
from unmask.realtime.faces.finder import FaceFinder
from unmask.realtime.plans import SourcePlan
from unmask.realtime.sources.registry import SourceOptions


@dataclass(frozen=True, slots=True)
class DetectorChoice:
    """Which detector is to be at work, and how: names as the command line takes them."""

    detector: str
    engine: str = "auto"
    precision: str = "fp32"


@dataclass(frozen=True, slots=True)
class DetectorEntry:
    """A detector package. ``problem`` is one sentence where it cannot be used; ``budgets`` are the false alarms per
    hour for which it has a threshold, ``backings`` a sentence for each on the footage behind it. ``measured`` and
    ``limits`` are what its manifest says of how well it judges, and of what it cannot."""

    name: str
    version: str
    summary: str
    problem: str = ""
    precisions: tuple[str, ...] = ("fp32",)
    budgets: tuple[float, ...] = ()
    backings: tuple[str, ...] = ()
    measured: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    licence: str = ""


@dataclass(frozen=True, slots=True)
class EngineEntry:
    """A runtime. ``problem`` is "unavailable, because ..." in one sentence, empty where it can run."""

    name: str
    provider: str
    problem: str = ""


class Services(Protocol):
    """Every method may be called from any thread, and may raise ``UnmaskError`` with the sentence to show."""

    def plan(self, spec: str) -> SourcePlan:
        """A source as the command line names it, with a face finder of its own."""
        ...

    def wish(self, spec: str, options: SourceOptions, pace: bool | None = None) -> None:
        """What ``plan(spec)`` asks of that source from now on, beside what the command line asks of all of them;
        ``pace`` as in ``SourcePlan``."""
        ...

    def open_detector(self, choice: DetectorChoice) -> Detector:
        """Load and warm up; takes seconds. The caller closes it."""
        ...

    def detectors(self) -> Sequence[DetectorEntry]: ...

    def engines(self) -> Sequence[EngineEntry]: ...

    def backing(self, detector: Detector, alarms_per_hour: float) -> str:
        """The footage behind the threshold for that budget, in one sentence."""
        ...

    def face_finder(self) -> FaceFinder:
        """A fresh one, for a scan. The caller closes it."""
        ...
