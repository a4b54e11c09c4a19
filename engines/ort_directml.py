"""ONNX Runtime's DirectML provider: any GPU under Windows. It was written from ONNX Runtime's documentation;
it has not been run on such a machine yet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unmask.engines.engine import Engine
from unmask.engines.options import EngineOptions
from unmask.engines.ort_probe import why_not_started
from unmask.engines.ort_session import OrtEngine, device_index, refuse_unused

PROVIDER = "DmlExecutionProvider"


def create(model: Path, options: EngineOptions) -> Engine:
    """An engine for ``model``, not yet opened. ``options.device`` is the number of the GPU."""
    refuse_unused(OrtDirectmlEngine.name, options, device=True)
    return OrtDirectmlEngine(
        model,
        threads=options.threads,
        sha256=options.sha256,
        device=device_index(OrtDirectmlEngine.name, options.device),
    )


def why_unavailable() -> str | None:
    """Why this engine cannot run here; ``None`` when a tiny session did run."""
    return why_not_started(
        PROVIDER, "onnxruntime-directml", "Windows 10 or later with a DirectX 12 GPU", {}, system="win32"
    )


class OrtDirectmlEngine(OrtEngine):
    """One ONNX model on GPU ``device`` by DirectX."""

    name = "ort-directml"
    wanted = PROVIDER

    def __init__(self, model: Path, *, threads: int = 1, sha256: str | None = None, device: int = 0) -> None:
        super().__init__(model, threads=threads, sha256=sha256)
        self._device = device

    @classmethod
    def why_unavailable(cls) -> str | None:
        return why_unavailable()

    @property
    def asked(self) -> str:
        return f"{self.wanted} on GPU {self._device}"

    def providers(self, raw: bytes) -> list[tuple[str, Mapping[str, str]]]:
        return [(self.wanted, {"device_id": str(self._device)})]

    def _options(self) -> Any:
        import onnxruntime

        options = super()._options()
        # Both are demanded by this provider's documentation.
        options.enable_mem_pattern = False
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        return options
