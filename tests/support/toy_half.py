"""The toy encoder of ``toy_package`` with its products in half precision; the sums of pixels stay in FP32."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from toy_package import IR_VERSION, OPSET, build_manifest, toy_encoder


def toy_encoder_half(size: int = 64, depth: int = 8) -> onnx.ModelProto:
    """Inputs and outputs as before: ``crops`` uint8 -> ``embedding`` float32 (N, D), ``logit`` float32 (N,)."""
    full = toy_encoder(build_manifest(input={"size": size}, embedding=depth))
    weights = {one.name: numpy_helper.to_array(one) for one in full.graph.initializer}
    for name in ("projection", "readout"):
        weights[name] = weights[name].astype(np.float16)
    nodes = [
        *list(full.graph.node)[:3],
        helper.make_node("Cast", ["means"], ["means_half"], to=TensorProto.FLOAT16),
        helper.make_node("MatMul", ["means_half", "projection"], ["embedding_half"]),
        helper.make_node("MatMul", ["embedding_half", "readout"], ["column_half"]),
        helper.make_node("Cast", ["embedding_half"], ["embedding"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["column_half"], ["column"], to=TensorProto.FLOAT),
        helper.make_node("Squeeze", ["column", "last"], ["logit"]),
    ]
    graph = helper.make_graph(
        nodes,
        "toy-encoder-half",
        list(full.graph.input),
        list(full.graph.output),
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
