"""What is kept of each face while an item is scanned, and how it becomes a finding."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from unmask.realtime.scan.results import DetectorFinding, Timeline
from unmask.realtime.types import Cause, Event, FaceState, Image, Verdict

#: How many of the most suspicious crops of a face are kept when they are asked for, seconds apart.
MOST_CROPS = 6
_CROPS_APART_S = 1.0
_EPSILON_S = 1e-6


def held_level(timeline: Timeline, dwell_s: float, gap_s: float) -> float | None:
    """The highest evidence that lasted ``dwell_s``: the largest minimum over any such span of the timeline.

    It is at or over a threshold just where an alarm set to that threshold would have begun, so one
    number carries the verdict at every threshold. Spans do not reach over gaps of more than ``gap_s``.
    ``None`` where no span is that long. A sliding-window minimum (Lemire 2006, arXiv:cs/0610046).
    """
    best: float | None = None
    window: deque[tuple[float, float]] = deque()  # rising levels; the first is the minimum of the span
    span_from: deque[float] = deque()
    before_s: float | None = None
    for time_s, level in timeline:
        if before_s is not None and not 0 <= time_s - before_s <= gap_s + _EPSILON_S:
            window.clear()
            span_from.clear()
        before_s = time_s
        while window and window[-1][1] >= level:
            window.pop()
        window.append((time_s, level))
        span_from.append(time_s)
        # The shortest span ending here that is long enough begins at the last such moment.
        while len(span_from) > 1 and time_s - span_from[1] >= dwell_s - _EPSILON_S:
            span_from.popleft()
        if time_s - span_from[0] >= dwell_s - _EPSILON_S:
            while window[0][0] < span_from[0] - _EPSILON_S:
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
    gap_s: float
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
        if state.evidence is not None and (not self.evidence or time_s > self.evidence[-1][0]):
            self.evidence.append((time_s, state.evidence))
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
        score = (
            held_level(tuple(self.evidence), self.dwell_s, self.gap_s) if verdict is not Verdict.CANNOT_JUDGE else None
        )
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
