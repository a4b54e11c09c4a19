"""ONNX Runtime's CoreML provider on Apple's machines. It was written from ONNX Runtime's documentation; it
has not been run on such a machine yet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from unmask.engines.engine import Engine
from unmask.engines.errors import UsageError
from unmask.engines.options import EngineOptions
from unmask.engines.ort_probe import why_not_started
from unmask.engines.ort_session import OrtEngine, refuse_unused

PROVIDER = "CoreMLExecutionProvider"

#: Device -> CoreML's name for what may take part. The Neural Engine computes in FP16.
_UNITS = {"ALL": "ALL", "CPU": "CPUOnly", "GPU": "CPUAndGPU", "NPU": "CPUAndNeuralEngine"}


def create(model: Path, options: EngineOptions) -> Engine:
    """An engine for ``model``, not yet opened. ``options.device`` is ``ALL`` (the usual one), ``CPU``, ``GPU``
    or ``NPU``."""
    refuse_unused(OrtCoremlEngine.name, options, device=True)
    return OrtCoremlEngine(model, threads=options.threads, sha256=options.sha256, device=options.device or "ALL")


def why_unavailable() -> str | None:
    """Why this engine cannot run here; ``None`` when a tiny session did run."""
    return why_not_started(
        PROVIDER, "onnxruntime for macOS", "macOS 12 or later", {"ModelFormat": "MLProgram"}, system="darwin"
    )


class OrtCoremlEngine(OrtEngine):
    """One ONNX model on CoreML, on the units that ``device`` allows."""

    name = "ort-coreml"
    wanted = PROVIDER

    def __init__(self, model: Path, *, threads: int = 1, sha256: str | None = None, device: str = "ALL") -> None:
        super().__init__(model, threads=threads, sha256=sha256)
        self._device = device.upper()
        if self._device not in _UNITS:
            raise UsageError(f"The engine {self.name} has no device {device!r}: choose one of {', '.join(_UNITS)}.")

    @classmethod
    def why_unavailable(cls) -> str | None:
        return why_unavailable()

    def providers(self, raw: bytes) -> list[tuple[str, Mapping[str, str]]]:
        return [(self.wanted, {"ModelFormat": "MLProgram", "MLComputeUnits": _UNITS[self._device]})]
