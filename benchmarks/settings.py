"""How long and how often the measurements run: in full, or just enough to show that they work."""

from __future__ import annotations

from dataclasses import dataclass

from unmask.benchmarks.harness import StopRule

_PASSES = StopRule(bound=0.10, last=3, most=8, longest_s=300.0, warm_up=1)
_LIVE = StopRule(bound=0.10, last=3, most=5, longest_s=180.0, warm_up=0)


@dataclass(frozen=True, slots=True)
class Effort:
    """``live_s`` seconds of one paced run after ``warm_s``; ``frames`` of one pass as fast as it goes;
    ``pictures`` kept in memory per clip; ``calls`` timed for one repeat of an engine;
    ``stream_tries`` (odd) of which most decide whether so many streams hold."""

    live_s: float = 12.0
    warm_s: float = 4.0
    frames: int = 240
    pictures: int = 90
    calls: int = 20
    startups: int = 5
    stream_tries: int = 3
    passes: StopRule = _PASSES
    live: StopRule = _LIVE
    quick: bool = False


FULL = Effort()
FAST = Effort(
    live_s=1.5,
    warm_s=1.5,
    frames=40,
    pictures=40,
    calls=3,
    startups=2,
    stream_tries=1,
    passes=StopRule(bound=0.3, last=2, most=2, longest_s=20.0, warm_up=0),
    live=StopRule(bound=0.3, last=2, most=2, longest_s=10.0, warm_up=0),
    quick=True,
)
