"""An opened video file: its stream, its facts, its next decoded frame, and jumping to a key frame."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError

from unmask.engines.errors import SourceError
from unmask.engines.plain_text import plain
from unmask.realtime.sources.decoding import (
    declared_duration,
    frames_of,
    is_cut_off,
    moving_streams,
    nominal_fps,
    pts_seconds,
    refuse_size,
    set_up_decoder,
    video_stream,
)
from unmask.realtime.sources.formats import kind_by_its_beginning, kind_of, opened_formats

_HEAD = 1024


class OpenedVideo:
    """Raises ``SourceError`` when there is nothing to see in the file. One thread at a time; once it is ``stopped``,
    a long search for a sound frame ends as the file would.

    ``start_s`` is the timestamp of the first frame; ``timed`` says whether timestamps can be trusted
    to find a frame again after a seek.
    """

    def __init__(self, path: Path, stopped: Callable[[], bool] = lambda: False) -> None:
        self.path = path
        self.name = plain(path.name)
        self._stopped = stopped
        self.damage = [0]
        self._container = _open_container(path)
        try:
            self.stream = self._choose_stream()
            self.fps = nominal_fps(self.stream)
            self.aspect = self.stream.sample_aspect_ratio
            self._frames = self._new_frames()
            self._pending: Any | None = None
            self._pending = self.next()
            if self._pending is None:
                raise SourceError(f"{self.name} holds no frame that can be decoded; it may be damaged or cut off.")
        except BaseException:
            self._container.close()
            raise
        self.first = self._pending
        self.start_s = pts_seconds(self.first) or 0.0
        self.duration_s, self._sure = declared_duration(self._container, self.stream, self.start_s)
        self.timed = self.first.pts is not None and self.duration_s is not None

    def next(self) -> Any | None:
        """The next decoded frame in order of presentation, ``None`` at the end of the file."""
        pending, self._pending = self._pending, None
        if pending is not None:
            return pending
        try:
            return next(self._frames, None)
        except FFmpegError as error:
            raise SourceError(f"{self.name} is damaged and cannot be read further ({error.strerror}).") from error

    def seek(self, time_s: float) -> Any | None:
        """Go to a key frame near ``time_s`` seconds after the first frame, and decode it.

        Frames that come out before a key frame lean on others that were skipped; they are left out.
        ``None`` when the container cannot seek there.
        """
        try:
            offset = int((self.start_s + time_s) / self.stream.time_base)
            self._container.seek(offset, stream=self.stream, backward=True)
        except (FFmpegError, OverflowError):  # timestamps near the end of the 64 bits
            return None
        self._pending = None
        self._frames = self._new_frames()
        while (decoded := self.next()) is not None:
            if decoded.key_frame and decoded.pts is not None:
                return decoded
        return None

    def rewind(self) -> None:
        """Open the file anew, at its first frame."""
        self._container.close()
        self._pending = None
        self._container = _open_container(self.path)
        self.stream = self._choose_stream()
        self._frames = self._new_frames()

    def key_times(self) -> list[float] | None:
        """Key frames by the container's index, in seconds from the first frame (decoding times, so up
        to the reordering delay early); ``None`` where there is no index to speak of."""
        base = self.stream.time_base
        entries = [entry for entry in self.stream.index_entries if entry.is_keyframe]
        times = sorted(float(entry.timestamp * base) - self.start_s for entry in entries)
        return times if len(times) > 1 else None

    def check_end(self, end_s: float) -> None:
        """Raise ``SourceError`` when ``end_s`` lies far before the end that the video track declares."""
        declared = (self.duration_s or 0.0) if self._sure else 0.0
        if is_cut_off(end_s, declared):
            raise SourceError(
                f"{self.name} breaks off after {end_s:.1f} s of {declared:.1f} s; get the whole file to see the rest."
            )

    def close(self) -> None:
        self._frames = iter(())
        self._container.close()

    def _new_frames(self) -> Iterator[Any]:
        return frames_of(self._container, self.stream, self.damage, self._stopped)

    def _choose_stream(self) -> Any:
        name, stream = self.name, video_stream(self._container)
        if stream is None:
            if moving_streams(self._container):
                raise SourceError(f"{name} holds video in a coding that cannot be read here; convert it to H.264.")
            sound = " (only sound)" if self._container.streams.audio else ""
            raise SourceError(f"{name} holds no video{sound}; give a file that does.")
        refuse_size(name, stream.codec_context.width, stream.codec_context.height)
        set_up_decoder(stream, low_delay=False)
        return stream


def _open_container(path: Path) -> Any:
    name, where = plain(path.name), plain(str(path))
    if not path.exists():
        raise SourceError(f"{where} does not exist; check the path.")
    if not path.is_file():
        raise SourceError(f"{where} is not a file; give a video file.")
    try:
        if path.stat().st_size == 0:
            raise SourceError(f"{name} is empty (0 bytes); copy or download it again.")
        # The absolute path cannot be taken for an address, and the lists keep a file that is really
        # a playlist from reaching into the network, or to other files.
        # Titles are often not UTF-8, and nobody needs them.
        options = {"protocol_whitelist": "file", "format_whitelist": opened_formats(network=False)}
        container = av.open(str(path.resolve()), options=options, metadata_errors="replace")
    except (FFmpegError, OSError) as error:
        raise _unreadable(path, error) from error
    kind = kind_of(container.format.name)
    if kind:
        container.close()
        raise _no_video(name, kind)
    return container


def _no_video(name: str, kind: str) -> SourceError:
    return SourceError(f"{name} is {kind}, not a video; give the video itself.")


def _unreadable(path: Path, error: OSError | FFmpegError) -> SourceError:
    name = plain(path.name)
    if isinstance(error, PermissionError):
        return SourceError(f"{name} may not be read; check its permissions.")
    with contextlib.suppress(OSError), path.open("rb") as file:
        kind = kind_by_its_beginning(file.read(_HEAD))
        if kind:
            return _no_video(name, kind)
    return SourceError(
        f"{name} is not a video that can be read: it is cut off, damaged or of another kind ({error.strerror})."
    )
