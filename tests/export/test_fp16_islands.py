"""FP16 islands by measurement: the operator that cannot bear FP16 is found, and no other where none is needed."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper
from small_encoder import small_encoder, some_crops

from unmask.engines.manifest import Calibration
from unmask.export.fp16 import to_fp16
from unmask.export.fp16_islands import AIM, islands_of
from unmask.export.sessions import run_encoder, sigmoid_scores

CROPS = some_crops(32)
#: The logits lie about -10: in the middle of the scores, where differences show.
SHARP = Calibration(method="platt", scale=1.0, bias=10.0)


def _cancelling() -> bytes:
    """Two channels say the same, and large weights of the convolution ``wide`` take one from the other: FP16
    rounds both weights and leaves a difference that is not there."""
    model = onnx.load_model_from_string(small_encoder())
    large = 100.0 + np.arange(16) * 7.3
    for tensor in model.graph.initializer:
        if tensor.name in ("w0", "b0", "w1", "b1", "w2"):
            weights = numpy_helper.to_array(tensor).copy()
            if tensor.name == "w2":
                weights[:, 14, 0, 0] += large
                weights[:, 15, 0, 0] -= large
            else:
                weights[14] = weights[15]
            tensor.CopyFrom(numpy_helper.from_array(weights, tensor.name))
    return model.SerializeToString()


def _difference(raw: bytes, islands: list[str]) -> float:
    before, after = (run_encoder(one, CROPS)["logit"] for one in (raw, to_fp16(raw, islands=islands)))
    return float(np.abs(sigmoid_scores(before, SHARP) - sigmoid_scores(after, SHARP)).max())


def test_the_operator_that_cancels_is_found() -> None:
    raw = _cancelling()
    assert _difference(raw, []) > AIM
    islands = islands_of(raw, CROPS, SHARP)
    assert "wide" in islands
    assert "depthwise" in islands  # what feeds it: its input must not come rounded
    assert "narrow" not in islands
    assert _difference(raw, islands) < _difference(raw, [])


def test_a_network_that_bears_fp16_gets_no_islands() -> None:
    lines: list[str] = []
    assert islands_of(small_encoder(), CROPS, SHARP, log=lines.append) == []
    assert len(lines) == 1
