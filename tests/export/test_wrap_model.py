"""What cannot be wrapped, and what of other exporters' habits can."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from toy_classifier import ONE, THREE, toy_classifier

from unmask.engines.errors import UnmaskError
from unmask.export import wrap_model
from unmask.export.wrap import WrapOptions, wrap
from unmask.export.wrap_model import read_foreign

Change = Callable[[onnx.ModelProto], None]


def refusal(model: onnx.ModelProto | bytes, folder: Path, **given: object) -> str:
    path = folder / "theirs.onnx"
    path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    with pytest.raises(UnmaskError) as caught:
        wrap(WrapOptions(path, folder / "wrapped", **given), lambda line: None)  # pyright: ignore[reportArgumentType]
    message = str(caught.value)
    assert message.isprintable()
    assert message.endswith(".")
    assert not (folder / "wrapped").exists()
    return message


def test_a_file_that_is_no_graph_is_no_detector_to_install_again(tmp_path: Path) -> None:
    for raw in (b"hi\n", b"", b"\x08"):
        assert "get it again" in refusal(raw, tmp_path)


def shaped(*shape: int | str, dtype: int = TensorProto.FLOAT) -> Change:
    def change(model: onnx.ModelProto) -> None:
        model.graph.input[0].CopyFrom(helper.make_tensor_value_info("input", dtype, shape))

    return change


def second_input(model: onnx.ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["batch", 4]))


def second_output(model: onnx.ModelProto) -> None:
    model.graph.output.append(helper.make_tensor_value_info("mean", TensorProto.FLOAT, ["batch", 3]))


def microsoft(model: onnx.ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    model.graph.node[-1].output[0] = "plain"
    model.graph.node.append(helper.make_node("Gelu", ["plain"], ["output"], domain="com.microsoft"))


def map_of_answers(model: onnx.ModelProto) -> None:
    model.graph.node[-1].output[0] = "unused"
    model.graph.node.append(helper.make_node("Identity", ["input"], ["output"]))
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", 3, 32, 32]))


def not_finite(model: onnx.ModelProto) -> None:
    model.graph.node[-1].output[0] = "plain"
    model.graph.node.append(helper.make_node("Sub", ["plain", "plain"], ["nought"]))
    model.graph.node.append(helper.make_node("Div", ["plain", "nought"], ["output"]))


@pytest.mark.parametrize(
    ("change", "given", "words"),
    [
        (shaped("n", 3, 32, 48), {}, "pictures of 32 x 48 pixels: only squares"),
        (shaped("n", 3, "h", "w"), {}, "any size: say with --size"),
        (shaped("n", 3, 64, 64), {"size": 32}, "pictures of 64 pixels, not 32"),
        (shaped("n", "c", "h", "w"), {"size": 32}, "give --layout"),
        (shaped("n", 3, 8, 3), {}, "give --layout"),
        (shaped("n", 1, 32, 32), {}, "only models of three channels"),
        (shaped("n", 1, 32, 32), {"layout": "nchw"}, "takes 1 channels"),
        (shaped("n", 3, 32), {}, "only pictures with four axes"),
        (shaped("n", 3, 32, 32, dtype=TensorProto.INT64), {}, "takes INT64"),
        (second_input, {}, "2 inputs (input, mask)"),
        (second_output, {}, "outputs output, mean: name one with --output"),
        (second_output, {"output": "none"}, "no output 'none': choose from output, mean"),
        (microsoft, {}, "com.microsoft.Gelu, which is not standard ONNX"),
        (map_of_answers, {}, "is 3 x 32 x 32 per picture"),
        (not_finite, {}, "not finite on plain pictures"),
        (None, {"embedding": "nowhere"}, "no inner value 'nowhere'"),
        (None, {"fake_class": (2,)}, "no class 2: the model has 0 to 1"),
        (None, {"fake_class": (0, 1)}, "leave at least one"),
        (None, {"fake_class": (0,), "real_class": (1,)}, "say the same thing"),
        (None, {"mean": (0.5, 0.5, 0.5)}, "belong together"),
        (None, {"mean": (0.5,), "std": (1.0, 1.0, 1.0)}, "--mean takes three numbers"),
        (None, {"mean": (0.5,) * 3, "std": (1.0, 0.0, 1.0)}, "over 0"),
        (None, {"window": 17}, "from 1 to 16"),
        (None, {"threshold": 0.05}, "not a score"),
        (None, {"margin": 9.0}, "margin: input should be"),
        (None, {"name": "Not A Name"}, "name: "),
        (None, {"real": Path("x")}, "belong together"),
        (None, {"calibrate": Path("nowhere")}, "no folder"),
    ],
)
def test_what_cannot_be_wrapped(tmp_path: Path, change: Change | None, given: dict, words: str) -> None:
    model = toy_classifier()
    if change is not None:
        change(model)
    assert words in refusal(model, tmp_path, **given)


def test_many_classes_need_an_answer(tmp_path: Path) -> None:
    assert "has 3 classes: say with --fake-class" in refusal(toy_classifier(THREE), tmp_path)


def test_activations_that_make_no_sense(tmp_path: Path) -> None:
    assert "always 1" in refusal(toy_classifier(ONE), tmp_path, activation="softmax")


@pytest.mark.parametrize("raw", [b"", b"\xff" * 99, toy_classifier().SerializeToString()[:-30]])
def test_files_that_are_no_models(tmp_path: Path, raw: bytes) -> None:
    assert "ONNX graph" in refusal(raw, tmp_path)


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(UnmaskError, match="cannot be read"):
        read_foreign(tmp_path / "none.onnx")
    with pytest.raises(UnmaskError, match="not an ordinary file"):
        read_foreign(tmp_path)


def outside(model: onnx.ModelProto, location: str, values: np.ndarray) -> None:
    tensor = model.graph.initializer[0]
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)


WEIGHTS = np.array([[-1.0, 1.5], [0.2, 0.0], [1.0, -1.0]], np.float32)


def test_weights_beside_the_model_are_merged(tmp_path: Path) -> None:
    model = toy_classifier()
    outside(model, "theirs.onnx.data", WEIGHTS)
    (tmp_path / "theirs.onnx.data").write_bytes(WEIGHTS.tobytes())
    (tmp_path / "theirs.onnx").write_bytes(model.SerializeToString())
    foreign = read_foreign(tmp_path / "theirs.onnx")
    assert np.array_equal(numpy_helper.to_array(foreign.model.graph.initializer[0]), WEIGHTS)
    assert foreign.notes == ("weights of other files were merged",)
    package = wrap(WrapOptions(tmp_path / "theirs.onnx", tmp_path / "wrapped"), lambda line: None).package
    assert sorted(path.name for path in package.folder.iterdir()) == [
        "README.md", "detector.json", "encoder.onnx", "head.onnx",
    ]  # fmt: skip


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/passwd", "a\\b", "C:x", "sub/../../secret.bin"])
def test_weights_elsewhere_are_not_read(tmp_path: Path, location: str) -> None:
    (tmp_path / "secret.bin").write_bytes(WEIGHTS.tobytes())
    (tmp_path / "inner").mkdir()
    model = toy_classifier()
    outside(model, location, WEIGHTS)
    assert "outside of its folder" in refusal(model, tmp_path / "inner")


@pytest.mark.parametrize("kind", ["missing", "link", "folder", "short", "vast"])
def test_weight_files_that_cannot_be_used(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, file = toy_classifier(), tmp_path / "far.bin"
    outside(model, "far.bin", WEIGHTS)
    words = "put that file beside it"
    match kind:
        case "link":
            (tmp_path / "real.bin").write_bytes(WEIGHTS.tobytes())
            file.symlink_to("real.bin")
        case "folder":
            file.mkdir()
        case "short":
            file.write_bytes(b"1234")
            words = "has the weight 'weights'"
        case "vast":
            file.write_bytes(b"")
            os.truncate(file, 1 << 40)
            words = "more than 1024 MiB of weights"
    assert words in refusal(model, tmp_path)


def test_a_vast_model_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrap_model, "MAX_MODEL_BYTES", 100)
    assert "larger than" in refusal(toy_classifier(), tmp_path)


def test_operators_defined_in_the_file_are_written_out(tmp_path: Path) -> None:
    model = toy_classifier()
    model.graph.node[-1].output[0] = "plain"
    body = [helper.make_node("Neg", ["x"], ["y"])]
    model.functions.append(helper.make_function("theirs", "Turn", ["x"], ["y"], body, [helper.make_opsetid("", 17)]))
    model.opset_import.append(helper.make_opsetid("theirs", 1))
    model.graph.node.append(helper.make_node("Turn", ["plain"], ["output"], domain="theirs"))
    (tmp_path / "theirs.onnx").write_bytes(model.SerializeToString())
    foreign = read_foreign(tmp_path / "theirs.onnx")
    assert [node.op_type for node in foreign.model.graph.node] == ["ReduceMean", "MatMul", "Neg"]
    assert foreign.notes == ("operators defined in the file were written out",)


def test_the_models_that_onnxruntime_ships_are_no_classifiers(tmp_path: Path) -> None:
    from onnxruntime.datasets import get_example

    for name, words in (
        ("sigmoid.onnx", "takes FLOAT, 3x4x5"),
        ("mul_1.onnx", "takes FLOAT, 3x2"),
        ("logreg_iris.onnx", "does not say which ONNX operator set"),  # it has operators of ai.onnx.ml alone
    ):
        assert words in refusal(Path(get_example(name)).read_bytes(), tmp_path)
