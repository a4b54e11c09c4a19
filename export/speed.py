"""How long calls take beside each other: interleaved, so that a busy machine slows all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

#: The processor time of a call on one thread is steadier than its wall time; ratios are stable when their last
#: three estimates agree this well.
STABLE = 0.02
_ROUND = 15


@dataclass(frozen=True, slots=True)
class Timing:
    """Medians over ``calls`` single calls, in milliseconds. ``cpu_ms`` is processor time."""

    wall_ms: float
    cpu_ms: float
    calls: int


def interleaved(
    calls: Mapping[str, Callable[[], object]],
    *,
    least: int = 45,
    most_s: float = 20.0,
    stable: float = STABLE,
    processor_clock: Callable[[], float] = time.thread_time,
) -> dict[str, Timing]:
    """Time ``calls`` one after the other, again and again, until the ratios of their medians stand still.

    At least ``least`` rounds, then until each median's ratio to the first one's changed by less than ``stable``
    over three estimates, or ``most_s`` seconds have passed. The first round warms up and does not count.
    ``processor_clock`` is ``time.process_time`` where a runtime works in a thread of its own.
    """
    for call in calls.values():
        call()
    wall: dict[str, list[float]] = {name: [] for name in calls}
    cpu: dict[str, list[float]] = {name: [] for name in calls}
    history: list[list[float]] = []
    end = time.monotonic() + most_s
    while True:
        for _ in range(_ROUND):
            for name, call in calls.items():
                start, spent = time.perf_counter(), processor_clock()
                call()
                cpu[name].append(processor_clock() - spent)
                wall[name].append(time.perf_counter() - start)
        medians = [float(np.median(times)) for times in cpu.values()]
        history.append([median / max(medians[0], 1e-9) for median in medians])
        rounds = _ROUND * len(history)
        if (rounds >= least and _still(history, stable)) or time.monotonic() > end:
            return {
                name: Timing(1e3 * float(np.median(wall[name])), 1e3 * float(np.median(cpu[name])), rounds)
                for name in calls
            }


def _still(history: list[list[float]], stable: float) -> bool:
    last = np.asarray(history[-3:])
    return len(history) >= 3 and bool((np.ptp(last, axis=0) <= stable * last[-1]).all())
