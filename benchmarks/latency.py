"""``unmask bench latency``: how old a frame is when its score is there, and when it is painted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from unmask.benchmarks.collector import STAGES, interval_deviation_ms, stage_ms
from unmask.benchmarks.harness import Repeats, repeat
from unmask.benchmarks.live import LiveRun, Painter, watch_live
from unmask.benchmarks.memory_source import read_pictures
from unmask.benchmarks.report import Line, Plot, Row
from unmask.benchmarks.settings import Effort
from unmask.benchmarks.stats import Summary, percentile
from unmask.benchmarks.subject import Clip, Subject
from unmask.benchmarks.tables import Value
from unmask.realtime.detector import Detector

FPS = 30.0
NOTES: tuple[str, ...] = (
    "A live source of 30 fps whose pictures lie in memory: no camera driver and no decoder is in it. A frame's age "
    "counts from the moment it was due, so that a late thread does not hide it.",
    "score: frames of which a face was encoded; update: all frames that were analysed; jitter: p99 / p50 of score; "
    "interval sd: standard deviation of the time between two updates; cores: processor time of the whole process.",
)


def measure(
    subject: Subject, detector: Detector, clips: Sequence[Clip], effort: Effort, painter: Painter | None
) -> tuple[list[Row], list[Plot], list[str], dict[str, Any]]:
    """Rows, plots, notes and details of a report, a row per clip and one more with the window where ``painter``
    can show one."""
    rows: list[Row] = []
    lines: list[Line] = []
    details: dict[str, Any] = {}
    notes = list(NOTES)
    for clip in clips:
        pictures, _ = read_pictures(clip.path, effort.pictures)
        for name, paint in ((clip.name, None), (f"{clip.name}, with the window", painter)):
            if paint is None and name != clip.name:
                continue
            subject.say(f"latency: {name} ...")

            def run(pictures: Any = pictures, paint: Painter | None = paint) -> LiveRun:
                return watch_live(subject, detector, pictures, FPS, effort.live_s, warm_s=effort.warm_s, painter=paint)

            found = repeat(run, _key, effort.live)
            rows.append(Row(name, row_of(found)))
            lines.append(_curve(name, found.results))
            details[name] = details_of(found.results)
    if painter is None:
        notes.append("frame-to-paint is left out: PyQt6 is not installed; get it with `pip install unmask[gui]`.")
    plot = Plot("percentiles", "Age of a frame at its score", "percentile", "ms", lines)
    return rows, [plot], notes, details


def row_of(found: Repeats[LiveRun]) -> dict[str, Value]:
    """All repeats together: a tail is not to be averaged away."""
    runs = found.results
    scored = [sample.score_ms for run in runs for sample in run.scored]
    every = [sample.score_ms for run in runs for sample in run.samples]
    painted = [age for run in runs for age in run.painted_ms]
    summary = Summary.of(scored)
    values: dict[str, Value] = dict(summary.as_values("score"))
    values["jitter"] = summary.p99 / summary.p50
    values["update_p50_ms"], values["update_p99_ms"] = percentile(every, 0.5), percentile(every, 0.99)
    values["interval_sd_ms"] = max(interval_deviation_ms(run.samples) for run in runs)
    if painted:
        values |= Summary.of(painted).as_values("paint")
    values["due"] = sum(run.due for run in runs)
    values["dropped"] = sum(sum(run.dropped.values()) for run in runs)
    values["cores"] = sum(run.cpu_s for run in runs) / sum(run.wall_s for run in runs)
    return values | found.as_values()


def details_of(runs: Sequence[LiveRun]) -> dict[str, Any]:
    """By stage, by thread, and drops by cause, over all repeats."""
    samples = [sample for run in runs for sample in run.samples]
    by_stage = {name: Summary.of(times) for name, times in stage_ms(samples).items()}
    wall_s = sum(run.wall_s for run in runs)
    threads: dict[str, float] = {}
    dropped: dict[str, int] = {}
    for run in runs:
        for name, cpu in run.threads.items():
            threads[name] = threads.get(name, 0.0) + cpu / wall_s
        for cause, count in run.dropped.items():
            dropped[cause] = dropped.get(cause, 0) + count
    return {
        "stages_ms": {name: {"p50": by_stage[name].p50, "p99": by_stage[name].p99} for name in STAGES},
        "cores_by_thread": {name: round(cores, 4) for name, cores in sorted(threads.items()) if cores > 0.0005},
        "dropped": dropped,
        "unseen_by_the_measurement": sum(run.unseen for run in runs),
    }


def _key(run: LiveRun) -> float:
    return percentile([sample.score_ms for sample in run.scored], 0.5)


def _curve(name: str, runs: Sequence[LiveRun]) -> Line:
    ages = [sample.score_ms for run in runs for sample in run.scored]
    shares = [*range(5, 100, 5), 99]
    return Line(name, shares, [percentile(ages, share / 100) for share in shares])
