"""torch as an engine: the reference that other runtimes are measured against, and slow.

It executes the ONNX graph itself (``unmask.engines.torch_graph``), in the precision that the graph says:
an FP16 graph in FP16, an INT8 graph between its quantising operators in floats. On a GPU the products of
FP32 graphs are not shortened to TF32.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.engines.engine import Arrays, Engine, TensorSpec
from unmask.engines.errors import EngineError, EngineUnavailable
from unmask.engines.model_bytes import one_line, read_model_bytes
from unmask.engines.options import EngineOptions, check_threads
from unmask.engines.ort_session import refuse_unused
from unmask.engines.torch_graph import TorchGraph

DEFAULT_DEVICE = "cpu"


def create(model: Path, options: EngineOptions) -> Engine:
    """An engine for ``model``, not yet opened. See ``TorchEngine``."""
    refuse_unused(TorchEngine.name, options, device=True)
    device = options.device or DEFAULT_DEVICE
    return TorchEngine(model, device=device, threads=options.threads, sha256=options.sha256)


def why_unavailable() -> str | None:
    """Why this engine cannot run here; ``None`` when torch is installed. Importing it takes seconds, so
    that is left to the opening."""
    if "torch" in sys.modules:
        refused = sys.modules["torch"] is None  # pyright: ignore[reportUnnecessaryComparison] - so Python marks it
        return "torch cannot be imported; reinstall it" if refused else None
    if importlib.util.find_spec("torch") is None:
        return "torch is not installed; run: pip install 'unmask[train]'"
    return None


class TorchEngine(Engine):
    """One ONNX model, node by node, on ``cpu`` or ``cuda`` (``cuda:1``, or ``1``).

    ``threads`` is the number of threads inside one call on the processor. torch keeps it for the whole
    thread that calls, so it is set anew on each call. ``sha256`` is checked against the bytes that are used.
    """

    name = "torch"

    def __init__(
        self, model: Path, *, device: str = DEFAULT_DEVICE, threads: int = 1, sha256: str | None = None
    ) -> None:
        super().__init__()
        self._model = Path(model)
        self._wanted = device.lower()
        self._threads = check_threads(threads)
        self._sha256 = sha256
        self._graph: TorchGraph | None = None
        self._device: Any = None

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """Known once the engine is open; empty before."""
        return () if self._graph is None else self._graph.inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """Known once the engine is open; empty before."""
        return () if self._graph is None else self._graph.outputs

    @property
    def provider(self) -> str:
        """Such as ``torch 2.13.0 on cpu`` or ``torch 2.13.0 on cuda:0 (NVIDIA H100)``."""
        if self._graph is None:
            raise EngineError(f"The engine {self.name} is not open: nothing is running.")
        import torch

        hardware = f" ({torch.cuda.get_device_name(self._device)})" if self._device.type == "cuda" else ""
        return f"torch {torch.__version__.partition('+')[0]} on {self._device}{hardware}"

    @property
    def gains_by_batch(self) -> bool:
        """Not on the processor. Known once the engine is open."""
        return self._device is not None and self._device.type != "cpu"

    def _open_impl(self) -> None:
        problem = why_unavailable()
        if problem:
            raise EngineUnavailable(f"The engine {self.name} cannot run here: {problem}.")
        self._device = self._find_device()
        raw = read_model_bytes(self._model, self._sha256)
        try:
            self._graph = TorchGraph(raw, self._device, f"the model {self._model}")
        except RuntimeError as error:  # the GPU has no room for the weights, or a fault
            raise EngineError(
                f"torch cannot put the model {self._model} on {self._device}: {one_line(error)}; use --device cpu."
            ) from error

    def _find_device(self) -> Any:
        try:
            import torch
        except (ImportError, OSError) as error:
            raise EngineUnavailable(
                f"The engine {self.name} cannot run here: torch cannot be imported ({one_line(error)}); reinstall it."
            ) from error
        there = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
        wanted = f"cuda:{self._wanted}" if self._wanted.isdecimal() else self._wanted  # a GPU's number, as elsewhere
        wanted = "cuda:0" if wanted == "cuda" else wanted
        if wanted not in there:
            raise EngineUnavailable(
                f"torch {torch.__version__} finds no device {self._wanted} here: choose {' or '.join(there)}, "
                "or install a driver and a torch for that device."
            )
        return torch.device(wanted)

    def _infer_impl(self, arrays: Arrays) -> dict[str, NDArray[np.generic]]:
        import torch

        assert self._graph is not None
        try:
            with torch.inference_mode(), self._exact(torch):
                # Copies in both directions: torch cannot hold an array that may only be read.
                given = {name: torch.from_numpy(np.array(array)).to(self._device) for name, array in arrays.items()}
                results = self._graph.run(given)
                return {name: np.array(result.cpu().numpy()) for name, result in results.items()}
        except RuntimeError as error:  # of the copies, where a GPU also reports what failed before them
            raise EngineError(
                f"torch failed on {self._device} with the model {self._model}: {one_line(error)}; use --device cpu."
            ) from error

    def _exact(self, torch: Any) -> contextlib.AbstractContextManager[Any]:
        """One setting of threads for this call; on a GPU no TF32, and the same kernels every time."""
        if self._device.type == "cpu":
            if torch.get_num_threads() != self._threads:
                torch.set_num_threads(self._threads)
            return contextlib.nullcontext()
        return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)

    def _close_impl(self) -> None:
        self._graph = None
