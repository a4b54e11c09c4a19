"""Which nodes of an encoder would leave FP16's range on real crops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper

from unmask.export.graph_work import float_tensors
from unmask.export.sessions import session_of

#: FP16 ends at 65504; a crop that was not among these may go four times as far.
LIMIT = 65504.0 / 4


def overflowing(model: ModelProto, crops: Sequence[NDArray[np.uint8]], limit: float = LIMIT) -> list[str]:
    """The names of the nodes with an input or output over ``limit`` on ``crops``, each uint8 (N, H, W, 3).

    ``model`` must have passed ``flat_model``. No crops, no nodes. The largest value of every tensor is reckoned
    inside the graph, so that only one number per tensor leaves it.
    """
    if not len(crops):
        return []
    floats = float_tensors(model)
    produced = [name for node in model.graph.node for name in node.output if name in floats]
    session = session_of(_watched(model, produced).SerializeToString())
    peaks = np.zeros(len(produced))
    for batch in crops:
        values = session.run([f"{name}.peak" for name in produced], {"crops": batch})
        peaks = np.maximum(peaks, np.nan_to_num(np.asarray(values, np.float64), nan=np.inf))
    large = {name for name, peak in zip(produced, peaks, strict=True) if peak > limit}
    return [node.name for node in model.graph.node if large.intersection((*node.input, *node.output))]


def _watched(model: ModelProto, names: Sequence[str]) -> ModelProto:
    """``model`` with one more output per tensor: its largest absolute value."""
    copy = ModelProto()
    copy.CopyFrom(model)
    for name in names:
        copy.graph.node.append(helper.make_node("Abs", [name], [f"{name}.abs"], name=f"{name}.abs"))
        peak = helper.make_node("ReduceMax", [f"{name}.abs"], [f"{name}.peak"], name=f"{name}.peak", keepdims=0)
        copy.graph.node.append(peak)
        copy.graph.output.append(helper.make_tensor_value_info(f"{name}.peak", TensorProto.FLOAT, []))
    return copy
