"""``unmask bench engines``: every engine that can run here, in every precision of the package, at several batches."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import numpy as np

from unmask.benchmarks.clocks import Stopwatch
from unmask.benchmarks.harness import interleave
from unmask.benchmarks.report import Line, Plot, Row
from unmask.benchmarks.settings import Effort
from unmask.benchmarks.subject import Subject
from unmask.benchmarks.tables import Value
from unmask.engines.engine import Engine
from unmask.engines.errors import UnmaskError
from unmask.engines.options import EngineOptions, Precision
from unmask.engines.registry import AUTO, list_engines, open_engine

BATCHES = (1, 2, 4, 8, 16)
# A runtime may take new memory in the first and in the second call of each batch size.
_WARM_CALLS = 3


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an engine on ``batch`` crops: the median of several, milliseconds."""

    batch: int
    wall_ms: float
    cpu_ms: float


def measure(
    subject: Subject, effort: Effort, batches: Sequence[int] = BATCHES
) -> tuple[list[Row], list[Plot], list[str]]:
    """A row per engine, precision and batch, and one with the reason for each that cannot run."""
    precisions: tuple[Precision, ...] = ("fp32", *subject.package.manifest.files.variants)
    rows: list[Row] = []
    left_out: list[Row] = []
    with contextlib.ExitStack() as stack:
        engines: dict[str, Engine] = {}
        for listing in list_engines():
            if listing.name == AUTO:
                continue
            if not listing.available or (listing.name == "remote" and subject.options.server is None):
                left_out.append(Row(listing.name, {"why_not": listing.reason}))
                continue
            for precision in precisions:
                name = f"{listing.name} {precision}"
                try:
                    engines[name] = stack.enter_context(_opened(subject, listing.name, precision, max(batches)))
                except UnmaskError as error:
                    left_out.append(Row(name, {"why_not": str(error)}))
        for batch in batches:
            subject.say(f"engines: batch {batch} ...")
            found, failed = _measure_batch(engines, batch, effort)
            rows += found
            left_out += failed
    threads = subject.options.threads
    notes = [
        f"{threads} thread{'s' if threads > 1 else ''} in a call, noise for crops, every engine in turns within one "
        "run; ms per crop is the call's wall time / batch, CPU-ms of all threads of this process.",
        "torch is a reference in this process: eager, without a compiler.",
    ]
    return [*rows, *left_out], _plots(rows), notes


def _opened(subject: Subject, name: str, precision: Precision, max_batch: int) -> contextlib.closing[Engine]:
    path, sha256 = subject.package.encoder_file(precision)
    remote = name == "remote"
    own = subject.options if remote or name == subject.engine else EngineOptions(threads=subject.options.threads)
    return contextlib.closing(open_engine(name, path, replace(own, sha256=sha256, max_batch=max_batch)))


def _measure_batch(engines: dict[str, Engine], batch: int, effort: Effort) -> tuple[list[Row], list[Row]]:
    """One batch size of all engines; those that cannot do it are told apart first, so that the others go on."""
    failed: list[Row] = []
    measures: dict[str, Callable[[], Call]] = {}
    for name, engine in engines.items():
        crops = crops_for(engine, batch)
        try:
            for _ in range(_WARM_CALLS):
                engine.infer(crops)
        except UnmaskError as error:
            failed.append(Row(f"{name} batch {batch}", {"why_not": str(error)}))
        else:
            measures[name] = lambda e=engine, c=crops: timed(e, c, effort.calls)
    rows = []
    for name, found in interleave(measures, lambda call: call.wall_ms, effort.passes).items() if measures else ():
        provider = engines[name].provider
        values: dict[str, Value] = {
            "batch": batch,
            "ms_per_crop": found.value / batch,
            "crops_per_s": 1e3 * batch / found.value,
            "cpu_ms_per_crop": median(call.cpu_ms for call in found.results[-found.last :]) / batch,
            **found.as_values(),
            "provider": provider,
        }
        rows.append(Row(f"{name} batch {batch}", values))
    return rows, failed


def crops_for(engine: Engine, batch: int) -> dict[str, Any]:
    """Noise as uint8 crops (batch, size, size, 3), the same for every engine."""
    (spec,) = engine.inputs
    shape = [batch, *(axis or 1 for axis in spec.shape[1:])]
    return {spec.name: np.random.default_rng(7).integers(0, 256, shape, dtype=np.uint8)}


def timed(engine: Engine, crops: dict[str, Any], calls: int) -> Call:
    """The median of ``calls`` runs; processor time is that of all of them, since a short run is below its clock."""
    walls = []
    with Stopwatch() as whole:
        for _ in range(calls):
            with Stopwatch() as one:
                engine.infer(crops)
            walls.append(one.wall_s * 1e3)
    return Call(len(next(iter(crops.values()))), median(walls), whole.cpu_s * 1e3 / calls)


def _plots(rows: Sequence[Row]) -> list[Plot]:
    by_engine: dict[str, list[Row]] = {}
    for row in rows:
        by_engine.setdefault(row.name.rpartition(" batch ")[0], []).append(row)
    lines = [
        Line(name, [float(r.values["batch"] or 0) for r in own], [float(r.values["crops_per_s"] or 0) for r in own])
        for name, own in by_engine.items()
    ]
    return [Plot("crops", "Crops per second by batch", "batch", "crops / s", lines)]
