"""What is kept of each face while an item is scanned, and how it becomes a finding."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from unmask.realtime.scan.results import DetectorFinding
from unmask.realtime.types import Cause, Event, FaceState, Image, Verdict

#: How many of the most suspicious crops of a face are kept when they are asked for, seconds apart.
MOST_CROPS = 6
_CROPS_APART_S = 1.0
_EPSILON_S = 1e-6


def held_level(evidence: Sequence[tuple[float, float]], dwell_s: float, gap_s: float = math.inf) -> float | None:
    """The highest level that lasted ``dwell_s``: the largest minimum over any such span of ``evidence``.

    ``evidence`` is (judged seconds, level), as ``FaceState`` has them; where the seconds fall, a new span
    begins. The result is at or over a threshold just where an alarm set to that threshold would have begun,
    so one number carries the verdict at every threshold. ``None`` where no span is that long. With times of
    the recording in place of judged seconds it is near to that; then spans do not reach over ``gap_s``.
    A sliding-window minimum (Lemire 2006, arXiv:cs/0610046).
    """
    best: float | None = None
    window: deque[tuple[int, float]] = deque()  # rising levels and their places; the first is the minimum
    span_from: deque[tuple[int, float]] = deque()
    before_s = evidence[0][0] if evidence else 0.0
    for place, (judged_s, level) in enumerate(evidence):
        if not 0 <= judged_s - before_s <= gap_s + _EPSILON_S:
            window.clear()
            span_from.clear()
        before_s = judged_s
        while window and window[-1][1] >= level:
            window.pop()
        window.append((place, level))
        span_from.append((place, judged_s))
        # The shortest span ending here that is long enough begins at the last such moment.
        while len(span_from) > 1 and judged_s - span_from[1][1] >= dwell_s - _EPSILON_S:
            span_from.popleft()
        if judged_s - span_from[0][1] >= dwell_s - _EPSILON_S:
            while window[0][0] < span_from[0][0]:
                window.popleft()
            if best is None or window[0][1] > best:
                best = window[0][1]
    return best


@dataclass(slots=True)
class DetectorRecord:
    """One detector's view of one face."""

    detector: str
    threshold: float
    calibrated: bool
    dwell_s: float
    timeline: list[tuple[float, float]] = field(default_factory=list)
    evidence: list[tuple[float, float]] = field(default_factory=list)
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    causes: Counter[Cause] = field(default_factory=Counter)
    events: dict[float, Event] = field(default_factory=dict)
    crops: list[tuple[float, float, Image]] = field(default_factory=list)

    def take(self, time_s: float, state: FaceState) -> None:
        self.verdicts[state.verdict] += 1
        self.causes.update(state.causes)
        if state.score is not None and (not self.timeline or time_s > self.timeline[-1][0]):
            self.timeline.append((time_s, state.score))
        if state.evidence is not None:
            self.evidence.append((state.judged_s, state.evidence))
        if state.event is not None:
            self.events[state.event.start_s] = state.event

    def end(self, event: Event) -> None:
        self.events[event.start_s] = event

    def keep_crop(self, time_s: float, score: float, crop: Image) -> None:
        """Keep ``crop`` (BGR, copied by the caller) when it is among the most suspicious ones so far."""
        near = [kept for kept in self.crops if abs(kept[0] - time_s) < _CROPS_APART_S]
        if any(kept[1] >= score for kept in near):
            return
        self.crops = [kept for kept in self.crops if all(kept is not other for other in near)]
        self.crops.append((time_s, score, crop))
        self.crops.sort(key=lambda kept: -kept[1])
        del self.crops[MOST_CROPS:]

    def finding(self) -> DetectorFinding:
        """Signs where an alarm went off, else no signs where that was said, else cannot judge and why."""
        if self.events:
            verdict = Verdict.SIGNS
        elif self.verdicts[Verdict.NO_SIGNS]:
            verdict = Verdict.NO_SIGNS
        else:
            verdict = Verdict.CANNOT_JUDGE
        timeline = tuple(self.timeline)
        # The evidence from before the first verdict counts: the dwell of that verdict began there.
        score = held_level(self.evidence, self.dwell_s) if verdict is not Verdict.CANNOT_JUDGE else None
        causes = tuple(cause for cause, _ in self.causes.most_common()) if verdict is Verdict.CANNOT_JUDGE else ()
        return DetectorFinding(
            self.detector,
            verdict,
            causes,
            score,
            self.threshold,
            self.calibrated,
            timeline,
            tuple(self.events.values()),
        )


@dataclass(slots=True)
class FaceRecord:
    """One person of one item, before every detector."""

    number: int
    first_s: float
    last_s: float
    frames: int
    detectors: Sequence[DetectorRecord]
