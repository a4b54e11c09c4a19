"""ONNX Runtime's OpenVINO provider, where the wheel ``onnxruntime-openvino`` stands in for ``onnxruntime``.

The wheel carries its own OpenVINO. Scores stay FP32 on processors and on GPUs; an NPU computes in FP16.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from unmask.engines.engine import Engine
from unmask.engines.errors import UsageError
from unmask.engines.options import EngineOptions
from unmask.engines.ort_probe import why_not_started
from unmask.engines.ort_session import OrtEngine, refuse_unused

PROVIDER = "OpenVINOExecutionProvider"

#: Device -> the precision hint under which it keeps what the graph says; an NPU knows FP16 alone.
_PRECISION = {"CPU": "FP32", "GPU": "ACCURACY", "NPU": "FP16"}


def create(model: Path, options: EngineOptions) -> Engine:
    """An engine for ``model``, not yet opened. ``options.device`` is ``CPU`` (the usual one), ``GPU`` or ``NPU``."""
    refuse_unused(OrtOpenvinoEngine.name, options, device=True)
    return OrtOpenvinoEngine(model, threads=options.threads, sha256=options.sha256, device=options.device or "CPU")


def why_unavailable() -> str | None:
    """Why this engine cannot run here; ``None`` when a tiny session did run."""
    return why_not_started(PROVIDER, "onnxruntime-openvino", "a processor of Intel or AMD", {"device_type": "CPU"})


class OrtOpenvinoEngine(OrtEngine):
    """One ONNX model on an OpenVINO ``device``."""

    name = "ort-openvino"
    wanted = PROVIDER

    def __init__(self, model: Path, *, threads: int = 1, sha256: str | None = None, device: str = "CPU") -> None:
        super().__init__(model, threads=threads, sha256=sha256)
        self._device = device.upper()
        if self._device.partition(".")[0] not in _PRECISION:
            raise UsageError(f"The engine {self.name} has no device {device!r}: choose CPU, GPU, GPU.1 or NPU.")

    @classmethod
    def why_unavailable(cls) -> str | None:
        return why_unavailable()

    @property
    def asked(self) -> str:
        return f"{self.wanted} on {self._device}"

    @property
    def provider(self) -> str:
        return f"{super().provider} on {self._device}"

    def providers(self, raw: bytes) -> list[tuple[str, Mapping[str, str]]]:
        kind = self._device.partition(".")[0]
        settings = {"device_type": self._device, "precision": _PRECISION[kind]}
        if kind == "CPU":
            settings["num_of_threads"] = str(self._threads)
        return [(self.wanted, settings)]
