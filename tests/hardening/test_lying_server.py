"""Inference servers that lie about more than their answers: on the wire, in their headers, and in numbers that only
the monitor can tell (tests/engines/remote has the wrong shapes, types, names, sizes, delays and deaths)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from hostile_videos import check_sentence
from kserve_server import KServeServer
from raw_server import RawServer, repeats, sends, trickles
from sessions import Recorder, plan, run
from toy_package import build_toy_package

from unmask.engines.engine import Engine
from unmask.engines.errors import EngineUnavailable
from unmask.engines.options import EngineOptions
from unmask.engines.package import load_package
from unmask.engines.remote import create
from unmask.engines.remote.protocol import MESSAGES
from unmask.realtime.detector import Detector
from unmask.realtime.session import Session
from unmask.realtime.types import Cause, Update, Verdict

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rule = {"smoothing_s": 0.2, "dwell_s": 0.5, "release_s": 0.5}
    return build_toy_package(tmp_path_factory.mktemp("lying") / "toy", rule=rule, quality={"min_face_px": 20})


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unmask.engines.remote.link._ASK_S", 0.5)
    monkeypatch.setattr("unmask.engines.remote.link._PROBE_S", 1.0)


def engine_at(package: Path, port: int) -> Engine:
    return create(package / "encoder.onnx", EngineOptions(server=f"127.0.0.1:{port}"))


def refusal(package: Path, port: int) -> str:
    began = time.monotonic()
    with pytest.raises(EngineUnavailable) as caught:
        engine_at(package, port).open()
    assert time.monotonic() - began < 10, "each call has its deadline"
    return check_sentence(caught.value)


# --- on the wire


def frame(kind: int, payload: bytes = b"", flags: int = 0, stream: int = 0) -> bytes:
    """One frame of HTTP/2."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


SETTINGS, PING, GOAWAY = frame(4), frame(6, bytes(8)), frame(7, bytes(8))
HEADERS_ON, CONTINUATION = frame(1, b"\x88", 0, 1), frame(9, b"\x40\x01x\x7f\x80\x7f" + b"y" * 255, 0, 1)
DATA = frame(0, bytes(16384), 0, 1)

WIRE = {
    "hangs up": sends(b""),
    "mute": repeats(b"", b"", 0.02),
    "noise": repeats(b"", bytes(range(256)) * 16),
    "endless HTTP/1 headers": repeats(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 100),
    "settings for ever": repeats(SETTINGS, SETTINGS * 20, 0.002),
    "pings for ever": repeats(SETTINGS, PING * 20, 0.002),
    "headers without end": repeats(SETTINGS + HEADERS_ON, CONTINUATION, 0.002),
    "data without headers": repeats(SETTINGS, DATA),
    "a frame of 16 MB": repeats(SETTINGS + b"\xff\xff\xff\x00\x00\x00\x00\x00\x01", bytes(65536)),
    "goes away": sends(SETTINGS + GOAWAY),
    "settings byte by byte": trickles(SETTINGS * 50, 0.05),
}


@pytest.mark.parametrize("answer", WIRE.values(), ids=WIRE.keys())
@pytest.mark.usefixtures("impatient")
def test_what_is_no_inference_server_is_left_in_one_sentence(package: Path, answer: Any) -> None:
    with RawServer(answer) as server:
        assert f"The server 127.0.0.1:{server.port} " in refusal(package, server.port)


# --- in the headers and the number of answers


class OddServer:
    """Answers each method by ``behave(method, context)``, which yields the answers: one would be honest."""

    def __init__(self, behave: Callable[[str, Any], Any]) -> None:
        self._pool = futures.ThreadPoolExecutor(2)
        self._server = grpc.server(self._pool, options=(("grpc.so_reuseport", 0),))
        handlers = {
            method: grpc.unary_stream_rpc_method_handler(
                lambda asked, context, method=method: behave(method, context), None, bytes
            )
            for method in ("ServerLive", "ServerMetadata", "ModelReady", "ModelMetadata", "ModelInfer")
        }
        service = "inference.GRPCInferenceService"
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
        self.port: int = self._server.add_insecure_port("127.0.0.1:0")

    def __enter__(self) -> OddServer:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(None).wait(5)
        self._pool.shutdown()


LIVE = MESSAGES["ServerLiveResponse"](live=True).SerializeToString()


def twice(method: str, context: Any) -> Any:
    yield LIVE
    yield LIVE


def never(method: str, context: Any) -> Any:
    yield from ()


def without_end(method: str, context: Any) -> Any:
    while context.is_active():
        yield LIVE


def long_headers(method: str, context: Any) -> Any:
    context.send_initial_metadata((("x-long", "y" * 1_000_000),))
    yield LIVE


def long_trailers(method: str, context: Any) -> Any:
    context.set_trailing_metadata((("x-long", "y" * 1_000_000),))
    yield LIVE


def long_excuse(method: str, context: Any) -> Any:
    context.abort(grpc.StatusCode.INTERNAL, "\x1b[31m" + "because " * 100_000)
    yield b""


def endless_name(method: str, context: Any) -> Any:
    yield (
        LIVE if method == "ServerLive" else MESSAGES["ServerMetadataResponse"](name="x" * 3_000_000).SerializeToString()
    )


@pytest.mark.parametrize(
    "behave",
    [twice, never, without_end, long_headers, long_trailers, long_excuse, endless_name],
    ids=lambda b: b.__name__,
)
@pytest.mark.usefixtures("impatient")
def test_more_or_less_than_one_answer_and_headers_without_end(package: Path, behave: Any) -> None:
    with OddServer(behave) as server:
        assert len(refusal(package, server.port)) < 400


# --- in numbers


def after_the_probe(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Any], Any]:
    """Honest until it is believed; then every embedding is changed."""

    def lie(reply: Any) -> Any:
        if reply.id != "probe":
            place = next(place for place, output in enumerate(reply.outputs) if output.name == "embedding")
            vectors = np.frombuffer(reply.raw_output_contents[place], "<f4").copy()
            reply.raw_output_contents[place] = change(vectors).astype("<f4").tobytes()
        return reply

    return lie


def spoilt(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(vectors: np.ndarray) -> np.ndarray:
        vectors[0] = value
        return vectors

    return change


def watched(package: Path, server: KServeServer) -> list[Update]:
    recorder = Recorder()
    options = EngineOptions(server=server.address, deadline_s=2.0)
    with Detector.open(load_package(package), "remote", options=options) as detector:
        run(Session([plan(frames=40)], detector, sinks=[recorder]))
    return recorder.updates


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3.4e38])
def test_numbers_that_are_none_give_no_score(package: Path, value: float) -> None:
    with KServeServer(package / "encoder.onnx", lie=after_the_probe(spoilt(value))) as server:
        updates = watched(package, server)
    judged = [update for update in updates if update.faces]
    assert len(judged) > 20
    assert {update.verdict for update in judged} == {Verdict.CANNOT_JUDGE}
    assert all(face.score is None and face.evidence is None for update in judged for face in update.faces)
    assert judged[-1].causes == (Cause.DETECTOR_UNAVAILABLE,)
    assert not updates[-1].events


def test_an_honest_server_gives_signs(package: Path) -> None:
    with KServeServer(package / "encoder.onnx") as server:
        updates = watched(package, server)
    assert Verdict.SIGNS in {update.verdict for update in updates}


def test_a_server_that_lies_in_shape_during_a_call_costs_the_verdict_not_the_session(package: Path) -> None:
    def lie(reply: Any) -> Any:
        if reply.id not in ("probe", "1"):  # the second is asked on opening, too
            del reply.outputs[1]
        return reply

    before = set(threading.enumerate())
    with KServeServer(package / "encoder.onnx", lie=lie) as server:
        updates = watched(package, server)
        assert not [one for one in threading.enumerate() if one not in before and one.name == "unmask-remote"]
    judged = [update for update in updates if update.faces]
    assert {update.verdict for update in judged} == {Verdict.CANNOT_JUDGE}
    assert any("answered with" in update.message for update in updates)
    assert len([update for update in updates if update.frame is not None]) >= 40
