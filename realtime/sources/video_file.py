"""A video file through PyAV: any container FFmpeg knows, upright, timed by its own timestamps."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from unmask.engines.errors import SourceError
from unmask.realtime.sources.base import SourceInfo
from unmask.realtime.sources.decoding import Timeline, pts_seconds, to_bgr
from unmask.realtime.sources.frame_walker import FrameWalker
from unmask.realtime.sources.lifecycle import SourceBase
from unmask.realtime.sources.opened_video import OpenedVideo
from unmask.realtime.types import Frame


class VideoFileSource(SourceBase):
    """Every frame in order, or with ``frames_at`` the ones displayed at given moments.

    ``image`` is new, BGR uint8, contiguous, upright, with square pixels; ``time_s`` counts from the
    first frame. A file that breaks off before its declared end gives what it holds and then raises
    ``SourceError``.
    """

    def __init__(self, path: Path | str, source_id: str | None = None) -> None:
        super().__init__(source_id or str(path))
        self._path = Path(path)
        self._video: OpenedVideo | None = None
        self._timeline = Timeline(None)
        self._last_s = 0.0
        self._walker: FrameWalker | None = None

    @property
    def damaged(self) -> int:
        """Packets and frames left out since the source was opened, because they were damaged."""
        return 0 if self._video is None else self._video.damage[0]

    def _open(self) -> SourceInfo:
        video = self._video = OpenedVideo(self._path, self._stop.is_set)
        self._timeline = Timeline(video.fps)
        self._last_s = 0.0
        self._walker = None
        height, width = to_bgr(video.first, video.aspect, video.name).shape[:2]
        count = video.stream.frames or None
        if count is None and video.duration_s and video.fps:
            count = max(1, round(video.duration_s * video.fps))
        rate = f" at {video.fps:.4g} fps" if video.fps else ""
        return SourceInfo(
            self.source_id,
            "video",
            f"{video.name}, {width}x{height}{rate}, {video.stream.codec_context.name}",
            live=False,
            width=width,
            height=height,
            fps=video.fps,
            duration_s=video.duration_s,
            frame_count=count,
        )

    def _grab(self) -> Frame | None:
        assert self._video is not None
        decoded = self._video.next()
        if decoded is None:
            if not self._timeline.jumped:
                self._video.check_end(self._last_s + self._timeline.step)
            return None
        self._last_s = self._timeline.place(pts_seconds(decoded))
        return self._convert(decoded, self._last_s)

    def _convert(self, decoded: Any, time_s: float) -> Frame:
        assert self._video is not None
        image = to_bgr(decoded, self._video.aspect, self._video.name)
        return self._frame(image, time.monotonic_ns(), time_s)

    def _free(self) -> None:
        if self._video is not None:
            self._video.close()

    def frames_at(self, times_s: Iterable[float], *, by_clock: bool = True) -> Iterator[Frame]:
        """The frame that a player would show at each of the given moments, in seconds from the first.

        The moments must not decrease (``ValueError``). Before the first frame the first counts, after
        the last the last; moments that fall on one frame give the very same ``Frame`` object again,
        and ``index`` counts the frames handed out. Only the frames asked for are converted, and key
        frames are used to skip long gaps. Call it on a source just opened, in place of ``read``. Ends
        early after ``close``. Raises ``SourceError`` where the file breaks off before a moment asked for.
        Without ``by_clock`` nothing is skipped and the moments are those of the frames that ``read`` gives.
        """
        before = float("-inf")
        given: Frame | None = None
        for moment in times_s:
            if moment < before:
                raise ValueError(f"moments must not decrease: {moment} after {before}")
            before = moment
            with self._lock:
                if self._video is None or self._stop.is_set():
                    self._shut()
                    return
                try:
                    self._walker = self._walker or FrameWalker(self._video, by_clock=by_clock)
                    decoded, time_s = self._walker.shown_at(moment)
                except SourceError:
                    if not self._stop.is_set():
                        raise
                    self._shut()  # it broke off because it was closed
                    return
                if given is None or given.time_s != time_s:
                    given = self._convert(decoded, time_s)
            yield given

    def outlasts(self, end_s: float) -> bool:
        """Whether there are frames later than ``end_s``, or the file's clock went back on the way, so that it is
        longer than it says. Ask when ``frames_at`` has given everything, before ``close``."""
        with self._lock:
            return self._video is not None and self._walker is not None and self._walker.outlasts(end_s)
