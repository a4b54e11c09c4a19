from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from toy_package import build_manifest, metadata, toy_encoder, toy_head

from unmask.engines.errors import PackageError
from unmask.engines.graph_check import NEWEST_OPSET, OLDEST_OPSET, check_graph, metadata_of
from unmask.engines.manifest import Manifest

PLAIN = build_manifest()
MANIFEST = Manifest.model_validate(PLAIN)


def check(model: onnx.ModelProto, role: str = "encoder") -> None:
    check_graph(model.SerializeToString(), role, MANIFEST, "The graph x.onnx")


def refusal(model: onnx.ModelProto, role: str = "encoder") -> str:
    with pytest.raises(PackageError) as caught:
        check(model, role)
    message = str(caught.value)
    assert message.startswith("The graph x.onnx")
    assert "\n" not in message
    return message


def test_the_toy_passes() -> None:
    assert check(toy_encoder(PLAIN)) is None
    assert check(toy_head(PLAIN), "head") is None


@pytest.mark.parametrize("role", ["encoder", "head"])
def test_the_metadata_is_what_packages_write(role: str) -> None:
    assert metadata_of(MANIFEST, role) == metadata(PLAIN, role)


@pytest.mark.parametrize("raw", [b"", b"no graph", b"\xff" * 100, toy_encoder(PLAIN).SerializeToString()[:-40]])
def test_bytes_that_are_no_graph(raw: bytes) -> None:
    with pytest.raises(PackageError, match=r"x\.onnx (is no readable|holds no) ONNX graph"):
        check_graph(raw, "encoder", MANIFEST, "The graph x.onnx")


def reshape(kind: str, name: str, shape: list[Any], dtype: int) -> Callable[[onnx.GraphProto], None]:
    def change(graph: onnx.GraphProto) -> None:
        for value in getattr(graph, kind):
            if value.name == name:
                value.CopyFrom(helper.make_tensor_value_info(name, dtype, shape))

    return change


F32, U8 = TensorProto.FLOAT, TensorProto.UINT8


@pytest.mark.parametrize(
    ("role", "change", "words"),
    [
        ("encoder", reshape("input", "crops", ["n", 64, 64, 3], F32), "needs uint8"),
        ("encoder", reshape("input", "crops", ["n", 3, 64, 64], U8), r"as uint8\(dynamic, 3, 64, 64\)"),
        ("encoder", reshape("input", "crops", ["n", 32, 32, 3], U8), r"needs uint8\(dynamic, 64, 64, 3\)"),
        (
            "encoder",
            reshape("input", "crops", ["n", "h", "w", 3], U8),
            r"as uint8\(dynamic, dynamic, dynamic",
        ),
        ("encoder", reshape("input", "crops", [1, 64, 64, 3], U8), r"as uint8\(1, 64"),
        ("encoder", reshape("output", "embedding", ["n", 9], F32), r"needs float\(dynamic, 8\)"),
        ("encoder", reshape("output", "embedding", ["n", 8], TensorProto.FLOAT16), "as float16"),
        ("encoder", reshape("output", "logit", ["n", 1], F32), r"as float\(dynamic, 1\)"),
        ("encoder", reshape("output", "logit", [], F32), r"as float\(\)"),
        ("head", reshape("input", "window", ["n", 5, 8], F32), r"needs float\(dynamic, dynamic or 4, 8\)"),
        ("head", reshape("input", "window", ["n", "t", 7], F32), "input window"),
        ("head", reshape("input", "mask", ["n", "t"], TensorProto.BOOL), "as bool"),
        ("head", reshape("output", "logit", [1], F32), r"as float\(1\)"),
    ],
)
def test_other_shapes_and_types_are_refused(role: str, change, words: str) -> None:
    model = toy_encoder(PLAIN) if role == "encoder" else toy_head(PLAIN)
    change(model.graph)
    assert re.search(words, refusal(model, role))


def test_a_window_of_fixed_length_is_accepted() -> None:
    model = toy_head(PLAIN)
    reshape("input", "window", ["n", 4, 8], F32)(model.graph)
    reshape("input", "mask", ["n", 4], F32)(model.graph)
    assert check(model, "head") is None


def test_unknown_shape_is_refused() -> None:
    model = toy_encoder(PLAIN)
    model.graph.output[1].type.tensor_type.ClearField("shape")
    assert "unknown shape" in refusal(model)


@pytest.mark.parametrize("kind", ["input", "output"])
def test_names_must_match(kind: str) -> None:
    model = toy_encoder(PLAIN)
    getattr(model.graph, kind)[0].name = "other"
    assert f"{kind}s ['" in refusal(model)
    model = toy_encoder(PLAIN)
    getattr(model.graph, kind).append(helper.make_tensor_value_info("extra", F32, [1]))
    assert "extra" in refusal(model)


def test_the_head_is_no_encoder() -> None:
    assert "unmask.role is 'head'" in refusal(toy_head(PLAIN), "encoder")


@pytest.mark.parametrize("key", sorted(metadata(PLAIN, "encoder")))
def test_metadata_must_be_there_and_agree(key: str) -> None:
    model = toy_encoder(PLAIN)
    kept = metadata(PLAIN, "encoder")
    helper.set_model_props(model, {**kept, key: "other"})
    assert f"says {key} is 'other'" in refusal(model)
    helper.set_model_props(model, {name: value for name, value in kept.items() if name != key})
    assert f"lacks the metadata {key}" in refusal(model)


@pytest.mark.parametrize(("opset", "accepted"), [(1, 0), (10, 0), (11, 1), (17, 1), (21, 1), (22, 0), (99, 0)])
def test_operator_set_range(opset: int, accepted: int) -> None:
    assert (OLDEST_OPSET, NEWEST_OPSET) == (11, 21)
    model = toy_encoder(PLAIN)
    model.opset_import[0].version = opset
    if opset == 11:  # the toy's ReduceSum takes its axes as a value, which came with 13
        del model.graph.node[1].input[1:]
        model.graph.node[1].attribute.append(helper.make_attribute("axes", [1, 2]))
        del model.graph.node[-1].input[1:]
        model.graph.node[-1].attribute.append(helper.make_attribute("axes", [1]))
    if accepted:
        assert check(model) is None
    else:
        assert f"operator set {opset}" in refusal(model)


def test_no_operator_set_is_refused() -> None:
    model = toy_encoder(PLAIN)
    del model.opset_import[:]
    assert "operator set 0" in refusal(model)


def inner_graph(node: onnx.NodeProto, weights: tuple[onnx.TensorProto, ...] = ()) -> onnx.NodeProto:
    """An If whose both branches hold ``node``."""
    output = helper.make_tensor_value_info(node.output[0], F32, None)
    branch = helper.make_graph([node], "branch", [], [output], list(weights))
    return helper.make_node("If", ["condition"], ["chosen"], then_branch=branch, else_branch=branch)


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("domain", ["com.microsoft", "my.own", "ai.onnx.ml"])
def test_operators_of_others_are_refused(nested: bool, domain: str) -> None:
    model = toy_encoder(PLAIN)
    model.opset_import.append(helper.make_opsetid(domain, 1))
    node = helper.make_node("Odd", ["embedding"], ["odd"], domain=domain)
    model.graph.node.append(inner_graph(node) if nested else node)
    assert f"{domain}.Odd" in refusal(model)


def test_operators_of_its_own_are_refused() -> None:
    model = toy_encoder(PLAIN)
    body = [helper.make_node("Identity", ["x"], ["y"])]
    model.functions.append(helper.make_function("my.own", "Twice", ["x"], ["y"], body, [helper.make_opsetid("", 17)]))
    assert "operators of its own (Twice)" in refusal(model)


def outside(name: str) -> onnx.TensorProto:
    tensor = numpy_helper.from_array(np.ones(3, np.float32), name)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../secret.bin"
    return tensor


@pytest.mark.parametrize("where", ["initializer", "attribute", "branch"])
def test_weights_in_other_files_are_refused(where: str) -> None:
    model = toy_encoder(PLAIN)
    weight = outside("far")
    constant = helper.make_node("Constant", [], ["c"], value=weight)
    if where == "initializer":
        model.graph.initializer.append(weight)
    elif where == "attribute":
        model.graph.node.append(constant)
    else:
        model.graph.node.append(inner_graph(helper.make_node("Identity", ["far"], ["z"]), (weight,)))
    assert "the weight 'far' in another file" in refusal(model)


def test_weights_listed_as_inputs_are_no_inputs() -> None:
    # Exporters before IR version 4 listed every weight among the inputs.
    model = toy_encoder(PLAIN)
    model.graph.input.append(helper.make_tensor_value_info("projection", F32, [3, 8]))
    assert check(model) is None
