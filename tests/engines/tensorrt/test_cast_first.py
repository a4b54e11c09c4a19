"""Moving bytes and casting them commute: the graph that TensorRT parses gives the same results to the last bit."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from unmask.engines.package import find_package, load_package
from unmask.engines.tensorrt.cast_first import with_casts_first


def run(raw: bytes, arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(raw, options).run(None, arrays)


def graph_of(*nodes: onnx.NodeProto, outputs: dict[str, int] | None = None) -> bytes:
    weights = [numpy_helper.from_array(np.array([0, -1], np.int64), "flat")]
    graph = helper.make_graph(
        list(nodes),
        "g",
        [helper.make_tensor_value_info("crops", TensorProto.UINT8, ["n", 4, 5, 3])],
        [helper.make_tensor_value_info(name, kind, None) for name, kind in (outputs or {"y": 1}).items()],
        weights,
        value_info=[helper.make_tensor_value_info("moved", TensorProto.UINT8, ["n", 3, 4, 5])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def cast(source: str, target: str = "y", to: int = TensorProto.FLOAT) -> onnx.NodeProto:
    return helper.make_node("Cast", [source], [target], to=to)


TRANSPOSE = helper.make_node("Transpose", ["crops"], ["moved"], perm=[0, 3, 1, 2])


def first_users(raw: bytes) -> list[str]:
    return [node.op_type for node in onnx.ModelProto.FromString(raw).graph.node if "crops" in node.input]


@pytest.mark.parametrize(
    "raw",
    [
        graph_of(TRANSPOSE, cast("moved")),
        graph_of(TRANSPOSE, cast("moved", to=TensorProto.FLOAT16), outputs={"y": TensorProto.FLOAT16}),
        graph_of(TRANSPOSE, helper.make_node("Reshape", ["moved", "flat"], ["row"]), cast("row")),
        graph_of(TRANSPOSE, cast("moved"), cast("crops", "z"), outputs={"y": 1, "z": 1}),
    ],
)
def test_bytes_that_are_only_moved_are_cast_first(raw: bytes) -> None:
    changed = with_casts_first(raw)
    assert first_users(changed) == ["Cast"]
    crops = {"crops": np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3), dtype=np.uint8)}
    for before, after in zip(run(raw, crops), run(changed, crops), strict=True):
        assert before.dtype == after.dtype
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize(
    "raw",
    [
        graph_of(cast("crops")),
        graph_of(TRANSPOSE, cast("moved", to=TensorProto.INT32), outputs={"y": TensorProto.INT32}),
        graph_of(TRANSPOSE, cast("moved"), outputs={"y": 1, "moved": TensorProto.UINT8}),
        graph_of(helper.make_node("Add", ["crops", "crops"], ["moved"]), cast("moved")),
    ],
)
def test_everything_else_stays_as_it_is(raw: bytes) -> None:
    assert with_casts_first(raw) == raw


def test_the_shipped_encoder_keeps_its_results() -> None:
    package = load_package(find_package("unmask-lite"))
    raw = package.encoder_path.read_bytes()
    changed = with_casts_first(raw)
    assert first_users(changed) == ["Cast"]
    size = package.manifest.input.size
    crops = {"crops": np.random.default_rng(0).integers(0, 256, (2, size, size, 3), dtype=np.uint8)}
    for before, after in zip(run(raw, crops), run(changed, crops), strict=True):
        np.testing.assert_array_equal(before, after)
