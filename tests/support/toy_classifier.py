"""Classifiers as other projects write them, small and of known answers: linear in the mean colour of a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

SIZE = 32
IR_VERSION = 8

#: Rows: classes; columns: red, green, blue. Fake is redder than blue.
ONE = np.array([[2.0, 0.5, -2.0]])
TWO = np.array([[-1.0, 0.2, 1.0], [1.5, 0.0, -1.0]])
THREE = np.array([[-1.0, 0.2, 1.0], [1.5, 0.0, -1.0], [0.3, -0.4, 0.6]])

_DTYPES = {"float": TensorProto.FLOAT, "float16": TensorProto.FLOAT16, "double": TensorProto.DOUBLE}
_NUMPY = {"float": np.float32, "float16": np.float16, "double": np.float64}


def toy_classifier(
    weights: NDArray[np.float64] = TWO,
    *,
    last: str = "",
    layout: str = "nchw",
    batch: int | str = "batch",
    side: int | str = SIZE,
    dtype: str = "float",
    opset: int = 17,
    names: tuple[str, str] = ("input", "output"),
    flatten: Sequence[int] | None = None,
) -> onnx.ModelProto:
    """Mean over the pixels, ``weights``, then the operator ``last`` (Sigmoid, Softmax, LogSoftmax or none).

    ``flatten``: a constant shape that the mean is given by a Reshape, as exports of fixed batch have.
    """
    picture, answer = names
    spatial = [2, 3] if layout == "nchw" else [1, 2]
    shape = [batch, 3, side, side] if layout == "nchw" else [batch, side, side, 3]
    constants = {"weights": weights.T.astype(_NUMPY[dtype])}
    nodes: list[NodeProto] = []
    if opset >= 18:
        constants["axes"] = np.array(spatial, np.int64)
        nodes.append(helper.make_node("ReduceMean", [picture, "axes"], ["mean"], keepdims=0))
    else:
        nodes.append(helper.make_node("ReduceMean", [picture], ["mean"], axes=spatial, keepdims=0))
    pooled = "mean"
    if flatten is not None:
        constants["shape"] = np.array(flatten, np.int64)
        nodes.append(helper.make_node("Reshape", ["mean", "shape"], ["flat"]))
        pooled = "flat"
    nodes.append(helper.make_node("MatMul", [pooled, "weights"], [answer if not last else "scores"]))
    if last == "Sigmoid":
        nodes.append(helper.make_node("Sigmoid", ["scores"], [answer]))
    elif last:
        nodes.append(helper.make_node(last, ["scores"], [answer], axis=1))
    graph = helper.make_graph(
        nodes,
        "toy-classifier",
        [helper.make_tensor_value_info(picture, _DTYPES[dtype], shape)],
        [helper.make_tensor_value_info(answer, _DTYPES[dtype], [batch, len(weights)])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    ir_version = 3 if opset < 9 else IR_VERSION if opset < 21 else 10
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version)


def toy_scores(
    crops: NDArray[np.uint8],
    weights: NDArray[np.float64] = TWO,
    *,
    divisor: float = 255.0,
    offset: float = 0.0,
    mean: Sequence[float] = (0.0, 0.0, 0.0),
    std: Sequence[float] = (1.0, 1.0, 1.0),
) -> NDArray[np.float64]:
    """The class scores (N, K) of ``crops`` (N, H, W, 3), reckoned apart from any graph."""
    values = (crops.astype(np.float64) / divisor - offset - np.asarray(mean)) / np.asarray(std)
    return values.mean(axis=(1, 2)) @ weights.T


def two_pictures_of_colour(count: int, seed: int = 3, size: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """``count`` bluish (genuine) and as many reddish (fake) pictures, uint8 (N, size, size, 3)."""
    random = np.random.default_rng(seed)
    base = random.integers(60, 190, (2, count, 1, 1, 3))
    base[0, ..., 2] += 40
    base[1, ..., 0] += 40
    noise = random.integers(-15, 16, (2, count, size, size, 3))
    real, fake = np.clip(base + noise, 0, 255).astype(np.uint8)
    return real, fake
