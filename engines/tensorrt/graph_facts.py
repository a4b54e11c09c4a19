"""What the ONNX graph itself says of its precision: a strongly typed plan can have no other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from unmask.engines.errors import EngineError
from unmask.engines.options import Precision

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

_QUANTISED = ("QuantizeLinear", "DequantizeLinear")


def precision_of_graph(raw: bytes, where: str) -> Precision:
    """``int8`` for a graph that quantises, ``fp16`` for one with half-precision weights or casts, else ``fp32``.

    Raises ``EngineError`` for bytes that are no graph. ``where`` names the file.
    """
    import onnx  # a tenth of a second: only where a plan is asked for
    from google.protobuf.message import DecodeError

    try:
        model = onnx.ModelProto.FromString(raw)
    except DecodeError as error:
        raise EngineError(
            f"The model {where} is no readable ONNX graph (damaged or cut off): install the detector again."
        ) from error
    if not model.graph.node:
        raise EngineError(f"The model {where} holds no ONNX graph: install the detector again.")
    if any(node.op_type in _QUANTISED for graph in _graphs(model) for node in graph.node):
        return "int8"
    return "fp16" if any(map(_has_half, _graphs(model))) else "fp32"


def _graphs(model: ModelProto) -> Iterator[GraphProto]:
    waiting = [model.graph]
    while waiting:
        graph = waiting.pop()
        yield graph
        for node in graph.node:
            for attribute in node.attribute:
                waiting.extend([attribute.g] if attribute.HasField("g") else attribute.graphs)


def _has_half(graph: GraphProto) -> bool:
    from onnx import TensorProto

    half = TensorProto.FLOAT16
    if any(weight.data_type == half for weight in graph.initializer):
        return True
    for node in graph.node:
        for attribute in node.attribute:
            casts = node.op_type == "Cast" and attribute.name == "to" and attribute.i == half
            if casts or (attribute.HasField("t") and attribute.t.data_type == half):
                return True
    return False
