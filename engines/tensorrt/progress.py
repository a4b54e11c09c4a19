"""From TensorRT's phases to one bar, and cancelling a build."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, SupportsInt

from unmask.engines.build_progress import BuildProgress

if TYPE_CHECKING:
    import tensorrt as trt


_NEARLY = 0.99


@dataclass(slots=True)
class _Phase:
    parent: str | None
    total: int
    done: int = 0


@dataclass(slots=True)
class BuildTracker:
    """The phases that are running, as TensorRT's threads report them; thread-safe.

    ``tell`` gets each step, perhaps from several threads at once. What it raises, KeyboardInterrupt too, is
    kept in ``error`` and cancels the build: an exception must not travel through TensorRT's own code, where it
    would end the process.
    """

    what: str
    why: str
    tell: Callable[[BuildProgress], None]
    error: BaseException | None = None
    _cancelled: bool = False
    _share: float = 0.0
    _phases: dict[str, _Phase] = field(default_factory=dict[str, _Phase])
    _guard: threading.RLock = field(default_factory=threading.RLock)

    @property
    def goes_on(self) -> bool:
        """Whether nobody cancelled."""
        return not self._cancelled

    def cancel(self) -> None:
        """End the build at its next step, which may take seconds. Safe from any thread."""
        self._cancelled = True

    def start(self, name: str, parent: str | None, total: int) -> None:
        with self._guard:
            self._phases[name] = _Phase(parent or None, max(1, total))
        self._tell(name)

    def step(self, name: str, step: int) -> bool:
        """Steps count from 0. Whether the build goes on."""
        with self._guard:
            if name in self._phases:
                self._phases[name].done = min(step + 1, self._phases[name].total)
        self._tell(name)
        return self.goes_on

    def finish(self, name: str) -> None:
        with self._guard:
            self.share()
            self._phases.pop(name, None)

    def share(self) -> float:
        """0..1 of the outermost phase, the part of a step that its inner phases have done included. Under one
        while TensorRT is at work: it does not say beforehand how many outermost phases there will be."""
        with self._guard:
            for name, phase in self._phases.items():
                if phase.parent is None:
                    self._share = max(self._share, min(_NEARLY, self._done(name) / phase.total))
            return self._share

    def _done(self, name: str) -> float:
        phase = self._phases[name]
        inner = [
            self._done(other) / child.total
            for other, child in self._phases.items()
            if child.parent == name and other != name
        ]
        return min(phase.total, phase.done + max(inner, default=0.0))

    def _tell(self, name: str) -> None:
        with self._guard:
            phase = self._phases.get(name)
            if phase is None or not self.goes_on:
                return
            progress = BuildProgress(self.what, self.why, name, phase.done, phase.total, self.share())
        try:
            self.tell(progress)
        except BaseException as error:  # noqa: BLE001 - see the class
            self.error = error
            self.cancel()


def make_monitor(tracker: BuildTracker) -> trt.IProgressMonitor:
    """What TensorRT reports to. It must outlive the build."""
    import tensorrt as trt

    class Monitor(trt.IProgressMonitor):
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: SupportsInt) -> None:
            tracker.start(phase_name, parent_phase, int(num_steps))

        def step_complete(self, phase_name: str, step: SupportsInt) -> bool:
            return tracker.step(phase_name, int(step))

        def phase_finish(self, phase_name: str) -> None:
            tracker.finish(phase_name)

    return Monitor()
