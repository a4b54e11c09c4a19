from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from toy_package import build_toy_package, toy_logit

from unmask.engines import torch_reference
from unmask.engines.engine import Arrays
from unmask.engines.errors import EngineError, EngineUnavailable, PackageError, UsageError
from unmask.engines.options import EngineOptions
from unmask.engines.ort_cpu import OrtCpuEngine
from unmask.engines.torch_reference import TorchEngine, create, why_unavailable

needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="needs torch (the train extra): make test-train"
)
SHIPPED = Path(__file__).resolve().parents[2] / "detectors" / "unmask-lite"


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_toy_package(tmp_path_factory.mktemp("packages") / "toy")


def random_crops(count: int, size: int = 64) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def compare(model: Path, arrays: Arrays, tolerance: float) -> None:
    with TorchEngine(model) as ours, OrtCpuEngine(model) as reference:
        assert ours.inputs == reference.inputs
        assert ours.outputs == reference.outputs
        given, wanted = ours.infer(arrays), reference.infer(arrays)
    for name, array in wanted.items():
        np.testing.assert_allclose(given[name], array, atol=tolerance, rtol=tolerance)


def small_model(tmp_path: Path, node: onnx.NodeProto, *weights: onnx.TensorProto, domain: str = "") -> Path:
    """A graph of one node from ``x`` float32 (n, 3) to ``y``."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [node],
        "small",
        [value("x", TensorProto.FLOAT, ["n", 3])],
        [value("y", TensorProto.FLOAT, ["n", 3])],
        list(weights),
    )
    opsets = [helper.make_opsetid("", 17), *([helper.make_opsetid(domain, 1)] if domain else [])]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    (tmp_path / "small.onnx").write_bytes(model.SerializeToString())
    return tmp_path / "small.onnx"


@needs_torch
def test_it_gives_the_known_logits(toy: Path) -> None:
    crops = random_crops(5)
    with create(toy / "encoder.onnx", EngineOptions()) as engine:
        for count in (5, 1):
            logits = engine.infer({"crops": crops[:count]})["logit"]
            np.testing.assert_allclose(logits, [toy_logit(crop) for crop in crops[:count]], atol=1e-5)


@needs_torch
def test_parity_with_onnx_runtime_on_the_shipped_encoder() -> None:
    compare(SHIPPED / "encoder.onnx", {"crops": random_crops(3, 192)}, 1e-4)


@needs_torch
def test_parity_with_onnx_runtime_on_heads(toy: Path) -> None:
    windows = np.random.default_rng(5).normal(size=(2, 4, 8)).astype(np.float32)
    compare(toy / "head.onnx", {"window": windows, "mask": np.array([[1, 1, 1, 1], [0, 0, 1, 1]], np.float32)}, 1e-5)


@needs_torch
def test_parity_with_onnx_runtime_on_a_network_of_the_zoo(tmp_path: Path) -> None:
    import torch

    from unmask.training.zoo.models.base import Encoder, WindowHead
    from unmask.training.zoo.registry import build_model, find_recipe

    pytest.importorskip("onnxscript")
    recipe = find_recipe("c5-attention-1")
    torch.manual_seed(0)
    model = build_model(recipe, ("real", "fake", "other")).eval()
    frames = max(2, model.frames)
    window, mask = torch.randn(2, frames, model.embedding), torch.ones(2, frames)
    mask[1, 0] = 0
    crops = torch.from_numpy(random_crops(2, model.side))
    for part, given in ((Encoder(model), {"crops": crops}), (WindowHead(model), {"window": window, "mask": mask})):
        outputs = ["embedding", "logit"] if "crops" in given else ["logit"]
        # Without optimisation, and so with many more kinds of operators than a shipped graph has.
        torch.onnx.export(
            part.eval(),
            tuple(given.values()),
            str(tmp_path / "part.onnx"),
            input_names=list(given),
            output_names=outputs,
            dynamic_shapes={name: {0: torch.export.Dim("batch", min=1)} for name in given},
            opset_version=18,
            external_data=False,
            optimize=False,
            verbose=False,
        )
        arrays = {name: tensor.numpy() for name, tensor in given.items()}
        with TorchEngine(tmp_path / "part.onnx") as ours:
            got = ours.infer(arrays)
        with OrtCpuEngine(tmp_path / "part.onnx") as reference:
            wanted = reference.infer(arrays)
        for output, array in wanted.items():
            np.testing.assert_allclose(got[output], array, atol=1e-4, rtol=1e-4)


@needs_torch
def test_a_half_precision_graph_is_computed_in_half_precision(tmp_path: Path) -> None:
    value = helper.make_tensor_value_info
    nodes = [
        helper.make_node("Cast", ["x"], ["h"], to=TensorProto.FLOAT16),
        helper.make_node("Add", ["h", "w"], ["s"]),
        helper.make_node("Cast", ["s"], ["y"], to=TensorProto.FLOAT),
    ]
    graph = helper.make_graph(
        nodes,
        "half",
        [value("x", TensorProto.FLOAT, ["n"])],
        [value("y", TensorProto.FLOAT, ["n"])],
        [helper.make_tensor("w", TensorProto.FLOAT16, [1], [0.5])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "h.onnx")
    with TorchEngine(tmp_path / "h.onnx") as engine:
        # 2048 + 0.5 has no place in half precision: it rounds to the even neighbour.
        assert engine.infer({"x": np.array([2048.0, 1.0], np.float32)})["y"].tolist() == [2048.0, 1.5]


@needs_torch
def test_the_provider_says_what_runs(toy: Path) -> None:
    import torch

    engine = TorchEngine(toy / "encoder.onnx")
    with pytest.raises(EngineError, match="not open"):
        _ = engine.provider
    with engine:
        assert engine.provider == f"torch {torch.__version__.partition('+')[0]} on cpu"


@needs_torch
@pytest.mark.parametrize("device", ["cuda:99", "npu", "mps"])
def test_a_device_that_is_not_there_is_unavailable(device: str, toy: Path) -> None:
    with pytest.raises(EngineUnavailable, match=f"finds no device {device} here: choose cpu"):
        create(toy / "encoder.onnx", EngineOptions(device=device)).open()


@needs_torch
@pytest.mark.gpu
def test_parity_on_a_gpu() -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("torch finds no CUDA device")
    crops = random_crops(3, 192)
    with TorchEngine(SHIPPED / "encoder.onnx", device="cuda") as ours, OrtCpuEngine(SHIPPED / "encoder.onnx") as cpu:
        assert "on cuda:0 (" in ours.provider
        got, wanted = ours.infer({"crops": crops}), cpu.infer({"crops": crops})
    np.testing.assert_allclose(got["logit"], wanted["logit"], atol=1e-3)


@needs_torch
def test_threads_hold_for_the_call(toy: Path) -> None:
    import torch

    torch.set_num_threads(1)
    with TorchEngine(toy / "encoder.onnx", threads=2) as engine:
        engine.infer({"crops": random_crops(1)})
        assert torch.get_num_threads() == 2
    with TorchEngine(toy / "encoder.onnx") as engine:
        engine.infer({"crops": random_crops(1)})
        assert torch.get_num_threads() == 1


@needs_torch
def test_unknown_operators_are_all_named(tmp_path: Path) -> None:
    path = small_model(tmp_path, helper.make_node("Untangle", ["x"], ["y"]))
    with pytest.raises(EngineError, match="no operator Untangle, which"):
        TorchEngine(path).open()
    path = small_model(tmp_path, helper.make_node("Relu", ["x"], ["y"], domain="other"), domain="other")
    with pytest.raises(EngineError, match=r"no operator other\.Relu, which"):
        TorchEngine(path).open()


@needs_torch
def test_an_attribute_that_is_not_covered_is_refused(tmp_path: Path) -> None:
    path = small_model(tmp_path, helper.make_node("Relu", ["x"], ["y"], slope=0.5))
    with pytest.raises(EngineError, match="does not cover slope of the operator Relu"):
        TorchEngine(path).open()


@needs_torch
def test_weights_in_another_file_are_refused(tmp_path: Path) -> None:
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[3], data_location=TensorProto.EXTERNAL)
    weight.external_data.add(key="location", value="/etc/hostname")
    path = small_model(tmp_path, helper.make_node("Add", ["x", "w"], ["y"]), weight)
    with pytest.raises(EngineError, match="keeps the weight 'w' in another file"):
        TorchEngine(path).open()


@needs_torch
@pytest.mark.parametrize("wrong", [["nowhere"], ["x", "w"]])
def test_a_broken_graph_is_one_sentence(wrong: list[str], tmp_path: Path) -> None:
    cut = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[3], raw_data=b"\0\0")
    path = small_model(tmp_path, helper.make_node("Add", [*wrong, "x"][:2], ["y"]), cut)
    with pytest.raises(EngineError) as caught:
        TorchEngine(path).open()
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@needs_torch
@pytest.mark.parametrize("damage", ["cut", "garbage", "empty", "missing"])
def test_a_damaged_model_is_one_sentence(damage: str, toy: Path, tmp_path: Path, capfd) -> None:
    raw = (toy / "encoder.onnx").read_bytes()
    model = tmp_path / "model.onnx"
    if damage != "missing":
        model.write_bytes({"cut": raw[: len(raw) // 2], "garbage": b"\xff" * 999, "empty": b""}[damage])
    with pytest.raises(EngineError) as caught:
        TorchEngine(model).open()
    assert str(model) in str(caught.value)
    assert capfd.readouterr() == ("", "")


@needs_torch
def test_the_checksum_is_that_of_the_bytes_that_run(toy: Path) -> None:
    model = toy / "encoder.onnx"
    with TorchEngine(model, sha256=hashlib.sha256(model.read_bytes()).hexdigest()):
        pass
    with pytest.raises(PackageError, match="checksum differs"):
        TorchEngine(model, sha256="0" * 64).open()


@needs_torch
def test_read_only_input_and_owned_output(tmp_path: Path) -> None:
    path = small_model(tmp_path, helper.make_node("Identity", ["x"], ["y"]))
    given = np.ones((2, 3), np.float32)
    given.flags.writeable = False
    with TorchEngine(path) as engine:
        got = engine.infer({"x": given})["y"]
        got[:] = 5.0
        np.testing.assert_array_equal(engine.infer({"x": given})["y"], 1.0)


@needs_torch
def test_a_fault_of_the_device_is_one_sentence(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU without room raises where arrays are copied to it, and reports earlier faults where they are read."""
    import torch

    def full(*_: object) -> object:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate\n 2 GiB.")

    with TorchEngine(toy / "encoder.onnx") as engine:
        monkeypatch.setattr(engine._graph, "run", full)
        with pytest.raises(EngineError, match=r"torch failed on cpu .*out of memory. Tried to allocate 2 GiB; use"):
            engine.infer({"crops": np.zeros((1, 64, 64, 3), np.uint8)})
    monkeypatch.setattr(torch_reference, "TorchGraph", full)
    with pytest.raises(EngineError, match=r"torch cannot put the model .* on cpu: CUDA out of memory"):
        TorchEngine(toy / "encoder.onnx").open()


@needs_torch
def test_a_gpu_is_named_by_its_number_too(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for device, found in (("1", "cuda:1"), ("cuda", "cuda:0"), ("cuda:1", "cuda:1")):
        assert str(TorchEngine(toy / "encoder.onnx", device=device)._find_device()) == found
    with pytest.raises(EngineUnavailable, match="no device 2 here: choose cpu or cuda:0 or cuda:1"):
        TorchEngine(toy / "encoder.onnx", device="2")._find_device()


def test_no_threads_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least one thread"):
        TorchEngine(tmp_path / "m.onnx", threads=0)


def test_without_torch_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(torch_reference.importlib.util, "find_spec", lambda name: None)
    assert "pip install 'unmask[train]'" in (why_unavailable() or "")
    with pytest.raises(EngineUnavailable, match="torch cannot run here: torch is not installed"):
        TorchEngine(tmp_path / "m.onnx").open()
