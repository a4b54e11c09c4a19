"""What the makers of variants need to know of an encoder's graph."""

from __future__ import annotations

import onnx
from onnx import ModelProto, TensorProto

from unmask.export.package_writer import ExportError

#: The operators that do the work.
WEIGHTED = frozenset({"Conv", "ConvTranspose", "MatMul", "Gemm"})
_QUANTISED = ("QuantizeLinear", "DequantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger")


def flat_model(raw: bytes) -> ModelProto:
    """The graph with a name of its own for every node, its constants as weights, and every type known.

    Raises ``ExportError`` for a graph with branches or loops, a quantised one, and one in FP16 already.
    """
    model = onnx.load_model_from_string(raw)
    seen: set[str] = set()
    for number, node in enumerate(model.graph.node):
        if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute):
            raise ExportError(
                f"The encoder branches or loops ({node.op_type} {node.name!r}): export it without, to get variants."
            )
        if node.op_type in _QUANTISED:
            raise ExportError(f"The encoder is quantised already ({node.op_type}): start from the FP32 one.")
        if not node.name or node.name in seen:
            node.name = f"{node.op_type}.{number}"
        seen.add(node.name)
    _constants_to_weights(model)
    if any(tensor.data_type == TensorProto.FLOAT16 for tensor in model.graph.initializer):
        raise ExportError("The encoder is in half precision already: start from the FP32 one.")
    return onnx.shape_inference.infer_shapes(model, strict_mode=True)


def _constants_to_weights(model: ModelProto) -> None:
    left = []
    for node in model.graph.node:
        value = next((a.t for a in node.attribute if node.op_type == "Constant" and a.name == "value"), None)
        if value is None:
            left.append(node)
            continue
        tensor = TensorProto()
        tensor.CopyFrom(value)
        tensor.name = node.output[0]
        model.graph.initializer.append(tensor)
    del model.graph.node[:]
    model.graph.node.extend(left)


def float_tensors(model: ModelProto) -> set[str]:
    """The names of all float32 tensors of a graph whose types were inferred."""
    graph = model.graph
    values = (*graph.input, *graph.output, *graph.value_info)
    found = {value.name for value in values if value.type.tensor_type.elem_type == TensorProto.FLOAT}
    return found | {tensor.name for tensor in graph.initializer if tensor.data_type == TensorProto.FLOAT}


def heads_and_tails(model: ModelProto) -> set[str]:
    """The names of the nodes that no weighted operator precedes (the normalisation) or follows (pooling, logit).

    A matrix product of pooled features, two axes, counts to the tail with what comes after it.
    """
    ranks = {v.name: len(v.type.tensor_type.shape.dim) for v in (*model.graph.value_info, *model.graph.output)}
    heavy = {node.name for node in model.graph.node if node.op_type in WEIGHTED and ranks.get(node.output[0], 0) != 2}
    after: set[str] = set()
    head: set[str] = set()
    for node in model.graph.node:
        if node.name in heavy or after.intersection(node.input):
            after.update(node.output)
        else:
            head.add(node.name)
    before: set[str] = set()
    tail: set[str] = set()
    for node in reversed(model.graph.node):
        if node.name in heavy or before.intersection(node.output):
            before.update(node.input)
            continue
        tail.add(node.name)
    # A network of matrix products alone (rank 2) has no heavy node: then its products are the middle.
    return head | tail if heavy else set()
