"""A trained frame model as ONNX: an encoder for crops and a head for windows, each one file.

Written so that the numbers of one crop do not depend on its neighbours in a batch: matrix products
round differently for different batch sizes, element-wise products summed along one axis do not.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from unmask.export.package_writer import ExportError

OPSET = 18


class FrameModel(Protocol):
    """A network with pooled features and one linear logit on them.

    ``embed`` maps (N, 3, H, W), 0..255, to (N, D); ``classifier`` maps (N, D) to (N, 1).
    """

    classifier: nn.Linear

    def embed(self, x: Tensor) -> Tensor: ...


@dataclass(frozen=True, slots=True)
class Parity:
    """The largest absolute differences between the network and its export."""

    embedding: float
    logit: float


class _Encoder(nn.Module):
    def __init__(self, model: FrameModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        embedding = self.model.embed(crops.permute(0, 3, 1, 2))
        weight, bias = self.model.classifier.weight, self.model.classifier.bias
        return embedding, (embedding * weight).sum(dim=1) + bias


def encoder_bytes(model: FrameModel, size: int, metadata: Mapping[str, str]) -> bytes:
    """``crops`` uint8 (N, size, size, 3) -> ``embedding`` float32 (N, D) and ``logit`` float32 (N,)."""
    wrapped = _Encoder(model).eval()
    example = torch.zeros(2, size, size, 3, dtype=torch.uint8)
    buffer = io.BytesIO()
    program = torch.onnx.export(
        wrapped,
        (example,),
        input_names=["crops"],
        output_names=["embedding", "logit"],
        dynamic_shapes={"crops": {0: torch.export.Dim("batch", min=1)}},
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    program.save(buffer, external_data=False)
    return _finished(onnx.load_model_from_string(buffer.getvalue()), metadata)


def head_bytes(weight: NDArray[np.float32], bias: float, length: int, metadata: Mapping[str, str]) -> bytes:
    """``window`` (N, length, D) and ``mask`` (N, length) -> ``logit`` (N,): the masked mean over time of
    the frames' linear logits. ``weight`` is float32 (D,). An empty mask gives NaN, never a number."""
    depth = len(weight)
    constants = {
        "weight": weight.reshape(1, 1, depth).astype(np.float32),
        "bias": np.array(bias, np.float32),
        "depth_axis": np.array([2], np.int64),
        "time_axis": np.array([1], np.int64),
    }
    nodes = [
        helper.make_node("Mul", ["window", "weight"], ["products"]),
        helper.make_node("ReduceSum", ["products", "depth_axis"], ["frame_logits"], keepdims=0),
        helper.make_node("Mul", ["frame_logits", "mask"], ["present"]),
        helper.make_node("ReduceSum", ["present", "time_axis"], ["total"], keepdims=0),
        helper.make_node("ReduceSum", ["mask", "time_axis"], ["frames"], keepdims=0),
        helper.make_node("Div", ["total", "frames"], ["mean"]),
        helper.make_node("Add", ["mean", "bias"], ["logit"]),
    ]
    graph = helper.make_graph(
        nodes,
        "head",
        [
            helper.make_tensor_value_info("window", TensorProto.FLOAT, ["batch", length, depth]),
            helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["batch", length]),
        ],
        [helper.make_tensor_value_info("logit", TensorProto.FLOAT, ["batch"])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    # The oldest file version that carries this operator set: every supported runtime reads it.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    return _finished(model, metadata)


def _finished(model: onnx.ModelProto, metadata: Mapping[str, str]) -> bytes:
    """Metadata in place, traces of the exporting machine (file names, stack traces) gone, checked."""
    del model.metadata_props[:]
    helper.set_model_props(model, dict(metadata))
    model.doc_string = ""
    del model.functions[:]
    for part in (*model.graph.node, *model.graph.input, *model.graph.output, *model.graph.value_info):
        part.doc_string = ""
        del part.metadata_props[:]
    del model.graph.metadata_props[:]
    for weight in model.graph.initializer:
        del weight.metadata_props[:]
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def check_parity(
    model: FrameModel,
    exported: Mapping[str, NDArray[np.generic]],
    crops: NDArray[np.uint8],
    *,
    tolerance: float = 2e-3,
) -> Parity:
    """Compare what the exported encoder said of ``crops`` with what the network says.

    Raises ``ExportError`` where a logit differs by more than ``tolerance``: then the export is wrong,
    not merely rounded otherwise.
    """
    with torch.inference_mode():
        embedding, logit = _Encoder(model).eval()(torch.from_numpy(crops))
    parity = Parity(
        float(np.abs(embedding.numpy() - exported["embedding"]).max()),
        float(np.abs(logit.numpy() - exported["logit"]).max()),
    )
    if not parity.logit <= tolerance or not parity.embedding <= tolerance:
        raise ExportError(
            f"The exported encoder differs from the network by {parity.logit:.2g} in the logit and "
            f"{parity.embedding:.2g} in the embedding, at most {tolerance:g} is allowed: do not use it."
        )
    return parity
