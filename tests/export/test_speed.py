"""Interleaved timing: the order of the calls, and when it ends. No test depends on how fast this machine is."""

from __future__ import annotations

from unmask.export.speed import interleaved


def test_calls_take_turns_and_the_first_round_does_not_count() -> None:
    seen: list[str] = []
    found = interleaved({"a": lambda: seen.append("a"), "b": lambda: seen.append("b")}, least=45, stable=1e9)
    assert seen == ["a", "b"] * 46
    assert found["a"].calls == found["b"].calls == 45


def test_it_goes_on_while_ratios_move_and_ends_in_time() -> None:
    # The second call takes longer and longer by this clock: its ratio never stands still.
    ticks = iter(range(10**9))
    now = 0

    def processor_clock() -> float:
        return float(now)

    def steady() -> None:
        nonlocal now
        now += 1

    def slower() -> None:
        nonlocal now
        now += next(ticks) + 1

    moving = interleaved({"a": steady, "b": slower}, most_s=0.2, processor_clock=processor_clock)
    still = interleaved({"a": steady, "b": steady}, most_s=60.0, processor_clock=processor_clock)
    assert moving["b"].calls > still["b"].calls == 45


def test_medians_are_in_milliseconds() -> None:
    now = 0.0

    def call() -> None:
        nonlocal now
        now += 0.002

    assert round(interleaved({"a": call}, processor_clock=lambda: now)["a"].cpu_ms, 6) == 2.0
