"""ONNX Runtime's CUDA provider, with inputs and outputs bound to buffers on the GPU."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from unmask.engines.engine import Arrays, Engine
from unmask.engines.options import EngineOptions
from unmask.engines.ort_binding import BoundSession
from unmask.engines.ort_probe import load_cuda_libraries, why_not_started
from unmask.engines.ort_session import OrtEngine, device_index, refuse_unused

PROVIDER = "CUDAExecutionProvider"

_NEEDS = "an NVIDIA GPU with its driver, and the CUDA and cuDNN libraries: pip install 'onnxruntime-gpu[cuda,cudnn]'"


def create(model: Path, options: EngineOptions) -> Engine:
    """An engine for ``model``, not yet opened. ``options.device`` is the number of the GPU."""
    refuse_unused(OrtCudaEngine.name, options, device=True)
    return OrtCudaEngine(
        model,
        threads=options.threads,
        sha256=options.sha256,
        device=device_index(OrtCudaEngine.name, options.device),
    )


def why_unavailable() -> str | None:
    """Why this engine cannot run here; ``None`` when a tiny session did run on the GPU."""
    return why_not_started(PROVIDER, "onnxruntime-gpu", _NEEDS, {}, cuda=True)


def cuda_settings(device: int) -> dict[str, str]:
    """The provider's options. A search for convolutions that tries everything out would halt the monitor for
    each new batch size; TF32 would make FP32 scores differ from the processor's in the third digit."""
    return {"device_id": str(device), "cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"}


class OrtCudaEngine(OrtEngine):
    """One ONNX model on GPU ``device``. Precision is that of the graph: FP32 stays FP32."""

    name = "ort-cuda"
    wanted = PROVIDER
    #: Where the bound buffers lie.
    memory: ClassVar[str] = "cuda"

    def __init__(self, model: Path, *, threads: int = 1, sha256: str | None = None, device: int = 0) -> None:
        super().__init__(model, threads=threads, sha256=sha256)
        self._device = device
        self._bound: BoundSession | None = None

    @classmethod
    def why_unavailable(cls) -> str | None:
        return why_unavailable()

    @property
    def asked(self) -> str:
        return f"{self.wanted} on GPU {self._device}"

    def providers(self, raw: bytes) -> list[tuple[str, Mapping[str, str]]]:
        return [(self.wanted, cuda_settings(self._device))]

    def _open_impl(self) -> None:
        super()._open_impl()
        self._bound = BoundSession(self._session, self._inputs, self._outputs, self.memory, self._device)

    def _options(self) -> Any:
        load_cuda_libraries()  # ahead of the first session of this process
        return super()._options()

    def _run(self, arrays: Arrays) -> dict[str, NDArray[np.generic]]:
        assert self._bound is not None  # an open engine has it
        return self._bound.run(arrays)

    def _close_impl(self) -> None:
        if self._bound is not None:
            self._bound.close()
            self._bound = None
        super()._close_impl()
