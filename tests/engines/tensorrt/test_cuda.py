"""CUDA's errors in words, what a GPU is called, and what is missing where TensorRT cannot run."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from unittest import mock

import numpy as np
import pytest
from fake_cuda import Code, FakeCuda
from fake_tensorrt import installed

from unmask.engines import tensorrt
from unmask.engines.errors import EngineError
from unmask.engines.tensorrt import availability
from unmask.engines.tensorrt.cuda import CudaError, checked, describe_gpu, gpu_number, kernel_module_version
from unmask.engines.tensorrt.memory import EngineMemory
from unmask.engines.tensorrt.profile import plan_buffer


def test_a_failed_call_is_one_sentence_with_the_name_and_the_remedy() -> None:
    cuda = FakeCuda(memory_limit=10)
    with pytest.raises(CudaError) as caught:
        checked(cuda, cuda.cudaMalloc(100), "taking memory")
    assert str(caught.value) == (
        "CUDA failed while taking memory: cudaErrorMemoryAllocation (words for 2); "
        "close other programs on the GPU, or open the engine with a smaller max_batch."
    )
    assert caught.value.code == 2
    assert isinstance(caught.value, EngineError)


def test_results_come_back_and_unknown_codes_have_a_remedy_too() -> None:
    cuda = FakeCuda()
    assert checked(cuda, (Code.cudaSuccess, 7), "x") == 7
    assert checked(cuda, (Code.cudaSuccess,), "x") is None
    with pytest.raises(CudaError, match="nvidia-smi"):
        checked(cuda, (Code.cudaErrorInvalidValue,), "x")


@pytest.mark.parametrize(
    ("device", "number"), [(None, 0), ("1", 1), ("cuda:2", 2), ("GPU.3", 3), ("gpu", 0), (" 4 ", 4), ("", 0)]
)
def test_devices(device: str | None, number: int) -> None:
    assert gpu_number(device) == number


@pytest.mark.parametrize("device", ["CPU", "-1", "1.5", "cuda:x", "NPU"])
def test_what_is_no_gpu(device: str) -> None:
    with pytest.raises(ValueError, match="names no GPU"):
        gpu_number(device)


def test_the_facts_of_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unmask.engines.tensorrt.cuda.kernel_module_version", lambda: "580.95.05")
    gpu = describe_gpu(FakeCuda(name="NVIDIA H100", capability=(9, 0), driver=13010), 0)
    assert (gpu.name, gpu.capability, gpu.driver) == ("NVIDIA H100", "9.0", "CUDA 13.1, 580.95.05")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023\n", "535.129.03"),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build\nGCC 13.3.0", "580.95.05"),
        ("something else", ""),
    ],
)
def test_the_drivers_own_version(text: str, version: str, tmp_path: Path) -> None:
    path = tmp_path / "version"
    assert kernel_module_version(path) == ""
    path.write_text(text)
    assert kernel_module_version(path) == version


def test_memory_is_given_back_also_where_the_last_piece_did_not_fit() -> None:
    buffers = [plan_buffer("a", np.dtype(np.uint8), (-1, 4), is_input=True, max_batch=2)]
    cuda = FakeCuda(memory_limit=1000)
    memory = EngineMemory(cuda, buffers, 100)
    assert memory.inputs[0].host.array.shape == (2, 4)
    memory.close()
    memory.close()
    assert cuda.leaks() == []
    with pytest.raises(CudaError, match="layers in between"):
        EngineMemory(cuda, buffers, 100_000)
    assert cuda.leaks() == []


def test_everything_there_is_available() -> None:
    with installed(FakeCuda()):
        assert tensorrt.why_unavailable() is None


@pytest.mark.parametrize(
    ("missing", "words"),
    [("tensorrt", "TensorRT is not installed .*pip install 'unmask.tensorrt.'"), ("cuda.bindings", "cuda-python is")],
)
def test_a_missing_module_is_named(missing: str, words: str) -> None:
    # Undone inside of `installed`: later it would put the stand-in back for every test that follows.
    with installed(FakeCuda()), mock.patch.dict(sys.modules, {missing: None}):
        assert re.match(words, tensorrt.why_unavailable() or "")


def test_a_runtime_that_does_not_load_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> ModuleType:
        raise OSError("libnvinfer.so.10: cannot open shared object file")

    with installed(FakeCuda()):
        monkeypatch.setattr(availability.importlib, "import_module", broken)
        assert "libnvinfer.so.10" in (tensorrt.why_unavailable() or "")


@pytest.mark.parametrize("version", ["8.6.1", "9.3.0.post12", "unknown", ""])
def test_an_old_version_is_named(version: str) -> None:
    with installed(FakeCuda(), version=version):
        assert f"TensorRT {version} is too old, it must be 10 or newer" in (tensorrt.why_unavailable() or "")


@pytest.mark.parametrize("version", ["10.0.1", "10.16.1.11", "11.4.0.106", "12.0"])
def test_new_versions_will_do(version: str) -> None:
    assert availability.is_new_enough(version)


def test_no_gpu_and_an_old_driver_are_named() -> None:
    with installed(FakeCuda(devices=0)):
        assert "there is no NVIDIA GPU that this program may use" in (tensorrt.why_unavailable() or "")
    cuda = FakeCuda(fail={"cudaGetDeviceCount": Code.cudaErrorInsufficientDriver})
    with installed(cuda):
        reason = tensorrt.why_unavailable() or ""
    assert "cudaErrorInsufficientDriver" in reason
    assert "install or update the NVIDIA driver" in reason
