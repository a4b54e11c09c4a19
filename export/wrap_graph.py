"""Graph surgery: uint8 crops in front of a classifier, one logit and an embedding behind it; and the head.

Each step exists twice, as ONNX nodes and in NumPy: the second is what the first is compared with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from unmask.export.package_writer import ExportError

Layout = Literal["nchw", "nhwc"]
Range = Literal["0-1", "-1-1", "0-255"]
Activation = Literal["sigmoid", "softmax", "logit"]
Colour = Literal["rgb", "bgr"]

#: What a byte is divided by, and what is then taken off.
RANGES: dict[Range, tuple[float, float]] = {"0-1": (255.0, 0.0), "-1-1": (127.5, 1.0), "0-255": (1.0, 0.0)}
#: Probabilities are kept this far from 0 and 1: a logit stays finite, within 14 and 17.
SIGMOID_EDGE, SOFTMAX_EDGE = 1e-6, 1e-7

_DTYPES = {"float": TensorProto.FLOAT, "float16": TensorProto.FLOAT16, "double": TensorProto.DOUBLE,
           "uint8": TensorProto.UINT8}  # fmt: skip
_NUMPY = {"float": np.float32, "float16": np.float16, "double": np.float64, "uint8": np.uint8}
_HEAD_OPSET, _HEAD_IR = 18, 8


@dataclass(frozen=True, slots=True)
class Preprocess:
    """How the classifier wants its pictures: ``(pixel / divisor - offset - mean) / std`` by channel, then layout.

    ``mean`` and ``std`` are of the range's units and in the order of ``colour``. ``dtype`` is a key of NumPy's
    names: float, float16, double, uint8.
    """

    size: int
    layout: Layout
    range: Range
    mean: tuple[float, ...]
    std: tuple[float, ...]
    colour: Colour
    dtype: str


@dataclass(frozen=True, slots=True)
class Readout:
    """How one logit comes of ``output``, (N, ``count``) once flattened.

    ``fake`` and ``real`` are its columns of either kind. One column alone: it is in one of the two, and
    grows with that. ``activation``: what the classifier already applied; ``logit`` is nothing.
    """

    output: str
    count: int
    activation: Activation
    fake: tuple[int, ...]
    real: tuple[int, ...]


def prepared(crops: NDArray[np.uint8], pre: Preprocess) -> NDArray[np.generic]:
    """What the classifier is given for RGB or BGR ``crops`` (N, H, W, 3), as ``pre.colour`` says."""
    values = crops
    if pre.dtype != "uint8":
        divisor, offset = RANGES[pre.range]
        values = crops.astype(np.float32) / np.float32(divisor) - np.float32(offset)
        values = (values - np.asarray(pre.mean, np.float32)) / np.asarray(pre.std, np.float32)
    if pre.layout == "nchw":
        values = values.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(values.astype(_NUMPY[pre.dtype]))


def logits_of(raw: NDArray[np.generic], readout: Readout) -> NDArray[np.float32]:
    """Logits (N,) of the classifier's answers ``raw`` (N, ...), growing with suspicion."""
    values = raw.astype(np.float32).reshape(len(raw), readout.count)
    if (column := _lone_column(readout)) is not None:
        index, sign = column
        one = values[:, index]
        if readout.activation == "sigmoid":
            edge = np.float32(SIGMOID_EDGE)
            one = np.clip(one, edge, 1 - edge)
            one = np.log(one) - np.log(1 - one)
        return sign * one
    if readout.activation == "softmax":
        values = np.log(np.clip(values, np.float32(SOFTMAX_EDGE), 1))
    fake, real = (np.logaddexp.reduce(values[:, list(side)], axis=1) for side in (readout.fake, readout.real))
    return fake - real


def encoder_bytes(
    model: onnx.ModelProto,
    input_name: str,
    pre: Preprocess,
    readout: Readout,
    embedding: tuple[str, int] | None,
    metadata: Mapping[str, str],
) -> bytes:
    """``crops`` uint8 (N, size, size, 3) -> ``embedding`` float32 (N, D) and ``logit`` float32 (N,).

    Column 0 of the embedding is the logit; with ``embedding`` (name of an inner value, its length) the
    others are that value, so D = 1 + its length. Raises ``ExportError`` where the inner value is not there.
    """
    network = onnx.ModelProto()
    network.CopyFrom(model)
    opset = next(entry.version for entry in network.opset_import if entry.domain in ("", "ai.onnx"))
    _prefix(network.graph)
    build = _Builder(opset)
    build.prelude(pre, _named(input_name))
    inner = list(network.graph.node)
    build.between = len(build.nodes)
    build.readout(readout, _named(readout.output))
    depth = 1
    if embedding is None:
        build.add("Identity", ["column"], "embedding")
    else:
        if _named(embedding[0]) not in {name for node in inner for name in node.output}:
            raise ExportError(f"The model has no inner value {embedding[0]!r}: choose another for --embedding.")
        depth += embedding[1]
        build.add("Cast", [_named(embedding[0])], "inner_float", to=TensorProto.FLOAT)
        build.add("Reshape", ["inner_float", build.ints([-1, embedding[1]])], "inner")
        build.add("Concat", ["column", "inner"], "embedding", axis=1)
    graph = helper.make_graph(
        [*build.nodes[: build.between], *inner, *build.nodes[build.between :]],
        "encoder",
        [helper.make_tensor_value_info("crops", TensorProto.UINT8, ["batch", pre.size, pre.size, 3])],
        [
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", depth]),
            helper.make_tensor_value_info("logit", TensorProto.FLOAT, ["batch"]),
        ],
        [*network.graph.initializer, *build.weights],
    )
    return _finished(graph, opset, network.ir_version, metadata)


def head_bytes(depth: int, length: int, metadata: Mapping[str, str]) -> bytes:
    """``window`` (N, ``length``, D) and ``mask`` (N, ``length``) -> ``logit`` (N,): the masked mean of column 0,
    where the encoder put each frame's logit. An empty mask gives NaN, never a number."""
    build = _Builder(_HEAD_OPSET)
    build.add("Gather", ["window", build.constant(np.array(0, np.int64))], "logits", axis=2)
    build.add("Mul", ["logits", "mask"], "present")
    build.add("ReduceSum", ["present", build.ints([1])], "total", keepdims=0)
    build.add("ReduceSum", ["mask", build.ints([1])], "frames", keepdims=0)
    build.add("Div", ["total", "frames"], "logit")
    graph = helper.make_graph(
        build.nodes,
        "head",
        [
            helper.make_tensor_value_info("window", TensorProto.FLOAT, ["batch", length, depth]),
            helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["batch", length]),
        ],
        [helper.make_tensor_value_info("logit", TensorProto.FLOAT, ["batch"])],
        build.weights,
    )
    return _finished(graph, _HEAD_OPSET, _HEAD_IR, metadata)


class _Builder:
    """Nodes and constants under names of their own: the network's all begin with ``net/``."""

    def __init__(self, opset: int) -> None:
        self.opset = opset
        self.nodes: list[NodeProto] = []
        self.weights: list[TensorProto] = []
        self.between = 0

    def add(self, op_type: str, inputs: list[str], output: str, **attributes: int | list[int]) -> str:
        node = helper.make_node(op_type, inputs, [output], f"unmask/{len(self.nodes)}")
        node.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
        self.nodes.append(node)
        return output

    def constant(self, value: NDArray[np.generic]) -> str:
        name = f"constant_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def number(self, value: float) -> str:
        return self.constant(np.array(value, np.float32))

    def ints(self, values: list[int]) -> str:
        return self.constant(np.array(values, np.int64))

    def prelude(self, pre: Preprocess, target: str) -> None:
        last = "crops"
        if pre.dtype != "uint8":
            divisor, offset = RANGES[pre.range]
            last = self.add("Cast", [last], "pixels", to=TensorProto.FLOAT)
            last = self.add("Div", [last, self.number(divisor)], "scaled") if divisor != 1.0 else last
            last = self.add("Sub", [last, self.number(offset)], "shifted") if offset else last
            if any(pre.mean):
                last = self.add("Sub", [last, self.constant(np.asarray(pre.mean, np.float32))], "centred")
            if set(pre.std) != {1.0}:
                last = self.add("Div", [last, self.constant(np.asarray(pre.std, np.float32))], "normal")
        if pre.layout == "nchw":
            last = self.add("Transpose", [last], "planes", perm=[0, 3, 1, 2])
        self.add("Cast", [last], target, to=_DTYPES[pre.dtype])

    def readout(self, readout: Readout, source: str) -> None:
        self.add("Cast", [source], "answers", to=TensorProto.FLOAT)
        last = self.add("Reshape", ["answers", self.ints([-1, readout.count])], "classes")
        if (column := _lone_column(readout)) is not None:
            index, sign = column
            last = self._columns(last, (index,), "lone")
            if readout.activation == "sigmoid":
                last = self._inverse_sigmoid(last)
            last = self.add("Neg", [last], "turned") if sign < 0 else last
        else:
            if readout.activation == "softmax":
                inside = [last, self.number(SOFTMAX_EDGE), self.number(1.0)]
                last = self.add("Log", [self.add("Clip", inside, "inside")], "logs")
            sides = [
                self._sum(self._columns(last, readout.fake, "fake")),
                self._sum(self._columns(last, readout.real, "real")),
            ]
            last = self.add("Sub", sides, "odds")
        self.add("Reshape", [last, self.ints([-1, 1])], "column")
        self.add("Reshape", [last, self.ints([-1])], "logit")

    def _columns(self, source: str, columns: tuple[int, ...], name: str) -> str:
        return self.add("Gather", [source, self.ints(list(columns))], name, axis=1)

    def _inverse_sigmoid(self, source: str) -> str:
        edge = np.float32(SIGMOID_EDGE)
        inside = self.add("Clip", [source, self.constant(np.array(edge)), self.constant(np.array(1 - edge))], "inside")
        rest = self.add("Sub", [self.number(1.0), inside], "rest")
        return self.add("Sub", [self.add("Log", [inside], "log"), self.add("Log", [rest], "log_rest")], "inverse")

    def _sum(self, source: str) -> str:
        if self.opset >= 18:
            return self.add("ReduceLogSumExp", [source, self.ints([1])], f"{source}_sum", keepdims=1)
        return self.add("ReduceLogSumExp", [source], f"{source}_sum", axes=[1], keepdims=1)


def _lone_column(readout: Readout) -> tuple[int, float] | None:
    """The only column that counts and its sign: of one number, or of independent probabilities."""
    if readout.count > 1 and readout.activation != "sigmoid":
        return None
    if len(readout.fake) == 1:
        return readout.fake[0], 1.0
    if len(readout.real) == 1:
        return readout.real[0], -1.0
    raise ExportError("Of independent probabilities one class alone can be read: give one --fake-class.")


def _named(name: str) -> str:
    return f"net/{name}"


def _prefix(graph: onnx.GraphProto) -> None:
    """Put ``net/`` before every name, also in branches and bodies, which see the names around them."""
    for value in (*graph.input, *graph.output, *graph.initializer):
        value.name = _named(value.name)
    for index, node in enumerate(graph.node):
        node.name = _named(node.name or str(index))
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                names[place] = _named(name) if name else ""
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else ()), *attribute.graphs):
                _prefix(inner)
    del graph.value_info[:]


def _finished(graph: onnx.GraphProto, opset: int, ir_version: int, metadata: Mapping[str, str]) -> bytes:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version)
    model.producer_name = "unmask"
    helper.set_model_props(model, dict(metadata))
    return model.SerializeToString(deterministic=True)
