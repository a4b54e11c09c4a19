"""The speed goals of the project, and how far the measured numbers are from each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from unmask.benchmarks.ablation import SAME_DETECTION, SHIPPED
from unmask.benchmarks.pipeline import TOLERANCE
from unmask.benchmarks.report import Report
from unmask.benchmarks.startup import WATCH
from unmask.benchmarks.tables import Value
from unmask.benchmarks.window_cache import GOAL_PX, IN_ONE, row_name

Reports = Mapping[str, Report]
Values = Mapping[str, Value]

LATENCY_ROW = "720p, 1 face"
#: How goal 6 is measured beside a run without torch: in an environment of its own, into the same folder.
HOW_TORCH = "unmask bench engines --batches 1 --json RESULTS/engines-torch.json"
#: A shorter soak leaves the goal of an hour unmeasured.
SOAK_MINUTES = 60.0


@dataclass(frozen=True, slots=True)
class Part:
    """One number of a goal: what it is, the limit, and what was measured (``None``: it was not)."""

    what: str
    limit: float
    measured: float | None
    at_least: bool
    unit: str = ""
    yes_or_no: bool = False

    @property
    def reached(self) -> bool | None:
        if self.measured is None:
            return None
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    @property
    def wanted(self) -> str:
        if self.yes_or_no:
            return self.what
        return f"{self.what} {'>=' if self.at_least else '<='} {self.limit:g}{self.unit}"

    @property
    def words(self) -> str:
        """Measured value, and by how much it misses."""
        if self.measured is None:
            return f"{self.what} not measured"
        if self.yes_or_no:
            return f"{self.what}: {'yes' if self.reached else 'no'}"
        words = f"{self.what} {self.measured:.3g}{self.unit}"
        if self.reached:
            return words
        share = self.measured / self.limit if self.limit else 0.0
        return (
            f"{words} (missed: {share:.0%} of the goal)" if self.at_least else f"{words} (missed: {share:.2g} times it)"
        )


@dataclass(frozen=True, slots=True)
class Goal:
    number: int
    title: str
    parts: tuple[Part, ...]
    remark: str = ""

    @property
    def outcome(self) -> str:
        marks = [part.reached for part in self.parts]
        if False in marks:
            return "missed"
        if None in marks or not marks:
            return "not measured" if not any(marks) else "reached as far as measured"
        return "reached"


def goals(reports: Reports) -> list[Goal]:
    """``reports`` by kind; a kind that is absent leaves its goals unmeasured."""
    makers: tuple[Callable[[Reports], Goal], ...] = (_cache, _same_detection, _adaptive, _latency, _int8, _torch)
    return [*(make(reports) for make in makers), _startup(reports)]


def goals_table(found: list[Goal]) -> str:
    lines = ["| goal | wanted | measured | outcome |", "|---|---|---|---|"]
    for goal in found:
        number = f"{goal.number}. " if goal.number else ""
        wanted = "; ".join(part.wanted for part in goal.parts) or "-"
        measured = "; ".join([*(part.words for part in goal.parts), *([goal.remark] if goal.remark else [])]) or "-"
        lines.append(f"| {number}{goal.title} | {wanted} | {measured} | {goal.outcome} |")
    return "\n".join(lines)


def _row(reports: Reports, kind: str, name: str) -> Values:
    return reports[kind].row(name) if kind in reports else {}


def _with_doubt(remark: str, *rows: Values) -> str:
    """``remark``, and that the number moves, where the repeats of a row it rests on did not agree."""
    doubt = "not stable: its repeats lay apart" if any(row.get("stable") is False for row in rows) else ""
    return "; ".join(part for part in (remark, doubt) if part)


def _number(values: Values, key: str) -> float | None:
    value = values.get(key)
    return float(value) if isinstance(value, int | float) else None


def _cache(reports: Reports) -> Goal:
    row = _row(reports, "window", row_name(IN_ONE, GOAL_PX))
    size = reports["window"].subject.get("input_size", GOAL_PX) if "window" in reports else GOAL_PX
    own = _number(_row(reports, "window", row_name(IN_ONE, size)), "wall_ratio")
    parts = (
        Part(f"ratio at {GOAL_PX} px", 12.0, _number(row, "wall_ratio"), True, "x"),
        Part("same bits", 1, _number(row, "same_bits"), True, yes_or_no=True),
    )
    remark = f"at the {size} px that this detector takes: {own:.3g}x" if own is not None and size != GOAL_PX else ""
    return Goal(1, "Cached against re-encoded window, same scores", parts, _with_doubt(remark, row))


def _same_detection(reports: Reports) -> Goal:
    row = _row(reports, "pipeline", SAME_DETECTION)
    parts = (
        Part("CPU-ms", 8.0, _number(row, "cpu_ratio"), True, "x"),
        Part("fps", 6.0, _number(row, "fps_ratio"), True, "x"),
        Part("largest difference of a logit", TOLERANCE, _number(row, "largest_logit_difference"), False),
    )
    return Goal(2, "Pipeline against the plain loop, detection alike", parts, _with_doubt("", row))


def _adaptive(reports: Reports) -> Goal:
    """Of the ways to detect that keep the recall, the one that saves most; where none does, what ships."""
    rows: list[Values] = []
    if "pipeline" in reports:
        names = [row.name for row in reports["pipeline"].rows]
        after = names.index(SAME_DETECTION) + 1 if SAME_DETECTION in names else len(names)
        rows = [reports["pipeline"].row(name) for name in names[after:]]
    faithful = [row for row in rows if (_number(row, "recall") or 0.0) >= 0.99]
    best: Values = max(faithful, key=lambda row: _number(row, "cpu_ratio") or 0.0, default={})
    row = best or _row(reports, "pipeline", SHIPPED)
    parts = (
        Part("CPU-ms", 15.0, _number(row, "cpu_ratio"), True, "x"),
        Part("fps", 12.0, _number(row, "fps_ratio"), True, "x"),
        Part("recall", 0.99, _number(row, "recall"), True),
    )
    return Goal(3, "Pipeline against the plain loop, adaptive detection", parts, _with_doubt("", row))


def _latency(reports: Reports) -> Goal:
    row = _row(reports, "latency", LATENCY_ROW)
    flat: float | None = None
    soak = reports.get("soak")
    long_enough = soak is not None and soak.complete and float(soak.settings.get("minutes", 0)) >= SOAK_MINUTES
    if soak is not None and long_enough and all(row.values.get("holds") is not None for row in soak.rows[:-1]):
        flat = float(bool(soak.details.get("flat")))
    parts = (
        Part("frame-to-score p99", 20.0, _number(row, "score_p99_ms"), False, " ms"),
        Part("p99/p50", 2.0, _number(row, "jitter"), False),
        Part("cores", 0.35, _number(row, "cores"), False),
        Part("flat in an hour of soak", 1, flat, True, yes_or_no=True),
    )
    return Goal(4, "Paced at 30 fps, one face, 720p", parts, _with_doubt(_grown(soak) if flat == 0 else "", row))


def _grown(soak: Report | None) -> str:
    """What did not stay flat, and who else was at work meanwhile."""
    if soak is None:
        return ""
    rows = [(row.name, row.values) for row in soak.rows if row.values.get("holds") is False]
    words = [f"{name}: {values['first']:.4g} at first, {values['last']:.4g} at last" for name, values in rows]
    others = soak.host.get("others_cores")
    return "; ".join(words) + (f", while other programs used {others:.2g} cores" if others else "")


def _int8(reports: Reports) -> Goal:
    """The package says so itself: its gate refused anything slower or worse."""
    subject: Mapping[str, Any] = next((report.subject for report in reports.values() if report.subject), {})
    gate = subject.get("variants", {}).get("int8")
    if gate is None:
        none_shipped = "variants" in subject
        parts = (Part("INT8 variants shipped below the gate", 0, 0.0 if none_shipped else None, False),)
        return Goal(5, "INT8 only where it pays", parts, "the package ships no INT8" if none_shipped else "")
    parts = (
        Part("speed", 1.5, gate["speed_ratio"], True, "x"),
        Part("AUROC lost", 0.5, -100 * gate["auroc_difference"], False, " points"),
    )
    return Goal(5, "INT8 only where it pays", parts, "by the gate in the package")


def _torch(reports: Reports) -> Goal:
    """Both of one run: of the report of engines, or of a further one that was measured where torch is."""
    title, ratio, remark = "ONNX Runtime against torch eager, batch 1, one thread", None, ""
    for name in [name for name in reports if name.partition("-")[0] == "engines"]:
        runtime = _number(_row(reports, name, "ort-cpu fp32 batch 1"), "ms_per_crop")
        torch = _number(_row(reports, name, "torch fp32 batch 1"), "ms_per_crop")
        if torch and runtime:
            ratio = torch / runtime
            version = reports[name].host.get("versions", {}).get("torch", "")
            remark = f"by {name}.json, torch {version}".strip()
            threads = reports[name].subject.get("engine_threads", 1)
            remark += f", {threads} threads" if threads != 1 else ""
            pair = (_row(reports, name, f"{engine} fp32 batch 1") for engine in ("ort-cpu", "torch"))
            remark = _with_doubt(remark, *pair)
            break
    else:
        remark = f"measure it where torch is installed: `{HOW_TORCH}`" if reports else ""
    return Goal(6, title, (Part("ratio", 2.2, ratio, True, "x"),), remark)


def _startup(reports: Reports) -> Goal:
    row = _row(reports, "startup", WATCH)
    allowed = _number(row, "allowed_s")
    parts = (Part("first verdict", allowed or 4.5, _number(row, "total_s"), False, " s"),)
    return Goal(0, "Start-up to the first verdict on a file, 2.5 s + the window", parts, _with_doubt("", row))
