"""Reading the engine inspector of versions 10 and 11, with fixed and dynamic shapes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from unmask.engines.errors import EngineError
from unmask.engines.tensorrt.inspector import check_precision, read_report

DYNAMIC = "N/A due to dynamic shapes"


def layer(*types: str, **more: Any) -> dict[str, Any]:
    """As version 10 writes it."""
    return {"Name": "l", "Outputs": [{"Name": "t", "Format/Datatype": one} for one in types], **more}


def layer11(*types: str) -> dict[str, Any]:
    tensors = [{"Name": "t", "Format": "Row major linear format (kLINEAR)", "DataType": one} for one in types]
    return {"Name": "l", "Inputs": tensors}


def read(*layers: Any):
    return read_report(json.dumps({"Layers": list(layers), "Bindings": ["crops"]}))


@pytest.mark.parametrize(
    ("one", "precision"),
    [
        (layer("Half"), "fp16"),
        (layer("Row major linear FP16 format"), "fp16"),
        (layer("Channel major FP16 format where C % 8 == 0"), "fp16"),
        (layer("Float"), "fp32"),
        (layer("Row major linear FP32"), "fp32"),
        (layer("Float", "Half"), "fp16"),
        (layer("Half", "Int8"), "int8"),
        (layer("UInt8", "Float"), "fp32"),
        (layer("BFloat16"), None),
        (layer("Int64"), None),
        (layer11("Half"), "fp16"),
        (layer11("Float"), "fp32"),
        (layer11("Int8"), "int8"),
        (layer(DYNAMIC, Weights={"Type": "Half", "Count": 9408}), "fp16"),
        (layer(DYNAMIC, Weights={"Type": "Float", "Count": 9408}), "fp32"),
        (layer(DYNAMIC, TacticName="sm80_xmma_fprop_implicit_gemm_f16f16_f16f32_f32_nhwckrsc_nhwc"), "fp16"),
        (layer(DYNAMIC, TacticName="sm90_xmma_gemm_bf16bf16_bf16f32_f32_tn_n"), None),
        (layer(DYNAMIC, TacticName="sm80_xmma_fprop_implicit_gemm_tf32f32_tf32f32_f32"), None),
        (layer(DYNAMIC, TacticName="sm80_xmma_gemm_f32f32_f32f32_f32_nn_n"), "fp32"),
        (layer(DYNAMIC, TacticName="sm80_xmma_fprop_implicit_gemm_interleaved_i8i8_i8i32_f32"), "int8"),
        (layer(DYNAMIC, TacticName="0x00000000000003e8"), None),
        ("a layer of which only the name is told", None),
    ],
)
def test_one_layer(one: Any, precision: str | None) -> None:
    assert read(one).precision == precision


def test_layers_are_counted_and_silent_ones_are_not_taken_for_fp32() -> None:
    report = read(layer("Half"), layer("Half"), layer("Float"), layer(DYNAMIC), "name")
    assert (report.total, report.half, report.float, report.int8, report.unknown) == (5, 2, 1, 0, 2)
    assert str(report) == "fp16, 2 half-precision layers of 5"


def test_how_reports_read() -> None:
    assert str(read(layer("Float"))) == "fp32, 0 half-precision layers of 1"
    assert str(read(layer("Int8"))) == "int8, 1 INT8 layers of 1"
    assert str(read("name")) == "of unknown precision, 0 half-precision layers of 1"


def test_an_fp16_graph_whose_layers_are_fp32_is_refused() -> None:
    check_precision(read(layer("Half")), "fp16", "m.onnx")
    with pytest.raises(EngineError, match=r"m\.onnx should be fp16, but its layers are fp32, 0 half"):
        check_precision(read(layer("Float")), "fp16", "m.onnx")


def test_an_fp32_graph_must_give_fp32() -> None:
    check_precision(read(layer("Float"), layer(DYNAMIC)), "fp32", "m.onnx")
    with pytest.raises(EngineError, match="should be fp32, but its layers are fp16"):
        check_precision(read(layer("Half"), layer("Float")), "fp32", "m.onnx")


@pytest.mark.parametrize("wanted", ["fp16", "fp32", "int8"])
def test_what_no_layer_tells_is_not_assumed(wanted: Any) -> None:
    with pytest.raises(EngineError, match="2 layers do not tell their precision"):
        check_precision(read(layer(DYNAMIC), "name"), wanted, "m.onnx")


@pytest.mark.parametrize("text", ["", "[]", "{}", "not json", "null"])
def test_no_list_of_layers_is_an_error(text: str) -> None:
    with pytest.raises(EngineError, match="gave no list of layers"):
        read_report(text)
