"""Decoding with PyAV: what files and network streams share.

Orientation, pixel shape and timestamps are settled here, so that whoever looks at a frame sees what
a player would show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import cv2
import numpy as np

from unmask.engines.errors import SourceError
from unmask.realtime.types import Image

#: Packets in a row of streams that came up later, which are passed over.
_MOST_STRANGERS = 100_000

#: A picture larger than this is refused before it is decoded (Pillow's own limit, 89 megapixels).
MAX_PIXELS = 89_478_485

#: What ends this much before its declared end is cut off (both must hold).
_MISSING_S, _MISSING_SHARE = 1.0, 0.1

#: A frame that comes so long after the one before is on another timeline; one declared to last so long is not believed.
LONGEST_LEAP_S, _LONGEST_S = 3600.0, 366 * 86_400.0


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


def to_bgr(frame: Any, aspect: Fraction | None, name: str = "The video") -> Image:
    """A decoded frame as BGR uint8 (H, W, 3), contiguous, upright, with square pixels.

    ``aspect`` is the shape of one pixel (width / height), ``None`` or 0 where the file does not say; it is left
    out where the picture would become larger than ``MAX_PIXELS``. The array is new and belongs to the caller.
    Raises ``SourceError``, which calls the source ``name``, for a picture that cannot be converted.
    """
    from av.error import FFmpegError

    refuse_size(name, frame.width, frame.height)  # a size may change in the middle
    width = frame.width
    if aspect and aspect != 1 and Fraction(1, 8) < aspect < 8:
        stretched = max(1, round(width * aspect))
        width = stretched if stretched * frame.height <= MAX_PIXELS else width
    try:
        # One thread: by default each frame starts threads of its own, which live until the garbage is collected.
        image = frame.reformat(format="bgr24", width=width, height=frame.height, threads=1).to_ndarray()
    except (FFmpegError, ValueError, MemoryError) as error:
        raise SourceError(
            f"{name} has pictures in the format {frame.format.name} of {frame.width}x{frame.height}, which cannot be "
            "converted; convert it to yuv420p first."
        ) from error
    return np.ascontiguousarray(frame_orientation(frame).apply(image))


def refuse_size(name: str, width: int, height: int) -> None:
    """Raise ``SourceError`` for pictures that are too large to be decoded."""
    if width * height > MAX_PIXELS:
        raise SourceError(f"{name} has frames of {width}x{height}; scale it down first.")


class Timeline:
    """Presentation times of a stream as seconds from its first frame, always growing.

    A frame without a timestamp follows the last one at the nominal rate. A timestamp that jumps
    back (a transport stream that wraps, two recordings glued together) or ahead by more than an hour
    is taken as the same continuation, and what follows keeps that shift.
    """

    def __init__(self, fps: float | None) -> None:
        self._step = 1.0 / fps if fps else 0.04
        self._shift: float | None = None
        self._last: float | None = None
        #: Whether a timestamp was taken for a continuation: then what the container says of its length means nothing.
        self.jumped = False

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
            if self._shift is None or not 0 < pts_s + self._shift - self._last <= LONGEST_LEAP_S:
                self.jumped |= self._shift is not None
                self._shift = expected - pts_s
            time_s = pts_s + self._shift
        self._last = time_s
        return time_s


def frames_of(
    container: Any, stream: Any, damage: list[int], stopped: Callable[[], bool] = lambda: False
) -> Iterator[Any]:
    """Every sound decoded frame of a stream, in order of presentation; ends early once it is ``stopped``.

    A damaged packet costs its frames, not the rest: ``damage[0]`` counts them. Frames that the
    decoder patched up (after a lost key frame, say) are left out, since a patched face looks
    manipulated. Errors of the container itself pass through.
    """
    from av.error import FFmpegError

    # All streams' packets: of one alone PyAV would pass over the others', which may come without end.
    for packet in _packets(container):
        if stopped():
            return
        if packet.stream is not stream:
            continue
        try:
            frames = packet.decode()
        except FFmpegError as error:
            if isinstance(error, MemoryError):
                raise
            damage[0] += 1
            continue
        for frame in frames:
            if frame.is_corrupt:
                damage[0] += 1
            else:
                yield frame


def _packets(container: Any) -> Iterator[Any]:
    """Of every stream that was there when it was opened. PyAV stumbles over each packet of one that came up later."""
    in_a_row = 0
    while in_a_row < _MOST_STRANGERS:
        try:
            for packet in container.demux():
                in_a_row = 0
                yield packet
        except IndexError:
            in_a_row += 1
        else:
            return
    raise SourceError("It goes on with streams alone that it did not declare; get it again.")


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
    if not 0 < length <= _LONGEST_S:
        return None, False
    per_track = container.format.name in ("avi", "mxf") or "mp4" in container.format.name
    return length, per_track or len(container.streams) == 1


def is_cut_off(end_s: float, declared_s: float) -> bool:
    """Whether what ends at ``end_s`` lacks a good part of what it declares."""
    return declared_s - end_s > max(_MISSING_S, _MISSING_SHARE * declared_s)


def video_stream(container: Any) -> Any | None:
    """The stream of moving pictures that a player shows: the first that is marked as the default, else the first.

    Cover art does not count, and what no decoder here can read.
    """
    from av.stream import Disposition

    moving = [stream for stream in moving_streams(container) if stream.codec_context is not None]
    return next((stream for stream in moving if stream.disposition & Disposition.default), next(iter(moving), None))


def moving_streams(container: Any) -> list[Any]:
    """The streams of moving pictures, also those that no decoder here can read."""
    from av.stream import Disposition

    return [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]


def set_up_decoder(stream: Any, *, low_delay: bool) -> None:
    """Before the first packet: frame threads for throughput, slice threads where each frame must come out at once;
    and no memory for pictures that are too large, whatever the header said."""
    stream.thread_type = "SLICE" if low_delay else "AUTO"
    stream.codec_context.options = {**stream.codec_context.options, "max_pixels": str(MAX_PIXELS)}
