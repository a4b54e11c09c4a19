"""``unmask bench streams``: how many live sources at once keep a latency bound.

The question is that of the multi-stream scenario of MLPerf Inference (Reddi et al., 2020, arXiv:1911.02549,
section III-C): the largest number of streams whose 99th percentile stays under a bound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from unmask.benchmarks.latency import FPS
from unmask.benchmarks.live import LiveRun, watch_live
from unmask.benchmarks.memory_source import read_pictures
from unmask.benchmarks.report import Line, Plot, Row
from unmask.benchmarks.settings import Effort
from unmask.benchmarks.stats import percentile
from unmask.benchmarks.subject import Clip, Subject
from unmask.realtime.detector import Detector
from unmask.realtime.types import Image

MOST_STREAMS = 64


@dataclass(frozen=True, slots=True)
class Bound:
    """``p99_ms`` of frame-to-score over all streams, and at most ``drop_share`` of the frames lost."""

    p99_ms: float = 50.0
    drop_share: float = 0.01


@dataclass(frozen=True, slots=True)
class Trial:
    streams: int
    p99_ms: float
    drop_share: float
    cores: float
    silent: int
    """Streams of which nothing at all was scored."""

    def holds(self, bound: Bound) -> bool:
        return self.silent == 0 and self.p99_ms <= bound.p99_ms and self.drop_share <= bound.drop_share


def search_most(holds: Callable[[int], bool], limit: int = MOST_STREAMS) -> int:
    """The largest number up to ``limit`` that ``holds``, 0 where not even 1 does: doubled until it fails,
    then halved in between. Every number is tried once at most; one that holds stands for all below it."""
    good, bad = 0, 1
    while bad <= limit and holds(bad):
        good, bad = bad, 2 * bad
    if bad > limit:
        bad = limit + 1
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if holds(middle) else (good, middle)
    return good


def trial_of(run: LiveRun, streams: int) -> Trial:
    ages = [sample.score_ms for sample in run.scored]
    heard = {sample.source_id for sample in run.scored}
    return Trial(streams, percentile(ages, 0.99), run.drop_share, run.cores, streams - len(heard))


def measure(
    subject: Subject, detector: Detector, clips: Sequence[Clip], effort: Effort, bound: Bound, limit: int
) -> tuple[list[Row], list[Plot], list[str]]:
    """A row per clip, beat and number of streams that was tried, and one per clip and beat with the answer."""
    rows: list[Row] = []
    lines: list[Line] = []
    for clip in clips:
        pictures, _ = read_pictures(clip.path, effort.pictures)
        for spread in (False, True):
            name = f"{clip.name}, {'spread' if spread else 'in step'}"
            run = partial(_try, subject, detector, pictures, effort, name, spread)
            most, trials = _search(run, bound, limit)
            rows.append(Row(f"{name}: most streams", {"streams": most, "bound_p99_ms": bound.p99_ms}))
            rows += [Row(f"{name}: {one.streams} tried", _values(one, bound)) for one in trials]
            lines.append(Line(name, [one.streams for one in trials], [one.p99_ms for one in trials]))
    notes = [
        f"Sources of {FPS:g} fps from memory, one session, one scoring thread for all. It holds: p99 of frame-to-score "
        f"over all streams at most {bound.p99_ms:g} ms, at most {bound.drop_share:.1%} of the frames lost, no stream "
        f"unheard. Searched up to {limit} by doubling and halving; each number was tried once.",
        "In step: the frames of all sources are due at the same moments, the worst case; spread: evenly over the time "
        "between two frames, as unrelated cameras are.",
    ]
    return rows, [Plot("p99", "p99 by number of streams", "streams", "ms", lines)], notes


def _try(
    subject: Subject,
    detector: Detector,
    pictures: Sequence[Image],
    effort: Effort,
    name: str,
    spread: bool,
    streams: int,
) -> Trial:
    found = watch_live(
        subject, detector, pictures, FPS, effort.live_s, streams=streams, spread=spread, warm_s=effort.warm_s
    )
    trial = trial_of(found, streams)
    subject.say(f"streams: {streams} of {name}: p99 {trial.p99_ms:.1f} ms")
    return trial


def _search(run: Callable[[int], Trial], bound: Bound, limit: int) -> tuple[int, list[Trial]]:
    """The most streams that hold, and what was tried for it, fewest streams first."""
    trials: list[Trial] = []

    def holds(streams: int) -> bool:
        trials.append(run(streams))
        return trials[-1].holds(bound)

    most = search_most(holds, limit)
    return most, sorted(trials, key=lambda trial: trial.streams)


def _values(trial: Trial, bound: Bound) -> dict[str, float | int | bool]:
    return {
        "streams": trial.streams,
        "score_p99_ms": trial.p99_ms,
        "drop_share": trial.drop_share,
        "cores": trial.cores,
        "holds": trial.holds(bound),
    }
