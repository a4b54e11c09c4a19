"""Rescaling the channels between two convolutions so that one scale of 8 bits suits all of them.

In ``convolution -> ReLU or ReLU6 -> convolution`` a channel may be multiplied by s if the next convolution's
weights for it are divided by s: the network computes the same (Nagel et al., "Data-Free Quantization Through
Weight Equalization and Bias Correction", ICCV 2019, section 4.1; there for the ranges of weights, here for those
of the activations, because the weights have a scale per channel already). Under ReLU6 a channel that real crops
never brought to 6 is stretched to it; what the clip then cuts off is what the 8 bits would have cut off too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from unmask.export.sessions import session_of

#: No channel is stretched further: beyond, rounding errors of the weights weigh more than what is won.
MOST = 64.0
#: A dense convolution shares one scale among all its inputs, so that stretching costs precision of its weights:
#: half way, in logarithms, is the optimum of the paper's equation 11.
SHARE_OF_DENSE = 0.5


@dataclass(frozen=True, slots=True)
class _Pair:
    """``first`` -> ``activation`` -> ``second``, and nobody else looks in between."""

    first: NodeProto
    activation: NodeProto
    second: NodeProto
    depthwise: bool


def equalise(model: ModelProto, crops: Sequence[NDArray[np.uint8]]) -> ModelProto:
    """A copy of ``model`` (see ``flat_model``) whose channels use the range of their tensor.

    ``crops`` are batches uint8 (N, H, W, 3) for the input ``crops``. A graph without such pairs comes back equal.
    """
    copy = ModelProto()
    copy.CopyFrom(model)
    pairs = _pairs(copy)
    if not pairs:
        return copy
    peaks = _peaks(copy, [pair.activation.output[0] for pair in pairs], crops)
    weights = {tensor.name: tensor for tensor in copy.graph.initializer}
    for pair in pairs:
        stretch = _stretch(peaks[pair.activation.output[0]], pair.depthwise)
        for name in pair.first.input[1:]:
            array = numpy_helper.to_array(weights[name])
            _store(weights[name], array * stretch.reshape(-1, *[1] * (array.ndim - 1)))
        array = numpy_helper.to_array(weights[pair.second.input[1]])
        shape = (-1, 1, 1, 1) if pair.depthwise else (1, -1, 1, 1)
        _store(weights[pair.second.input[1]], array / stretch.reshape(shape))
    return copy


def _stretch(peaks: NDArray[np.float32], depthwise: bool) -> NDArray[np.float32]:
    ratio = peaks.max() / np.maximum(peaks, 1e-12)
    return np.clip(ratio ** (1.0 if depthwise else SHARE_OF_DENSE), 1.0, MOST)


def _store(tensor: TensorProto, array: NDArray[np.floating]) -> None:
    tensor.CopyFrom(numpy_helper.from_array(array.astype(np.float32), tensor.name))


def _pairs(model: ModelProto) -> list[_Pair]:
    readers: dict[str, list[NodeProto]] = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    outputs = {value.name for value in model.graph.output}
    weights = {tensor.name: tensor for tensor in model.graph.initializer}

    def only_reader(name: str) -> NodeProto | None:
        found = readers.get(name, [])
        return found[0] if len(found) == 1 and name not in outputs else None

    def owned(node: NodeProto) -> bool:
        """Its weights are constants, two-dimensional, and its alone."""
        there = all(name in weights and len(readers[name]) == 1 for name in node.input[1:])
        return node.op_type == "Conv" and there and len(weights[node.input[1]].dims) == 4

    pairs = []
    for first in model.graph.node:
        if not owned(first):
            continue
        activation = only_reader(first.output[0])
        if activation is None or not _rectifies(activation, weights):
            continue
        second = only_reader(activation.output[0])
        if second is None or not owned(second) or second.input[0] != activation.output[0]:
            continue
        channels, group = weights[first.input[1]].dims[0], _groups(second)
        depthwise = group == channels == weights[second.input[1]].dims[0]
        if depthwise or group == 1:
            pairs.append(_Pair(first, activation, second, depthwise))
    return pairs


def _rectifies(node: NodeProto, weights: dict[str, TensorProto]) -> bool:
    """ReLU, or a clip from 0 upwards: both commute with a positive factor, the latter below its upper end."""
    if node.op_type == "Relu":
        return True
    if node.op_type != "Clip" or len(node.input) < 2 or node.input[1] not in weights:
        return False
    return float(numpy_helper.to_array(weights[node.input[1]])) == 0.0


def _groups(node: NodeProto) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)


def _peaks(
    model: ModelProto, names: Sequence[str], crops: Sequence[NDArray[np.uint8]]
) -> dict[str, NDArray[np.float32]]:
    """The largest value of every channel of ``names`` (each (N, C, h, w)) over ``crops``."""
    copy = ModelProto()
    copy.CopyFrom(model)
    copy.graph.initializer.append(numpy_helper.from_array(np.array([0, 2, 3], np.int64), "peak.axes"))
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    for name in names:
        peak = f"{name}.peak"
        if opset < 18:
            node = helper.make_node("ReduceMax", [name], [peak], name=peak, keepdims=0)
            node.attribute.append(helper.make_attribute("axes", [0, 2, 3]))
        else:
            node = helper.make_node("ReduceMax", [name, "peak.axes"], [peak], name=peak, keepdims=0)
        copy.graph.node.append(node)
        copy.graph.output.append(helper.make_tensor_value_info(peak, TensorProto.FLOAT, [None]))
    session = session_of(copy.SerializeToString())
    found = [session.run([f"{name}.peak" for name in names], {"crops": batch}) for batch in crops]
    return {name: np.stack([one[i] for one in found]).max(axis=0) for i, name in enumerate(names)}
