from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from toy_package import build_toy_package, toy_logit

from unmask.engines import ort_cpu
from unmask.engines.errors import EngineError, EngineUnavailable, PackageError, UsageError
from unmask.engines.ort_cpu import OrtCpuEngine


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_toy_package(tmp_path_factory.mktemp("packages") / "toy")


def random_crops(count: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (count, 64, 64, 3), dtype=np.uint8)


def test_it_gives_the_known_logits(toy: Path) -> None:
    crops = random_crops(5)
    crops[0] = (255, 0, 0)
    with OrtCpuEngine(toy / "encoder.onnx") as engine:
        outputs = engine.infer({"crops": crops})
    np.testing.assert_allclose(outputs["logit"], [toy_logit(crop) for crop in crops], atol=1e-5)
    assert outputs["logit"][0] == 8.0
    assert outputs["embedding"].shape == (5, 8)


def test_a_window_of_one_gives_the_encoders_logit_to_the_last_bit(toy: Path) -> None:
    with OrtCpuEngine(toy / "encoder.onnx") as encoder, OrtCpuEngine(toy / "head.onnx") as head:
        encoded = encoder.infer({"crops": random_crops(3)})
        windows, masks = np.zeros((3, 4, 8), np.float32), np.zeros((3, 4), np.float32)
        windows[:, 2], masks[:, 2] = encoded["embedding"], 1.0
        np.testing.assert_array_equal(head.infer({"window": windows, "mask": masks})["logit"], encoded["logit"])


def test_specs_and_provider_come_from_the_runtime(toy: Path) -> None:
    engine = OrtCpuEngine(toy / "encoder.onnx")
    with pytest.raises(EngineError, match="not open"):
        _ = engine.provider
    with engine:
        assert engine.provider == "CPUExecutionProvider"
        assert [str(spec) for spec in engine.inputs] == ["crops: uint8(any, 64, 64, 3)"]
        assert {str(spec) for spec in engine.outputs} == {"embedding: float32(any, 8)", "logit: float32(any)"}


def test_another_provider_than_the_requested_one_raises(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    monkeypatch.setattr(onnxruntime.InferenceSession, "get_providers", lambda self: ["OtherProvider"])
    with pytest.raises(EngineUnavailable, match="runs \\['OtherProvider'\\]"):
        OrtCpuEngine(toy / "encoder.onnx").open()


def test_session_options(toy: Path) -> None:
    import onnxruntime

    options = OrtCpuEngine(toy / "encoder.onnx", threads=2)._options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (2, 1)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert options.get_session_config_entry("session.inter_op.allow_spinning") == "0"
    assert options.graph_optimization_level == onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    assert OrtCpuEngine(toy / "encoder.onnx")._options().intra_op_num_threads == 1


def test_no_threads_is_a_usage_error(toy: Path) -> None:
    with pytest.raises(UsageError, match="at least one thread"):
        OrtCpuEngine(toy / "encoder.onnx", threads=0)


def test_the_checksum_is_that_of_the_bytes_that_run(toy: Path) -> None:
    model = toy / "encoder.onnx"
    right = hashlib.sha256(model.read_bytes()).hexdigest()
    OrtCpuEngine(model, sha256=right).open()
    with pytest.raises(PackageError, match="checksum differs"):
        OrtCpuEngine(model, sha256="0" * 64).open()


@pytest.mark.parametrize("damage", ["cut", "garbage", "empty", "missing", "folder"])
def test_a_damaged_model_is_one_sentence(damage: str, toy: Path, tmp_path: Path, capfd) -> None:
    raw = (toy / "encoder.onnx").read_bytes()
    model = tmp_path / "model.onnx"
    if damage == "folder":
        model.mkdir()
    elif damage != "missing":
        model.write_bytes({"cut": raw[: len(raw) // 2], "garbage": b"\xff" * 999, "empty": b""}[damage])
    with pytest.raises(EngineError) as caught:
        OrtCpuEngine(model).open()
    assert str(model) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", ""), "the runtime must not print beside the exception"


def test_a_failure_inside_a_call_is_wrapped(tmp_path: Path, capfd) -> None:
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "index"], ["y"])],
        "gather",
        [helper.make_tensor_value_info("index", TensorProto.INT64, ["n"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n"])],
        [helper.make_tensor("table", TensorProto.FLOAT, [2], [1.0, 2.0])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "gather.onnx")
    with OrtCpuEngine(tmp_path / "gather.onnx") as engine:
        with pytest.raises(EngineError, match=r"failed on the model .*gather\.onnx"):
            engine.infer({"index": np.array([7], np.int64)})
        assert engine.infer({"index": np.array([1], np.int64)})["y"] == [2.0], "it still runs afterwards"
    assert capfd.readouterr() == ("", "")


def test_a_model_of_other_things_than_numbers_is_refused(tmp_path: Path) -> None:
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "text",
        [value("x", TensorProto.STRING, ["n"])],
        [value("y", TensorProto.STRING, ["n"])],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
        tmp_path / "t.onnx",
    )
    with pytest.raises(EngineError, match="only tensors of numbers"):
        OrtCpuEngine(tmp_path / "t.onnx").open()


def test_without_onnxruntime_it_says_so(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert "cannot be imported" in (ort_cpu.why_unavailable() or "")
    with pytest.raises(EngineUnavailable, match="ort-cpu cannot run here: onnxruntime cannot be imported"):
        OrtCpuEngine(toy / "encoder.onnx").open()


def test_strided_input_and_owned_output(toy: Path) -> None:
    crops = random_crops(4)
    with OrtCpuEngine(toy / "encoder.onnx") as engine:
        whole = engine.infer({"crops": crops})["logit"]
        every_other = engine.infer({"crops": crops[::2]})["logit"]
        np.testing.assert_array_equal(every_other, whole[::2])
        kept = whole.copy()
        engine.infer({"crops": crops[::-1]})
        np.testing.assert_array_equal(whole, kept)
