"""``auto``: the engine that was measured to be the fastest for this model on this machine.

Measured once and remembered. A server is never asked and the torch reference never picked; an engine whose
outputs are not those of ``ort-cpu`` is passed over, however fast it is.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import numpy as np
from numpy.typing import NDArray

from unmask.engines.choice_memory import Measured, memory_file, recall, remember
from unmask.engines.engine import Engine
from unmask.engines.errors import EngineError, EngineUnavailable, UsageError
from unmask.engines.machine import fingerprint, runtime_versions
from unmask.engines.manifest import Manifest
from unmask.engines.model_bytes import read_model_bytes
from unmask.engines.options import EngineOptions, Precision
from unmask.engines.registry import AUTO_ENGINES, STANDARD, open_engine, why_unavailable

WARM_UP, ROUNDS = 3, 12

#: Another engine must take less than this share of the time of ``ort-cpu``, which is the best understood.
WORTH_IT = 0.9

#: Largest difference of an output from that of ``ort-cpu``, relative to the output's size (at least 1). The
#: sigmoid's slope is at most 1/4: a logit around 0 that moves by this moves its score by 0.01 at most.
TOLERANCE = 0.04

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Choice:
    """The engine to open, why in words, and what was measured: empty where there was nothing to choose."""

    engine: str
    reason: str
    rows: tuple[Measured, ...] = ()


def choose(
    model: Path,
    sha256: str | None,
    options: EngineOptions,
    *,
    precision: Precision = "fp32",
    again: bool = False,
    say: Say | None = None,
) -> Choice:
    """Pick an engine for ``model``, whose checksum is ``sha256`` (``None``: not known, not checked).

    Measures (some seconds; an engine that builds plans takes minutes) where nothing fitting is remembered, or
    ``again``, and without that not at all where there is only ``ort-cpu``. ``say`` hears what takes time and
    what was wrong with the memory; without it the log does.
    Raises ``UsageError`` for a device or a server, ``EngineUnavailable`` where nothing runs, and what
    ``ort-cpu`` raises for a model that it cannot run.
    """
    if options.device or options.server or options.remote_model:
        raise UsageError("A device or a server belongs to one engine: name it with --engine, not auto.")
    say = say or logging.getLogger(__name__).warning
    there = [name for name in AUTO_ENGINES if why_unavailable(name) is None]
    if there == [STANDARD] and not again:
        return Choice(STANDARD, "the only engine on this machine that auto may pick")
    if not there:
        raise EngineUnavailable(f"No engine can run here: {STANDARD}: {why_unavailable(STANDARD)}.")
    raw = read_model_bytes(model, sha256)
    path, key = _key(raw, options, precision, there)
    remembered = recall(path, key, there)
    if remembered.rows and not again:
        return _pick(remembered.rows, f"measured on {remembered.when}")
    if remembered.problem and not again:
        say(f"The engines are measured again on {_short(model)}: {remembered.problem}.")
    say(f"Measuring {', '.join(there)} on {_short(model)}, once ...")
    rows = measure(model, replace(options, sha256=sha256), there)
    choice = _pick(rows, "measured now")  # what ran nowhere is not remembered: the reason may have passed
    if problem := remember(path, key, rows, date.today().isoformat()):
        say(f"The engines will be measured again next time: {problem}.")
    return choice


def pick_precision(manifest: Manifest, engine: str) -> tuple[Precision, str]:
    """The precision for ``--precision auto`` and why: the fastest variant by the gate's own measurement, which
    was made on a processor with ``ort-cpu`` and says nothing about other engines."""
    if engine != STANDARD:
        return "fp32", f"no variant was measured on {engine}"
    variants = manifest.files.variants
    best = max(variants, key=lambda name: variants[name].gate.speed_ratio, default=None)
    if best is None or variants[best].gate.speed_ratio <= 1.0:
        return "fp32", "no variant of this detector is faster"
    return best, f"its gate measured {variants[best].gate.speed_ratio:.2g} times the speed of fp32"


def measure(model: Path, options: EngineOptions, names: Sequence[str]) -> tuple[Measured, ...]:
    """Milliseconds per crop of each engine, interleaved, so that a busy moment hits all of them.

    An engine that fails is a row with its problem; ``PackageError`` is the model's own and is raised.
    """
    problems: dict[str, str] = {}
    outputs: dict[str, dict[str, NDArray[np.generic]]] = {}
    times: dict[str, list[tuple[float, float]]] = {}
    with contextlib.ExitStack() as stack:
        engines: dict[str, Engine] = {}
        for name in names:
            try:
                engine = stack.enter_context(contextlib.closing(open_engine(name, model, options)))
                arrays = _sample(engine)
                outputs[name] = [engine.infer(arrays) for _ in range(WARM_UP)][-1]
            except (EngineError, EngineUnavailable, UsageError) as error:
                problems[name] = str(error).rstrip(".")
            else:
                engines[name], times[name] = engine, []
        for number in range(ROUNDS):
            order = list(engines)
            for name in order[number % max(len(order), 1) :] + order[: number % max(len(order), 1)]:
                try:
                    times[name].append(_timed(engines[name]))
                except EngineError as error:
                    problems[name] = str(error).rstrip(".")
                    del engines[name]
    return tuple(_row(name, times.get(name, []), outputs, problems.get(name, "")) for name in names)


def _key(raw: bytes, options: EngineOptions, precision: Precision, there: Sequence[str]) -> tuple[Path, dict[str, str]]:
    sha256 = hashlib.sha256(raw).hexdigest()
    settings = f"{precision}-{options.threads}-{options.max_batch}"
    key = {
        "model": sha256,
        "precision, threads, largest batch": settings,
        "engines": ", ".join(there),
        **runtime_versions(),
        **dict(fingerprint()),
    }
    return memory_file(options.cache, sha256, settings), key


def _sample(engine: Engine) -> dict[str, NDArray[np.generic]]:
    """Inputs of batch 1: noise, the same for every engine."""
    random = np.random.default_rng(7)
    arrays: dict[str, NDArray[np.generic]] = {}
    for spec in engine.inputs:
        shape = [axis or 1 for axis in spec.shape]
        whole = np.issubdtype(spec.dtype, np.integer)
        arrays[spec.name] = (random.integers(0, 256, shape) if whole else random.random(shape)).astype(spec.dtype)
    return arrays


def _timed(engine: Engine) -> tuple[float, float]:
    arrays = _sample(engine)
    wall, cpu = perf_counter(), process_time()
    engine.infer(arrays)
    return (perf_counter() - wall) * 1e3, (process_time() - cpu) * 1e3


def _row(
    name: str,
    times: Sequence[tuple[float, float]],
    outputs: Mapping[str, Mapping[str, NDArray[np.generic]]],
    problem: str,
) -> Measured:
    if problem or not times:
        return Measured(name, problem=problem or "it was not measured")
    difference = None
    if name != STANDARD and STANDARD in outputs:
        difference = largest_difference(outputs[STANDARD], outputs[name])
        if not difference <= TOLERANCE:  # NaN too
            problem = f"its outputs differ from those of {STANDARD} by {difference:.2g}, more than {TOLERANCE:g}"
            difference = difference if np.isfinite(difference) else None
    wall, cpu = (round(float(median(column)), 3) for column in zip(*times, strict=True))
    return Measured(name, wall, cpu, difference, problem)


def largest_difference(these: Mapping[str, NDArray[np.generic]], those: Mapping[str, NDArray[np.generic]]) -> float:
    """Over all outputs, the largest difference divided by the largest value of ``these`` (at least 1)."""
    ratios = [0.0]
    for name, values in these.items():
        one, other = values.astype(np.float64), those[name].astype(np.float64)
        if one.size:
            ratios.append(float(np.abs(one - other).max() / max(1.0, float(np.abs(one).max()))))
    return float(np.max(ratios))


def _pick(rows: tuple[Measured, ...], when: str) -> Choice:
    sound = {row.engine: row.wall_ms for row in rows if not row.problem and row.wall_ms is not None}
    if not sound:
        raise EngineUnavailable(f"No engine runs this model: {rows[0].engine}: {rows[0].problem}.")
    fastest = min(sound, key=lambda name: sound[name])
    standard = sound.get(STANDARD)
    if standard is None:
        return Choice(fastest, f"{sound[fastest]:.3g} ms per crop, {STANDARD} cannot run this model ({when})", rows)
    if sound[fastest] < WORTH_IT * standard:
        return Choice(fastest, f"{sound[fastest]:.3g} ms per crop where {STANDARD} takes {standard:.3g} ({when})", rows)
    if len(rows) == 1:
        return Choice(STANDARD, f"{standard:.3g} ms per crop, the only engine here that auto may pick ({when})", rows)
    others = "; ".join(
        f"{row.engine} {row.problem or f'takes {row.wall_ms:.3g}'}" for row in rows if row.engine != STANDARD
    )
    return Choice(STANDARD, f"{standard:.3g} ms per crop, no other is over 10 % faster: {others} ({when})", rows)


def _short(model: Path) -> str:
    """A model's file with its package: every package's encoder has the same name."""
    return "/".join(model.parts[-2:])
