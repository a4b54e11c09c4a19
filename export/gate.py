"""The parity gate: a variant of the encoder against the FP32 network, on crops that neither learnt from.

Scores are taken as the package gives them live: through encoder and head, calibrated. The FP32 side is the torch
network where there is one, otherwise the FP32 encoder in ONNX Runtime; the gate says which.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.engines.machine import fingerprint
from unmask.engines.manifest import Calibration, Gate
from unmask.engines.options import Precision
from unmask.export import measure
from unmask.export.measure import Crops, Opened
from unmask.export.package_writer import ExportError
from unmask.export.sessions import sigmoid_scores
from unmask.export.speed import Timing, interleaved
from unmask.training import evaluate

#: FP16 is for GPUs: it must say the same, not be fast here.
LARGEST_SCORE_DIFFERENCE = 1e-2
#: AUROC that a variant may lose (INT8) or differ by (FP16): half a point.
AUROC_TOLERANCE = 0.005
#: INT8 has no other purpose than speed.
LEAST_SPEED = 1.5


@dataclass(frozen=True, slots=True)
class Judge:
    """What a package judges by: its head, how logits become scores, and its loosest threshold."""

    head: bytes
    size: int
    calibration: Calibration
    threshold: float


@dataclass(frozen=True, slots=True)
class Reference:
    """The FP32 side: the logits (M,) of ``Crops.windows``, and whose they are."""

    logits: NDArray[np.float32]
    against: str


def reference_of_onnx(encoder: bytes, judge: Judge, crops: Crops) -> Reference:
    """The FP32 encoder in ONNX Runtime as the reference, where there is no torch network."""
    with measure.opened(encoder, judge.head, judge.size) as package:
        return Reference(measure.logits(package, crops), "the FP32 encoder in ONNX Runtime")


def reference_of_engines(package: Opened, crops: Crops, against: str) -> Reference:
    """Any other pair of engines as the reference: see ``network_engine.opened_network`` for torch's."""
    return Reference(measure.logits(package, crops), against)


def run_gate(
    encoder: bytes,
    variant: bytes,
    crops: Crops,
    judge: Judge,
    *,
    reference: Reference | None = None,
    data: str,
    command: str = "",
    most_s: float = 20.0,
) -> Gate:
    """Compare ``variant`` with the FP32 network on ``crops`` and time it beside the FP32 ``encoder``.

    Speed is processor time of one crop on one thread in ONNX Runtime, medians of interleaved calls repeated until
    the ratio stands still or ``most_s`` have passed. Raises ``ExportError`` where the crops lack a class or the
    variant gives no number.
    """
    if not crops.labels.any() or crops.labels.all():
        raise ExportError("The parity gate needs genuine and fake crops: give data with both kinds.")
    reference = reference or reference_of_onnx(encoder, judge, crops)
    with measure.opened(variant, judge.head, judge.size) as package:
        logits = measure.logits(package, crops)
    if not np.isfinite(logits).all() or not np.isfinite(reference.logits).all():
        raise ExportError(f"{int((~np.isfinite(logits)).sum())} of {len(logits)} logits of the variant are no numbers.")
    ours = sigmoid_scores(logits, judge.calibration)
    theirs = sigmoid_scores(reference.logits, judge.calibration)
    times = encoder_times({"fp32": encoder, "variant": variant}, judge, crops, most_s=most_s)
    return Gate(
        against=reference.against,
        data=data,
        crops=len(crops.labels),
        largest_score_difference=float(f"{np.abs(ours - theirs).max():.3g}"),
        verdict_flips=int(((ours >= judge.threshold) != (theirs >= judge.threshold)).sum()),
        # Of the logits: scores near 1 round to ties.
        auroc_difference=round(
            evaluate.auroc(crops.labels, logits) - evaluate.auroc(crops.labels, reference.logits), 5
        ),
        speed_ratio=round(times["fp32"].cpu_ms / times["variant"].cpu_ms, 2),
        machine=machine(times["fp32"], times["variant"]),
        command=command,
    )


def encoder_times(encoders: dict[str, bytes], judge: Judge, crops: Crops, *, most_s: float) -> dict[str, Timing]:
    """One crop per call on one thread in the engine that live uses, interleaved."""
    from contextlib import ExitStack

    crop = crops.views(crops.rows[:1], judge.size)
    with ExitStack() as stack:
        engines = {
            name: stack.enter_context(measure.opened(raw, judge.head, judge.size)).encoder
            for name, raw in encoders.items()
        }
        calls = {name: lambda engine=engine: engine.infer({"crops": crop}) for name, engine in engines.items()}
        return interleaved(calls, most_s=most_s)


def judged(gate: Gate, precision: Precision) -> list[str]:
    """Why a variant must not be written, each reason with its number; empty where it may."""
    reasons = []
    change = gate.auroc_difference
    if precision == "fp16":
        if gate.largest_score_difference > LARGEST_SCORE_DIFFERENCE:
            reasons.append(
                f"a score differs by {gate.largest_score_difference:.3g}, at most {LARGEST_SCORE_DIFFERENCE:g} may be"
            )
        if abs(change) > AUROC_TOLERANCE:
            reasons.append(f"AUROC differs by {100 * change:+.2f} points, at most {100 * AUROC_TOLERANCE:g} may be")
    if precision == "int8":
        if gate.speed_ratio < LEAST_SPEED:
            reasons.append(f"it is {gate.speed_ratio:.2f} times as fast, at least {LEAST_SPEED:g} is needed")
        if change < -AUROC_TOLERANCE:
            reasons.append(f"it loses {-100 * change:.2f} points of AUROC, at most {100 * AUROC_TOLERANCE:g} may be")
    return reasons


def gate_line(gate: Gate, precision: Precision) -> str:
    """The numbers of a gate in one line, for a terminal."""
    return (
        f"{precision} against {gate.against} on {gate.crops} crops: largest score difference "
        f"{gate.largest_score_difference:.3g}, {gate.verdict_flips} verdict flips, AUROC "
        f"{100 * gate.auroc_difference:+.2f} points, {gate.speed_ratio:.2f} x FP32 on one thread"
    )


def machine(fp32: Timing, variant: Timing) -> str:
    """The processor, the runtime, and the times behind the ratio."""
    import onnxruntime

    facts = dict(fingerprint())
    return (
        f"{facts['processor']}, {facts['cores']} cores, ONNX Runtime {onnxruntime.__version__}; processor time "
        f"{fp32.cpu_ms:.2f} and {variant.cpu_ms:.2f} ms, wall time {fp32.wall_ms:.2f} and {variant.wall_ms:.2f} ms, "
        f"medians of {fp32.calls} calls"
    )
