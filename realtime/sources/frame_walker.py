"""Finding the frame that is shown at a moment, decoding as little as possible and guessing nothing."""

from __future__ import annotations

import bisect
import contextlib
import math
from typing import Any

from unmask.engines.errors import SourceError
from unmask.realtime.sources.decoding import LONGEST_LEAP_S, Timeline, pts_seconds
from unmask.realtime.sources.opened_video import OpenedVideo

#: Without an index of key frames, decoding on is taken to be cheaper than a seek up to this many seconds.
_DECODE_ON_S = 2.0
#: Containers index by decoding time, which runs ahead of presentation by the reordering delay.
_GRACE_S = 0.5
# Reordered frames come out in order; a clock that goes back by more than this began anew.
_BACK_S = 1.0


class FrameWalker:
    """Walks forward through a video that was just opened, holding the frame shown now and the next.

    Without ``by_clock`` it never seeks, and times are those of ``Timeline``.
    """

    def __init__(self, video: OpenedVideo, *, by_clock: bool = True) -> None:
        self._video = video
        self._timeline = Timeline(video.fps)
        self._timed = by_clock and video.timed
        self._keys = video.key_times() if self._timed else None
        self._ahead: tuple[Any, float] | None = None
        self._ended = self._jumped = False
        self._current = self._first_step()

    def shown_at(self, moment: float) -> tuple[Any, float]:
        """(decoded frame, its time): the last frame that is not later than ``moment``.

        Raises ``SourceError`` where the file breaks off long before ``moment``.
        """
        if self._worth_a_seek(moment):
            self._seek(moment)
        while not self._ended:
            if self._ahead is None:
                self._ahead = self._step()
            if self._ahead is None:
                self._ended = True
            elif self._ahead[1] <= moment:
                self._current, self._ahead = self._ahead, None
            else:
                break
        end_s = self._current[1] + self._timeline.step
        if self._ended and moment > end_s and not (self._jumped or self._timeline.jumped):
            self._video.check_end(end_s)
        return self._current

    def outlasts(self, end_s: float) -> bool:
        """Whether there are frames later than ``end_s``, or the clock jumped on the way. Walks on to there."""
        with contextlib.suppress(SourceError):  # what is damaged there is no more of it
            self.shown_at(end_s)
        return self._ahead is not None or self._jumped

    def _step(self) -> tuple[Any, float] | None:
        decoded = self._video.next()
        if decoded is None:
            return None
        pts_s = pts_seconds(decoded)
        if not self._timed:
            return decoded, self._timeline.place(pts_s)
        before_s = (self._ahead or self._current)[1]
        if pts_s is None:
            return decoded, before_s + self._timeline.step
        time_s = pts_s - self._video.start_s
        self._jumped |= math.isfinite(before_s) and not -_BACK_S <= time_s - before_s <= LONGEST_LEAP_S
        return decoded, time_s

    def _first_step(self) -> tuple[Any, float]:
        self._current = (self._video.first, -math.inf)
        first = self._step()
        if first is None:
            raise SourceError(f"{self._video.name} was changed while it was read; open it again.")
        return first

    def _worth_a_seek(self, moment: float) -> bool:
        position = (self._ahead or self._current)[1]
        if self._ended or not self._timed or moment <= position:
            return False
        if self._keys is None:
            return moment - position > _DECODE_ON_S
        nearest = bisect.bisect_right(self._keys, moment - _GRACE_S) - 1
        return nearest >= 0 and self._keys[nearest] > position + _GRACE_S

    def _seek(self, moment: float) -> None:
        """Go to a key frame at or before ``moment``; further back when the container overshoots."""
        margin = _GRACE_S
        target = 1.0
        while target > 0.0:
            target = max(0.0, moment - margin)
            landed = self._video.seek(target)
            if landed is not None:
                time_s = pts_seconds(landed)
                assert time_s is not None, "seek() returns frames with a timestamp only"
                if time_s - self._video.start_s <= moment:
                    self._current, self._ahead = (landed, time_s - self._video.start_s), None
                    return
            margin *= 4
        # No key frame leads there: decode from the first frame on.
        self._video.rewind()
        self._ahead = None
        self._current = self._first_step()
