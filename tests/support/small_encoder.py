"""A small convolutional encoder built by hand: normalisation, ReLU6 convolutions (one of them depthwise), a residual
sum, pooling, logit. No torch. Its channels differ much in size, as trained ones do."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from unmask.engines.graph_check import metadata_of
from unmask.engines.manifest import Manifest

SIZE, DEPTH = 32, 16


def small_encoder(manifest: Manifest | None = None, *, gain: float = 1.0, opset: int = 18) -> bytes:
    """``crops`` uint8 (N, 32, 32, 3) -> ``embedding`` (N, 16), ``logit`` (N,). ``gain`` multiplies the inside of
    the first two convolutions' pair and is divided out again: 1e6 leaves the range of FP16."""
    rng = np.random.default_rng(3)
    spread = np.geomspace(0.05, 1.0, DEPTH).reshape(-1, 1, 1, 1)
    weights = {
        "w0": rng.normal(0, 0.6, (DEPTH, 3, 3, 3)) * spread,
        "b0": rng.normal(0, 0.05, DEPTH) + 0.1,
        "w1": rng.normal(0, 0.5, (DEPTH, 1, 3, 3)),
        "b1": rng.normal(0, 0.1, DEPTH),
        "w2": rng.normal(0, 0.3, (DEPTH, DEPTH, 1, 1)) * gain,
        "b2": rng.normal(0, 0.1, DEPTH) * gain,
        "w3": rng.normal(0, 0.3, (DEPTH, DEPTH, 1, 1)) / gain,
        "b3": rng.normal(0, 0.1, DEPTH),
        "readout": rng.normal(0, 4.0, (1, DEPTH)),
        "bias": rng.normal(0, 0.1, 1),
        "half": np.array(127.5),
        "one": np.array(1.0),
        "low": np.array(0.0),
        "high": np.array(6.0),
    }
    constants = {name: np.asarray(value, np.float32) for name, value in weights.items()}
    constants |= {"places": np.array([2, 3], np.int64), "last": np.array([1], np.int64)}
    node = helper.make_node
    nodes = [
        node("Transpose", ["crops"], ["planes"], perm=[0, 3, 1, 2]),
        node("Cast", ["planes"], ["pixels"], to=TensorProto.FLOAT),
        node("Div", ["pixels", "half"], ["scaled"]),
        node("Sub", ["scaled", "one"], ["normal"]),
        node("Conv", ["normal", "w0", "b0"], ["c0"], name="first", strides=[2, 2], pads=[1, 1, 1, 1]),
        node("Clip", ["c0", "low", "high"], ["a0"]),
        node("Conv", ["a0", "w1", "b1"], ["c1"], name="depthwise", group=DEPTH, pads=[1, 1, 1, 1]),
        node("Clip", ["c1", "low", "high"], ["a1"]),
        node("Conv", ["a1", "w2", "b2"], ["c2"], name="wide"),
        node("Relu", ["c2"], ["a2"]),
        node("Conv", ["a2", "w3", "b3"], ["c3"], name="narrow"),
        node("Add", ["c3", "a1"], ["sum"], name="residual"),
        node("Relu", ["sum"], ["map"]),
        node("ReduceMean", ["map", "places"] if opset >= 18 else ["map"], ["embedding"], name="pool", keepdims=0),
        node("Mul", ["embedding", "readout"], ["products"]),
        node("ReduceSum", ["products", "last"], ["total"], keepdims=0),
        node("Add", ["total", "bias"], ["logit"]),
    ]
    if opset < 18:
        nodes[13].attribute.append(helper.make_attribute("axes", [2, 3]))
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("crops", TensorProto.UINT8, ["batch", SIZE, SIZE, 3])],
        [
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", DEPTH]),
            helper.make_tensor_value_info("logit", TensorProto.FLOAT, ["batch"]),
        ],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    if manifest is not None:
        helper.set_model_props(model, metadata_of(manifest, "encoder"))
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def some_crops(count: int, seed: int = 0) -> np.ndarray:
    """Smooth pictures of many colours, uint8 (N, 32, 32, 3)."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, 8, 8, 3)).astype(np.float32)
    fine = coarse.repeat(4, axis=1).repeat(4, axis=2) + rng.normal(0, 8, (count, SIZE, SIZE, 3))
    return np.clip(fine, 0, 255).astype(np.uint8)
