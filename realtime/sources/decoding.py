"""Decoding with PyAV: what files and network streams share.

Orientation, pixel shape and timestamps are settled here, so that whoever looks at a frame sees what
a player would show.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import cv2
import numpy as np

from unmask.realtime.types import Image

#: A picture larger than this is refused before it is decoded (Pillow's own limit, 89 megapixels).
MAX_PIXELS = 89_478_485

#: What ends this much before its declared end is cut off (both must hold).
_MISSING_S, _MISSING_SHARE = 1.0, 0.1

#: Containers that only point at other files or that no camera ever wrote, as FFmpeg calls them.
NOT_VIDEO_FORMATS = {
    "hls": "a playlist",
    "concat": "a playlist",
    "dash": "a playlist",
    "imf": "a playlist",
    "sdp": "a session description",
    "tty": "plain text",
    "webm_dash_manifest": "a playlist",
}


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a decoded picture must be turned: transpose first, then mirror."""

    transpose: bool = False
    mirror_x: bool = False
    mirror_y: bool = False

    def apply(self, image: Image) -> Image:
        """The upright picture; a new contiguous array where anything had to be done."""
        if self.transpose:
            image = cv2.transpose(image)  # pyright: ignore[reportAssignmentType]
        if self.mirror_x and self.mirror_y:
            return cv2.flip(image, -1)  # pyright: ignore[reportReturnType]
        if self.mirror_x or self.mirror_y:
            return cv2.flip(image, 1 if self.mirror_x else 0)  # pyright: ignore[reportReturnType]
        return image


def orientation_of(matrix: bytes | None) -> Orientation:
    """Read a display matrix: nine int32, 16.16 fixed point, (x, y) -> (a x + c y, b x + d y).

    ISO/IEC 14496-12, 8.3.2 (track header box). Angles are taken to the nearest right angle;
    mirroring (some selfie cameras write it) is honoured.
    """
    if matrix is None or len(matrix) < 36:
        return Orientation()
    a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5].tolist()
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(False, a < 0, d < 0)
    return Orientation(True, c < 0, b < 0)


def frame_orientation(frame: Any) -> Orientation:
    data = frame.side_data.get("DISPLAYMATRIX")
    return orientation_of(None if data is None else bytes(data))


def to_bgr(frame: Any, aspect: Fraction | None) -> Image:
    """A decoded frame as BGR uint8 (H, W, 3), contiguous, upright, with square pixels.

    ``aspect`` is the shape of one pixel (width / height), ``None`` or 0 where the file does not say.
    The array is new and belongs to the caller.
    """
    width = frame.width
    if aspect and aspect != 1 and Fraction(1, 8) < aspect < 8:
        width = max(1, round(width * aspect))
    # One thread: by default each frame starts threads of its own, which live until the garbage is collected.
    image = frame.reformat(format="bgr24", width=width, height=frame.height, threads=1).to_ndarray()
    return np.ascontiguousarray(frame_orientation(frame).apply(image))


class Timeline:
    """Presentation times of a stream as seconds from its first frame, always growing.

    A frame without a timestamp follows the last one at the nominal rate. A timestamp that jumps
    back (a transport stream that wraps, two recordings glued together) is taken as the same
    continuation, and what follows keeps that shift.
    """

    def __init__(self, fps: float | None) -> None:
        self._step = 1.0 / fps if fps else 0.04
        self._shift: float | None = None
        self._last: float | None = None

    @property
    def step(self) -> float:
        return self._step

    def place(self, pts_s: float | None) -> float:
        if self._last is None:
            self._shift = None if pts_s is None else -pts_s
            self._last = 0.0
            return 0.0
        expected = self._last + self._step
        if pts_s is None:
            time_s = expected
        else:
            if self._shift is None or pts_s + self._shift <= self._last:
                self._shift = expected - pts_s
            time_s = pts_s + self._shift
        self._last = time_s
        return time_s


def frames_of(container: Any, stream: Any, damage: list[int]) -> Iterator[Any]:
    """Every sound decoded frame of a stream, in order of presentation.

    A damaged packet costs its frames, not the rest: ``damage[0]`` counts them. Frames that the
    decoder patched up (after a lost key frame, say) are left out, since a patched face looks
    manipulated. Errors of the container itself pass through.
    """
    from av.error import InvalidDataError

    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except InvalidDataError:
            damage[0] += 1
            continue
        for frame in frames:
            if frame.is_corrupt:
                damage[0] += 1
            else:
                yield frame


def pts_seconds(frame: Any) -> float | None:
    return None if frame.pts is None or frame.time_base is None else float(frame.pts * frame.time_base)


def nominal_fps(stream: Any) -> float | None:
    """The average rate, 1..1000, or ``None`` where the file does not say or says nonsense."""
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and 1 <= rate <= 1000:
            return float(rate)
    return None


def declared_duration(container: Any, stream: Any, start_s: float) -> tuple[float | None, bool]:
    """(seconds of video that the file declares, whether that is said of the pictures themselves).

    Only some containers keep a duration per track; where others have one, FFmpeg has filled it in from
    the whole container, whose sound may be longer. Matroska's counts from zero even where the first
    timestamp (``start_s``) is later.
    """
    length = 0.0
    if stream.duration and stream.time_base:
        length = float(stream.duration * stream.time_base)
    elif container.duration:
        length = container.duration / 1e6
    if "matroska" in container.format.name:
        length -= max(0.0, start_s)
    if length <= 0:
        return None, False
    per_track = container.format.name in ("avi", "mxf") or "mp4" in container.format.name
    return length, per_track or len(container.streams) == 1


def is_cut_off(end_s: float, declared_s: float) -> bool:
    """Whether what ends at ``end_s`` lacks a good part of what it declares."""
    return declared_s - end_s > max(_MISSING_S, _MISSING_SHARE * declared_s)


def video_stream(container: Any) -> Any | None:
    """The first stream of moving pictures; cover art does not count."""
    from av.stream import Disposition

    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic and stream.codec_context is not None:
            return stream
    return None


def use_threads(stream: Any, *, low_delay: bool) -> None:
    """Frame threads for throughput; slice threads where each frame must come out at once."""
    stream.thread_type = "SLICE" if low_delay else "AUTO"
