"""Two reports of one kind side by side, as ratios, and what makes the comparison doubtful."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from unmask.benchmarks.host import IDENTITY, busy
from unmask.benchmarks.report import Report, Row
from unmask.benchmarks.tables import Value, markdown_table
from unmask.engines.errors import UsageError

_SUBJECT = (
    *("detector", "version", "precision", "encoder_sha256", "head_sha256"),
    *("engine", "engine_threads", "provider", "faces"),
)
#: Columns that say how a number came about, not what it is.
_ABOUT = (
    *("repeats", "spread", "stable", "frames", "seconds", "batch", "streams", "tries", "held", "due"),
    *("bound_p99_ms", "allowed_s"),
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """``rows`` hold, for every number of a row that both reports have, the second divided by the first."""

    rows: tuple[Row, ...]
    warnings: tuple[str, ...]

    def as_markdown(self) -> str:
        lines = [f"Warning: {warning}" for warning in self.warnings]
        return "\n".join([*lines, *([""] if lines else []), markdown_table(self.rows)])


def compare(first: Report, second: Report) -> Comparison:
    """Raises ``UsageError`` for reports of different kinds, or without a row in common."""
    if first.kind != second.kind:
        raise UsageError(
            f"One report is of {first.kind}, the other of {second.kind}: compare two of one kind with each other."
        )
    others = {row.name: row.values for row in second.rows}
    rows = [Row(row.name, _ratios(row.values, others[row.name])) for row in first.rows if row.name in others]
    rows = [row for row in rows if row.values]
    if not rows:
        raise UsageError("The two reports have no number in common: measure both with the same settings.")
    return Comparison(tuple(rows), tuple(_warnings(first, second, others)))


def _ratios(first: Mapping[str, Value], second: Mapping[str, Value]) -> dict[str, Value]:
    """Three columns per number: first, second, and second / first."""
    found: dict[str, Value] = {}
    for key, value in first.items():
        other = second.get(key)
        if key in _ABOUT or key.endswith("_count") or not (_is_number(value) and _is_number(other)):
            continue
        found[f"{key}_A"], found[f"{key}_B"] = value, other
        found[f"{key}_B/A"] = _ratio(float(value or 0), float(other or 0))
    return found


def _ratio(value: float, other: float) -> float | None:
    if value == 0:
        return 1.0 if other == 0 else None
    return other / value


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _warnings(first: Report, second: Report, others: Mapping[str, Any]) -> list[str]:
    found = _differences("machine", first.host, second.host, IDENTITY)
    found += _differences("detector", first.subject, second.subject, _SUBJECT)
    clips = [{one["name"]: one["sha256"] for one in report.subject.get("clips", ())} for report in (first, second)]
    both = sorted(clips[0].keys() & clips[1].keys())
    found += _differences("content of the clips", clips[0], clips[1], tuple(both))
    keys = sorted(first.settings.keys() | second.settings.keys())
    found += _differences("settings", first.settings, second.settings, tuple(keys))
    names = {row.name for report in (first, second) for row in report.rows if set(row.values) != {"why_not"}}
    missing = sorted(name for name in names if not (first.row(name) and second.row(name)))
    if missing:
        found.append(f"only one of the reports has {', '.join(missing)}.")
    for letter, report in (("A", first), ("B", second)):
        unstable = [row.name for row in report.rows if row.values.get("stable") is False]
        if unstable:
            found.append(f"{letter} was not stable in {', '.join(unstable)}.")
        if not report.complete:
            found.append(f"{letter} was broken off before its end.")
        if sentence := busy(report.host):
            found.append(f"{letter}: {sentence}")
    return found


def _differences(what: str, one: Mapping[str, Any], other: Mapping[str, Any], keys: tuple[str, ...]) -> list[str]:
    different = [line for key in keys for line in _difference(key, one.get(key), other.get(key))]
    return [f"not alike in the two reports, the {what}: {'; '.join(different)}."] if different else []


def _difference(key: str, one: Any, other: Any) -> list[str]:
    """``key`` and both values where they differ; of a whole table only the entries that do."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        inner = sorted(one.keys() | other.keys())
        return [line for name in inner for line in _difference(name, one.get(name), other.get(name))]
    return [f"{key} ({one} / {other})"] if one != other else []
