"""A TCP server on the loopback whose answers are bytes: for everything that no decent server would send."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
from collections.abc import Callable, Iterator

from hostile_videos import check_sentence, scene, write_video

from unmask.engines.errors import SourceError
from unmask.realtime.sources.stream import StreamSource

#: How long the tests let a stream be silent.
TIMEOUT_S = 0.5

#: What is done with one connection: (its socket, the first bytes that came, set when all is over).
Answer = Callable[[socket.socket, bytes, threading.Event], None]


class RawServer:
    """Counts its connections and keeps the requests. A context manager; nothing of it is left afterwards."""

    def __init__(self, answer: Answer, *, waits_for_request: bool = True) -> None:
        self._answer, self._waits = answer, waits_for_request
        self.requests: list[bytes] = []
        self.over = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(0.02)
        self.port: int = self._listening.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, name="raw-server")]

    def __enter__(self) -> RawServer:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self._threads:
            thread.join(5)
        self._listening.close()

    def _accept(self) -> None:
        while not self.over.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = self._listening.accept()
                thread = threading.Thread(target=self._serve, args=(connection,), name="raw-server-call")
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(1.0)
        with connection, contextlib.suppress(OSError):
            request = connection.recv(65536) if self._waits else b""
            self.requests.append(request)
            self._answer(connection, request, self.over)


def sends(data: bytes) -> Answer:
    """Send this, and hang up."""
    return lambda connection, request, over: connection.sendall(data)


def repeats(head: bytes, part: bytes, pause_s: float = 0.0) -> Answer:
    """Send ``head`` and then ``part`` again and again, as long as somebody takes it."""

    def answer(connection: socket.socket, request: bytes, over: threading.Event) -> None:
        connection.sendall(head)
        while not over.wait(pause_s):
            connection.sendall(part)

    return answer


def trickles(data: bytes, pause_s: float) -> Answer:
    """Send this byte by byte."""

    def answer(connection: socket.socket, request: bytes, over: threading.Event) -> None:
        for place in range(len(data)):
            if over.wait(pause_s):
                return
            connection.sendall(data[place : place + 1])

    return answer


def http(body: bytes = b"", *, status: str = "200 OK", kind: str = "video/mp4", **headers: str) -> bytes:
    """A whole answer. Underscores in ``headers`` are hyphens; what is empty is left out."""
    told = {"Content_Length": str(len(body)), **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in told.items() if value]
    return "\r\n".join([f"HTTP/1.1 {status}", f"Content-Type: {kind}", *lines, "", ""]).encode() + body


@contextlib.contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """The address ``http://127.0.0.1:port`` of such a server."""
    with RawServer(answer) as server:
        yield f"http://127.0.0.1:{server.port}"


def transport_stream(count: int = 25) -> bytes:
    """A second of 64 x 48 pixels as it is sent over the air."""
    data = io.BytesIO()
    write_video(
        data, [scene(number=n) for n in range(count)], container="mpegts", codec="mpeg2video", pix_fmt="yuv420p"
    )
    return data.getvalue()


def refusal_of(address: str, timeout_s: float = TIMEOUT_S) -> str:
    """The sentence for an address that cannot be opened, or not be read to an end."""
    with contextlib.closing(StreamSource(address, timeout_s=timeout_s)) as source:
        try:
            source.open()
            while source.read() is not None:
                pass
        except SourceError as error:
            return check_sentence(error)
    raise AssertionError("it was read to its end")
