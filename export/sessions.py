"""An encoder held in memory, run on one thread: what the makers of variants look at while they choose."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unmask.engines.manifest import Calibration


def session_of(encoder: bytes, *, optimised: bool = True) -> Any:
    """An ``onnxruntime.InferenceSession`` on the CPU, one thread, spinning off, as ``ort-cpu`` runs it; or operator
    by operator as the file says, where not ``optimised``."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    if not optimised:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(encoder, options, providers=["CPUExecutionProvider"])


def run_encoder(
    encoder: bytes, crops: NDArray[np.uint8], batch: int = 16, *, optimised: bool = True
) -> dict[str, NDArray[np.float32]]:
    """Every output for ``crops`` (N, H, W, 3) by name, in batches."""
    session = session_of(encoder, optimised=optimised)
    names = [output.name for output in session.get_outputs()]
    parts = [session.run(names, {"crops": crops[i : i + batch]}) for i in range(0, len(crops), batch)]
    return {name: np.concatenate([part[i] for part in parts]) for i, name in enumerate(names)}


def sigmoid_scores(logits: ArrayLike, calibration: Calibration) -> NDArray[np.float64]:
    """Logits as the package states them: 0..1, calibrated where it is."""
    values = np.asarray(logits, np.float64) * calibration.scale + calibration.bias
    return np.asarray(0.5 * (1.0 + np.tanh(values / 2.0)))
