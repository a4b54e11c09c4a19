"""What of the monitor is not as it should be, decided from numbers alone: no clock of its own, no thread.

Each trouble has a kind, a sentence for a person, and a counter of how often it began. A lasting trouble
(late frames, drops) begins only after it held for a while and ends the same way, so that the sentence
does not flicker; one of a moment (the machine slept, a clock jumped) is said for ten seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from unmask.realtime.types import Cause


class Trouble(StrEnum):
    LATE = "late"
    DROPPING = "dropping"
    SLEPT = "slept"
    CLOCK_SET = "clock_set"
    TIME_BACK = "time_back"
    TIME_STUCK = "time_stuck"
    FROZEN = "frozen"
    BLACK = "black"
    SINK_FAILED = "sink_failed"


@dataclass(frozen=True, slots=True)
class Bounds:
    """``age_p99_ms``: how old frames may be when their verdict is out. ``dropped_share``: how many of the
    captured frames may be dropped (a monitor that samples drops by design, so half is no trouble).
    ``settle_s``: how long a lasting trouble must hold, or be gone. ``gap_s``: clocks that part by more."""

    age_p99_ms: float = 250.0
    dropped_share: float = 0.75
    settle_s: float = 2.0
    said_s: float = 10.0
    gap_s: float = 2.0


@dataclass(frozen=True, slots=True)
class MachineClocks:
    """The machine's clocks at one moment, in seconds. ``monotonic_s`` stands still while the machine sleeps
    (on Linux and macOS), ``boot_s`` does not (``None`` where the system has no such clock), ``wall_s`` can be set."""

    monotonic_s: float
    wall_s: float
    boot_s: float | None


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at one source. ``time_s``, ``index``: the newest frame's place on its timeline and its number.
    ``age_p99_ms`` and ``dropped_share`` are of the recent past, ``None`` where they mean nothing (a file that waits
    is as late as it likes)."""

    time_s: float
    index: int
    age_p99_ms: float | None = None
    dropped_share: float | None = None
    causes: Collection[Cause] = ()


class Health:
    """Its caller holds a lock; ``remarks`` and ``counts`` give immutable values that any thread may keep."""

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()
        self._before: MachineClocks | None = None
        self._sources: dict[str, _Source] = {}
        self._counts: Counter[tuple[str, Trouble]] = Counter()
        self._machine: dict[Trouble, tuple[float, str]] = {}
        self._failed = 0

    def tick(self, now: MachineClocks) -> None:
        """Compare the machine's clocks with those of the last call: did it sleep, was its clock set?"""
        before, self._before = self._before, now
        if before is None:
            return
        wall = (now.wall_s - before.wall_s) - (now.monotonic_s - before.monotonic_s)
        asleep = 0.0
        if now.boot_s is not None and before.boot_s is not None:
            asleep = (now.boot_s - before.boot_s) - (now.monotonic_s - before.monotonic_s)
            wall -= asleep
        if asleep > self._bounds.gap_s:
            self._of_the_machine(
                Trouble.SLEPT, now, f"The machine slept for {asleep:.0f} s: nothing was watched meanwhile."
            )
        if abs(wall) > self._bounds.gap_s:
            way = "forward" if wall > 0 else "back"
            slept = " or the machine slept" if wall > 0 and now.boot_s is None else ""
            self._of_the_machine(
                Trouble.CLOCK_SET,
                now,
                f"The clock of this machine was set {way} by {abs(wall):.0f} s{slept}: compare times with care.",
            )

    def sinks(self, failures: Sequence[str]) -> None:
        """What every sink that stopped said last: from then on each is told, with every source, until the end."""
        new = len(failures) - self._failed
        if new > 0:
            self._failed = len(failures)
            self._counts["", Trouble.SINK_FAILED] += new
            self._machine[Trouble.SINK_FAILED] = (_FOR_EVER, " ".join(f"{line.rstrip('.')}." for line in failures))

    def look(self, source_id: str, now_s: float, seen: Seen) -> None:
        """Take in one frame of a source at ``now_s`` of the monotonic clock."""
        source = self._sources.setdefault(source_id, _Source())
        for trouble in source.timeline(now_s, seen, self._bounds):
            self._counts[source_id, trouble] += 1
        late = seen.age_p99_ms is not None and seen.age_p99_ms > self._bounds.age_p99_ms
        lost = seen.dropped_share is not None and seen.dropped_share > self._bounds.dropped_share
        lasting = {
            Trouble.LATE: (
                late,
                f"Some frames are {seen.age_p99_ms or 0:.0f} ms old when they are judged, more than "
                f"{self._bounds.age_p99_ms:.0f} ms: close other programs or choose a lighter detector.",
            ),
            Trouble.DROPPING: (
                lost,
                f"{seen.dropped_share or 0:.0%} of the frames are dropped: the verdict rests on the rest.",
            ),
        }
        for trouble, (bad, sentence) in lasting.items():
            if source.settle(trouble, bad, now_s, self._bounds.settle_s, sentence):
                self._counts[source_id, trouble] += 1
        # These have their own words in the verdict: here they are counted only.
        for trouble, cause in ((Trouble.FROZEN, Cause.PICTURE_FROZEN), (Trouble.BLACK, Cause.PICTURE_BLACK)):
            if source.settle(trouble, cause in seen.causes, now_s, 0.0, ""):
                self._counts[source_id, trouble] += 1

    def forget_time(self, source_id: str) -> None:
        """The source was opened anew or is over: its timeline may begin elsewhere, its troubles are past."""
        self._sources.pop(source_id, None)

    def remarks(self, source_id: str, now_s: float) -> tuple[str, ...]:
        """The sentences that hold now for a source, those of the machine first."""
        source = self._sources.get(source_id)
        own = list(source.said.values()) if source else []
        said = [(until, sentence) for until, sentence in [*self._machine.values(), *own] if sentence]
        return tuple(sentence for until, sentence in said if now_s < until)

    def active(self, source_id: str, now_s: float) -> frozenset[Trouble]:
        """The troubles that hold now, those of the machine included."""
        source = self._sources.get(source_id)
        every = [*self._machine.items(), *(source.said.items() if source else ())]
        return frozenset(trouble for trouble, (until, _) in every if now_s < until)

    def counts(self) -> Mapping[tuple[str, Trouble], int]:
        """How often each trouble began, by source; those of the machine under an empty name."""
        return dict(self._counts)

    def _of_the_machine(self, trouble: Trouble, now: MachineClocks, sentence: str) -> None:
        self._machine[trouble] = (now.monotonic_s + self._bounds.said_s, sentence)
        self._counts["", trouble] += 1


_FOR_EVER = float("inf")


class _Source:
    """The timeline and the lasting troubles of one source; ``said``: until when, and the sentence."""

    def __init__(self) -> None:
        self.said: dict[Trouble, tuple[float, str]] = {}
        self._turning: dict[Trouble, float] = {}
        self._newest: tuple[float, int] | None = None

    def timeline(self, now_s: float, seen: Seen, bounds: Bounds) -> list[Trouble]:
        """The troubles that begin with this frame: its time lies before the last one's, or no longer moves."""
        before, self._newest = self._newest, (seen.time_s, seen.index)
        if before is None or seen.index == before[1]:
            return []
        if seen.time_s < before[0]:
            back = before[0] - seen.time_s
            sentence = f"The time of the source went back by {back:.1f} s: its faces are judged anew."
            self.said[Trouble.TIME_BACK] = (now_s + bounds.said_s, sentence)
        stands = seen.time_s == before[0]
        sentence = "The time of the source stands still: its frames cannot be judged one after another."
        begins = self.settle(Trouble.TIME_STUCK, stands, now_s, bounds.settle_s, sentence)
        return [Trouble.TIME_BACK] * (seen.time_s < before[0]) + [Trouble.TIME_STUCK] * begins

    def settle(self, trouble: Trouble, bad: bool, now_s: float, settle_s: float, sentence: str) -> bool:
        """Begin or end a lasting trouble once it was so for ``settle_s``; whether it begins now."""
        on = trouble in self.said
        if bad == on:
            self._turning.pop(trouble, None)
            if on:
                self.said[trouble] = (_FOR_EVER, sentence)
            return False
        if now_s - self._turning.setdefault(trouble, now_s) < settle_s:
            return False
        del self._turning[trouble]
        if on:
            del self.said[trouble]
        else:
            self.said[trouble] = (_FOR_EVER, sentence)
        return bad
