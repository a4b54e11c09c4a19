"""The processor budget of a session: set anew while it runs, and carried out for all its sources."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from unmask.engines.manifest import Window
from unmask.realtime.budget import Budget, Step, steps_for


class Saving:
    """Says how often things are done. Without ``cores`` there is no limit, and everything is done. Any thread.

    Raises ``UsageError`` for a budget that is no number above 0.
    """

    def __init__(self, cores: float | None, window: Window) -> None:
        self._lock = threading.Lock()
        self._budget = None if cores is None else Budget(cores, window)
        self._full = steps_for(window)[0]

    @property
    def step(self) -> Step:
        budget = self._budget
        return self._full if budget is None else budget.step

    def change(self, cores: float | None, window: Window, take_up: Callable[[], None]) -> None:
        """Begin with another budget, or for another detector; ``take_up`` lets the sources follow. Raises
        ``UsageError``, and changes nothing, for a budget that cannot be."""
        budget = None if cores is None else Budget(cores, window)
        # One lock for both: what was found by the old budget must not be done after the new one.
        with self._lock:
            self._budget, self._full = budget, steps_for(window)[0]
            take_up()

    def look(self, do: Callable[[Step, tuple[str, ...]], None]) -> None:
        """Compare the use of the processor with the budget; ``do`` gets the step and its words when they change."""
        with self._lock:
            budget = self._budget
            if budget is not None and budget.observe(time.monotonic(), time.process_time()):
                do(budget.step, budget.lowered)
