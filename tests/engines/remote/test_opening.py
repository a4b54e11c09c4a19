"""What is checked before a server is believed."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from kserve_server import KServeServer
from toy_package import build_toy_package, toy_logit

from unmask.engines.errors import EngineError, EngineUnavailable, PackageError, UsageError
from unmask.engines.options import EngineOptions
from unmask.engines.remote import create, why_unavailable
from unmask.engines.remote.engine import RemoteEngine

pytestmark = pytest.mark.usefixtures("no_leaks")


def test_it_gives_what_the_encoder_here_gives(server, engine_for, crops):
    engine = engine_for(server)
    with engine:
        assert engine.provider == f"remote kserve-test 1.0 at {server.address} (model toy)"
        assert [str(spec) for spec in engine.inputs] == ["crops: uint8(any, 64, 64, 3)"]
        outputs = engine.infer({"crops": crops(3)})
    np.testing.assert_allclose(outputs["logit"], [toy_logit(crop) for crop in crops(3)], atol=1e-5)
    assert outputs["embedding"].shape == (3, 8)
    assert outputs["embedding"].flags.writeable
    request = server.requests[-1]
    assert len(request.raw_input_contents[0]) == 3 * 64 * 64 * 3  # a byte per pixel and channel on the wire


def test_many_crops_go_in_several_calls_and_none_in_one(server, engine_for, crops):
    with engine_for(server, max_batch=16) as engine:
        server.batches.clear()
        assert engine.infer({"crops": crops(40)})["logit"].shape == (40,)
        assert server.batches == [16, 16, 8]
        np.testing.assert_array_equal(
            engine.infer({"crops": crops(40)})["embedding"][17],
            engine.infer({"crops": crops(40)[17:18]})["embedding"][0],
        )


def test_a_call_stays_below_what_servers_take_by_default(tmp_path):
    package = build_toy_package(tmp_path / "toy", size=512)
    with KServeServer(package / "encoder.onnx") as server:
        with RemoteEngine(package / "encoder.onnx", EngineOptions(server=server.address, deadline_s=10)) as engine:
            engine.infer({"crops": np.zeros((9, 512, 512, 3), np.uint8)})
        assert max(server.batches) == 4
        assert all(request.ByteSize() < 4 << 20 for request in server.requests)


@pytest.mark.parametrize("form", ["pad_logit", "typed"])
def test_other_honest_ways_of_saying_the_same(server, engine_for, crops, form):
    """Triton has no output of shape (N,); some servers fill typed fields in place of raw bytes."""
    setattr(server, form, True)
    with engine_for(server) as engine:
        np.testing.assert_allclose(
            engine.infer({"crops": crops(5)})["logit"], [toy_logit(crop) for crop in crops(5)], atol=1e-5
        )


def test_nobody_there(engine_for):
    sentence = r"127\.0\.0\.1:\d+ cannot be reached: .*; start it, or correct --server"
    with KServeServerStopped() as address, pytest.raises(EngineUnavailable, match=sentence) as caught:
        engine_for(address).open()
    assert str(caught.value).startswith(f"The server {address} ")


class KServeServerStopped:
    """A port of this machine that nobody listens on."""

    def __enter__(self) -> str:
        import socket

        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))  # bound, not listening
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def test_a_server_of_something_else(engine_for):
    """An HTTP server in place of gRPC: the wrong port is a common mistake."""
    import http.server
    import threading

    web = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        with pytest.raises(EngineUnavailable, match=r"^The server 127\.0\.0\.1:\d+ "):
            engine_for(f"127.0.0.1:{web.server_port}").open()
    finally:
        web.shutdown()
        thread.join()
        web.server_close()


def test_not_live_not_ready_unknown(server, engine_for):
    server.live = False
    with pytest.raises(EngineUnavailable, match="not live"):
        engine_for(server).open()
    server.live, server.ready = True, False
    with pytest.raises(EngineUnavailable, match="has no model toy ready"):
        engine_for(server).open()
    server.ready = True
    with pytest.raises(EngineUnavailable, match="has no model other ready"):
        engine_for(server, remote_model="other").open()
    server.model = "other"
    with engine_for(server, remote_model="other") as engine:
        assert "(model other)" in engine.provider


def change(kind, place, **fields):
    """A server that describes one tensor of its model in another way."""

    def metadata(reply):
        tensor = getattr(reply, kind)[place]
        for name, value in fields.items():
            if name == "shape":
                del tensor.shape[:]
                tensor.shape.extend(value)
            else:
                setattr(tensor, name, value)
        return reply

    return metadata


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (change("inputs", 0, name="pictures"), "has the inputs pictures, the detector has crops"),
        (change("inputs", 0, datatype="FP32"), r"has crops as FP32\(any, 64, 64, 3\), the detector as UINT8"),
        (change("inputs", 0, shape=[-1, 224, 224, 3]), r"has crops as UINT8\(any, 224, 224, 3\)"),
        (change("inputs", 0, shape=[-1, 3, 64, 64]), r"has crops as UINT8\(any, 3, 64, 64\)"),
        (change("inputs", 0, shape=[1, 64, 64, 3]), r"has crops as UINT8\(1, 64, 64, 3\)"),
        (change("inputs", 0, shape=[-1, 64, 64, 3, 1]), r"has crops as UINT8\(any, 64, 64, 3, 1\)"),
        (change("outputs", 0, shape=[-1, 16]), r"has embedding as FP32\(any, 16\)"),
        (change("outputs", 1, datatype="FP16"), "has logit as FP16"),
        (change("outputs", 1, shape=[-1, 2]), r"has logit as FP32\(any, 2\), the detector as FP32\(any\)"),
        (change("outputs", 1, name="\x1b[31m" + "x" * 1000), r"has the outputs \[31mx+, embedding"),
        (change("outputs", 0, shape=[-1] * 5000), r"has embedding as FP32\(any, any, .*\.\.\.\)"),
        (lambda reply: b"\xff\xff\xff", "answered ModelMetadata with something unreadable"),
    ],
)
def test_another_model_by_its_description(server, engine_for, metadata, message):
    server.metadata = metadata
    with pytest.raises(EngineUnavailable, match=message) as caught:
        engine_for(server).open()
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()


def test_another_version(server, engine_for):
    server.version = "2.0.0"
    with pytest.raises(EngineUnavailable, match=r"serves toy 2\.0\.0, the detector here is of version 1\.0\.0"):
        engine_for(server).open()
    server.version = "1.0.0"
    with engine_for(server) as engine:
        assert engine.provider.endswith("(model toy 1.0.0)")


def test_another_model_by_its_answers(tmp_path, engine_for):
    """Same name, same shapes, same version; it looks at blue where ours looks at red."""
    other = build_toy_package(tmp_path / "toy", input={"colour": "bgr"})
    with (
        KServeServer(other / "encoder.onnx") as server,
        pytest.raises(EngineUnavailable, match=r"serves another model as toy: its scores differ by 0\.\d+"),
    ):
        engine_for(server).open()


def spoil(name, spoiler):
    """A server whose numbers are off."""

    def lie(reply):
        place = next(place for place, output in enumerate(reply.outputs) if output.name == name)
        numbers = np.frombuffer(reply.raw_output_contents[place], "<f4").reshape(reply.outputs[place].shape).copy()
        reply.raw_output_contents[place] = spoiler(numbers).astype("<f4").tobytes()
        return reply

    return lie


@pytest.mark.parametrize(
    ("lie", "message"),
    [
        (spoil("logit", lambda logits: logits + 0.1), "scores differ"),
        (spoil("logit", lambda logits: logits * np.nan), "scores differ by nan"),
        (spoil("logit", lambda logits: logits[::-1]), "scores differ"),
        (spoil("embedding", lambda vectors: vectors * 1.1), "embeddings are 10% off"),
        (spoil("embedding", lambda vectors: vectors[:, ::-1]), "embeddings are"),
        (spoil("embedding", lambda vectors: vectors * np.inf), "embeddings are"),
    ],
)
def test_another_model_by_its_numbers(server, engine_for, lie, message):
    server.lie = lie
    with np.errstate(invalid="ignore"), pytest.raises(EngineUnavailable, match=message):
        engine_for(server).open()


def test_half_precision_on_the_server_is_the_same_model(server, engine_for):
    server.lie = spoil("embedding", lambda vectors: vectors.astype(np.float16))
    with engine_for(server):
        pass


def test_the_first_call_may_take_longer_than_the_deadline(server, engine_for):
    slow = iter([0.3])

    def lie(reply):
        time.sleep(next(slow, 0))
        return reply

    server.lie = lie
    with engine_for(server, deadline_s=0.2):
        pass


def test_options_that_a_server_decides_are_refused(encoder):
    for options, message in [
        (EngineOptions(), "needs a server: give --server HOST:PORT"),
        (EngineOptions(server="x:1", device="0"), "cannot choose the device 0"),
        (EngineOptions(server="x:1", threads=4), "cannot set the threads"),
        (EngineOptions(server="x:1", deadline_s=0), "deadline of 0 s does not work"),
        (EngineOptions(server="x:1", max_batch=0), "at least one crop"),
        (EngineOptions(server="http://x:1"), "is no address"),
    ]:
        with pytest.raises(UsageError, match=message):
            create(encoder, options)


def test_the_file_here_must_be_the_right_one(encoder, server, tmp_path):
    with pytest.raises(PackageError, match="checksum"):
        create(encoder, EngineOptions(server=server.address, sha256="0" * 64)).open()
    with pytest.raises(EngineError, match="runs encoders of detector packages"):
        create(encoder.with_name("head.onnx"), EngineOptions(server=server.address)).open()
    (tmp_path / "bad.onnx").write_bytes(b"\xff" * 100)
    with pytest.raises(EngineError, match="no readable ONNX graph"):
        create(tmp_path / "bad.onnx", EngineOptions(server=server.address)).open()
    with pytest.raises(EngineError, match="cannot be read"):
        create(tmp_path / "none.onnx", EngineOptions(server=server.address)).open()
    assert not server.requests  # nothing was asked for a file that is wrong


def test_closing_and_opening_again(server, engine_for, crops):
    engine = engine_for(server)
    engine.close()
    engine.open()
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="not open"):
        engine.infer({"crops": crops(1)})
    with pytest.raises(EngineError, match="not open"):
        _ = engine.provider
    engine.open()
    assert engine.infer({"crops": crops(1)})


def test_why_unavailable(monkeypatch):
    import importlib.util

    assert why_unavailable() is None
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert why_unavailable() == "grpcio is not installed; run `pip install unmask[remote]`"


def test_the_package_is_light_until_it_is_used() -> None:
    import subprocess
    import sys

    script = "import sys, unmask.engines.remote; print('grpc' in sys.modules, 'google.protobuf' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_the_library_prints_nothing_of_its_own(encoder: Path) -> None:
    import subprocess
    import sys

    script = (
        "import sys\n"
        "from unmask.engines.remote import create\n"
        "from unmask.engines.options import EngineOptions\n"
        "from pathlib import Path\n"
        "try: create(Path(sys.argv[1]), EngineOptions(server='127.0.0.1:1')).open()\n"
        "except Exception as error: print(type(error).__name__)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, encoder], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("EngineUnavailable", "")
