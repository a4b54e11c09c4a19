"""Every operator of the torch reference against ONNX Runtime, as graphs of one node."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from unmask.engines.errors import EngineError
from unmask.engines.ort_cpu import OrtCpuEngine
from unmask.engines.torch_operators import OPERATORS
from unmask.engines.torch_reference import TorchEngine

pytest.importorskip("torch")

RANDOM = np.random.default_rng(11)


def floats(*shape: int) -> np.ndarray:
    return RANDOM.normal(size=shape).astype(np.float32)


def whole(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def run_both(
    tmp_path: Path,
    operator: str,
    inputs: list[np.ndarray | None],
    *,
    constants: int = 0,
    outputs: int = 1,
    opset: int = 18,
    **attributes: Any,
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """(torch's outputs, ONNX Runtime's). The last ``constants`` inputs are weights of the graph."""
    names = ["" if array is None else f"in{index}" for index, array in enumerate(inputs)]
    given = {name: array for name, array in zip(names, inputs, strict=True) if array is not None}
    fixed = set(names[len(names) - constants :]) - {""}
    made = [f"out{index}" for index in range(outputs)]
    info = helper.make_empty_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node(operator, names, made, **attributes)],
        operator,
        [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
            for name, array in given.items()
            if name not in fixed
        ],
        [info(name) for name in made],
        [numpy_helper.from_array(array, name) for name, array in given.items() if name in fixed],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    path = tmp_path / f"{operator}.onnx"
    onnx.save(model, path)
    arrays = {name: array for name, array in given.items() if name not in fixed}
    with TorchEngine(path) as ours, OrtCpuEngine(path) as reference:
        theirs = reference.infer(arrays)
        got = ours.infer(arrays)
    return [got[name] for name in made], [theirs[name] for name in made]


UNARY = ["Abs", "Ceil", "Cos", "Erf", "Exp", "Floor", "HardSwish", "Identity", "IsNaN", "Neg", "Reciprocal", "Relu"]
UNARY += ["Round", "Sigmoid", "Sign", "Sin", "Softplus", "Tanh", "GlobalAveragePool", "GlobalMaxPool"]
BINARY = ["Add", "Sub", "Mul", "Div", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"]
REDUCTIONS = ["ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum"]
REDUCTIONS += ["ReduceSumSquare"]
TRUTH = np.array([[True, False], [False, True]])
LSTM = {"hidden_size": 5}
SQUARE = {"kernel_shape": [3, 3], "strides": [2, 2]}

Case = tuple[str, Callable[[], list[Any]], dict[str, Any]]
CASES: list[Case] = [
    *[(name, lambda: [floats(2, 3, 4, 4) * 3], {}) for name in UNARY],
    *[(name, lambda: [np.abs(floats(2, 3)) + 0.1], {}) for name in ("Log", "Sqrt")],
    *[(name, lambda: [floats(2, 1, 4), floats(3, 1)], {}) for name in BINARY],
    *[(name, lambda: [TRUTH, TRUTH[0]], {}) for name in ("And", "Or", "Xor")],
    *[(name, lambda: [floats(2, 3), floats(3), floats(1)], {}) for name in ("Max", "Min", "Sum")],
    *[(name, lambda: [floats(2, 3, 4)], {"keepdims": 0, "opset": 13}) for name in REDUCTIONS],
    *[(name, lambda: [floats(2, 3, 4), whole(-1, 0)], {"constants": 1}) for name in ("ReduceSum", "ReduceMean")],
    ("ReduceMean", lambda: [floats(2, 3, 4)], {"axes": [1], "opset": 13}),
    ("ReduceSum", lambda: [RANDOM.integers(0, 9, (2, 3)).astype(np.int32), whole(1)], {"constants": 1}),
    ("ReduceSum", lambda: [floats(2, 3), whole()], {"constants": 1, "noop_with_empty_axes": 1}),
    *[(name, lambda: [floats(2, 5)], {"axis": 1, "keepdims": 0}) for name in ("ArgMax", "ArgMin")],
    ("Div", lambda: [np.array([-7, 7, 8], np.int64), whole(2)], {"constants": 1}),
    ("Not", lambda: [TRUTH], {}),
    ("Mod", lambda: [whole(-7, 7, 8), whole(3)], {"constants": 1}),
    ("Mod", lambda: [floats(5) * 9, np.array([2.5], np.float32)], {"fmod": 1}),
    ("Pow", lambda: [floats(2, 3), np.array(2, np.int64)], {"constants": 1}),
    ("Clip", lambda: [floats(9), np.array(-0.5, np.float32), np.array(0.5, np.float32)], {"constants": 2}),
    ("Clip", lambda: [floats(9), None, np.array(0.1, np.float32)], {"constants": 1}),
    ("Gelu", lambda: [floats(9)], {"opset": 20}),
    ("Gelu", lambda: [floats(9)], {"opset": 20, "approximate": "tanh"}),
    ("HardSigmoid", lambda: [floats(9) * 4], {"alpha": 0.3}),
    ("LeakyRelu", lambda: [floats(9)], {"alpha": 0.2}),
    ("Elu", lambda: [floats(9)], {"alpha": 1.5}),
    ("PRelu", lambda: [floats(2, 3, 4), floats(3, 1)], {"constants": 1}),
    ("Softmax", lambda: [floats(2, 3, 4)], {"axis": 1}),
    ("Softmax", lambda: [floats(2, 3, 4)], {"axis": 1, "opset": 11}),
    ("LogSoftmax", lambda: [floats(2, 3)], {}),
    ("MatMul", lambda: [floats(2, 3, 4), floats(4, 5)], {}),
    ("Gemm", lambda: [floats(4, 3), floats(5, 4), floats(5)], {"transA": 1, "transB": 1, "alpha": 0.5, "beta": 2.0}),
    ("Gemm", lambda: [floats(3, 4), floats(4, 5)], {}),
    ("Einsum", lambda: [floats(2, 3, 4), floats(2, 4, 5)], {"equation": "bij,bjk->bik"}),
    ("Cast", lambda: [floats(2, 3) * 9], {"to": 7}),
    ("Cast", lambda: [np.array([0, 3, 255], np.uint8)], {"to": 1}),
    ("CastLike", lambda: [whole(1, 2), floats(1)], {}),
    ("Concat", lambda: [floats(2, 3), floats(2, 1)], {"axis": -1}),
    ("Constant", list, {"value_ints": [3, 4]}),
    ("Constant", list, {"value": numpy_helper.from_array(np.array([1.5], np.float32))}),
    ("ConstantOfShape", lambda: [whole(2, 3)], {"value": numpy_helper.from_array(np.array([7], np.int64))}),
    ("ConstantOfShape", lambda: [whole(2)], {"constants": 1}),
    ("Dropout", lambda: [floats(2, 3)], {}),
    ("Expand", lambda: [floats(3, 1), whole(2, 1, 4)], {"constants": 1}),
    ("Flatten", lambda: [floats(2, 3, 4)], {"axis": 2}),
    ("Flatten", lambda: [floats(2, 3, 4)], {"axis": -1}),
    ("Gather", lambda: [floats(3, 4), np.array([[0, -1], [2, 1]], np.int64)], {"axis": 1}),
    ("Gather", lambda: [floats(3, 4), np.array(1, np.int64)], {"constants": 1}),
    ("GatherElements", lambda: [floats(2, 3), np.array([[0, -1], [2, 1]], np.int64)], {"axis": 1}),
    ("Pad", lambda: [floats(1, 2, 3, 3), whole(0, 0, 1, 0, 0, 1, 2, 0)], {"constants": 1}),
    ("Pad", lambda: [floats(1, 2, 5, 5), whole(0, 0, 1, 2, 0, 0, 2, 1)], {"constants": 1, "mode": "reflect"}),
    ("Pad", lambda: [floats(1, 2, 3, 3), whole(1, 2, 0, 1), None, whole(3, 2)], {"constants": 3, "mode": "edge"}),
    ("Range", lambda: [np.array(v, np.int64) for v in (1, 9, 3)], {"constants": 1}),
    ("Reshape", lambda: [floats(2, 3, 4), whole(0, -1)], {"constants": 1}),
    ("Shape", lambda: [floats(2, 3, 4)], {"start": 1}),
    ("Size", lambda: [floats(2, 3, 4)], {}),
    ("Slice", lambda: [floats(5, 6), whole(1, -1), whole(99, -99), whole(0, 1), whole(2, -2)], {"constants": 4}),
    ("Slice", lambda: [floats(5), whole(-1), whole(-(2**62)), whole(0), whole(-1)], {"constants": 4}),
    ("Slice", lambda: [floats(5, 6), whole(-3), whole(-1)], {}),
    ("Split", lambda: [floats(2, 6), whole(1, 2, 3)], {"axis": 1, "outputs": 3, "constants": 1}),
    ("Split", lambda: [floats(2, 7)], {"axis": 1, "outputs": 3, "num_outputs": 3}),
    ("Squeeze", lambda: [floats(2, 1, 3, 1), whole(-1)], {"constants": 1}),
    ("Squeeze", lambda: [floats(2, 1, 3, 1)], {}),
    ("Squeeze", lambda: [floats(2, 1, 3)], {"axes": [1], "opset": 11}),
    ("Tile", lambda: [floats(2, 3), whole(2, 2)], {"constants": 1}),
    ("Transpose", lambda: [floats(2, 3, 4)], {"perm": [2, 0, 1]}),
    ("Transpose", lambda: [floats(2, 3, 4)], {}),
    ("Unsqueeze", lambda: [floats(2, 3), whole(-1, 0)], {"constants": 1}),
    ("Where", lambda: [TRUTH, floats(2, 2), floats(1)], {}),
    ("Conv", lambda: [floats(2, 4, 9, 9), floats(6, 2, 3, 3), floats(6)], {"group": 2, "strides": [2, 2]}),
    ("Conv", lambda: [floats(1, 2, 9, 8), floats(3, 2, 3, 3)], {"pads": [0, 1, 2, 1], "dilations": [2, 1]}),
    ("Conv", lambda: [floats(1, 2, 9, 8), floats(3, 2, 3, 4)], {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    ("Conv", lambda: [floats(1, 2, 9, 8), floats(3, 2, 2, 2)], {"auto_pad": "SAME_LOWER"}),
    ("Conv", lambda: [floats(1, 2, 9), floats(3, 2, 3)], {"pads": [1, 1]}),
    ("MaxPool", lambda: [floats(1, 2, 9, 8)], {**SQUARE, "pads": [1, 1, 1, 1]}),
    ("MaxPool", lambda: [-np.abs(floats(1, 2, 8, 8))], {**SQUARE, "pads": [0, 0, 1, 1]}),
    ("MaxPool", lambda: [floats(1, 2, 8, 8)], {**SQUARE, "ceil_mode": 1}),
    ("AveragePool", lambda: [floats(1, 2, 9, 8)], {**SQUARE, "pads": [1, 1, 1, 1]}),
    ("AveragePool", lambda: [floats(1, 2, 8, 8)], {**SQUARE, "pads": [0, 0, 1, 1]}),
    ("AveragePool", lambda: [floats(1, 2, 8, 8)], {**SQUARE, "pads": [0, 0, 1, 1], "count_include_pad": 1}),
    ("BatchNormalization", lambda: [floats(2, 3, 4), *(np.abs(floats(3)) + 0.1 for _ in range(4))], {"epsilon": 1e-3}),
    ("InstanceNormalization", lambda: [floats(2, 3, 4, 4), floats(3), floats(3)], {}),
    ("LayerNormalization", lambda: [floats(2, 3, 4), floats(4), floats(4)], {"epsilon": 1e-3}),
    ("LayerNormalization", lambda: [floats(2, 3, 4), floats(3, 4)], {"axis": 1}),
    ("LSTM", lambda: [floats(4, 2, 3), floats(1, 20, 3), floats(1, 20, 5), floats(1, 40)], {**LSTM, "outputs": 3}),
    ("LSTM", lambda: [floats(4, 2, 3), floats(1, 20, 3), floats(1, 20, 5)], {**LSTM, "direction": "reverse"}),
    (
        "LSTM",
        lambda: [
            floats(4, 2, 3),
            floats(2, 20, 3),
            floats(2, 20, 5),
            floats(2, 40),
            None,
            floats(2, 2, 5),
            floats(2, 2, 5),
        ],
        {**LSTM, "direction": "bidirectional", "outputs": 3},
    ),
    ("QuantizeLinear", lambda: [floats(2, 3) * 99, np.array(0.5, np.float32), np.array(128, np.uint8)], {}),
    (
        "QuantizeLinear",
        lambda: [floats(3, 2), np.array([0.1, 0.2, 0.3], np.float32), np.zeros(3, np.int8)],
        {"axis": 0},
    ),
    ("QuantizeLinear", lambda: [np.array([0.5, 1.5, 2.5], np.float32), np.array(1, np.float32)], {}),
    (
        "DequantizeLinear",
        lambda: [np.array([0, 9, 255], np.uint8), np.array(0.5, np.float32), np.array(7, np.uint8)],
        {},
    ),
    (
        "DequantizeLinear",
        lambda: [
            RANDOM.integers(-99, 99, (2, 3)).astype(np.int8),
            np.array([0.1, 0.2, 0.3], np.float32),
            np.zeros(3, np.int8),
        ],
        {"axis": 1},
    ),
]


def test_every_operator_of_the_table_has_a_case() -> None:
    assert {name for name, _, _ in CASES} == set(OPERATORS)


@pytest.mark.parametrize(("operator", "make", "options"), CASES, ids=[f"{i}-{case[0]}" for i, case in enumerate(CASES)])
def test_it_reckons_as_onnx_runtime_does(
    operator: str, make: Callable[[], list[Any]], options: dict[str, Any], tmp_path: Path
) -> None:
    ours, theirs = run_both(tmp_path, operator, make(), **options)
    for got, wanted in zip(ours, theirs, strict=True):
        assert got.dtype == wanted.dtype
        assert got.shape == wanted.shape
        np.testing.assert_allclose(got, wanted, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("operator", "make", "options", "words"),
    [
        ("LSTM", lambda: [floats(4, 2, 3), floats(1, 20, 3), floats(1, 20, 5)], {**LSTM, "clip": 1.0}, "clip is 1.0"),
        ("MaxPool", lambda: [floats(1, 2, 9, 8)], {**SQUARE, "outputs": 2}, "indices are used"),
        ("Pad", lambda: [floats(3), whole(1, 1)], {"constants": 1, "mode": "wrap", "opset": 19}, "mode is 'wrap'"),
    ],
)
def test_a_variant_that_is_not_covered_is_named(
    operator: str, make: Callable[[], list[Any]], options: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(EngineError, match=words):
        run_both(tmp_path, operator, make(), **options)
