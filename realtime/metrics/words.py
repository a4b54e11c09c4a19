"""Sentences and records about the clocks, for people and for JSON lines."""

from __future__ import annotations

from typing import Any

from unmask.realtime.metrics.clocks import AGE, EVERY_CLOCK, PAINT_AGE, Clocks, SourceClocks
from unmask.realtime.metrics.histogram import Durations

_MOST_MS = 10.0


def milliseconds(value: float | None) -> str:
    """``0.42``, ``7.3``, ``120``; a dash where there is none."""
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= _MOST_MS else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def spread_words(durations: Durations) -> str:
    """``p50 11 ms, p99 34 ms``; empty where there is nothing yet."""
    if not durations.count:
        return ""
    return f"p50 {milliseconds(durations.quantile_ms(0.5))} ms, p99 {milliseconds(durations.quantile_ms(0.99))} ms"


def load_words(clocks: Clocks) -> str:
    """``0.31 cores``; empty before it is known."""
    return "" if clocks.process.cores is None else f"{clocks.process.cores:.2f} cores"


def record(clocks: Clocks, source_id: str) -> dict[str, Any] | None:
    """The ``clocks`` object of a JSON line: milliseconds of the recent past; ``None`` for an unknown source."""
    source = clocks.sources.get(source_id)
    if source is None:
        return None
    stages = {
        name: {"p50_ms": _rounded(recent.quantile_ms(0.5)), "p99_ms": _rounded(recent.quantile_ms(0.99))}
        for name in EVERY_CLOCK
        if (recent := source.recent(name)).count
    }
    queues = {queue: depth for (queue, whose), depth in clocks.flow.depths.items() if whose == source_id}
    return {
        "age": stages.pop(AGE, None),
        "paint_age": stages.pop(PAINT_AGE, None),
        "stages": stages,
        "queues": queues,
        "cores": _rounded(clocks.process.cores),
        "rss_mb": None if clocks.process.rss_bytes is None else round(clocks.process.rss_bytes / 2**20, 1),
        "threads": clocks.process.threads,
        "troubles": sorted(source.troubles),
        "lowered": list(source.standing.lowered) if source.standing is not None else [],
    }


def summary_lines(source: SourceClocks) -> list[str]:
    """How a source fared over the whole session: its age, the stages that took most, its troubles."""
    lines = []
    age = source.clocks.get(AGE)
    if age is not None:
        lines.append(f"  frame age {spread_words(age.total)}, longest {milliseconds(age.total.longest_ms)} ms")
    stages = [
        f"{name} {milliseconds(clock.total.mean_ms)}"
        for name, clock in source.clocks.items()
        if name not in (AGE, PAINT_AGE)
    ]
    if stages:
        lines.append(f"  mean milliseconds: {', '.join(stages)}")
    return lines


def trouble_line(clocks: Clocks) -> str:
    """How often each trouble began, in all sources, and what sinks missed; empty where all went well."""
    counts: dict[str, int] = {}
    for (_, trouble), number in clocks.trouble_counts.items():
        counts[trouble] = counts.get(trouble, 0) + number
    said = [f"{number} x {trouble.replace('_', ' ')}" for trouble, number in sorted(counts.items())]
    slow = [f"{sink} was too slow for {number} updates" for sink, number in clocks.flow.sink_dropped.items() if number]
    return f"Troubles of the monitor: {', '.join([*said, *slow])}" if said or slow else ""


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
