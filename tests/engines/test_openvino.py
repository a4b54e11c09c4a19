from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from toy_package import build_toy_package, toy_logit

from unmask.engines import openvino as engine_module
from unmask.engines.engine import Arrays
from unmask.engines.errors import EngineError, EngineUnavailable, PackageError, UsageError
from unmask.engines.openvino import OpenVinoEngine, create, why_unavailable
from unmask.engines.options import EngineOptions
from unmask.engines.ort_cpu import OrtCpuEngine

pytestmark = pytest.mark.skipif(why_unavailable() is not None, reason="OpenVINO is not installed")
SHIPPED = Path(__file__).resolve().parents[2] / "detectors" / "unmask-lite"


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_toy_package(tmp_path_factory.mktemp("packages") / "toy")


def random_crops(count: int, size: int = 64) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def compare(model: Path, arrays: Arrays, tolerance: float) -> None:
    with OpenVinoEngine(model) as ours, OrtCpuEngine(model) as reference:
        assert ours.inputs == reference.inputs
        assert ours.outputs == reference.outputs
        given, wanted = ours.infer(arrays), reference.infer(arrays)
    for name, array in wanted.items():
        np.testing.assert_allclose(given[name], array, atol=tolerance, rtol=tolerance)


def test_it_gives_the_known_logits_in_every_batch(toy: Path) -> None:
    crops = random_crops(5)
    crops[0] = (255, 0, 0)
    with create(toy / "encoder.onnx", EngineOptions()) as engine:
        for count in (5, 1, 3):
            logits = engine.infer({"crops": crops[:count]})["logit"]
            np.testing.assert_allclose(logits, [toy_logit(crop) for crop in crops[:count]], atol=1e-4)


def test_parity_with_onnx_runtime_on_the_shipped_encoder() -> None:
    compare(SHIPPED / "encoder.onnx", {"crops": random_crops(3, 192)}, 1e-4)


def test_parity_with_onnx_runtime_on_the_shipped_head() -> None:
    windows = np.random.default_rng(5).normal(size=(2, 6, 1280)).astype(np.float32)
    masks = np.array([[1, 1, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1]], np.float32)
    with OrtCpuEngine(SHIPPED / "head.onnx") as head:
        length = head.inputs[0].shape[1] or 6
    windows, masks = np.resize(windows, (2, length, 1280)), np.resize(masks, (2, length))
    compare(SHIPPED / "head.onnx", {"window": windows, "mask": masks}, 1e-4)


def test_the_provider_is_read_back_with_its_precision(toy: Path) -> None:
    engine = OpenVinoEngine(toy / "encoder.onnx")
    with pytest.raises(EngineError, match="not open"):
        _ = engine.provider
    with engine:
        assert engine.provider.startswith("OpenVINO 20")
        assert " on CPU (" in engine.provider
        assert engine.provider.endswith("float32")
        properties = engine._request.get_compiled_model()
        assert properties.get_property("INFERENCE_NUM_THREADS") == 1
        assert properties.get_property("ENABLE_CPU_PINNING") is False


def test_another_precision_than_the_requested_one_raises(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = OpenVinoEngine._compile
    other = engine_module.runtime().Type.bf16
    # The wish for float32 is lost on the way: where the processor has bfloat16, that is what runs.
    monkeypatch.setattr(
        OpenVinoEngine, "_compile", lambda self, core, net, _: _Halved(compiled(self, core, net, other))
    )
    with pytest.raises(EngineUnavailable, match="asked for f32, but CPU computes in bf16"):
        OpenVinoEngine(toy / "encoder.onnx").open()


class _Halved:
    """A compiled model that says it computes in bfloat16, on processors that cannot as well."""

    def __init__(self, compiled: object) -> None:
        self._compiled = compiled

    def get_property(self, name: str) -> object:
        if name == "INFERENCE_PRECISION_HINT":
            return engine_module.runtime().Type.bf16
        return self._compiled.get_property(name)  # type: ignore[attr-defined]


@pytest.mark.parametrize("device", ["GPU.7", "NPU.3", "cuda", "AUTO", "HETERO:GPU,CPU"])
def test_a_device_that_is_not_there_is_unavailable_and_the_others_are_named(device: str, toy: Path) -> None:
    with pytest.raises(EngineUnavailable, match=r"finds no device .* here: choose CPU"):
        create(toy / "encoder.onnx", EngineOptions(device=device)).open()


def test_a_small_letter_device_is_the_same(toy: Path) -> None:
    with create(toy / "encoder.onnx", EngineOptions(device="cpu", threads=2)) as engine:
        assert " on CPU (" in engine.provider


def test_half_precision_inside_the_graph_is_computed_exactly_on_the_processor(tmp_path: Path) -> None:
    value = helper.make_tensor_value_info
    weight = helper.make_tensor("w", TensorProto.FLOAT16, [3, 2], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    nodes = [
        helper.make_node("Cast", ["x"], ["h"], to=TensorProto.FLOAT16),
        helper.make_node("MatMul", ["h", "w"], ["m"]),
        helper.make_node("Cast", ["m"], ["y"], to=TensorProto.FLOAT),
    ]
    graph = helper.make_graph(
        nodes,
        "half",
        [value("x", TensorProto.FLOAT, ["n", 3])],
        [value("y", TensorProto.FLOAT, ["n", 2])],
        [weight],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "h.onnx")
    compare(tmp_path / "h.onnx", {"x": np.array([[1.0, 2.0, 3.0]], np.float32)}, 2e-3)


def test_the_checksum_is_that_of_the_bytes_that_run(toy: Path) -> None:
    model = toy / "encoder.onnx"
    right = hashlib.sha256(model.read_bytes()).hexdigest()
    with OpenVinoEngine(model, sha256=right):
        pass
    with pytest.raises(PackageError, match="checksum differs"):
        OpenVinoEngine(model, sha256="0" * 64).open()


@pytest.mark.parametrize("damage", ["cut", "garbage", "empty", "missing", "folder"])
def test_a_damaged_model_is_one_sentence(damage: str, toy: Path, tmp_path: Path, capfd) -> None:
    raw = (toy / "encoder.onnx").read_bytes()
    model = tmp_path / "model.onnx"
    if damage == "folder":
        model.mkdir()
    elif damage != "missing":
        model.write_bytes({"cut": raw[: len(raw) // 2], "garbage": b"\xff" * 999, "empty": b""}[damage])
    with pytest.raises(EngineError) as caught:
        OpenVinoEngine(model).open()
    assert str(model) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "Exception from" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_an_operator_it_does_not_know_is_named(tmp_path: Path) -> None:
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Untangle", ["x"], ["y"])],
        "unknown",
        [value("x", TensorProto.FLOAT, ["n"])],
        [value("y", TensorProto.FLOAT, ["n"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "unknown.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(EngineError, match="Untangle"):
        OpenVinoEngine(tmp_path / "unknown.onnx").open()


def test_strided_and_read_only_input_and_owned_output(toy: Path) -> None:
    crops = random_crops(4)
    crops.flags.writeable = False
    with OpenVinoEngine(toy / "encoder.onnx") as engine:
        whole = engine.infer({"crops": crops})["logit"]
        np.testing.assert_array_equal(engine.infer({"crops": crops[::2]})["logit"], whole[::2])
        kept = whole.copy()
        engine.infer({"crops": crops[::-1]})
        np.testing.assert_array_equal(whole, kept)
        whole[0] = 99.0
        np.testing.assert_array_equal(engine.infer({"crops": crops})["logit"], kept)


def test_no_threads_is_a_usage_error(toy: Path) -> None:
    with pytest.raises(UsageError, match="at least one thread"):
        OpenVinoEngine(toy / "encoder.onnx", threads=0)


def test_its_telemetry_is_never_loaded() -> None:
    """Importing openvino the plain way sends a usage report: see ``runtime``."""
    script = (
        "import sys, socket\n"
        "def refuse(*_, **__): raise SystemExit('something connects')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from unmask.engines.openvino import why_unavailable\n"
        "assert why_unavailable() is None\n"
        "assert sys.modules['openvino_telemetry'] is None\n"
        "assert not [m for m in sys.modules if m.startswith(('openvino_telemetry.', 'openvino.tools'))]\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_without_openvino_it_says_what_to_install(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert "reinstall" in (why_unavailable() or "")
    monkeypatch.delitem(sys.modules, "openvino")
    monkeypatch.setattr(engine_module.importlib.util, "find_spec", lambda name: None)
    assert "pip install 'unmask[openvino]'" in (why_unavailable() or "")
    with pytest.raises(EngineUnavailable, match="openvino cannot run here: OpenVINO is not installed"):
        OpenVinoEngine(toy / "encoder.onnx").open()
