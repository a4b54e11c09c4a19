"""``unmask bench soak``: a live session for minutes or hours, and whether anything grows."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from unmask.benchmarks.clocks import Usage
from unmask.benchmarks.collector import Sample
from unmask.benchmarks.latency import FPS
from unmask.benchmarks.live import LiveWatch
from unmask.benchmarks.memory_source import read_pictures
from unmask.benchmarks.report import Line, Plot, Row
from unmask.benchmarks.soak_verdict import PARTS, SoakSample, verdict, words_of
from unmask.benchmarks.stats import percentile
from unmask.benchmarks.subject import Clip, Subject
from unmask.benchmarks.tables import Value
from unmask.realtime.detector import Detector

NOTES = (
    "First and last: the first and the last sixth of the time after the warm-up, ten minutes of an hour. Age: from "
    "the moment a frame was due until its score was there, frames of which a face was encoded.",
)


class AgeLog:
    """When each scored frame was due and how old it was, in memory taken at the start: the measuring must not
    grow itself. What does not fit any more is counted in ``lost``."""

    def __init__(self, capacity: int) -> None:
        self._rows = np.full((capacity, 2), np.nan, np.float64)  # written at once, so that it is resident
        self._count = 0
        self.lost = 0

    def add(self, at_s: float, age_ms: float) -> None:
        if self._count == len(self._rows):
            self.lost += 1
            return
        self._rows[self._count] = at_s, age_ms
        self._count += 1

    def between(self, begin_s: float, end_s: float) -> list[float]:
        rows = self._rows[: self._count]
        return rows[(rows[:, 0] >= begin_s) & (rows[:, 0] < end_s), 1].tolist()


def measure(
    subject: Subject,
    detector: Detector,
    clip: Clip,
    *,
    seconds: float,
    every_s: float,
    warm_s: float,
    stop: threading.Event,
    pictures: int,
) -> tuple[list[Row], list[Plot], list[str], dict[str, Any], bool]:
    """Rows, plots, notes, details, and whether it ran its full time. ``stop`` ends it early, with what there is."""
    images, _ = read_pictures(clip.path, pictures)
    watch = LiveWatch(subject, detector, images, FPS)
    ages = AgeLog(int(seconds * FPS * 1.1) + 1000)
    with watch.session:
        subject.say(f"soak: running for {seconds / 60:g} minutes; Ctrl-C ends it and keeps what there is.")
        stop.wait(warm_s)
        watch.collector.take_all()
        samples = watch_long(watch, ages, seconds, every_s, stop, subject.say)
        failures = list(watch.session.failures)
    complete = not stop.is_set() and not failures
    length = samples[-1].at_s if samples else 0.0
    findings = verdict(samples, ages.between(0, length / PARTS), ages.between(length * (1 - 1 / PARTS), length + 1))
    rows = [
        Row(one.name, {"first": one.first, "last": one.last, "bound": one.bound, "holds": one.holds})
        for one in findings
    ]
    rows.append(Row("the whole run", _totals(samples, ages)))
    notes = [words_of(findings), f"{length / 60:.1f} minutes of {clip.name} at {FPS:g} fps.", *NOTES]
    notes += [f"It broke off after {length / 60:.1f} minutes: {failure}" for failure in failures]
    details = {
        "samples": [asdict(sample) for sample in samples],
        "flat": all(one.holds for one in findings),
        "failures": failures,
    }
    return rows, _plots(samples), notes, details, complete


def watch_long(
    watch: LiveWatch,
    ages: AgeLog,
    seconds: float,
    every_s: float,
    stop: threading.Event,
    say: Callable[[str], None],
) -> list[SoakSample]:
    """A sample each ``every_s`` of a started session, until ``seconds`` passed, ``stop`` was set or it is over."""
    began = time.monotonic()
    dropped_before = sum(watch.dropped().values())
    found: list[SoakSample] = []
    said_at = 0.0
    while (passed := time.monotonic() - began) < seconds and not stop.is_set():
        stop.wait(min(every_s, seconds - passed))
        if watch.session.failures:
            break
        at_s = time.monotonic() - began
        dropped = sum(watch.dropped().values())
        found.append(sample_of(watch.collector.take_all(), at_s, began, ages, dropped - dropped_before))
        dropped_before = dropped
        if at_s - said_at >= 60:
            said_at = at_s
            say(f"soak: {at_s / 60:.0f} min, {found[-1].memory_mib or 0:.0f} MiB, p99 {found[-1].age_p99_ms:.1f} ms")
    return found


def sample_of(frames: Sequence[Sample], at_s: float, began: float, ages: AgeLog, dropped: int) -> SoakSample:
    scored = [frame for frame in frames if frame.crops]
    for frame in scored:
        ages.add(frame.stages.captured / 1e9 - began, frame.score_ms)
    times = [frame.score_ms for frame in scored]
    scores = [score for frame in frames for score in frame.scores if score is not None]
    usage = Usage.now()
    return SoakSample(
        round(at_s, 3),
        usage.memory_mib,
        usage.os_threads,
        usage.handles,
        percentile(times, 0.5),
        percentile(times, 0.99),
        len(frames),
        dropped,
        sum(scores) / len(scores) if scores else None,
        sum(generation["collections"] for generation in gc.get_stats()),
    )


def _totals(samples: Sequence[SoakSample], ages: AgeLog) -> dict[str, Value]:
    everything = ages.between(0, float("inf"))
    scores = [sample.score for sample in samples if sample.score is not None]
    return {
        "frames": sum(sample.frames for sample in samples),
        "dropped": sum(sample.dropped for sample in samples),
        "age_p50_ms": percentile(everything, 0.5),
        "age_p99_ms": percentile(everything, 0.99),
        "age_max_ms": percentile(everything, 1.0),
        "score_lowest": min(scores, default=None),
        "score_highest": max(scores, default=None),
        "collections": samples[-1].collections - samples[0].collections if samples else 0,
        "ages_lost": ages.lost,
    }


def _plots(samples: Sequence[SoakSample]) -> list[Plot]:
    minutes = [sample.at_s / 60 for sample in samples]
    memory = Line("memory", minutes, [sample.memory_mib or float("nan") for sample in samples])
    ages = [
        Line("p50", minutes, [sample.age_p50_ms for sample in samples]),
        Line("p99", minutes, [sample.age_p99_ms for sample in samples]),
    ]
    counts = [
        Line("threads", minutes, [float(sample.threads or 0) for sample in samples]),
        Line("file handles", minutes, [float(sample.handles or 0) for sample in samples]),
    ]
    score = [Line("mean score", minutes, [float("nan") if s.score is None else s.score for s in samples])]
    return [
        Plot("memory", "Resident memory", "minutes", "MiB", [memory]),
        Plot("age", "Frame-to-score between two samples", "minutes", "ms", ages),
        Plot("counts", "Threads and file handles", "minutes", "count", counts),
        Plot("score", "Mean score between two samples", "minutes", "score", score),
    ]
