"""A trained network as ONNX: an encoder for crops and a head for windows, each one file.

Where a head is a linear map of the mean over time, its numbers for one crop do not depend on its neighbours
in a batch: matrix products round differently for different batch sizes, element-wise products summed along
one axis do not.

Exported with torch's newer exporter (``dynamo=True``): measured on the recipes of the zoo it gave single files
without functions, a dynamic batch everywhere (LSTM heads too, as plain steps), and no operator beyond ``OPSET``.
"""

from __future__ import annotations

import warnings
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
ENCODER_OUTPUTS = ("embedding", "logit", "activation")


class FrameModel(Protocol):
    """A network whose embedding is the mean over a feature map, and whose one logit is linear in it.

    ``feature_map`` maps (N, 3, H, W), 0..255, to (N, D, h, w), ``places`` that to the logit of every place
    (N, h, w); ``classifier`` maps (N, D) to (N, 1).
    """

    classifier: nn.Linear

    def feature_map(self, x: Tensor) -> Tensor: ...

    def places(self, feature_map: Tensor) -> Tensor: ...


class FrameEncoder(nn.Module):
    """``crops`` (N, H, W, 3) uint8 -> ``embedding`` (N, D), ``logit`` (N,), ``activation`` (N, h, w)."""

    def __init__(self, model: FrameModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        feature_map = self.model.feature_map(crops.permute(0, 3, 1, 2))
        embedding = feature_map.mean(dim=(2, 3))
        weight, bias = self.model.classifier.weight, self.model.classifier.bias
        return embedding, (embedding * weight).sum(dim=1) + bias, self.model.places(feature_map)


class MeanHead(nn.Module):
    """What ``head_bytes`` writes: the masked mean over time of the frames' linear logits."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.linear = linear

    def forward(self, window: Tensor, mask: Tensor) -> Tensor:
        frames = self.linear(window)[..., 0]
        return (frames * mask).sum(dim=1) / mask.sum(dim=1)


@dataclass(frozen=True, slots=True)
class Network:
    """The two halves of a network in evaluation mode. ``encoder`` gives two or three of ``ENCODER_OUTPUTS``;
    ``head`` maps ``window`` (N, ``length``, ``embedding``) and ``mask`` (N, ``length``) to (N,)."""

    encoder: nn.Module
    head: nn.Module
    size: int
    embedding: int
    length: int


@dataclass(frozen=True, slots=True)
class Graphs:
    """The two files. ``activation``: rows and columns of the encoder's third output, where it has one."""

    encoder: bytes
    head: bytes
    activation: tuple[int, int] | None


def frame_network(model: FrameModel, size: int, length: int) -> Network:
    """A frame model with the mean over ``length`` frames as its head."""
    return Network(
        FrameEncoder(model).eval(), MeanHead(model.classifier).eval(), size, model.classifier.in_features, length
    )


def export_graphs(network: Network, name: str, version: str) -> Graphs:
    """Both halves as ONNX files with the essentials of their manifest inside. Raises ``ExportError``."""
    size, depth = network.size, network.embedding
    example = torch.zeros(2, size, size, 3, dtype=torch.uint8)
    with torch.inference_mode():
        outputs = network.encoder(example)
    activation = (int(outputs[2].shape[1]), int(outputs[2].shape[2])) if len(outputs) > 2 else None
    told = {role: metadata(name, version, role, size, depth) for role in ("encoder", "head")}
    encoder = encoder_bytes(network.encoder, size, told["encoder"], outputs=len(outputs))
    if isinstance(network.head, MeanHead):
        weight = network.head.linear.weight.detach().numpy()[0]
        head = head_bytes(weight, float(network.head.linear.bias.detach()), network.length, told["head"])
    else:
        head = window_head_bytes(network.head, network.length, depth, told["head"])
    return Graphs(encoder, head, activation)


def metadata(name: str, version: str, role: str, size: int, embedding: int) -> dict[str, str]:
    """What the graphs repeat of the manifest; the loader refuses a package where they disagree."""
    values = {"name": name, "version": version, "role": role, "size": size, "colour": "rgb", "embedding": embedding}
    return {f"unmask.{key}": str(value) for key, value in values.items()}


def encoder_bytes(encoder: nn.Module, size: int, metadata: Mapping[str, str], *, outputs: int = 3) -> bytes:
    """``crops`` uint8 (N, size, size, 3) -> the first ``outputs`` of ``embedding`` float32 (N, D), ``logit``
    float32 (N,) and ``activation`` float32 (N, h, w)."""
    example = torch.zeros(2, size, size, 3, dtype=torch.uint8)
    return _traced(encoder, {"crops": example}, ENCODER_OUTPUTS[:outputs], metadata)


def window_head_bytes(head: nn.Module, length: int, depth: int, metadata: Mapping[str, str]) -> bytes:
    """``window`` (N, length, depth) and ``mask`` (N, length) -> ``logit`` (N,), as ``head`` computes it."""
    example = {"window": torch.zeros(2, length, depth), "mask": torch.ones(2, length)}
    return _traced(head, example, ("logit",), metadata)


def _traced(
    module: nn.Module, example: Mapping[str, Tensor], outputs: tuple[str, ...], metadata: Mapping[str, str]
) -> bytes:
    """``module`` with the first axis of every input dynamic. Raises ``ExportError`` where torch cannot."""
    batch = torch.export.Dim("batch", min=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own future
        try:
            program = torch.onnx.export(
                module.eval(),
                tuple(example.values()),
                input_names=list(example),
                output_names=list(outputs),
                dynamic_shapes={name: {0: batch} for name in example},
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
        except Exception as error:  # the exporter's errors share no base class
            reason = " ".join(str(error).split())[:200]
            raise ExportError(
                f"torch {torch.__version__} cannot export {type(module).__name__} ({type(error).__name__}: {reason}): "
                "try another version of torch, or change the network."
            ) from error
    assert program is not None
    return _finished(program.model_proto, metadata)


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
