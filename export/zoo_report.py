"""The report of ``zoo_table`` in Markdown."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from unmask.engines.machine import fingerprint
from unmask.export.gate import LARGEST_SCORE_DIFFERENCE, LEAST_SPEED
from unmask.export.speed import Timing

_PACKAGES = ("torch", "timm", "onnx", "onnxruntime", "openvino", "numpy")

_READING = f"""\
One frame encoder of each network of the zoo, in every runtime, from one run. **The weights are random** (seed 0):
this is about parity and speed and says nothing about detection. Batch norm took its statistics from crops, and the
classifier was scaled until the logits of crops had a standard deviation of 2, so that a difference of scores
means something. Random features carry no margin that training would give them: take the INT8 differences as
pessimistic. The parity gate of a real package (FP16: at most {LARGEST_SCORE_DIFFERENCE:g}; INT8: at least
{LEAST_SPEED:g} times as fast, at most half a point of AUROC lost) is measured with trained weights on labelled crops.

- *Latency*: batch 1, one thread, processor time in milliseconds, in brackets wall time; medians of interleaved
  calls. Compare within a row. torch is eager FP32. FP16 is for GPUs: on a processor ONNX Runtime casts back and
  forth, which costs; the column is there for parity.
- *Parity*: the largest absolute difference of a score (0 to 1) against torch, over the same crops.
- FP16 has the FP32 islands that every network gets, INT8 the quickest settings (ranges by minimum and maximum;
  equalised where that was better). `unmask export` measures which further layers need FP32 and tries more.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One family. ``times`` and ``differences`` (largest of a score, against torch) by column, where the column
    exists; ``missing`` says why it does not. ``settings`` are those of INT8."""

    family: str
    network: str
    size: int
    weights_m: float
    times: Mapping[str, Timing]
    differences: Mapping[str, float]
    missing: Mapping[str, str]
    settings: str


def markdown(rows: Sequence[Row], failed: Mapping[str, str], columns: Sequence[str], words: str) -> str:
    """``columns`` in their order, torch first; ``words`` say which crops these were."""
    parts = [
        "# Exports: every network of the zoo in every runtime",
        "    python -m unmask.export.zoo_table --crops CROPS.npz --out benchmarks/EXPORTS.md",
        _READING.rstrip(),
        _machine(words),
        "## Latency, processor ms (wall ms)",
        _latency(rows, columns),
        "## Parity, largest score difference against torch",
        _parity(rows, columns[1:]),
        "## INT8 settings, and what is missing",
        _missing(rows, failed),
    ]
    return "\n\n".join(parts) + "\n"


def _machine(words: str) -> str:
    facts = dict(fingerprint())
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return "\n".join(
        [
            f"- machine: {facts['processor']}, {facts['cores']} cores, {facts['system']}",
            f"- **noisy**: other work ran on the same cores (load average {load} at the end)",
            f"- versions: {', '.join(f'{name} {_version(name)}' for name in _PACKAGES)}",
            f"- crops: {words}",
        ]
    )


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _latency(rows: Sequence[Row], columns: Sequence[str]) -> str:
    head = ["recipe", "network", "input", "weights", *columns, "ORT fp32 / int8", "torch / ORT fp32", "calls"]
    lines = []
    for row in rows:
        cells = [f"{t.cpu_ms:.2f} ({t.wall_ms:.2f})" if (t := row.times.get(column)) else "-" for column in columns]
        calls = str(next(iter(row.times.values())).calls)
        ratios = [_ratio(row, "ORT fp32", "ORT int8"), _ratio(row, "torch", "ORT fp32")]
        lines.append([row.family, row.network, f"{row.size} px", f"{row.weights_m:.1f} M", *cells, *ratios, calls])
    return _table(head, lines)


def _ratio(row: Row, slow: str, fast: str) -> str:
    if slow not in row.times or fast not in row.times:
        return "-"
    return f"{row.times[slow].cpu_ms / row.times[fast].cpu_ms:.2f}"


def _parity(rows: Sequence[Row], columns: Sequence[str]) -> str:
    lines = [
        [row.family, *(f"{row.differences[c]:.1e}" if c in row.differences else "-" for c in columns)] for row in rows
    ]
    return _table(["recipe", *columns], lines)


def _missing(rows: Sequence[Row], failed: Mapping[str, str]) -> str:
    lines = [f"- {row.family}: INT8 {row.settings}" for row in rows if row.settings]
    lines += [f"- {row.family}, {column}: {reason}" for row in rows for column, reason in row.missing.items()]
    lines += [f"- {name}: {reason}" for name, reason in failed.items()]
    return "\n".join(lines) or "Nothing."


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join([*rows, *("| " + " | ".join(line) + " |" for line in lines)])
