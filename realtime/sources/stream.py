"""A network stream through PyAV, always at its newest frame.

A thread decodes whatever arrives and keeps the last frame; only the frame that is read is converted.
(FFmpeg's ``nobuffer`` is left alone: it throws away the packets read while the stream is probed, key
frame included, and with a thread that empties every buffer it would gain nothing.)

An ``http(s)`` address with a declared length is a file on a server: then every frame is handed out,
none is dropped, and the end is an end. Everything else is live, and its end is an error that may
pass: ``SourceError(retryable=True)``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import av
from av.error import (
    ArgumentError,
    ExitError,
    FFmpegError,
    HTTPBadRequestError,
    HTTPClientError,
    HTTPError,
    HTTPForbiddenError,
    HTTPUnauthorizedError,
    InvalidDataError,
)

from unmask.engines.errors import SourceError
from unmask.realtime.sources.addresses import PROTOCOLS, check_address, redacted
from unmask.realtime.sources.base import SourceInfo
from unmask.realtime.sources.decoding import (
    Timeline,
    declared_duration,
    frames_of,
    is_cut_off,
    nominal_fps,
    pts_seconds,
    refuse_size,
    set_up_decoder,
    to_bgr,
    video_stream,
)
from unmask.realtime.sources.formats import opened_formats
from unmask.realtime.sources.latest import LatestReader, silent
from unmask.realtime.sources.lifecycle import SourceBase, closed_while_opening
from unmask.realtime.types import Frame


@dataclass(frozen=True, slots=True)
class _Decoded:
    frame: Any
    time_s: float


class StreamSource(SourceBase):
    """RTSP, HTTP(S), UDP, TCP, RTMP or SRT. ``source_id`` is the address without its password.

    ``close`` returns at once, also during an open or a read that hangs; the thread that hangs gives
    the connection back when FFmpeg's own time-out (``timeout_s``) lets it go.
    """

    def __init__(
        self,
        address: str,
        source_id: str | None = None,
        *,
        timeout_s: float = 10.0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._scheme = check_address(address)
        super().__init__(source_id or redacted(address))
        self._address = address
        self._timeout_s = timeout_s
        self._headers = dict(headers or {})
        self._reader: LatestReader[_Decoded] | None = None
        self._connection: _Connection | None = None
        self._last_s = 0.0

    @property
    def dropped(self) -> int:
        """Frames that a newer one replaced before they were read."""
        return 0 if self._reader is None else self._reader.dropped

    def _open(self) -> SourceInfo:
        reader = self._reader = LatestReader(
            self.source_id,
            lambda: _Connection(
                self.source_id,
                self._address,
                self._scheme,
                self._timeout_s,
                self._headers,
                lambda: reader.stopped,
            ),
        )
        if self._stop.is_set():
            reader.signal()
        try:
            connection = reader.start(self._timeout_s)
        except TimeoutError:
            raise self._unreachable() from None
        if connection is None:
            raise closed_while_opening(self.source_id)
        assert isinstance(connection, _Connection)
        self._connection = connection
        return connection.info

    def _grab(self) -> Frame | None:
        assert self._reader is not None
        assert self._connection is not None
        try:
            taken = self._reader.take(self._timeout_s)
        except TimeoutError:
            raise silent(self.source_id, self._timeout_s) from None
        if taken is not None:
            decoded, captured_at = taken
            image = to_bgr(decoded.frame, self._connection.aspect, self.source_id)
            if self._connection.live:
                return self._frame(image, captured_at, skipped=self._reader.newly_dropped())
            self._last_s = decoded.time_s
            return self._frame(image, time.monotonic_ns(), decoded.time_s)
        if not self._stop.is_set():
            self._check_end(self._connection)
        return None

    def _check_end(self, connection: _Connection) -> None:
        if connection.live:
            raise SourceError(f"The stream {self.source_id} ended; start it again.", retryable=True)
        length_s = connection.info.duration_s or 0.0
        if connection.length_is_sure and not connection.jumped and is_cut_off(self._last_s, length_s):
            raise SourceError(
                f"{self.source_id} broke off after {self._last_s:.1f} s of {length_s:.1f} s; try again.",
                retryable=True,
            )

    def _unreachable(self) -> SourceError:
        return SourceError(
            f"{self.source_id} did not answer within {self._timeout_s:g} s; check the address and that the "
            "stream is running.",
            retryable=True,
        )

    def _wake(self) -> None:
        reader = self._reader
        if reader is not None:
            reader.signal()

    def _free(self) -> None:
        if self._reader is not None:
            self._reader.stop()


class _Connection:
    """The opened stream, used by the reader's thread alone. Opening it decodes the first frame; once it is
    ``stopped`` it waits for no other: a sender may send without end what never becomes a picture."""

    def __init__(
        self,
        source_id: str,
        address: str,
        scheme: str,
        timeout_s: float,
        headers: Mapping[str, str],
        stopped: Callable[[], bool],
    ) -> None:
        self._source_id = source_id
        self._stopped = stopped
        self._timeout_s = timeout_s
        try:
            self._container = av.open(
                address,
                options=_options(scheme, timeout_s, headers),
                timeout=(timeout_s, timeout_s),
                metadata_errors="replace",  # titles are often not UTF-8, and nobody needs them
            )
        except (FFmpegError, OSError) as error:
            raise _explain(source_id, timeout_s, error) from error
        try:
            self._prepare(scheme)
        except BaseException:
            self._container.close()
            raise

    def _prepare(self, scheme: str) -> None:
        stream = video_stream(self._container)
        if stream is None:
            raise SourceError(f"{self._source_id} carries no video; give an address that does.")
        context = stream.codec_context
        refuse_size(self._source_id, context.width, context.height)
        length_s, _ = declared_duration(self._container, stream, 0.0)
        self.live = scheme not in ("http", "https") or length_s is None
        self.aspect = stream.sample_aspect_ratio
        set_up_decoder(stream, low_delay=self.live)
        self._fps = nominal_fps(stream)
        self._timeline = Timeline(self._fps)
        self._frames: Iterator[Any] = frames_of(self._container, stream, [0], self._stopped)
        self._first: tuple[_Decoded, int] | None = None
        self._first = self.grab()
        if self._first is None:
            raise SourceError(f"{self._source_id} ended before its first frame; start it again.", retryable=True)
        start_s = pts_seconds(self._first[0].frame) or 0.0
        length_s, self.length_is_sure = declared_duration(self._container, stream, start_s)
        self._length_s = None if self.live else length_s
        self.info = self._describe(context.name)

    @property
    def jumped(self) -> bool:
        """Whether its clock did, so that its declared length means nothing."""
        return self._timeline.jumped

    def grab(self) -> tuple[_Decoded, int] | None:
        held, self._first = self._first, None
        if held is not None:
            return held
        try:
            frame = next(self._frames, None)
        except (FFmpegError, OSError) as error:
            raise _explain(self._source_id, self._timeout_s, error) from error
        captured_at = time.monotonic_ns()
        if frame is None:
            return None
        return _Decoded(frame, self._timeline.place(pts_seconds(frame))), captured_at

    def free(self) -> None:
        self._frames = iter(())
        self._container.close()

    def _describe(self, codec: str) -> SourceInfo:
        assert self._first is not None
        height, width = to_bgr(self._first[0].frame, self.aspect, self._source_id).shape[:2]
        rate = f" at {self._fps:.4g} fps" if self._fps else ""
        frames = round(self._length_s * self._fps) if self._length_s and self._fps else None
        return SourceInfo(
            self._source_id,
            "stream",
            f"{self._source_id}, {width}x{height}{rate}, {codec}",
            live=self.live,
            width=width,
            height=height,
            fps=self._fps,
            duration_s=self._length_s,
            frame_count=frames,
        )


def _options(scheme: str, timeout_s: float, headers: Mapping[str, str]) -> dict[str, str]:
    options = {
        "protocol_whitelist": PROTOCOLS[scheme],
        "format_whitelist": opened_formats(network=True),
        "flags": "low_delay",
    }
    if scheme in ("rtsp", "rtsps"):
        # TCP: a lost UDP packet smears a face until the next key frame, and a smeared face looks manipulated.
        options["rtsp_transport"] = "tcp"
        options["timeout"] = str(int(timeout_s * 1e6))
    if scheme == "udp":
        options["overrun_nonfatal"] = "1"
    if headers:
        options["headers"] = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return options


def _explain(source_id: str, timeout_s: float, error: BaseException) -> SourceError:
    if isinstance(error, HTTPClientError):
        # A server that was started again has no such stream until its sender is back.
        absent = not isinstance(error, HTTPUnauthorizedError | HTTPForbiddenError | HTTPBadRequestError)
        sentence = f"{source_id} refuses ({_reason(error)}); check the address and the password."
        return SourceError(sentence, retryable=absent)
    if isinstance(error, (ExitError, TimeoutError)):
        return silent(source_id, timeout_s)
    if isinstance(error, HTTPError):
        return SourceError(f"{source_id}: {_reason(error)}; try again later.", retryable=True)
    if isinstance(error, InvalidDataError | ArgumentError):
        return SourceError(f"{source_id} sends nothing that can be read as video; check the address.", retryable=True)
    return SourceError(f"{source_id}: {_reason(error)}; check that the stream is running.", retryable=True)


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
