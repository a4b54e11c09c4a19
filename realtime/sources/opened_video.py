"""An opened video file: its stream, its facts, its next decoded frame, and jumping to a key frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError

from unmask.engines.errors import SourceError
from unmask.realtime.sources.decoding import (
    MAX_PIXELS,
    NOT_VIDEO_FORMATS,
    declared_duration,
    frames_of,
    is_cut_off,
    nominal_fps,
    pts_seconds,
    use_threads,
    video_stream,
)


class OpenedVideo:
    """Raises ``SourceError`` when there is nothing to see in the file. One thread at a time.

    ``start_s`` is the timestamp of the first frame; ``timed`` says whether timestamps can be trusted
    to find a frame again after a seek.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage = [0]
        self._container = _open_container(path)
        try:
            self.stream = self._choose_stream()
            self.fps = nominal_fps(self.stream)
            self.aspect = self.stream.sample_aspect_ratio
            self._frames = frames_of(self._container, self.stream, self.damage)
            self._pending: Any | None = None
            self._pending = self.next()
            if self._pending is None:
                raise SourceError(f"{path.name} holds no frame that can be decoded; it may be damaged or cut off.")
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
            raise SourceError(f"{self.path.name} is damaged and cannot be read further ({error.strerror}).") from error

    def seek(self, time_s: float) -> Any | None:
        """Go to a key frame near ``time_s`` seconds after the first frame, and decode it.

        Frames that come out before a key frame lean on others that were skipped; they are left out.
        ``None`` when the container cannot seek there.
        """
        offset = int((self.start_s + time_s) / self.stream.time_base)
        try:
            self._container.seek(offset, stream=self.stream, backward=True)
        except FFmpegError:
            return None
        self._pending = None
        self._frames = frames_of(self._container, self.stream, self.damage)
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
        self._frames = frames_of(self._container, self.stream, self.damage)

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
                f"{self.path.name} breaks off after {end_s:.1f} s of {declared:.1f} s; "
                "get the whole file to see the rest."
            )

    def close(self) -> None:
        self._frames = iter(())
        self._container.close()

    def _choose_stream(self) -> Any:
        stream = video_stream(self._container)
        if stream is None:
            sound = " (only sound)" if self._container.streams.audio else ""
            raise SourceError(f"{self.path.name} holds no video{sound}; give a file that does.")
        context = stream.codec_context
        if context.width * context.height > MAX_PIXELS:
            raise SourceError(f"{self.path.name} has frames of {context.width}x{context.height}; scale it down first.")
        use_threads(stream, low_delay=False)
        return stream


def _open_container(path: Path) -> Any:
    name = path.name
    if not path.exists():
        raise SourceError(f"{path} does not exist; check the path.")
    if not path.is_file():
        raise SourceError(f"{path} is not a file; give a video file.")
    try:
        if path.stat().st_size == 0:
            raise SourceError(f"{name} is empty (0 bytes); copy or download it again.")
        # The absolute path cannot be taken for an address, and the list keeps a file that is really
        # a playlist from reaching into the network.
        # Titles are often not UTF-8, and nobody needs them.
        container = av.open(str(path.resolve()), options={"protocol_whitelist": "file"}, metadata_errors="replace")
    except (FFmpegError, OSError) as error:
        raise _unreadable(name, error) from error
    for part in container.format.name.split(","):
        if part in NOT_VIDEO_FORMATS or part.endswith("_pipe") or part == "image2":
            container.close()
            what = NOT_VIDEO_FORMATS.get(part, "a single picture")
            raise SourceError(f"{name} is {what}, not a video; give the video itself.")
    return container


def _unreadable(name: str, error: OSError | FFmpegError) -> SourceError:
    if isinstance(error, PermissionError):
        return SourceError(f"{name} may not be read; check its permissions.")
    return SourceError(
        f"{name} is not a video that can be read: it is cut off, damaged or of another kind ({error.strerror})."
    )
