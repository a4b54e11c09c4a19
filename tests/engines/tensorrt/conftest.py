from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import onnx
import pytest
from fake_cuda import FakeCuda
from fake_tensorrt import FakeTensorRt, installed
from toy_half import toy_encoder_half
from toy_package import build_manifest, toy_encoder


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``fp16.onnx`` and ``fp32.onnx``, the toy encoder in both."""
    folder = tmp_path_factory.mktemp("models")
    onnx.save(toy_encoder_half(), folder / "fp16.onnx")
    onnx.save(toy_encoder(build_manifest()), folder / "fp32.onnx")
    return folder


@pytest.fixture(params=["10.16.1.11", "11.4.0.106"])
def fake(request: pytest.FixtureRequest) -> Iterator[FakeTensorRt]:
    """The stand-in for each version in turn; at the end nothing of the GPU's may be left."""
    cuda = FakeCuda()
    with installed(cuda, version=request.param) as trt:
        yield trt
    assert cuda.leaks() == []
