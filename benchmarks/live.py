"""A live session over sources in memory, watched for some seconds: what latency, streams and soak share."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from unmask.benchmarks.clocks import Stopwatch, cpu_by_thread
from unmask.benchmarks.collector import Collector, Sample, unseen
from unmask.benchmarks.memory_source import LivePictures
from unmask.benchmarks.subject import Subject
from unmask.engines.errors import UnmaskError
from unmask.realtime.detector import Detector
from unmask.realtime.session import Session
from unmask.realtime.types import Image

#: Watches a started session for so many seconds, and returns the age in ms of each frame as it was painted.
Painter = Callable[[Session, float], Sequence[float]]


@dataclass(frozen=True, slots=True)
class LiveRun:
    """What happened after the warm-up. ``due`` frames should have come; ``dropped`` counts by cause the ones
    that were not analysed. ``unseen`` updates were given, but the measuring sink was too slow for them."""

    samples: list[Sample]
    due: int
    dropped: dict[str, int]
    unseen: int
    wall_s: float
    cpu_s: float
    threads: dict[str, float] = field(default_factory=dict)
    painted_ms: tuple[float, ...] = ()

    @property
    def cores(self) -> float:
        """Processor seconds per second, the source and the measuring included."""
        return self.cpu_s / self.wall_s

    @property
    def drop_share(self) -> float:
        return sum(self.dropped.values()) / max(1, self.due)

    @property
    def scored(self) -> list[Sample]:
        """The frames of which at least one face was encoded and scored: the ones that cost most."""
        return [sample for sample in self.samples if sample.crops]


class LiveWatch:
    """A session over ``streams`` live sources of the same pictures, each begun at another place of them.

    Their frames are due at the same moments, the worst case, or ``spread`` evenly over the time between two.
    """

    def __init__(
        self,
        subject: Subject,
        detector: Detector,
        pictures: Sequence[Image],
        fps: float,
        streams: int = 1,
        *,
        spread: bool = False,
    ) -> None:
        self._sources: list[LivePictures] = []
        self._fps, self._streams = fps, streams
        self.collector = Collector()
        names = [f"memory-{number}" for number in range(streams)]
        shift = len(pictures) // streams
        makers = [
            self._maker(name, pictures, number * shift, number / streams if spread else 0.0)
            for number, name in enumerate(names)
        ]
        plans = [subject.plan(name, make) for name, make in zip(names, makers, strict=True)]
        self.session = Session(plans, detector, subject.session_settings, [self.collector])

    def _maker(self, name: str, pictures: Sequence[Image], first: int, phase: float) -> Callable[[], LivePictures]:
        def make() -> LivePictures:
            source = LivePictures(name, pictures, self._fps, first=first, phase=phase)
            self._sources.append(source)
            return source

        return make

    def dropped(self) -> Counter[str]:
        """Frames by the cause of their loss since the session began."""
        found: Counter[str] = Counter()
        for update in self.session.updates().values():
            found.update(update.counters.dropped)
        found["overtaken before capture"] += sum(source.overtaken for source in self._sources)
        return found

    def check(self) -> None:
        """Raise where something in the session failed: a number of a broken run would say nothing."""
        if self.session.failures:
            raise UnmaskError(f"The measurement failed: {self.session.failures[0]}")

    def watch(self, seconds: float, painter: Painter | None = None) -> LiveRun:
        """Of a started session, for ``seconds`` from now."""
        self.collector.take_all()
        before, threads = self.dropped(), cpu_by_thread()
        painted: Sequence[float] = ()
        with Stopwatch() as spent:
            if painter is None:
                time.sleep(seconds)
            else:
                painted = painter(self.session, seconds)
        after, now = cpu_by_thread(), self.dropped()
        self.check()
        samples = self.collector.take_all()
        return LiveRun(
            samples,
            round(spent.wall_s * self._fps) * self._streams,
            {cause: count - before[cause] for cause, count in now.items() if count > before[cause]},
            unseen(samples),
            spent.wall_s,
            spent.cpu_s,
            {name: cpu - threads.get(name, 0.0) for name, cpu in after.items()},
            tuple(painted),
        )


def watch_live(
    subject: Subject,
    detector: Detector,
    pictures: Sequence[Image],
    fps: float,
    seconds: float,
    *,
    streams: int = 1,
    spread: bool = False,
    warm_s: float = 2.0,
    painter: Painter | None = None,
) -> LiveRun:
    """One session from start to stop, the first ``warm_s`` not counted."""
    watch = LiveWatch(subject, detector, pictures, fps, streams, spread=spread)
    with watch.session:
        if painter is None:
            time.sleep(warm_s)
        else:
            painter(watch.session, warm_s)
        return watch.watch(seconds, painter)
