"""TensorRT 10 and 11 without torch: plans from ONNX, strongly typed, replayed as CUDA graphs.

The precision is the graph's: TensorRT is never asked to lower it, so the FP16 encoder of a package gives an
FP16 plan and the FP32 one an FP32 plan, and both are checked on the layers that were really built. Importing
this package loads neither TensorRT nor CUDA.
"""

from __future__ import annotations

from pathlib import Path

from unmask.engines.engine import Engine
from unmask.engines.options import EngineOptions


def create(model: Path, options: EngineOptions) -> Engine:
    """An engine for ``model``, not yet opened. See ``engine.TensorRtEngine``."""
    from unmask.engines.ort_session import refuse_unused
    from unmask.engines.tensorrt.engine import TensorRtEngine

    refuse_unused(TensorRtEngine.name, options, device=True)
    return TensorRtEngine(model, options)


def why_unavailable() -> str | None:
    """Why this engine cannot run here, with the remedy; ``None`` when it can. Loads no model."""
    from unmask.engines.tensorrt.availability import problem

    return problem()
