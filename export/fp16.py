"""An encoder in half precision: FP16 inside the graph, uint8 and float32 at its ends, FP32 islands where needed.

Every change of type is a ``Cast`` of its own, and no operator mixes types: that is what TensorRT's strongly typed
networks want. ONNX Runtime's own converter (``onnxruntime.transformers.float16``) was tried first: it rounds
to FP16 between the operators of an island, rounds the island's weights, and leaves the nodes out of order, which
the ONNX checker refuses.

ONNX Runtime's CPU provider computes these operators in FP32 and need not round between them, so that what it says is
FP16's weights more than FP16's sums. With every tensor rounded the error of the shipped detector's logit grew by
a thirtieth (root mean square 0.044 instead of 0.043, no islands).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from unmask.export.fp16_ranges import overflowing
from unmask.export.graph_work import WEIGHTED, flat_model, float_tensors, heads_and_tails
from unmask.export.package_writer import ExportError

#: Sums of many terms and steep functions: their intermediate results leave FP16's range or its 11 bits. ``Resize``,
#: ``Range`` and ``ConstantOfShape`` take or give FP32 by definition.
# fmt: off
ISLAND_OPERATORS = frozenset({
    "LayerNormalization", "InstanceNormalization", "GroupNormalization", "BatchNormalization", "LpNormalization",
    "Softmax", "LogSoftmax", "Exp", "Log", "Pow", "Sqrt", "Reciprocal", "CumSum", "Softplus", "ReduceMean",
    "ReduceSum", "ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceSumSquare", "ReduceProd", "GlobalAveragePool",
    "GlobalLpPool", "LSTM", "GRU", "RNN", "Resize", "Range", "ConstantOfShape", "Mod",
})
# fmt: on
#: These read their input's shape or change its type: whatever comes is right.
_INDIFFERENT = frozenset({"Shape", "Size", "Cast", "IsNaN", "IsInf"})
_LARGEST = float(np.finfo(np.float16).max)


def to_fp16(encoder: bytes, *, islands: Iterable[str] = (), calibration: Sequence[NDArray[np.uint8]] = ()) -> bytes:
    """``encoder`` with its weighted middle in FP16, opset and metadata as they were.

    In FP32 stay: what comes before the first weighted operator (the normalisation) and after the last (pooling,
    logit), ``ISLAND_OPERATORS``, the nodes named in ``islands``, nodes with constants beyond FP16, and nodes that
    some of the ``calibration`` crops (each (N, H, W, 3)) bring near its limit. Raises ``ExportError`` where the
    graph has branches, is quantised, or nothing would be in FP16.
    """
    model = flat_model(encoder)
    kept = _kept(model, set(islands) | set(overflowing(model, calibration)))
    if not any(node.op_type in WEIGHTED and node.name not in kept for node in model.graph.node):
        raise ExportError("No convolution or matrix product of this encoder can be in FP16: stay with FP32.")
    _Conversion(model, kept).run()
    del model.graph.value_info[:]
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def _kept(model: ModelProto, named: set[str]) -> set[str]:
    """The names of the nodes that stay in FP32."""
    names = {node.name for node in model.graph.node}
    if unknown := sorted(named - names):
        raise ExportError(f"The encoder has no node {unknown[0]!r}: name an island as the graph does.")
    large = {
        tensor.name
        for tensor in model.graph.initializer
        if tensor.data_type == TensorProto.FLOAT and np.abs(numpy_helper.to_array(tensor)).max(initial=0.0) > _LARGEST
    }
    kept = named | heads_and_tails(model)
    for node in model.graph.node:
        if node.op_type in ISLAND_OPERATORS or large.intersection(node.input):
            kept.add(node.name)
    return kept


class _Conversion:
    """Walks the nodes in their order and writes them anew, each tensor cast at most once to either type."""

    def __init__(self, model: ModelProto, kept: set[str]) -> None:
        self._model, self._kept = model, kept
        self._floats = float_tensors(model)
        self._weights = {tensor.name: tensor for tensor in model.graph.initializer}
        self._outputs = {value.name for value in model.graph.output}
        self._nodes: list[NodeProto] = []
        #: (tensor, type) -> the name under which it exists in that type.
        self._there: dict[tuple[str, int], str] = {
            (value.name, TensorProto.FLOAT): value.name for value in model.graph.input
        }
        self._there |= {(name, TensorProto.FLOAT): name for name in self._weights}

    def run(self) -> None:
        for node in list(self._model.graph.node):
            self._convert(node)
        for name in sorted(self._outputs & self._floats):
            self._in_type(name, TensorProto.FLOAT)
        del self._model.graph.node[:]
        self._model.graph.node.extend(self._nodes)
        self._drop_unused_weights()

    def _convert(self, node: NodeProto) -> None:
        kind = TensorProto.FLOAT if node.name in self._kept else TensorProto.FLOAT16
        copy = NodeProto()
        copy.CopyFrom(node)
        for position, name in enumerate(node.input):
            if name in self._floats:
                copy.input[position] = (
                    self._any_type(name) if node.op_type in _INDIFFERENT else self._in_type(name, kind)
                )
        for position, name in enumerate(node.output):
            if name in self._floats:
                # A graph output keeps its name for FP32.
                fresh = f"{name}.fp16" if kind == TensorProto.FLOAT16 and name in self._outputs else name
                copy.output[position] = fresh
                self._there[name, kind] = fresh
        if kind == TensorProto.FLOAT16:
            _retype(copy)
        self._nodes.append(copy)

    def _any_type(self, name: str) -> str:
        return next(self._there[name, kind] for kind in (TensorProto.FLOAT16, TensorProto.FLOAT)
                    if (name, kind) in self._there)  # fmt: skip

    def _in_type(self, name: str, kind: int) -> str:
        if (name, kind) not in self._there:
            suffix = "fp16" if kind == TensorProto.FLOAT16 else "fp32"
            fresh = name if name in self._outputs and kind == TensorProto.FLOAT else f"{name}.{suffix}"
            if name in self._weights:
                half = numpy_helper.to_array(self._weights[name]).astype(np.float16)
                self._model.graph.initializer.append(numpy_helper.from_array(half, fresh))
            else:
                cast = helper.make_node("Cast", [self._any_type(name)], [fresh], name=f"{name}.to_{suffix}", to=kind)
                self._nodes.append(cast)
            self._there[name, kind] = fresh
        return self._there[name, kind]

    def _drop_unused_weights(self) -> None:
        used = {name for node in self._nodes for name in node.input} | self._outputs
        weights = [tensor for tensor in self._model.graph.initializer if tensor.name in used]
        del self._model.graph.initializer[:]
        self._model.graph.initializer.extend(weights)


def _retype(node: NodeProto) -> None:
    """What a node says of its own output's type: FP32 becomes FP16."""
    for attribute in node.attribute:
        if attribute.name in ("to", "dtype") and attribute.i == TensorProto.FLOAT:
            attribute.i = TensorProto.FLOAT16
        if attribute.type == onnx.AttributeProto.TENSOR and attribute.t.data_type == TensorProto.FLOAT:
            half = numpy_helper.to_array(attribute.t).astype(np.float16)
            attribute.t.CopyFrom(numpy_helper.from_array(half, attribute.t.name))
