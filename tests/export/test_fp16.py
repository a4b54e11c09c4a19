"""FP16 encoders: the same scores, types that TensorRT accepts, islands where FP16 would overflow."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from small_encoder import small_encoder, some_crops
from toy_package import build_manifest

from unmask.engines.graph_check import check_graph
from unmask.engines.manifest import Manifest
from unmask.export.fp16 import to_fp16
from unmask.export.package_writer import ExportError
from unmask.export.sessions import run_encoder

CROPS = some_crops(12)


def _types(model: onnx.ModelProto) -> dict[str, int]:
    graph = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    types = {value.name: value.type.tensor_type.elem_type for value in (*graph.input, *graph.output, *graph.value_info)}
    return types | {tensor.name: tensor.data_type for tensor in graph.initializer}


@pytest.fixture(scope="module")
def half() -> onnx.ModelProto:
    return onnx.load_model_from_string(to_fp16(small_encoder()))


def test_the_scores_stay(half: onnx.ModelProto) -> None:
    wanted, said = run_encoder(small_encoder(), CROPS), run_encoder(half.SerializeToString(), CROPS)
    assert np.ptp(wanted["logit"]) > 1  # they differ from crop to crop
    assert 0 < np.abs(said["logit"] - wanted["logit"]).max() < 0.02


def test_convolutions_are_in_fp16_and_both_ends_in_fp32(half: onnx.ModelProto) -> None:
    types = _types(half)
    for node in half.graph.node:
        if node.op_type == "Conv":
            assert {types[name] for name in (*node.input, *node.output)} == {TensorProto.FLOAT16}, node.name
        if node.op_type in ("Div", "Sub", "ReduceMean", "ReduceSum", "Mul"):
            floats = {types[name] for name in (*node.input, *node.output)} - {TensorProto.INT64}
            assert floats == {TensorProto.FLOAT}, node.name
    assert types["crops"] == TensorProto.UINT8
    assert types["embedding"] == types["logit"] == TensorProto.FLOAT


def test_no_operator_mixes_types(half: onnx.ModelProto) -> None:
    types = _types(half)
    floats = {TensorProto.FLOAT, TensorProto.FLOAT16}
    for node in half.graph.node:
        if node.op_type != "Cast":
            assert len({types[name] for name in (*node.input, *node.output)} & floats) <= 1, node.name


def test_every_change_of_type_happens_once(half: onnx.ModelProto) -> None:
    casts = [node for node in half.graph.node if node.op_type == "Cast"]
    # The original from uint8, one into the middle, and out of it both sides of the last sum: nothing to and fro.
    assert sorted(node.input[0] for node in casts) == ["a1", "c3", "normal", "planes"]
    assert len(half.SerializeToString()) < len(small_encoder())


def test_operator_set_and_metadata_stay_and_the_package_check_passes() -> None:
    manifest = Manifest.model_validate(build_manifest(input={"size": 32}, embedding=16))
    raw = small_encoder(manifest)
    content = to_fp16(raw)
    check_graph(content, "encoder", manifest, "the variant")
    before, after = onnx.load_model_from_string(raw), onnx.load_model_from_string(content)
    assert after.opset_import == before.opset_import
    assert after.metadata_props == before.metadata_props


def test_a_named_node_becomes_an_island() -> None:
    model = onnx.load_model_from_string(to_fp16(small_encoder(), islands=["depthwise"]))
    types = _types(model)
    node = next(node for node in model.graph.node if node.name == "depthwise")
    assert {types[name] for name in (*node.input, *node.output)} == {TensorProto.FLOAT}
    with pytest.raises(ExportError, match="no node 'nowhere'"):
        to_fp16(small_encoder(), islands=["nowhere"])


def test_what_crops_drive_out_of_range_becomes_an_island() -> None:
    raw = small_encoder(gain=1e5)  # the weights fit FP16, the sums do not
    wanted = run_encoder(raw, CROPS)["logit"]
    blind = run_encoder(to_fp16(raw), CROPS)["logit"]
    assert not np.abs(blind - wanted).max() < 0.02  # infinite or wrong
    seeing = run_encoder(to_fp16(raw, calibration=[CROPS[:6], CROPS[6:]]), CROPS)["logit"]
    assert np.abs(seeing - wanted).max() < 0.02


def test_constants_beyond_fp16_stay_in_fp32() -> None:
    model = onnx.load_model_from_string(small_encoder())
    for tensor in model.graph.initializer:
        if tensor.name == "high":
            tensor.CopyFrom(numpy_helper.from_array(np.array(3e38, np.float32), "high"))
    raw = model.SerializeToString()
    said = run_encoder(to_fp16(raw), CROPS)["logit"]
    assert np.isfinite(said).all()
    np.testing.assert_allclose(said, run_encoder(raw, CROPS)["logit"], atol=0.02)


def test_a_tensor_that_is_an_output_and_goes_on_inside_keeps_its_name() -> None:
    model = onnx.load_model_from_string(small_encoder())
    model.graph.output.append(helper.make_tensor_value_info("a1", TensorProto.FLOAT, ["batch", 16, 16, 16]))
    raw = model.SerializeToString()
    said = run_encoder(to_fp16(raw), CROPS)["a1"]
    assert said.dtype == np.float32
    np.testing.assert_allclose(said, run_encoder(raw, CROPS)["a1"], atol=0.02)


@pytest.mark.parametrize("op", ["QuantizeLinear", "If"])
def test_what_it_cannot_read_is_refused(op: str) -> None:
    model = onnx.load_model_from_string(small_encoder())
    node = helper.make_node(op, ["a0"], ["x"], name="odd")
    if op == "If":
        node.attribute.append(helper.make_attribute("then_branch", helper.make_graph([], "then", [], [])))
    model.graph.node.append(node)
    with pytest.raises(ExportError, match=r"quantised already|branches or loops"):
        to_fp16(model.SerializeToString())


def test_half_precision_twice_is_refused(half: onnx.ModelProto) -> None:
    with pytest.raises(ExportError, match="half precision already"):
        to_fp16(half.SerializeToString())
