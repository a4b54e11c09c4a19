"""``unmask bench window``: one new frame of a full window, by the embedding cache and by encoding all of it anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from unmask.benchmarks.clocks import Stopwatch
from unmask.benchmarks.harness import interleave
from unmask.benchmarks.other_size import at_size
from unmask.benchmarks.reencode import ReencodingWindow
from unmask.benchmarks.report import Line, Plot, Row
from unmask.benchmarks.settings import Effort
from unmask.benchmarks.stats import Ratio
from unmask.benchmarks.subject import Subject
from unmask.benchmarks.tables import Value
from unmask.realtime.detector import Detector
from unmask.realtime.types import Image
from unmask.realtime.window import FrameWindow

CACHED, IN_ONE, ONE_BY_ONE = "cached embeddings", "encoded anew, one call", "encoded anew, one call per crop"
#: The size that the project's goal is stated for.
GOAL_PX = 224


@dataclass(frozen=True, slots=True)
class Pushed:
    """Several new frames on a full window; milliseconds per frame, and the logits."""

    wall_ms: float
    cpu_ms: float
    logits: tuple[float, ...]


def row_name(way: str, size: int) -> str:
    return f"{way}, {size} px"


def measure(subject: Subject, detector: Detector, effort: Effort) -> tuple[list[Row], list[Plot], list[str]]:
    """Crops of noise: what is in them changes no time, and the scores are compared bit by bit.

    Where the detector takes another size than ``GOAL_PX``, that size is measured as well."""
    length, size = detector.manifest.window.length, detector.manifest.input.size
    notes = [
        f"A window of {length} crops, full; per new frame: encoder and head, no detection and no decoding. Both ways "
        "on the very same opened detector; ratios to the cached way, of the same round.",
    ]
    rows = _rows(detector, effort)
    if size != GOAL_PX:
        with at_size(subject, GOAL_PX) as (other, words):
            notes.append(words)
            rows += _rows(other, effort) if other is not None else []
    bars = Line(
        "CPU-ms per new frame", [row.name for row in rows], [float(row.values["cpu_ms_per_frame"] or 0) for row in rows]
    )
    return rows, [Plot("window", "One new frame of a full window", "", "CPU-ms", [bars], "bar")], notes


def _rows(detector: Detector, effort: Effort) -> list[Row]:
    manifest = detector.manifest
    size, length = manifest.input.size, manifest.window.length
    random = np.random.default_rng(7)
    crops = [random.integers(0, 256, (size, size, 3), dtype=np.uint8) for _ in range(length + effort.calls)]
    measures: dict[str, Callable[[], Pushed]] = {
        CACHED: partial(_cached, detector, crops),
        IN_ONE: partial(_anew, detector, crops, False),
        ONE_BY_ONE: partial(_anew, detector, crops, True),
    }
    found = interleave(measures, lambda one: one.cpu_ms, effort.passes)
    cached = found[CACHED]
    rows = []
    for name, own in found.items():
        last = own.last
        wall = Ratio.of([o.wall_ms for o in own.results[-last:]], [o.wall_ms for o in cached.results[-last:]])
        cpu = Ratio.of([o.cpu_ms for o in own.results[-last:]], [o.cpu_ms for o in cached.results[-last:]])
        pairs = zip(own.results[-1].logits, cached.results[-1].logits, strict=True)
        difference = max(abs(one - other) for one, other in pairs)
        values: dict[str, Value] = {
            "wall_ms_per_frame": own.median_of(lambda one: one.wall_ms),
            "cpu_ms_per_frame": own.value,
            "wall_ratio": wall.median,
            "wall_ratio_low": wall.low,
            "wall_ratio_high": wall.high,
            "cpu_ratio": cpu.median,
            "largest_logit_difference": difference,
            "same_bits": difference == 0,
        }
        rows.append(Row(row_name(name, size), values | own.as_values()))
    return rows


def _cached(detector: Detector, crops: list[Image]) -> Pushed:
    manifest = detector.manifest
    stride_s = manifest.window.stride_ms / 1000
    window = FrameWindow(manifest.window.length, manifest.embedding, stride_s, manifest.window.max_gap_ms / 1000)
    rows = np.empty((1, manifest.window.length, manifest.embedding), np.float32)
    mask = np.empty((1, manifest.window.length), np.float32)

    def push(number: int, crop: Image) -> None:
        window.add(number * stride_s, detector.encode(crop[np.newaxis])[0])

    def judge() -> NDArray[np.float32]:
        window.copy_to(rows[0], mask[0])
        return detector.judge(rows, mask)

    return _pushed(manifest.window.length, crops, push, judge)


def _anew(detector: Detector, crops: list[Image], one_by_one: bool) -> Pushed:
    window = ReencodingWindow(detector)
    stride_s = detector.manifest.window.stride_ms / 1000

    def push(number: int, crop: Image) -> None:
        window.add(number * stride_s, crop)

    return _pushed(detector.manifest.window.length, crops, push, lambda: window.logit(one_by_one=one_by_one))


def _pushed(
    length: int, crops: list[Image], push: Callable[[int, Image], None], judge: Callable[[], NDArray[np.float32]]
) -> Pushed:
    """Fill the window untimed, then time each crop that is left."""
    for number, crop in enumerate(crops[:length]):
        push(number, crop)
    logits = []
    with Stopwatch() as spent:
        for number, crop in enumerate(crops[length:], length):
            push(number, crop)
            logits.append(float(judge()[0]))
    count = max(1, len(logits))
    return Pushed(spent.wall_s * 1e3 / count, spent.cpu_s * 1e3 / count, tuple(logits))
