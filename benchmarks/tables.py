"""Rows of a report as a table in Markdown that fits a page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

Value = float | int | str | bool | None
#: A table of more columns is turned round.
MOST_COLUMNS = 9
_UNITS = {"_per_s": " per second", "_ms": ", ms", "_s": ", s"}
_REPEATS = ("repeats", "spread", "stable")


class AnyRow(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def values(self) -> Mapping[str, Value]: ...


def markdown_table(rows: Sequence[AnyRow]) -> str:
    """Every key that any row has, in the order in which they first appear: a column each, or a line each where
    that would be more columns than fit a page. A number and its smallest and largest value share a cell, and so
    do repeats, spread and stability; what could not be measured is listed below with its reason."""
    measured = [row for row in rows if set(row.values) != {"why_not"}]
    reasons = [f"- {row.name} cannot run here: {row.values['why_not']}" for row in rows if row not in measured]
    if not measured:
        return "\n".join(reasons) or "Nothing was measured."
    values = [_joined(row.values) for row in measured]
    columns = list(dict.fromkeys(key for one in values for key in one))
    names, labels = [row.name for row in measured], [label_of(column) for column in columns]
    cells = [[one.get(column, "-") for column in columns] for one in values]
    if len(columns) > MOST_COLUMNS and len(names) < len(columns):
        names, labels, cells = labels, names, [list(line) for line in zip(*cells, strict=True)]
    lines = [_line(["what", *labels]), "|---" + "|---:" * len(labels) + "|"]
    lines += [_line([name, *line]) for name, line in zip(names, cells, strict=True)]
    return "\n".join([*lines, *([""] if reasons else []), *reasons])


def _joined(values: Mapping[str, Value]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in values.items():
        whole, _, end = key.rpartition("_")
        if key in _REPEATS[1:] or (end in ("low", "high") and whole in values):
            continue
        cell = shown(value)
        if f"{key}_low" in values and f"{key}_high" in values and values[f"{key}_low"] != values[f"{key}_high"]:
            cell += f" ({shown(values[f'{key}_low'])} to {shown(values[f'{key}_high'])})"
        if key == "repeats":
            spread, stable = values.get("spread"), values.get("stable")
            cell += f" ({spread:.0%})" if isinstance(spread, float) else ""
            cell += "" if stable else ", **not stable**"
        found[key] = cell
    return found


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def label_of(key: str) -> str:
    """The key of a number as people read it, its unit behind a comma: ``score_p99_ms`` is ``score p99, ms``."""
    for suffix, unit in _UNITS.items():
        if key.endswith(suffix):
            return key.removesuffix(suffix).replace("_", " ") + unit
    return "repeats (spread)" if key == "repeats" else key.replace("cpu_ms", "CPU-ms").replace("_", " ")


def shown(value: Value) -> str:
    """Three digits of a number, at least all of its whole ones; a dash for nothing."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if not math.isfinite(value):
            return "-"
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value)
