"""``unmask bench pipeline``: the monitor against the plain loop, in turns within one run, and lever by lever."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from unmask.benchmarks.ablation import PLAIN, SAME_DETECTION, WHEN_DUE, Step, ladder
from unmask.benchmarks.baseline import LoopRun
from unmask.benchmarks.harness import Repeats, interleave
from unmask.benchmarks.report import Line, Plot, Row
from unmask.benchmarks.settings import Effort
from unmask.benchmarks.stats import Ratio
from unmask.benchmarks.subject import Clip, Subject
from unmask.benchmarks.tables import Value
from unmask.engines.errors import UnmaskError
from unmask.realtime.types import FaceBox

#: Of a logit: the loops differ in batch size and in the number of threads, and with them in rounding.
TOLERANCE = 1e-3
SAME_FACE = 0.5


def measure(subject: Subject, clip: Clip, effort: Effort) -> tuple[list[Row], list[Plot], list[str]]:
    """A row per step. Raises ``UnmaskError`` where steps that must agree in their scores do not."""
    with ladder(subject, clip) as (steps, notes):
        subject.say(f"pipeline: {clip.name}, {len(steps)} steps in turns ...")
        found = interleave({step.name: step.run for step in steps}, cpu_ms, effort.passes)
    plain = found[PLAIN]
    rows = [Row(step.name, _values(step, found)) for step in steps]
    names = [step.name for step in steps]
    plot = Plot(
        "ablation",
        "Processor time per frame, lever by lever",
        "",
        "CPU-ms",
        [Line("CPU-ms per frame", names, [found[name].value for name in names])],
        "bar",
    )
    session = _differences(plain.results[-1], found[SAME_DETECTION].results[-1])
    notes = [
        *notes,
        f"{clip.name}: {plain.results[-1].frames} frames, read from the file and drawn in every step; each step has "
        "all levers above it. Ratios to the plain loop of the same round: median (smallest to largest).",
        "The session differs from the loop above it in more than threads: it also reads with PyAV in place of OpenCV, "
        "judges only a window that changed, and does more (tracking, quality gates, verdicts).",
        f"'{WHEN_DUE}' stands beside the ladder, for readers whose loop is that careful.",
        _said_of_scores(session),
        "Recall: share of the plain loop's faces (detection in every frame at one size) that the step shows in the "
        "same frame with an overlap of a half.",
    ]
    if clip.faces != 1:
        notes.append("The plain loop judges the largest face only, the session all of them: use a clip with one face.")
    return rows, [plot], notes


def _said_of_scores(differences: Sequence[float]) -> str:
    if not differences:
        return (
            "Scores: not compared, because on this clip the session judged other frames than the plain loop "
            "(quality gates, or a face that was lost); the built-in clip with one face compares them."
        )
    same = "all" if not any(differences) else "not all"
    return (
        f"Scores: {len(differences)} windows judged by both; largest difference of a logit between the plain loop and "
        f"the session {max(differences):.2g} (tolerance {TOLERANCE:g}); {same} equal to the last bit."
    )


def cpu_ms(run: LoopRun) -> float:
    return run.cpu_s * 1e3 / max(1, run.frames)


def fps(run: LoopRun) -> float:
    return run.frames / run.wall_s


def _values(step: Step, found: Mapping[str, Repeats[LoopRun]]) -> dict[str, Value]:
    own, plain = found[step.name], found[PLAIN]
    last = own.last
    cpu = Ratio.of([cpu_ms(run) for run in plain.results[-last:]], [cpu_ms(run) for run in own.results[-last:]])
    speed = Ratio.of([fps(run) for run in own.results[-last:]], [fps(run) for run in plain.results[-last:]])
    differences = _differences(plain.results[-1], own.results[-1])
    if step.role != "detection" and max(differences, default=0.0) > TOLERANCE:
        raise UnmaskError(
            f"'{step.name}' and the plain loop differ by {max(differences):.2g} of a logit on the same frames, more "
            f"than {TOLERANCE:g}: they do not compute the same, so their times must not be compared (a bug of Unmask)."
        )
    return {
        "cpu_ms_per_frame": own.value,
        "fps": own.median_of(fps),
        "cpu_ratio": cpu.median,
        "cpu_ratio_low": cpu.low,
        "cpu_ratio_high": cpu.high,
        "fps_ratio": speed.median,
        "fps_ratio_low": speed.low,
        "fps_ratio_high": speed.high,
        "largest_logit_difference": max(differences) if differences else None,
        "same_bits": bool(differences) and not any(differences),
        "recall": recall(plain.results[-1].boxes, own.results[-1].boxes, min(own.results[-1].logits, default=0)),
        **own.as_values(),
    }


def _differences(one: LoopRun, other: LoopRun) -> list[float]:
    """Absolute differences of the logits of all frames that both judged; empty where they judged other frames."""
    both = [index for index in one.logits if math.isfinite(other.logits.get(index, math.nan))]
    # A window that has once been filled from other frames never is the same again.
    if one.logits.keys() != other.logits.keys():
        return []
    return [abs(one.logits[index] - other.logits[index]) for index in both]


def recall(
    wanted: Mapping[int, Sequence[FaceBox]], shown: Mapping[int, Sequence[FaceBox]], begin: int = 0
) -> float | None:
    """The share of the boxes of ``wanted`` that ``shown`` has in the same frame, from frame ``begin`` on."""
    total = found = 0
    for index, boxes in wanted.items():
        if index < begin:
            continue
        for box in boxes:
            total += 1
            found += any(box.overlap(other) >= SAME_FACE for other in shown.get(index, ()))
    return found / total if total else None
