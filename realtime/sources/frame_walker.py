"""Finding the frame that is shown at a moment, decoding as little as possible and guessing nothing."""

from __future__ import annotations

import bisect
from typing import Any

from unmask.realtime.sources.decoding import Timeline, pts_seconds
from unmask.realtime.sources.opened_video import OpenedVideo

#: Without an index of key frames, decoding on is taken to be cheaper than a seek up to this many seconds.
_DECODE_ON_S = 2.0
#: Containers index by decoding time, which runs ahead of presentation by the reordering delay.
_GRACE_S = 0.5


class FrameWalker:
    """Walks forward through a video that was just opened, holding the frame shown now and the next."""

    def __init__(self, video: OpenedVideo) -> None:
        self._video = video
        self._timeline = Timeline(video.fps)
        self._keys = video.key_times() if video.timed else None
        first = self._step()
        assert first is not None, "an OpenedVideo has at least one frame"
        self._current = first
        self._ahead: tuple[Any, float] | None = None
        self._ended = False

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
        if self._ended and moment > end_s:
            self._video.check_end(end_s)
        return self._current

    def _step(self) -> tuple[Any, float] | None:
        decoded = self._video.next()
        if decoded is None:
            return None
        pts_s = pts_seconds(decoded)
        if not self._video.timed:
            return decoded, self._timeline.place(pts_s)
        if pts_s is None:
            return decoded, (self._ahead or self._current)[1] + self._timeline.step
        return decoded, pts_s - self._video.start_s

    def _worth_a_seek(self, moment: float) -> bool:
        position = (self._ahead or self._current)[1]
        if self._ended or not self._video.timed or moment <= position:
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
        first = self._step()
        assert first is not None, "the file had a first frame when it was opened"
        self._current, self._ahead = first, None
