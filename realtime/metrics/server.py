"""`--metrics`: the clocks over HTTP, for Prometheus. On this machine only, unless another address is written out."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import TCPServer, ThreadingMixIn
from types import TracebackType
from typing import Any, Self

from unmask.engines.errors import UsageError
from unmask.realtime.metrics.collector import MetricsCollector
from unmask.realtime.metrics.prometheus import CONTENT_TYPE, exposition, public_names
from unmask.realtime.types import SourceState

_LOCAL = "127.0.0.1"
_LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
_PLAIN = "text/plain; charset=utf-8"
_ILL = frozenset({SourceState.STALLED, SourceState.RECONNECTING, SourceState.FAILED})
#: A request has so many seconds in all; so many are answered at once, and more are turned away.
_LONGEST_S, _AT_ONCE = 5.0, 4


def parse_address(text: str) -> tuple[str, int]:
    """``PORT`` (on 127.0.0.1) or ``HOST:PORT``; an IPv6 host in brackets. ``UsageError`` for anything else."""
    host, colon, port = text.strip().rpartition(":")
    if not colon:
        host = _LOCAL
    elif host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        host = ""
    if not host or not (port.isascii() and port.isdecimal()) or int(port) > 65535:
        raise UsageError(
            f"--metrics needs a port as in 9464, or HOST:PORT as in 127.0.0.1:9464 or [::1]:9464, not {text!r}."
        )
    return host, int(port)


class MetricsServer:
    """Serves ``GET /metrics`` (what ``page`` gives) and ``GET /healthz`` (``healthy``: 200 or 503 and a text).

    It takes the port at once: ``UsageError`` where it cannot. Use it as a context manager: inside, it answers
    from threads of its own; afterwards the port is free. Port 0 takes any free one, see ``url``.
    """

    def __init__(self, address: str, page: Callable[[], str], healthy: Callable[[], tuple[bool, str]]) -> None:
        host, port = parse_address(address)
        try:
            family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            self._server = _Server(family, place[:2], page, healthy, local=host in _LOCAL_NAMES)
        except OSError as error:
            raise UsageError(_why_not(host, port, error)) from None
        self._thread = threading.Thread(target=self._serve, name="unmask-metrics", daemon=True)
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._server.server_address[1]}/metrics"

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Free the port. Answers under way are cut off after a moment."""
        if self._thread.ident is not None:
            self._server.shutdown()
            self._thread.join(1.0)
        self._server.server_close()

    def _serve(self) -> None:
        self._server.serve_forever(poll_interval=0.2)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Server(ThreadingMixIn, HTTPServer):
    daemon_threads = True
    block_on_close = False
    # On Windows the option lets another program take the port over; elsewhere it only skips a wait.
    allow_reuse_address = os.name != "nt"

    def __init__(
        self,
        family: socket.AddressFamily,
        place: Any,
        page: Callable[[], str],
        healthy: Callable[[], tuple[bool, str]],
        *,
        local: bool,
    ) -> None:
        self.address_family = family
        self.page, self.healthy, self.local = page, healthy, local
        self._open: dict[Any, float] = {}
        self._open_lock = threading.Lock()
        super().__init__(place, _Handler)

    def server_bind(self) -> None:
        # Not HTTPServer's: it asks the name service for the host's name, which can take seconds.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Turn away what is too much; the socket is closed then."""
        with self._open_lock:
            if len(self._open) >= _AT_ONCE:
                return False
            self._open[request] = time.monotonic()
            return True

    def service_actions(self) -> None:
        """Called about five times a second: end what takes too long, however slowly it still drips."""
        with self._open_lock:
            late = [request for request, since in self._open.items() if time.monotonic() - since > _LONGEST_S]
        for request in late:
            _shut(request)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        with self._open_lock:
            still = list(self._open)
        for request in still:
            _shut(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up in the middle is no business of the person at the terminal."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]
    timeout = 2.0
    server_version, sys_version = "unmask", ""
    error_message_format, error_content_type = "%(code)d %(message)s\n", _PLAIN

    def do_GET(self) -> None:
        if self.server.local and not self._names_this_machine():
            # A page in a browser could otherwise read this through a name that it points at 127.0.0.1.
            self._answer(403, "This address is for this machine only.\n")
            return
        path = self.path.partition("?")[0]
        try:
            if path == "/metrics":
                self._answer(200, self.server.page(), CONTENT_TYPE)
            elif path == "/healthz":
                good, text = self.server.healthy()
                self._answer(200 if good else 503, text)
            else:
                self._answer(404, "There are /metrics and /healthz.\n")
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - answered, instead of a traceback in the terminal
            self._answer(500, f"The metrics failed: {type(error).__name__} (a bug of Unmask; please report it)\n")

    def _refuse(self) -> None:
        self._answer(405, "Only GET is answered.\n", allow="GET")

    do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_TRACE = do_CONNECT = _refuse

    def _names_this_machine(self) -> bool:
        host = self.headers.get("Host", "")
        name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
        return not host or name.lower() in _LOCAL_NAMES

    def _answer(self, code: int, text: str, kind: str = _PLAIN, allow: str = "") -> None:
        body = text.encode("utf-8", "replace")
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        if allow:
            self.send_header("Allow", allow)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name it has above
        """Silent: the terminal belongs to the verdicts."""


def serve(address: str, collector: MetricsCollector, version: str) -> MetricsServer:
    """A server of ``collector``'s figures, not yet started. Not healthy: a source failed, or sends nothing."""

    def healthy() -> tuple[bool, str]:
        clocks = collector.clocks()
        names = public_names(clocks.sources)
        told = {names[key]: one.standing.state for key, one in clocks.sources.items() if one.standing is not None}
        good = not any(state in _ILL for state in told.values())
        return good, "".join(f"{name}: {state}\n" for name, state in told.items()) or "opening\n"

    return MetricsServer(address, lambda: exposition(collector.clocks(), version), healthy)


def _shut(request: Any) -> None:
    with contextlib.suppress(OSError):  # its own thread may have closed it just now
        request.shutdown(socket.SHUT_RDWR)


def _why_not(host: str, port: int, error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return f"--metrics: there is no host {host}; leave it out to serve on this machine only."
    if error.errno == errno.EADDRINUSE:
        return f"--metrics: port {port} on {host} is in use; end the program that has it or give another port."
    if error.errno == errno.EACCES:
        return f"--metrics: port {port} may not be used by this user; give one above 1023."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"--metrics: {host} is no address of this machine; leave it out to serve on this machine only."
    return f"--metrics: cannot serve on {host}, port {port}: {error.strerror}; give another port."
