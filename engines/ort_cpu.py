"""ONNX Runtime on the processor: the engine that runs on every machine.

Optimised graphs are not kept on disk. Measured with a MobileNetV2 of 8.8 MB on two cores: opening the
model takes 21 ms; a saved graph opens in 6 ms, but a cache must not be trusted, and the checksums of
the model and of the saved graph bring it to 26 ms.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.engines.engine import Arrays, Engine, TensorSpec
from unmask.engines.errors import EngineError, EngineUnavailable, PackageError, UsageError
from unmask.engines.options import EngineOptions

PROVIDER = "CPUExecutionProvider"

_DTYPES = {
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(float16)": np.float16,
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(bool)": np.bool_,
}


def create(model: Path, options: EngineOptions) -> Engine:
    """An engine for ``model``, not yet opened. See ``OrtCpuEngine``."""
    return OrtCpuEngine(model, threads=options.threads, sha256=options.sha256)


def why_unavailable() -> str | None:
    """Why this engine cannot run here; ``None`` when it can."""
    try:
        import onnxruntime
    except ImportError as error:
        return f"onnxruntime cannot be imported ({_one_line(error)}); reinstall it"
    # This list is what was compiled in, not what loads; for the processor the two are the same.
    if PROVIDER not in onnxruntime.get_available_providers():
        return f"this build of onnxruntime {onnxruntime.__version__} lacks {PROVIDER}; reinstall onnxruntime"
    return None


class OrtCpuEngine(Engine):
    """One ONNX model on the CPU provider.

    ``threads`` is the number of threads inside one call; the default of one, in a pipeline with a
    thread per stage, gave the most throughput per core. Idle threads sleep, they never spin.
    ``sha256`` is checked against the very bytes that the runtime is then given.
    External weight files are not read: the model is one file.
    """

    name = "ort-cpu"

    def __init__(self, model: Path, *, threads: int = 1, sha256: str | None = None) -> None:
        super().__init__()
        if threads < 1:
            raise UsageError(f"An engine needs at least one thread, it was given {threads}.")
        self._model = Path(model)
        self._threads = threads
        self._sha256 = sha256
        self._session: Any = None
        self._inputs: tuple[TensorSpec, ...] = ()
        self._outputs: tuple[TensorSpec, ...] = ()

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """Known once the engine is open; empty before."""
        return self._inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """Known once the engine is open; empty before."""
        return self._outputs

    @property
    def provider(self) -> str:
        if self._session is None:
            raise EngineError(f"The engine {self.name} is not open: nothing is running.")
        return self._session.get_providers()[0]

    def _open_impl(self) -> None:
        problem = why_unavailable()
        if problem:
            raise EngineUnavailable(f"The engine {self.name} cannot run here: {problem}.")
        import onnxruntime

        raw = self._read()
        try:
            self._session = onnxruntime.InferenceSession(raw, self._options(), providers=[PROVIDER])
        except Exception as error:  # the runtime's errors share no base class
            raise EngineError(
                f"ONNX Runtime cannot load the model {self._model}: {_one_line(error)}. "
                "The file may be damaged or made for another runtime."
            ) from error
        running = self._session.get_providers()
        if running != [PROVIDER]:
            raise EngineUnavailable(f"The engine {self.name} asked for {PROVIDER}, but ONNX Runtime runs {running}.")
        self._inputs = tuple(self._spec(node) for node in self._session.get_inputs())
        self._outputs = tuple(self._spec(node) for node in self._session.get_outputs())

    def _read(self) -> bytes:
        try:
            raw = self._model.read_bytes()
        except OSError as error:
            raise EngineError(f"The model {self._model} cannot be read: {error.strerror or error}.") from error
        if self._sha256 is not None and hashlib.sha256(raw).hexdigest() != self._sha256:
            raise PackageError(
                f"The model {self._model} is not the file that its package names (its checksum differs): "
                "install the detector again."
            )
        return raw

    def _options(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        # Spinning burns tens of milliseconds of processor time after each call of a paced pipeline.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        # Only this level uses the blocked memory layout: more than twice as fast for convolutions.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        # Errors reach the caller as exceptions; printed a second time they only garble a terminal.
        options.log_severity_level = 4
        return options

    def _spec(self, node: Any) -> TensorSpec:
        if node.type not in _DTYPES:
            raise EngineError(
                f"The model {self._model} has {node.name!r} of type {node.type}; only tensors of numbers are read."
            )
        shape = tuple(axis if isinstance(axis, int) else None for axis in node.shape)
        return TensorSpec(node.name, np.dtype(_DTYPES[node.type]), shape)

    def _infer_impl(self, arrays: Arrays) -> dict[str, NDArray[np.generic]]:
        names = [spec.name for spec in self._outputs]
        try:
            results = self._session.run(names, dict(arrays))
        except Exception as error:  # the runtime's errors share no base class
            raise EngineError(
                f"ONNX Runtime failed on the model {self._model}: {_one_line(error)}. "
                "Check the detector with: unmask detectors verify."
            ) from error
        return dict(zip(names, results, strict=True))

    def _close_impl(self) -> None:
        self._session = None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")[:300]
