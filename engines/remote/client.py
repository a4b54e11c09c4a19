"""Calls to one server: a deadline for each, a limit on every answer, and what went wrong in one sentence."""

from __future__ import annotations

import os
import time
from enum import Enum
from typing import Any

from google.protobuf.message import DecodeError

from unmask.engines.remote.address import Address
from unmask.engines.remote.protocol import MESSAGES, SERVICE

# Room for names, shapes and the frame of a message around its numbers.
_ROUND_THE_NUMBERS = 1 << 16
_FIRST_PAUSE_S = 0.02
_SHOWN = 200


class Failure(Enum):
    """``LOST``: the server, or the way to it, is away and may come back. ``REFUSED``: it answered, with an
    error. ``NONSENSE``: what it answered is no answer."""

    LOST = "lost"
    REFUSED = "refused"
    NONSENSE = "nonsense"


class CallFailed(Exception):
    """A call that brought no answer; the text is a clause that follows on the server's name."""

    def __init__(self, kind: Failure, clause: str) -> None:
        super().__init__(clause)
        self.kind = kind


class Client:
    """A channel to one server. Calls may come from one thread, ``close`` from another: it ends them.

    ``most_bytes`` is the size of the largest honest answer: a longer one is cut off while it is being read.
    """

    def __init__(self, address: Address, most_bytes: int) -> None:
        # The library prints to the terminal what the caller gets as an exception anyway.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        import grpc

        self.address = address
        options = [
            ("grpc.max_receive_message_length", most_bytes + _ROUND_THE_NUMBERS),
            ("grpc.max_metadata_size", 8 << 10),
            # An answer that is small on the wire could unfold to gigabytes: none is asked for compressed.
            ("grpc.compression_enabled_algorithms_bitset", 1),
            # Channels to one address would share the growing pauses after a failure.
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.initial_reconnect_backoff_ms", 50),
            ("grpc.min_reconnect_backoff_ms", 50),
            ("grpc.max_reconnect_backoff_ms", 200),
            ("grpc.enable_retries", 0),
            # Faces go to the server that was named, never by way of a proxy that the environment names.
            ("grpc.enable_http_proxy", 0),
        ]
        if address.secure:
            self._channel = grpc.secure_channel(address.target, grpc.ssl_channel_credentials(), options)
        else:
            self._channel = grpc.insecure_channel(address.target, options)

    def call(
        self,
        method: str,
        timeout_s: float,
        request: Any = None,
        *,
        again: bool = True,
        until_s: float | None = None,
        **fields: Any,
    ) -> Any:
        """The answer to ``method``, as a message. ``fields`` make the request where none is given.

        Tries ``again``, after growing pauses, as long as ``timeout_s`` lasts and the server is merely away or
        overloaded: all methods here may be repeated. ``until_s`` (monotonic) is an earlier end, where
        several calls share ``timeout_s``. Raises ``CallFailed``.
        """
        payload = (request if request is not None else MESSAGES[f"{method}Request"](**fields)).SerializeToString()
        end = time.monotonic() + timeout_s if until_s is None else until_s
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                raw = self._once(method, payload, max(end - time.monotonic(), 1e-3))
                break
            except _TooLate as late:
                raise CallFailed(Failure.LOST, f"did not answer {method} within {timeout_s:g} s") from late
            except _Passing as passing:
                if not again or time.monotonic() + pause_s >= end:
                    raise CallFailed(Failure.LOST, str(passing)) from passing
                time.sleep(pause_s)
                pause_s *= 2
        if raw is None:  # a call that ends well without a message
            raise CallFailed(Failure.NONSENSE, f"ended {method} without an answer")
        try:
            return MESSAGES[f"{method}Response"].FromString(raw)
        except DecodeError as error:
            raise CallFailed(Failure.NONSENSE, f"answered {method} with something unreadable") from error

    def _once(self, method: str, payload: bytes, timeout_s: float) -> bytes | None:
        import grpc

        # Bytes in, bytes out: grpcio would print a traceback for an answer that it cannot decode.
        call = self._channel.unary_unary(SERVICE + method)
        try:
            return call(payload, timeout=timeout_s)
        except grpc.RpcError as error:
            raise _translated(error, method) from error
        except ValueError as error:  # the channel was closed by another thread
            raise CallFailed(Failure.LOST, "was left while it was being asked") from error

    def close(self) -> None:
        """End the channel and whatever call is on it. Closing twice is harmless."""
        self._channel.close()


class _TooLate(Exception):
    """The time for a call is over."""


class _Passing(Exception):
    """The server is away or overloaded: asking again at once may help."""


def _translated(error: Any, method: str) -> Exception:
    """A gRPC failure as ``CallFailed``, ``_Passing`` or ``_TooLate``. Clauses of a lost server hold no changing
    details: they are shown, and counted as one failure, for as long as it is away."""
    import grpc

    code, details = error.code(), clean(error.details() or "")
    match code:
        case grpc.StatusCode.UNAVAILABLE:
            return _Passing("cannot be reached: nothing answers there, or the connection broke off")
        case grpc.StatusCode.RESOURCE_EXHAUSTED if "larger than max" not in details:
            return _Passing("has no room for another call")
        case grpc.StatusCode.RESOURCE_EXHAUSTED if "SERVER" not in details:  # the limit of this side
            return CallFailed(Failure.NONSENSE, f"answered {method} with more than the model can give")
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return _TooLate()
        case grpc.StatusCode.CANCELLED:
            return CallFailed(Failure.LOST, "broke the call off")
        case _:
            pass
    return CallFailed(Failure.REFUSED, f"refused {method} ({code.name.lower().replace('_', ' ')}: {details})")


def clean(text: str, limit: int = _SHOWN) -> str:
    """A server's words for a terminal: one line, no control characters, not without end."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * limit])
    return " ".join(plain.split())[:limit].rstrip(".")
