"""The protocol as others speak it: a real MLServer before our engine, the real ``tritonclient`` before our server."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from kserve_server import KServeServer
from ml_server import MlServer, server_python
from toy_package import build_toy_package

from unmask.engines.errors import EngineLost
from unmask.engines.options import EngineOptions
from unmask.engines.ort_cpu import create as create_here
from unmask.engines.package import load_package
from unmask.engines.remote.engine import RemoteEngine
from unmask.export.triton import write_triton_repository

TRITON_CLIENT = """
import json, sys
import numpy as np
import tritonclient.grpc as triton

client = triton.InferenceServerClient(sys.argv[1])
crops = np.random.default_rng(7).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
given = triton.InferInput("crops", list(crops.shape), "UINT8")
given.set_data_from_numpy(crops)
reply = client.infer("toy", [given], request_id="1")
metadata = client.get_model_metadata("toy", as_json=True)
print(json.dumps({
    "live": client.is_server_live(), "ready": client.is_model_ready("toy"), "metadata": metadata,
    "logit": reply.as_numpy("logit").tolist(), "shape": list(reply.as_numpy("embedding").shape),
}))
"""


@pytest.fixture
def package(tmp_path: Path):
    return load_package(build_toy_package(tmp_path / "package"))


def test_an_engine_before_mlserver(package, tmp_path, no_leaks):
    """It opens, gives what the encoder here gives, and a killed server is a lost one."""
    write_triton_repository(package, tmp_path / "models")
    crops = np.random.default_rng(7).integers(0, 256, (5, 64, 64, 3), dtype=np.uint8)
    with create_here(package.encoder_path, EngineOptions()) as here:
        expected = here.infer({"crops": crops})
    with MlServer(tmp_path / "models", tmp_path / "log") as server:
        server.wait_until_ready("toy")
        options = EngineOptions(server=server.address, deadline_s=5.0)
        with RemoteEngine(package.encoder_path, options) as engine:
            assert engine.provider.startswith("remote mlserver 1.")
            assert engine.provider.endswith(f" at {server.address} (model toy 1.0.0)")
            got = engine.infer({"crops": crops})
            for name, array in expected.items():
                np.testing.assert_allclose(got[name], array, atol=1e-6)
            server.kill()
            with pytest.raises(EngineLost, match="cannot be reached"):
                engine.infer({"crops": crops})


def test_the_tritonclient_before_our_server(package):
    """Our messages have the protocol's field numbers: the other side of this talk is not ours."""
    python = server_python()
    with KServeServer(package.encoder_path, version="1.0.0") as server:
        done = subprocess.run(
            [python, "-c", TRITON_CLIENT, server.address], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        said = json.loads(done.stdout)
        with RemoteEngine(package.encoder_path, EngineOptions(server=server.address)) as engine:
            crops = np.random.default_rng(7).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
            np.testing.assert_allclose(said["logit"], engine.infer({"crops": crops})["logit"], atol=1e-6)
    assert (said["live"], said["ready"], said["shape"]) == (True, True, [3, 8])
    metadata = said["metadata"]
    assert (metadata["name"], metadata["versions"], metadata["platform"]) == ("toy", ["1.0.0"], "test")
    assert [tensor["name"] for tensor in metadata["outputs"]] == ["embedding", "logit"]
    assert [int(axis) for tensor in metadata["inputs"] for axis in tensor["shape"]] == [-1, 64, 64, 3]
