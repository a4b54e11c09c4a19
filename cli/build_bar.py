"""A bar for engines that build something for minutes before they run: TensorRT's plans."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from unmask.engines.build_progress import BuildProgress


@contextlib.contextmanager
def build_bar() -> Iterator[None]:
    """While inside, say on the terminal what an engine builds, why, and how far it is. Silent without a build."""
    from unmask.engines.build_progress import listening

    bar = _Bar()
    try:
        with listening(bar.show):
            yield
    finally:
        bar.stop()


class _Bar:
    """Told from any thread; it is drawn when the first build begins, beside what a command prints."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def show(self, step: BuildProgress) -> None:
        with self._guard:
            if step.finished:
                self._stop()
                return
            if self._progress is None or self._task is None:
                self._progress, self._task = _started(step)
            self._progress.update(self._task, completed=step.share, description=step.phase[:60])

    def stop(self) -> None:
        with self._guard:
            self._stop()

    def _stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def _started(step: BuildProgress) -> tuple[Progress, TaskID]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, markup=False, highlight=False, emoji=False)
    console.print(f"Building a {step.what}, which takes minutes: {step.why} ...", soft_wrap=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    progress = Progress(*columns, console=console, transient=True)
    progress.start()
    return progress, progress.add_task("", total=1.0)
