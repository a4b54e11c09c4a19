"""Stands in for ONNX Runtime on a GPU that can be lost: the sums are done on the processor until ``LOST`` is set.

From then on every call raises what ONNX Runtime's CUDA provider raises when a card is unplugged or its driver is
replaced under it. ``install`` puts it in the place of the engine ``ort-cuda``.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unmask.engines import registry
from unmask.engines.engine import Arrays, Engine
from unmask.engines.options import EngineOptions
from unmask.engines.ort_session import CPU, OrtEngine

LOST = threading.Event()
PROVIDER = "CUDAExecutionProvider"
SAID = (
    "CUDA failure 999: unknown error ; GPU=0 ; hostname=desk ; file=/onnxruntime_src/onnxruntime/core/providers/cuda/"
    "gpu_data_transfer.cc ; line=73 ; expr=cudaStreamSynchronize(static_cast<cudaStream_t>(stream.GetHandle())); "
)


class LosableGpu(OrtEngine):
    name = "ort-cuda"
    wanted = PROVIDER

    @classmethod
    def why_unavailable(cls) -> str | None:
        return why_unavailable()

    @property
    def asked(self) -> str:
        return f"{PROVIDER} on GPU 0"

    @property
    def provider(self) -> str:
        return f"{PROVIDER} (a stand-in)"

    def providers(self, raw: bytes) -> list[tuple[str, Mapping[str, str]]]:
        return [(CPU, {})]

    def _check_what_runs(self) -> None: ...

    def _run(self, arrays: Arrays) -> dict[str, NDArray[np.generic]]:
        if LOST.is_set():
            from onnxruntime.capi.onnxruntime_pybind11_state import Fail

            raise Fail(f"[ONNXRuntimeError] : 1 : FAIL : {SAID}")
        return super()._run(arrays)


def create(model: Path, options: EngineOptions) -> Engine:
    return LosableGpu(model, threads=options.threads, sha256=options.sha256)


def why_unavailable() -> str | None:
    return "the GPU is gone" if LOST.is_set() else None


def install() -> None:
    registry._TABLE["ort-cuda"] = __name__
