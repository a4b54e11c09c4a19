"""ONNX Runtime's TensorRT provider. The engine ``tensorrt`` is the direct way; this one fills what TensorRT
cannot do in a graph with CUDA, and says so.

The precision is that of the graph: the provider's own FP16 switch stays off, for it would put half precision
where nobody measured it. Built engines and timings are kept in the cache folder; ONNX Runtime itself
checks that a kept engine fits graph, GPU and TensorRT, and builds it anew where it does not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import platformdirs

from unmask.engines.engine import Engine
from unmask.engines.errors import EngineError
from unmask.engines.options import EngineOptions
from unmask.engines.ort_cuda import PROVIDER as CUDA
from unmask.engines.ort_cuda import OrtCudaEngine, cuda_settings
from unmask.engines.ort_probe import why_not_started
from unmask.engines.ort_session import device_index, one_line, refuse_unused

PROVIDER = "TensorrtExecutionProvider"

_NEEDS = (
    "an NVIDIA GPU with its driver, CUDA, cuDNN and the TensorRT 10 that this onnxruntime-gpu was built for "
    "(libnvinfer.so.10): pip install tensorrt-cu13==10.*"
)


def create(model: Path, options: EngineOptions) -> Engine:
    """An engine for ``model``, not yet opened. ``options.device`` is the number of the GPU, ``max_batch`` the
    largest batch that the engine is built for. The first opening builds for minutes."""
    refuse_unused(OrtTensorrtEngine.name, options, device=True)
    return OrtTensorrtEngine(model, options)


def why_unavailable() -> str | None:
    """Why this engine cannot run here; ``None`` when a tiny session did start."""
    return why_not_started(PROVIDER, "onnxruntime-gpu", _NEEDS, {}, cuda=True)


class OrtTensorrtEngine(OrtCudaEngine):
    """One ONNX model on TensorRT through ONNX Runtime, with CUDA for the nodes TensorRT lacks."""

    name = "ort-tensorrt"
    wanted = PROVIDER

    def __init__(self, model: Path, options: EngineOptions) -> None:
        device = device_index(self.name, options.device)
        super().__init__(model, threads=options.threads, sha256=options.sha256, device=device)
        self._max_batch = options.max_batch
        self._cache = options.cache or Path(platformdirs.user_cache_dir("unmask", appauthor=False))

    @classmethod
    def why_unavailable(cls) -> str | None:
        return why_unavailable()

    def providers(self, raw: bytes) -> list[tuple[str, Mapping[str, str]]]:
        # A folder per model: ONNX Runtime's own key is the graph's structure, without the weights.
        engines = self._cache / "ort-tensorrt" / hashlib.sha256(raw).hexdigest()[:16]
        timings = self._cache / "ort-tensorrt" / "timing"
        for folder in (engines, timings):
            try:
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # a plan is code for the GPU
            except OSError as error:
                raise EngineError(
                    f"The cache folder {folder} cannot be made ({error.strerror}): make the one above it yours, "
                    "or free some space there."
                ) from error
        settings = {
            "device_id": str(self._device),
            "trt_fp16_enable": "0",
            "trt_engine_cache_enable": "1",
            "trt_engine_cache_path": str(engines),
            "trt_timing_cache_enable": "1",
            "trt_timing_cache_path": str(timings),
            **profile(_input_shapes(raw, self._model), self._max_batch),
        }
        return [(self.wanted, settings), (CUDA, cuda_settings(self._device))]


def profile(shapes: Mapping[str, Sequence[int | None]], max_batch: int) -> dict[str, str]:
    """The batches to build for, 1 to ``max_batch``, so that no batch size builds anew in the middle of a call.

    Only a first axis may be free; with another one free ONNX Runtime learns the shapes as they come (empty).
    """
    if any(size is None for shape in shapes.values() for size in shape[1:]):
        return {}

    def written(batch: int) -> str:
        return ",".join(
            f"{name}:{'x'.join(str(batch if size is None else size) for size in shape)}"
            for name, shape in shapes.items()
        )

    batches = {"min": 1, "opt": max_batch, "max": max_batch}
    return {f"trt_profile_{which}_shapes": written(batch) for which, batch in batches.items()}


def _input_shapes(raw: bytes, model: Path) -> dict[str, tuple[int | None, ...]]:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        graph = onnx.ModelProto.FromString(raw).graph
    except DecodeError as error:
        raise EngineError(f"The model {model} is no readable ONNX graph ({one_line(error)}).") from error
    weights = {weight.name for weight in graph.initializer}
    return {
        value.name: tuple(
            axis.dim_value if axis.HasField("dim_value") else None for axis in value.type.tensor_type.shape.dim
        )
        for value in graph.input
        if value.name not in weights
    }
