"""Equalised channels: the same function, in tensors whose channels use one range."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from small_encoder import small_encoder, some_crops

from unmask.export.equalise import equalise
from unmask.export.graph_work import flat_model
from unmask.export.sessions import run_encoder

CROPS = some_crops(24)


def _spread(model: onnx.ModelProto, name: str) -> float:
    """Largest over smallest peak of the channels of ``name``."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, None, None, None]))
    peaks = run_encoder(copy.SerializeToString(), CROPS)[name].max(axis=(0, 2, 3))
    return float(peaks.max() / peaks.min())


@pytest.mark.parametrize("opset", [17, 18])
def test_channels_come_to_one_range_and_the_scores_stay(opset: int) -> None:
    before = flat_model(small_encoder(opset=opset))
    after = equalise(before, [CROPS[:12], CROPS[12:]])
    assert _spread(before, "a0") > 4
    assert _spread(after, "a0") < 1.01  # in front of the depthwise convolution
    wanted, said = (run_encoder(one.SerializeToString(), CROPS)["logit"] for one in (before, after))
    np.testing.assert_allclose(said, wanted, atol=1e-4)


def test_a_tensor_with_two_readers_is_left_alone() -> None:
    before = flat_model(small_encoder())
    after = equalise(before, [CROPS])
    assert _spread(after, "a1") == pytest.approx(_spread(before, "a1"), rel=1e-4)  # the residual sum reads it too


def test_the_given_graph_is_not_changed() -> None:
    graph = flat_model(small_encoder())
    before = graph.SerializeToString()
    equalise(graph, [CROPS])
    assert graph.SerializeToString() == before
