"""Which moments of a recording are analysed: all of it at the detector's stride, or stretches spread evenly."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from unmask.engines.errors import SourceError
from unmask.engines.manifest import Manifest
from unmask.realtime.sources.archive import MemberSource
from unmask.realtime.sources.base import FrameSource, SourceInfo
from unmask.realtime.sources.video_file import VideoFileSource
from unmask.realtime.types import Frame

_EPSILON_S = 1e-6
# Containers round their lengths, and sound may end before the pictures do.
_TOLERATED_S = 1.0


@dataclass(frozen=True, slots=True)
class Sample:
    """A frame to analyse. ``fresh`` marks the first of a stretch: nothing before it is near in time."""

    frame: Frame
    fresh: bool


@dataclass(frozen=True, slots=True)
class SamplePlan:
    """Rising moments in seconds, grouped in stretches; ``stretches`` holds (first moment, number of frames)."""

    stride_s: float
    stretches: tuple[tuple[float, int], ...]

    @property
    def frames(self) -> int:
        return sum(number for _, number in self.stretches)

    def moments(self) -> Iterator[tuple[float, bool]]:
        """Every moment, and whether it begins a stretch."""
        for first_s, number in self.stretches:
            for step in range(number):
                yield first_s + step * self.stride_s, step == 0


def frames_for_a_verdict(manifest: Manifest) -> int:
    """How many frames in a row, a stride apart, a face must be seen in before a verdict can be said."""
    window, rule = manifest.window, manifest.rule
    # One more for the track to be confirmed, one for the stride that a late frame costs.
    return window.min_frames + math.ceil(1000 * rule.dwell_s / window.stride_ms) + 2


def plan_samples(duration_s: float, stride_s: float, most_frames: int, stretch_frames: int) -> SamplePlan:
    """Cover ``duration_s`` evenly with at most ``most_frames`` frames, ``stride_s`` apart in each stretch.

    Everything when the budget allows; else as many stretches of ``stretch_frames`` as fit it (at least
    one), their middles spread evenly from the beginning to the end: a detector with a window in time must see
    frames as near to each other as those it was trained on, so single frames far apart would not do.
    """
    every = max(1, math.floor((duration_s + _EPSILON_S) / stride_s) + 1)
    stretches = max(1, most_frames // stretch_frames)
    if every <= max(most_frames, stretch_frames):
        return SamplePlan(stride_s, ((0.0, every),))
    length_s = (stretch_frames - 1) * stride_s
    # Each stretch lies in the middle of its own share of the recording.
    share_s = duration_s / stretches
    starts = [(index + 0.5) * share_s - length_s / 2 for index in range(stretches)]
    return SamplePlan(stride_s, tuple((start, stretch_frames) for start in starts))


def sampled(
    source: FrameSource, info: SourceInfo, plan: SamplePlan, seen: Callable[[float], None], *, by_clock: bool = True
) -> Iterator[Sample]:
    """The frames of ``plan`` out of an opened source; ``seen`` is told the moment reached, for progress.

    A video file is sought, unless its clock cannot be trusted (not ``by_clock``); any other source is read through
    and what is not needed is passed over. A moment that falls on the frame before it (a rate below the stride's)
    gives nothing twice.
    """
    if isinstance(source, VideoFileSource | MemberSource) and info.kind == "video":
        yield from _sought(source, plan, seen, by_clock)
    else:
        yield from _read_through(source, plan, seen)


def outlasts(source: FrameSource, info: SourceInfo) -> bool:
    """Whether a source goes on well after the end that it declares: it says so, or was cut from a longer one, and
    what comes then would be looked at by nobody. Ask when ``sampled`` has given everything."""
    if info.kind == "image" or not info.duration_s:
        return False
    end_s = info.duration_s + _TOLERATED_S
    if isinstance(source, VideoFileSource | MemberSource) and info.kind == "video":
        return source.outlasts(end_s)
    with contextlib.suppress(SourceError):  # what is damaged there is no more of it
        while (frame := source.read()) is not None:
            if frame.time_s > end_s:
                return True
    return False


def measured(source: FrameSource) -> tuple[float, str]:
    """For an opened source that does not tell its length: the time of its last frame, by reading it all.

    Then what broke it off, empty where nothing did. Raises ``SourceError`` where not a frame came.
    """
    last_s = None
    try:
        while (frame := source.read()) is not None:
            last_s = frame.time_s
    except SourceError as error:
        if last_s is None:
            raise
        return last_s, str(error)
    return last_s or 0.0, ""


def _sought(
    source: VideoFileSource | MemberSource, plan: SamplePlan, seen: Callable[[float], None], by_clock: bool
) -> Iterator[Sample]:
    moments = list(plan.moments())
    before: Frame | None = None
    frames = source.frames_at((moment for moment, _ in moments), by_clock=by_clock)
    for (moment, fresh), frame in zip(moments, frames, strict=False):
        seen(moment)
        if frame is not before:
            yield Sample(frame, fresh)
            before = frame


def _read_through(source: FrameSource, plan: SamplePlan, seen: Callable[[float], None]) -> Iterator[Sample]:
    moments = plan.moments()
    due = next(moments, None)
    fresh = False
    while due is not None and (frame := source.read()) is not None:
        seen(frame.time_s)
        if frame.time_s + _EPSILON_S < due[0]:
            continue
        while due is not None and due[0] <= frame.time_s + _EPSILON_S:
            fresh = fresh or due[1]
            due = next(moments, None)
        yield Sample(frame, fresh)
        fresh = False
