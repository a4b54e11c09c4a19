"""Senders of live pictures on the loopback that can die and come back: a web camera and a UDP stream."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import cv2
from av.video.frame import PictureType

from unmask.realtime.types import Image

_FPS = 12
_DATAGRAM = 7 * 188  # whole packets of a transport stream, as every sender of video does


def jpegs(pictures: Sequence[Image]) -> list[bytes]:
    return [cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes() for picture in pictures]


@contextmanager
def web_camera(pictures: Sequence[bytes], port: int = 0) -> Iterator[int]:
    """A camera that sends JPEGs (multipart) to everybody, round and round; yields its port.

    At the end it dies: every connection is closed, and nobody listens any more.
    """
    over = threading.Event()

    class Camera(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=cut")
            self.end_headers()
            number = 0
            while not over.wait(1 / _FPS):
                jpeg = pictures[number % len(pictures)]
                head = f"--cut\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                try:
                    self.wfile.write(head.encode() + jpeg + b"\r\n")
                except OSError:
                    return
                number += 1

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Camera)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="web-camera")
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class UdpSender:
    """Sends a clip as an MPEG transport stream over UDP, at its own speed, round and round.

    ``silent`` set: nothing is sent until it is cleared, and the time goes on, as with a cable that is
    pulled out. A context manager.
    """

    def __init__(self, clip: Path, port: int) -> None:
        self.silent = threading.Event()
        self._target = ("127.0.0.1", port)
        self._over = threading.Event()
        self._parts = _transport_stream(clip)
        self._thread = threading.Thread(target=self._send, name="udp-sender")

    def __enter__(self) -> UdpSender:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(5)

    def _send(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            due = time.monotonic()
            while not self._over.is_set():
                for lasts_s, data in self._parts:
                    due += lasts_s
                    if self._over.wait(max(0.0, due - time.monotonic())):
                        return
                    if not self.silent.is_set():
                        for at in range(0, len(data), _DATAGRAM):
                            out.sendto(data[at : at + _DATAGRAM], self._target)


def _transport_stream(clip: Path) -> list[tuple[float, bytes]]:
    """The clip, encoded with a key frame twice a second: for each picture (its seconds, its bytes)."""
    parts: list[tuple[float, bytes]] = []
    whole = io.BytesIO()
    with av.open(str(clip)) as source, av.open(whole, "w", format="mpegts", options={"flush_packets": "1"}) as target:
        rate = source.streams.video[0].average_rate
        assert rate is not None
        options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "20"}
        stream = target.add_stream("libx264", rate=rate, options=options)
        stream.width, stream.height = source.streams.video[0].width, source.streams.video[0].height
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = round(rate / 2)
        for frame in source.decode(video=0):
            frame.pict_type = PictureType.NONE  # what it was in the file binds nobody here
            target.mux(stream.encode(frame))
            parts.append((float(1 / rate), _taken(whole)))
        target.mux(stream.encode(None))
    parts.append((0.0, _taken(whole)))
    return parts


def _taken(whole: io.BytesIO) -> bytes:
    data = whole.getvalue()
    whole.seek(0)
    whole.truncate()
    return data
