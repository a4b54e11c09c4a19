"""A detector package that stands in for one that finds this swap: it reacts to the magenta tag of ``free_call``.

The detector that ships raises no alarm on such a swap (see the README). The window's states with an alarm must be
seen and tested all the same; they are, with this. Its name is ``stand-in`` and says so wherever a name is shown.

The score is a formula in real ONNX: logit = 600 * (share of the crop that is magenta) - 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from toy_package import IR_VERSION, OPSET, build_manifest, metadata, write_package

NAME = "stand-in"
_GAIN, _BIAS = 600.0, -3.0
_DEPTH = 4


def build_stand_in(folder: Path) -> Path:
    """Write the package to ``folder`` and return it."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    manifest = build_manifest(
        name=NAME,
        version="0.0.1",
        description="STAND-IN for tests and pictures of the window: it reacts to a magenta tag and detects nothing.",
        input={"size": 96},
        crop={"margin": 1.4},
        embedding=_DEPTH,
        window={"length": 8, "stride_ms": 120, "max_gap_ms": 1500, "min_frames": 3},
        rule={"smoothing_s": 0.4, "dwell_s": 0.8, "release_s": 1.0},
        quality={"min_face_px": 32},
        provenance={"limits": ["It looks for a magenta tag alone: no verdict of it means anything."]},
    )
    write_package(folder, manifest, _encoder(manifest), _head(manifest))
    return folder


def _encoder(manifest: Mapping[str, Any]) -> onnx.ModelProto:
    """``crops`` uint8 RGB (N, size, size, 3) -> ``embedding`` (N, D) of which the first column is the share of
    magenta, and ``logit`` (N,)."""
    size = manifest["input"]["size"]
    nodes = [
        helper.make_node("Cast", ["crops"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Split", ["pixels", "each"], ["red", "green", "blue"], axis=3),
        helper.make_node("Min", ["red", "blue"], ["lower"]),
        helper.make_node("Sub", ["lower", "green"], ["magenta"]),
        # A tag that was coded and scaled keeps over half of its colour; skin, cloth and ribbons stay far below.
        helper.make_node("Sub", ["magenta", "least"], ["over"]),
        helper.make_node("Div", ["over", "least"], ["share"]),
        helper.make_node("Clip", ["share", "nothing", "all"], ["tagged"]),
        helper.make_node("ReduceMean", ["tagged"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["mean", "spread"], ["embedding"]),
        *_readout("embedding"),
    ]
    constants = {
        "each": np.array([1, 1, 1], np.int64),
        "least": np.array(90.0, np.float32),
        "nothing": np.array(0.0, np.float32),
        "all": np.array(1.0, np.float32),
        "spread": np.array([[1.0, 0.5, 0.25, 0.125]], np.float32),
        **_readout_constants(),
    }
    crops = helper.make_tensor_value_info("crops", TensorProto.UINT8, ["batch", size, size, 3])
    vectors = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", _DEPTH])
    return _model(manifest, "encoder", nodes, constants, [crops], [vectors])


def _head(manifest: Mapping[str, Any]) -> onnx.ModelProto:
    """``window`` (N, T, D) and ``mask`` (N, T) -> ``logit`` (N,): that of the mean embedding."""
    nodes = [
        helper.make_node("Unsqueeze", ["mask", "last"], ["weights"]),
        helper.make_node("Mul", ["window", "weights"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "time"], ["sums"], keepdims=0),
        helper.make_node("ReduceSum", ["weights", "time"], ["count"], keepdims=0),
        helper.make_node("Max", ["count", "one"], ["at_least_one"]),
        helper.make_node("Div", ["sums", "at_least_one"], ["mean"]),
        *_readout("mean"),
    ]
    constants = {
        "time": np.array([1], np.int64),
        "last": np.array([2], np.int64),
        "one": np.array(1.0, np.float32),
        **_readout_constants(),
    }
    window = helper.make_tensor_value_info("window", TensorProto.FLOAT, ["batch", "time", _DEPTH])
    mask = helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["batch", "time"])
    return _model(manifest, "head", nodes, constants, [window, mask], [])


def _readout(name: str) -> list[onnx.NodeProto]:
    return [
        helper.make_node("MatMul", [name, "readout"], ["column"]),
        helper.make_node("Add", ["column", "bias"], ["sum"]),
        helper.make_node("Squeeze", ["sum", "one_axis"], ["logit"]),
    ]


def _readout_constants() -> dict[str, np.ndarray]:
    readout = np.zeros((_DEPTH, 1), np.float32)
    readout[0, 0] = _GAIN
    return {"readout": readout, "bias": np.array(_BIAS, np.float32), "one_axis": np.array([1], np.int64)}


def _model(
    manifest: Mapping[str, Any],
    role: str,
    nodes: list[onnx.NodeProto],
    constants: Mapping[str, np.ndarray],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
) -> onnx.ModelProto:
    logit = helper.make_tensor_value_info("logit", TensorProto.FLOAT, ["batch"])
    weights = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, f"{NAME}-{role}", inputs, [*outputs, logit], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    model.producer_name = "unmask-tests"
    helper.set_model_props(model, metadata(manifest, role))
    return model
