"""ONNX Runtime on the processor: the engine that runs on every machine.

Optimised graphs are not kept on disk, for they save nothing. Measured on two cores of an AMD EPYC with ONNX
Runtime 1.31.1 and one thread, from the file to the session, the checksums of the model and of the saved
graph included (a cache must not be trusted), medians of 7 interleaved runs: MobileNetV2 of 8.9 MB 59 ms,
saved 55 ms; EfficientNet-B0 of 16 MB 89 ms, saved 111 ms; Xception of 83 MB 395 ms, saved 506 ms. Most of
it is reading, checking and packing of weights, which a saved graph needs as well.
"""

from __future__ import annotations

from pathlib import Path

from unmask.engines.engine import Engine
from unmask.engines.options import EngineOptions
from unmask.engines.ort_probe import HALF_INSTALLED
from unmask.engines.ort_session import CPU, OrtEngine, one_line, refuse_unused

PROVIDER = CPU


def create(model: Path, options: EngineOptions) -> Engine:
    """An engine for ``model``, not yet opened. See ``OrtCpuEngine``."""
    refuse_unused(OrtCpuEngine.name, options)
    return OrtCpuEngine(model, threads=options.threads, sha256=options.sha256)


def why_unavailable() -> str | None:
    """Why this engine cannot run here; ``None`` when it can."""
    try:
        import onnxruntime
    except ImportError as error:
        return f"onnxruntime cannot be imported ({one_line(error)}); reinstall it"
    if not hasattr(onnxruntime, "InferenceSession"):
        return HALF_INSTALLED
    # This list is what was compiled in, not what loads; for the processor the two are the same.
    if PROVIDER not in onnxruntime.get_available_providers():
        return f"this build of onnxruntime {onnxruntime.__version__} lacks {PROVIDER}; reinstall onnxruntime"
    return None


class OrtCpuEngine(OrtEngine):
    """One ONNX model on the CPU provider. One thread, the default, gave the most throughput per core in a
    pipeline with a thread per stage."""

    name = "ort-cpu"
    wanted = PROVIDER

    @classmethod
    def why_unavailable(cls) -> str | None:
        return why_unavailable()
