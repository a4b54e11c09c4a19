"""Building a plan while the program goes on with another engine."""

from __future__ import annotations

import threading
from pathlib import Path

from unmask.engines.build_progress import BuildProgress, report
from unmask.engines.errors import EngineUnavailable
from unmask.engines.options import EngineOptions
from unmask.engines.tensorrt.availability import problem
from unmask.engines.tensorrt.builder import BuildCancelled
from unmask.engines.tensorrt.plan_source import get_plan


class BackgroundBuild:
    """A plan that is being built in a thread of its own; the next opening of the model finds it in the cache."""

    def __init__(self, model: Path, options: EngineOptions) -> None:
        self._guard = threading.Lock()
        self._progress: BuildProgress | None = None
        self._error: BaseException | None = None
        self._cancelled = threading.Event()
        # A daemon: a build of minutes must not keep a program that was told to end.
        self._thread = threading.Thread(target=self._run, args=(model, options), name="tensorrt-build", daemon=True)
        self._thread.start()

    @property
    def progress(self) -> BuildProgress | None:
        """The newest; ``None`` before the first, and where the cache had the plan."""
        with self._guard:
            return self._progress

    @property
    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return not self._thread.is_alive()

    @property
    def error(self) -> BaseException | None:
        """What ended it; ``BuildCancelled`` after ``cancel``. ``None`` while it runs and where it went well."""
        with self._guard:
            return self._error

    def cancel(self) -> None:
        """Ask it to end; TensorRT does so at its next step. Returns at once."""
        self._cancelled.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Whether it ended within that time."""
        self._thread.join(timeout_s)
        return self.done

    def result(self) -> None:
        """Wait, then raise what ended it, if something did."""
        self.wait()
        if self.error is not None:
            raise self.error

    def _run(self, model: Path, options: EngineOptions) -> None:
        try:
            get_plan(model, options, tell=self._tell)
        except BaseException as error:  # noqa: BLE001 - handed to whoever asks: nobody is above this thread
            with self._guard:
                self._error = error

    def _tell(self, progress: BuildProgress) -> None:
        with self._guard:
            self._progress = progress
        report(progress)
        if self._cancelled.is_set() and not progress.finished:
            raise BuildCancelled(f"The building of a {progress.what} was cancelled.")


def build_in_background(model: Path, options: EngineOptions) -> BackgroundBuild:
    """Begin to build the plan of ``model``; raises ``EngineUnavailable`` at once where TensorRT cannot run."""
    missing = problem()
    if missing:
        raise EngineUnavailable(f"The engine tensorrt cannot run here: {missing}.")
    return BackgroundBuild(model, options)
