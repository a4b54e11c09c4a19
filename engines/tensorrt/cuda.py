"""The few functions of ``cuda.bindings.runtime`` (the package cuda-python) that are used, and their errors.

The protocol stands for the module in type checks: the real one has no type information, and is not there on
most machines. Pointers and handles go in as plain numbers.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from unmask.engines.errors import EngineError

MODULE = "cuda.bindings.runtime"

_OUT_OF_MEMORY = "close other programs on the GPU, or open the engine with a smaller max_batch"
_RESTART = "the GPU's state is lost, so start the program again"
_REMEDIES = {
    2: _OUT_OF_MEMORY,
    35: "install or update the NVIDIA driver; without an NVIDIA GPU take another engine",
    46: "another program holds the GPU, or it needs a restart of the machine",
    100: "there is no NVIDIA GPU that this program may use",
    101: "there is no GPU of this number: see nvidia-smi -L",
    700: _RESTART,
    719: _RESTART,
    803: "driver and CUDA libraries do not fit: restart the machine after a driver update",
}
_NOBODY_KNOWS = "check the GPU with nvidia-smi"

_KERNEL_MODULE = Path("/proc/driver/nvidia/version")

Result = tuple[Any, ...]


class CudaRuntime(Protocol):
    """Each function returns its error code first, then its results."""

    cudaMemcpyKind: Any
    cudaStreamCaptureMode: Any
    cudaStreamNonBlocking: int

    def cudaGetDeviceCount(self) -> Result: ...
    def cudaGetDeviceProperties(self, device: int) -> Result: ...
    def cudaSetDevice(self, device: int) -> Result: ...
    def cudaDriverGetVersion(self) -> Result: ...
    def cudaGetErrorName(self, error: Any) -> Result: ...
    def cudaGetErrorString(self, error: Any) -> Result: ...
    def cudaGetLastError(self) -> Result: ...
    def cudaMalloc(self, size: int) -> Result: ...
    def cudaFree(self, pointer: int) -> Result: ...
    def cudaHostAlloc(self, size: int, flags: int) -> Result: ...
    def cudaFreeHost(self, pointer: int) -> Result: ...
    def cudaMemcpyAsync(self, to: int, source: int, count: int, kind: Any, stream: int) -> Result: ...
    def cudaStreamCreateWithFlags(self, flags: int) -> Result: ...
    def cudaStreamSynchronize(self, stream: int) -> Result: ...
    def cudaStreamDestroy(self, stream: int) -> Result: ...
    def cudaStreamBeginCapture(self, stream: int, mode: Any) -> Result: ...
    def cudaStreamEndCapture(self, stream: int) -> Result: ...
    def cudaGraphInstantiate(self, graph: Any, flags: int) -> Result: ...
    def cudaGraphLaunch(self, graph: Any, stream: int) -> Result: ...
    def cudaGraphDestroy(self, graph: Any) -> Result: ...
    def cudaGraphExecDestroy(self, graph: Any) -> Result: ...


class CudaError(EngineError):
    """A call of the CUDA runtime that failed. ``code`` is its ``cudaError_t``."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def load_runtime() -> CudaRuntime:
    """The module itself. Raises ``ImportError``."""
    return cast(CudaRuntime, importlib.import_module(MODULE))


def checked(cuda: CudaRuntime, result: Result, doing: str) -> Any:
    """The value that a call returned (``None`` for one without), or ``CudaError`` in one sentence.

    ``doing`` finishes "CUDA failed while ...".
    """
    error, *values = result
    if int(error) != 0:
        name, words = (_text(call(error)) for call in (cuda.cudaGetErrorName, cuda.cudaGetErrorString))
        remedy = _REMEDIES.get(int(error), _NOBODY_KNOWS)
        raise CudaError(f"CUDA failed while {doing}: {name} ({words}); {remedy}.", int(error))
    return values[0] if values else None


def _text(result: Result) -> str:
    return result[1].decode(errors="replace") if len(result) > 1 and result[1] else "an unknown error"


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU as plans depend on it. ``capability`` is such as ``9.0``, ``driver`` the newest CUDA that the
    driver speaks and, where the system tells it, the driver's own version."""

    number: int
    name: str
    capability: str
    driver: str


def describe_gpu(cuda: CudaRuntime, number: int) -> Gpu:
    """The GPU of this number. Raises ``CudaError``."""
    properties = checked(cuda, cuda.cudaGetDeviceProperties(number), f"asking for GPU {number}")
    speaks = int(checked(cuda, cuda.cudaDriverGetVersion(), "asking for the driver's version"))
    name = bytes(properties.name).split(b"\0")[0].decode(errors="replace").strip()
    driver = f"CUDA {speaks // 1000}.{speaks % 1000 // 10}"
    version = kernel_module_version()
    return Gpu(
        number=number,
        name=name,
        capability=f"{properties.major}.{properties.minor}",
        driver=f"{driver}, {version}" if version else driver,
    )


def kernel_module_version(path: Path = _KERNEL_MODULE) -> str:
    """The NVIDIA driver's version on Linux, such as ``580.95.05``; empty where the system does not tell it."""
    try:
        found = re.search(r"Kernel Module.*?\s(\d+(?:\.\d+)+)", path.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return ""
    return found[1] if found else ""


def gpu_number(device: str | None) -> int:
    """Which GPU ``EngineOptions.device`` means: ``None``, ``1``, ``cuda:1`` or ``gpu:1``. Raises ``ValueError``."""
    if device is None:
        return 0
    found = re.fullmatch(r"(?:(?:cuda|gpu)[:.]?)?(\d{1,3})?", device.strip().lower())
    if found is None:
        raise ValueError(f"{device!r} names no GPU")
    return int(found[1] or 0)
