from __future__ import annotations

import itertools
import math

import pytest

from unmask.engines.errors import UsageError
from unmask.engines.manifest import Window
from unmask.realtime.budget import PERIOD_S, Budget, steps_for
from unmask.realtime.load import Load, Throttle

WINDOW = Window(length=16, stride_ms=125, max_gap_ms=500, min_frames=8)


class Machine:
    """Drives a budget with a process that uses so many cores."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.now_s = self.cpu_s = 0.0
        budget.observe(0.0, 0.0)

    def use(self, cores: float, periods: int = 1) -> list[bool]:
        changes = []
        for _ in range(periods):
            self.now_s += PERIOD_S
            self.cpu_s += cores * PERIOD_S
            changes.append(self.budget.observe(self.now_s, self.cpu_s))
        return changes


def test_within_the_budget_nothing_is_lowered() -> None:
    machine = Machine(Budget(0.5, WINDOW))
    assert machine.use(0.49, 20) == [False] * 20
    assert machine.budget.lowered == ()
    assert machine.budget.step == steps_for(WINDOW)[0]


def test_over_it_less_is_done_step_by_step_and_said_in_words() -> None:
    machine = Machine(Budget(0.5, WINDOW))
    assert machine.use(0.9) == [True]
    assert machine.budget.lowered == ("searching 8 times a second to stay within 0.5 cores",)
    machine.use(0.9, len(steps_for(WINDOW)) - 2)
    assert machine.budget.lowered == (
        "searching 2.5 times a second to stay within 0.5 cores",
        "analysing 10 frames a second to stay within 0.5 cores",
        "scoring 2.5 times a second to stay within 0.5 cores",
    )
    assert machine.use(0.9) == [True]
    assert machine.budget.lowered[-1] == "still using more than 0.5 cores: nothing more can be lowered"
    assert machine.use(0.9, 5) == [False] * 5


def test_every_step_does_less_and_none_breaks_the_window() -> None:
    for stride_ms, gap_ms in ((125, 500), (100, 110), (40, 2000), (500, 500), (1000, 1500)):
        window = Window(length=16, stride_ms=stride_ms, max_gap_ms=gap_ms, min_frames=8)
        steps = steps_for(window)
        assert not steps[0].calm
        assert math.isinf(steps[0].frames_per_s)
        assert steps[0].stride_s == stride_ms / 1000
        assert len(set(steps)) == len(steps) > 1
        for before, after in itertools.pairwise(steps):
            assert after.stride_s >= before.stride_s
            assert after.frames_per_s <= before.frames_per_s
        for step in steps:
            longest_s = step.stride_s + (0 if math.isinf(step.frames_per_s) else 1 / step.frames_per_s)
            assert longest_s <= gap_ms / 1000 + 1e-9 or step.stride_s == steps[0].stride_s
            assert step.stride_s <= max(0.4, steps[0].stride_s)


def test_with_clear_room_more_is_done_again_but_not_at_once() -> None:
    machine = Machine(Budget(0.5, WINDOW))
    machine.use(0.9, 2)
    assert machine.use(0.45, 10) == [False] * 10, "just below the budget is no room"
    assert machine.use(0.2, 3) == [False, False, True]
    assert machine.use(0.2, 3) == [False, False, True]
    assert machine.budget.lowered == ()
    assert machine.use(0.2, 9) == [False] * 9


def test_a_step_up_that_had_to_be_taken_back_is_not_tried_again_soon() -> None:
    machine = Machine(Budget(0.5, WINDOW))
    machine.use(0.9)
    waits = []
    for _ in range(5):
        waits.append(next(count for count in range(1, 100) if machine.use(0.2)[0]))
        assert machine.use(0.9) == [True]
    assert waits == [3, 6, 12, 24, 30]


def test_a_machine_that_slept_is_measured_anew() -> None:
    machine = Machine(Budget(0.5, WINDOW))
    assert not machine.budget.observe(3600.0, 3599.0)
    assert machine.budget.lowered == ()


@pytest.mark.parametrize("cores", [0.0, -1.0, float("nan"), float("inf")])
def test_a_budget_that_cannot_be_is_refused(cores: float) -> None:
    with pytest.raises(UsageError, match="above 0"):
        Budget(cores, WINDOW)


def test_the_load_is_the_share_of_the_time_that_a_searched_frame_takes() -> None:
    load = Load()
    assert load.share == 0.0
    for index in range(200):
        load.add(index * 40_000_000, 20_000_000 if index % 4 == 0 else 0)
    assert load.share == pytest.approx(0.5)
    for index in range(200, 400):
        load.add(index * 40_000_000, 60_000_000)
    assert load.share == pytest.approx(1.5, rel=0.01)


def test_a_file_is_held_back_to_the_cores_it_may_use() -> None:
    throttle, wall_s, cpu_s = Throttle(), 0.0, 0.0
    for _ in range(50):
        wall_s, cpu_s = wall_s + 0.1, cpu_s + 0.15
        wall_s += throttle.pause_s(0.5, wall_s, cpu_s)
    assert (cpu_s - 0.15) / (wall_s - 0.1) == pytest.approx(0.5)
    assert Throttle().pause_s(0.5, 1.0, 1.0) == 0.0
    free = Throttle()
    free.pause_s(math.inf, 0.0, 0.0)
    assert free.pause_s(math.inf, 0.1, 5.0) == 0.0
