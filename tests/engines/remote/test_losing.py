"""A server that lies, stalls, dies and comes back while it is being used."""

from __future__ import annotations

import threading
import time

import grpc
import numpy as np
import pytest
from kserve_server import KServeServer, Refusal
from toy_package import build_toy_package

from unmask.engines.errors import EngineError, EngineLost, EngineUnavailable
from unmask.engines.options import EngineOptions
from unmask.engines.remote.engine import RemoteEngine

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.fixture
def engine(server, engine_for):
    with engine_for(server) as opened:
        yield opened


def edit(**fields):
    def lie(reply):
        for name, value in fields.items():
            setattr(reply, name, value)
        return reply

    return lie


def edit_output(place, **fields):
    def lie(reply):
        output = reply.outputs[place]
        for name, value in fields.items():
            if name == "shape":
                del output.shape[:]
                output.shape.extend(value)
            else:
                setattr(output, name, value)
        return reply

    return lie


def cut(reply):
    reply.raw_output_contents[0] = reply.raw_output_contents[0][:-1]
    return reply


def without_an_output(reply):
    del reply.outputs[1]
    del reply.raw_output_contents[1]
    return reply


def without_contents(reply):
    del reply.raw_output_contents[:]
    return reply


def one_content_too_many(reply):
    reply.raw_output_contents.append(b"")
    return reply


def twice(reply):
    reply.outputs[1].CopyFrom(reply.outputs[0])
    reply.raw_output_contents[1] = reply.raw_output_contents[0]
    return reply


def without_end(reply):
    reply.raw_output_contents[0] = bytes(2 << 20)
    return reply


def many_names(reply):
    for number in range(2000):
        reply.outputs.add(name=f"output-{number}")
    return reply


def refuse(code):
    def lie(reply):
        raise Refusal(code, "\x1b[31m no\n" + "y" * 2000)

    return lie


@pytest.mark.parametrize(
    ("lie", "message"),
    [
        (edit(model_name="other"), "answered for the model 'other', not for 'toy'"),
        (edit(id="0815"), "answered another request"),
        (edit(model_version="2"), "changed the model toy"),
        (edit_output(0, name="logit"), "answered with logit, logit, it was asked for embedding, logit"),
        (edit_output(0, datatype="FP64"), r"gave embedding as FP64\(2, 8\), it must be FP32\(2, 8\)"),
        (edit_output(0, shape=[1, 16]), r"gave embedding as FP32\(1, 16\)"),
        (edit_output(0, shape=[-1, 8]), r"gave embedding as FP32\(any, 8\)"),
        (edit_output(1, shape=[2, 1]), r"gave logit as FP32\(2, 1\), it must be FP32\(2\)"),
        (edit_output(1, shape=[1 << 62] * 60), r"gave logit as FP32\(4611686018427387904, .*\.\.\.\)"),
        (cut, "sent embedding with other contents"),
        (without_an_output, "answered with embedding, it was asked for embedding, logit"),
        (without_contents, "sent embedding with other contents"),
        (one_content_too_many, "sent the contents of 3 arrays and named 2"),
        (twice, "answered with embedding, embedding"),
        (without_end, "answered ModelInfer with more than the model can give"),
        (many_names, r"answered with embedding, logit, output-0, .*\.\.\., it was asked"),
        (lambda reply: b"\xff" * 50, "answered ModelInfer with something unreadable"),
        (lambda reply: b"", "changed the model toy"),
        (refuse(grpc.StatusCode.INTERNAL), r"refused ModelInfer \(internal: \[31m no y+\)"),
        (refuse(grpc.StatusCode.INVALID_ARGUMENT), r"refused ModelInfer \(invalid argument: "),
        (refuse(grpc.StatusCode.NOT_FOUND), r"refused ModelInfer \(not found: "),
        (refuse(grpc.StatusCode.UNAUTHENTICATED), r"refused ModelInfer \(unauthenticated: "),
    ],
)
def test_an_answer_that_is_none(server, engine, crops, lie, message, until_it_works):
    """Every one is an error in one short sentence, and the server is checked before it is used again."""
    server.lie = lie
    with pytest.raises(EngineError, match=message) as caught:
        engine.infer({"crops": crops(2)})
    assert not isinstance(caught.value, EngineLost)
    assert len(str(caught.value)) < 500
    assert str(caught.value).isprintable()
    server.lie = None
    server.requests.clear()
    until_it_works(engine)
    assert server.requests[0].id == "probe"


def test_nan_passes_as_nan(server, engine, crops):
    def lie(reply):
        numbers = np.frombuffer(reply.raw_output_contents[0], "<f4").copy()
        numbers[3] = np.nan
        reply.raw_output_contents[0] = numbers.tobytes()
        return reply

    server.lie = lie
    outputs = engine.infer({"crops": crops(2)})
    assert np.isnan(outputs["embedding"][0, 3])
    assert np.isnan(outputs["embedding"]).sum() == 1


@pytest.mark.parametrize(
    ("lie", "message"),
    [
        (lambda reply: time.sleep(1.0) or reply, "did not answer ModelInfer within 0.3 s"),
        (refuse(grpc.StatusCode.UNAVAILABLE), "cannot be reached"),
        (refuse(grpc.StatusCode.RESOURCE_EXHAUSTED), "has no room for another call"),
        (refuse(grpc.StatusCode.CANCELLED), "broke the call off"),
    ],
)
def test_no_answer_is_a_lost_server(server, engine_for, crops, lie, message, until_it_works):
    with engine_for(server, deadline_s=0.3) as engine:
        server.lie = lie
        with pytest.raises(EngineLost, match=message) as first:
            engine.infer({"crops": crops(1)})
        # From now on nobody waits for it: the calls fail without asking, with the same sentence.
        asked = len(server.requests)
        for _ in range(20):
            with pytest.raises(EngineLost) as again:
                engine.infer({"crops": crops(1)})
        assert str(again.value) == str(first.value)
        assert again.value is not first.value
        assert len(server.requests) <= asked + 1  # at most the thread's own check
        assert "away" in engine.provider
        server.lie = None
        until_it_works(engine)
        assert "kserve-test" in engine.provider


def test_the_parts_of_a_large_batch_share_the_deadline(server, engine_for, crops):
    with engine_for(server, max_batch=1, deadline_s=1.0) as engine:
        server.batches.clear()

        def lie(reply):
            time.sleep(0.6)  # each is in time, both together are not
            return reply

        server.lie = lie
        with pytest.raises(EngineLost, match=r"did not answer ModelInfer within 1 s\.$"):
            engine.infer({"crops": crops(9)})
        server.lie = None
        assert len(server.batches) < 9


def test_a_short_refusal_is_got_over_within_the_deadline(server, engine, crops):
    refusals = iter([1, 1])

    def lie(reply):
        if next(refusals, 0):
            raise Refusal(grpc.StatusCode.UNAVAILABLE)
        return reply

    server.lie = lie
    assert engine.infer({"crops": crops(1)})["logit"].shape == (1,)
    assert next(refusals, None) is None


def test_it_dies_in_a_call_and_comes_back(server, engine, crops, until_it_works):
    def die(reply):
        threading.Thread(target=server.stop).start()
        time.sleep(0.2)
        return reply

    server.lie = die
    with pytest.raises(EngineLost):
        engine.infer({"crops": crops(1)})
    server.lie = None
    server.stop()
    with pytest.raises(EngineLost):
        engine.infer({"crops": crops(1)})
    server.start()
    until_it_works(engine)


def test_another_model_on_its_return_is_not_believed(server, engine, crops, tmp_path, until_it_works):
    server.stop()
    with pytest.raises(EngineLost, match="cannot be reached"):
        engine.infer({"crops": crops(1)})
    other = build_toy_package(tmp_path / "toy", input={"colour": "bgr"})
    with KServeServer(other / "encoder.onnx", port=server.port):
        deadline = time.monotonic() + 20
        while True:
            with pytest.raises(EngineError) as caught:
                engine.infer({"crops": crops(1)})
            if not isinstance(caught.value, EngineLost):
                break
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert "serves another model as toy" in str(caught.value)
    server.start()
    until_it_works(engine)


def test_closing_does_not_wait_for_a_lost_server(server, engine_for, crops):
    """Its thread is asking a server that takes the call and never answers."""
    engine = engine_for(server, deadline_s=0.2)
    engine.open()
    asked, answer = threading.Event(), threading.Event()

    def lie(reply):
        if reply.id == "probe":
            asked.set()
        answer.wait(20)
        return reply

    server.lie = lie
    try:
        with pytest.raises(EngineLost):
            engine.infer({"crops": crops(1)})
        assert asked.wait(10)
        engine.close()  # the thread would be in its call for 20 s more
        assert not answer.is_set()
        assert "unmask-remote" not in [thread.name for thread in threading.enumerate()]
    finally:
        answer.set()


def test_closing_ends_a_call_that_another_thread_is_in(server, engine_for, crops):
    """A monitor that stops does not wait for its scoring thread longer than a second."""
    engine = engine_for(server, deadline_s=20.0)
    engine.open()
    asked, answer = threading.Event(), threading.Event()

    def lie(reply):
        asked.set()
        answer.wait(20)
        return reply

    server.lie = lie
    raised: list[EngineError] = []

    def call():
        try:
            engine.infer({"crops": crops(1)})
        except EngineError as error:
            raised.append(error)

    caller = threading.Thread(target=call)
    caller.start()
    try:
        assert asked.wait(10)
        engine.close()
        caller.join(10)
        assert not caller.is_alive()
        assert not answer.is_set()
        assert isinstance(raised[0], EngineLost)
    finally:
        answer.set()


def test_answers_are_not_asked_for_compressed(encoder):
    """What is small on the wire could unfold to gigabytes: such an answer is refused unread."""
    with (
        KServeServer(encoder, compression=grpc.Compression.Gzip) as server,
        pytest.raises(EngineUnavailable, match="gzip"),
    ):
        RemoteEngine(encoder, EngineOptions(server=server.address)).open()
