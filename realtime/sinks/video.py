"""The annotated recording: H.264 in MP4, written so that it is playable even after a power cut."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from io import FileIO
from pathlib import Path

import av
import av.container
import av.error
import cv2
import numpy as np

from unmask.engines.errors import UsageError
from unmask.realtime.annotate import annotate
from unmask.realtime.types import Image, SourceState, Update

_TIME_BASE = Fraction(1, 90_000)


class VideoSink:
    """Records the annotated frames of one source with the source's own timing.

    It writes fragments into ``NAME.part.mp4`` beside the target and renames it when it is closed; a
    recording without a frame leaves nothing. A frame of another size than the first is fitted into
    the first one's size with black borders. The person named the file and records to show it: its rights
    are those that their umask gives.
    """

    every_update = True

    def __init__(self, path: Path, source_id: str) -> None:
        if path.suffix.lower() not in (".mp4", ".m4v", ".mov", ".mkv"):
            raise UsageError(f"Cannot record to {path}: the name must end with .mp4, .mov or .mkv.")
        if not path.parent.is_dir():
            raise UsageError(f"Cannot record to {path}: the folder {path.parent} does not exist.")
        self.path = path
        self.source_id = source_id
        self._part = path.with_name(f".{path.stem}.part{path.suffix}")
        self._container: av.container.OutputContainer | None = None
        self._file: _WholeFile | None = None
        self._stream: av.VideoStream | None = None
        self._zero_s = 0.0
        self._last_pts = -1
        self._last_sequence = 0
        self._broken = False

    def take(self, update: Update) -> None:
        if update.source_id != self.source_id or update.state is SourceState.RECONNECTING:
            return
        if update.frame is None or update.sequence <= self._last_sequence:
            return
        self._last_sequence = update.sequence
        picture = annotate(update)
        assert picture is not None
        if self._container is None:
            self._begin(picture, update.frame.time_s)
        self._encode(self._fitted(picture), update.frame.time_s)

    def _begin(self, picture: Image, time_s: float) -> None:
        try:
            # A second a fragment: that much is lost where the power goes, or the disk is full.
            flags = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "1000000"}
            self._file = _WholeFile(self._part)
            container = av.open(self._file, "w", options=flags)
        except OSError as error:
            raise UsageError(f"Cannot record to {self.path}: {error}.") from None
        self._container = container
        # Without B-frames no frame waits for a later one: fragments hold all there is, and times begin at 0.
        options = {"preset": "veryfast", "crf": "23", "bf": "0"}
        stream = container.add_stream("libx264", options=options)
        assert isinstance(stream, av.VideoStream)
        # H.264 with 4:2:0 colour wants even sides.
        stream.width, stream.height = picture.shape[1] // 2 * 2, picture.shape[0] // 2 * 2
        stream.pix_fmt = "yuv420p"
        stream.time_base = _TIME_BASE
        stream.codec_context.time_base = _TIME_BASE
        stream.codec_context.thread_count = 1
        self._stream, self._zero_s = stream, time_s

    def _fitted(self, picture: Image) -> Image:
        assert self._stream is not None
        width, height = self._stream.width, self._stream.height
        if (picture.shape[1] // 2 * 2, picture.shape[0] // 2 * 2) == (width, height):
            return np.ascontiguousarray(picture[:height, :width])
        scale = min(width / picture.shape[1], height / picture.shape[0])
        across, down = max(1, int(picture.shape[1] * scale)), max(1, int(picture.shape[0] * scale))
        canvas = np.zeros((height, width, 3), np.uint8)
        left, top = (width - across) // 2, (height - down) // 2
        canvas[top : top + down, left : left + across] = cv2.resize(
            picture, (across, down), interpolation=cv2.INTER_AREA
        )
        return canvas

    def _encode(self, picture: Image, time_s: float) -> None:
        assert self._container is not None
        assert self._stream is not None
        frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
        # A timeline that jumps back (a reconnect) must not: MP4 wants rising times.
        pts = max(self._last_pts + 1, round((time_s - self._zero_s) / _TIME_BASE))
        self._last_pts = pts
        frame.pts, frame.time_base = pts, _TIME_BASE
        packets = self._stream.encode(frame)
        # Where the disk is full FFmpeg must not be handed another packet: without its header it would crash.
        self._broken = True
        self._container.mux(packets)
        self._broken = False

    def close(self) -> None:
        container, self._container = self._container, None
        if container is None:
            return
        assert self._stream is not None
        try:
            if not self._broken:
                with contextlib.suppress(av.error.EOFError):
                    container.mux(self._stream.encode(None))
        finally:
            self._complete(container)

    def _complete(self, container: av.container.OutputContainer) -> None:
        """Raises what kept a part of the recording from the disk; what is there has its name in any case."""
        assert self._file is not None
        try:
            container.close()
        finally:
            self._file.close()
            if self._part.exists():
                self._part.replace(self.path)
        if self._file.error is not None:
            raise self._file.error


def opened_anew(path: Path) -> FileIO:
    """A new file for writing, unbuffered. What a killed run left there goes; a link that somebody put there is not
    followed: in a folder for all, the name of a part can be guessed."""
    path.unlink(missing_ok=True)
    return FileIO(path, "x")


class _WholeFile:
    """A file that remembers the first write that failed: FFmpeg writes the end of a recording without a word
    about what became of it. FFmpeg buffers, so this does not."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)  # FFmpeg takes the format from it
        self.error: OSError | None = None
        self._file = opened_anew(path)

    def write(self, data: bytes) -> int:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self.error = self.error or OSError(error.errno, error.strerror, self.name)
            raise self.error from None
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()
