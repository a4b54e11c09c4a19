"""A processor budget: what is done less often, step by step, so that the monitor stays within so many cores."""

from __future__ import annotations

import math
from dataclasses import dataclass

from unmask.engines.errors import UsageError
from unmask.engines.manifest import Window
from unmask.realtime.cadence import CadenceSettings

#: Over so many seconds the use of the processor is measured before anything is changed.
PERIOD_S = 2.0
# More is done again only below this share of the budget, for so many periods in a row.
_ROOM = 0.7
_PATIENCE = 3
_MOST_PATIENCE = 30
# A machine that slept or stood still says nothing of the use of its processor.
_LONGEST_PERIOD_S = 5 * PERIOD_S
# Faces that go unseen for longer are called out of sight.
_LONGEST_STRIDE_S = 0.4


@dataclass(frozen=True, slots=True)
class Step:
    """How often things are done, in the source's time.

    ``calm``: faces are searched only when they must be. ``stride_s`` is the distance of a face's crops,
    ``longest_s`` the longest time without a search, ``frames_per_s`` limits the frames that are analysed.
    """

    stride_s: float
    longest_s: float
    calm: bool = False
    frames_per_s: float = math.inf


def steps_for(window: Window) -> tuple[Step, ...]:
    """From doing everything to doing the least that still gives verdicts of a detector with this ``window``.

    Crops come no further apart than the window's longest gap allows, with a frame to spare.
    """
    own_s, gap_s = window.stride_ms / 1000, window.max_gap_ms / 1000
    usual_s = CadenceSettings().longest_s

    def step(factor: float, frames_per_s: float) -> Step:
        furthest_s = max(own_s, min(_LONGEST_STRIDE_S, gap_s - 1 / frames_per_s))
        stride_s = min(own_s * factor, furthest_s)
        return Step(stride_s, max(usual_s, stride_s), calm=True, frames_per_s=frames_per_s)

    steps = [Step(own_s, usual_s), Step(own_s, usual_s, calm=True)]
    for factor, frames_per_s in ((1.0, 15.0), (1.5, 15.0), (2.0, 10.0), (math.inf, 10.0)):
        following = step(factor, frames_per_s)
        if following != steps[-1]:
            steps.append(following)
    return tuple(steps)


def require_cores(cores: float) -> None:
    """Raise ``UsageError`` for a processor budget that is no number above 0."""
    if not (math.isfinite(cores) and cores > 0):
        raise UsageError(f"The processor budget must be a number of cores above 0, not {cores:g}.")


class Budget:
    """Compares the process's use of the processor with ``cores`` and chooses the step. Used from one thread.

    Over the budget it goes a step down after each ``PERIOD_S``. Up again it goes when there was clear room for
    some periods; a step up that had to be taken back doubles the patience before the next. Raises
    ``UsageError`` for a budget that is no number above 0.
    """

    def __init__(self, cores: float, window: Window) -> None:
        require_cores(cores)
        self.cores = cores
        self._own_s = window.stride_ms / 1000
        self._steps = steps_for(window)
        self._level = 0
        self._since: tuple[float, float] | None = None
        self._room = 0
        self._patience = _PATIENCE
        self._raised = False
        self._exceeded = False

    @property
    def step(self) -> Step:
        return self._steps[self._level]

    @property
    def lowered(self) -> tuple[str, ...]:
        """What is done less often now, in words; empty while nothing is."""
        step, words = self.step, list[str]()
        within = f"to stay within {self.cores:g} core{'' if self.cores == 1 else 's'}"
        if step.calm:
            words.append(f"searching {_rate(1 / min(step.stride_s, step.longest_s))} times a second {within}")
        if math.isfinite(step.frames_per_s):
            words.append(f"analysing {_rate(step.frames_per_s)} frames a second {within}")
        if step.stride_s > self._own_s:
            words.append(f"scoring {_rate(1 / step.stride_s)} times a second {within}")
        if self._exceeded:
            words.append(f"still using more than {self.cores:g} cores: nothing more can be lowered")
        return tuple(words)

    def observe(self, now_s: float, cpu_s: float) -> bool:
        """Take in the wall clock and the processor seconds used so far. True when the step or the words changed."""
        if self._since is None or now_s - self._since[0] > _LONGEST_PERIOD_S:
            self._since = (now_s, cpu_s)
            return False
        spent_s = now_s - self._since[0]
        if spent_s < PERIOD_S:
            return False
        used = (cpu_s - self._since[1]) / spent_s
        self._since = (now_s, cpu_s)
        before = (self._level, self._exceeded)
        self._choose(used)
        return (self._level, self._exceeded) != before

    def _choose(self, used: float) -> None:
        if used > self.cores:
            if self._raised:
                self._patience = min(2 * self._patience, _MOST_PATIENCE)
            self._exceeded = self._level == len(self._steps) - 1
            self._level = min(self._level + 1, len(self._steps) - 1)
            self._room, self._raised = 0, False
            return
        self._exceeded = False
        self._room = self._room + 1 if used < _ROOM * self.cores else 0
        if self._room >= self._patience:
            self._raised = self._level > 0
            self._level = max(self._level - 1, 0)
            self._room = 0


def _rate(per_s: float) -> str:
    return f"{per_s:.1f}".removesuffix(".0")
