"""Whatever ONNX Runtime is asked for, it must be what runs. Real sessions wherever they can show it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
from toy_package import build_toy_package

from unmask.engines import ort_coreml, ort_cpu, ort_cuda, ort_directml, ort_openvino, ort_tensorrt
from unmask.engines.errors import EngineError, EngineUnavailable, PackageError, UsageError
from unmask.engines.options import EngineOptions
from unmask.engines.ort_session import CPU, OrtEngine, device_index, nodes_by_provider, one_line, quiet

ACCELERATED = (ort_cuda, ort_tensorrt, ort_openvino, ort_coreml, ort_directml)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_toy_package(tmp_path_factory.mktemp("packages") / "toy") / "encoder.onnx"


class Any(OrtEngine):
    """Runs on whatever the test says."""

    name = "any"

    @classmethod
    def why_unavailable(cls) -> str | None:
        return None


def asking_for(provider: str) -> type[Any]:
    return type("Asking", (Any,), {"wanted": provider})


@pytest.mark.parametrize("module", ACCELERATED)
def test_a_provider_that_is_not_there_is_listed_with_its_remedy_and_raises(module, model: Path) -> None:
    if (reason := module.why_unavailable()) is None:
        pytest.skip(f"{module.PROVIDER} runs here")
    assert "install" in reason or "choose another engine" in reason
    with pytest.raises(EngineUnavailable, match="cannot run here"):
        module.create(model, EngineOptions()).open()


@pytest.mark.filterwarnings("ignore:Specified provider")
@pytest.mark.parametrize("module", ACCELERATED)
def test_the_silent_fallback_of_a_real_session_raises(
    module, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if module.why_unavailable() is None:
        pytest.skip(f"{module.PROVIDER} runs here")
    monkeypatch.setattr(module, "why_unavailable", lambda: None)  # as if the wheel had promised it
    engine = module.create(model, EngineOptions(cache=tmp_path))
    with pytest.raises(EngineUnavailable, match=f"asked for {module.PROVIDER}.*(runs \\['{CPU}'\\]|does not start)"):
        engine.open()
    with pytest.raises(EngineError, match="not open"):
        _ = engine.provider


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_misspelt_provider_raises(model: Path) -> None:
    with pytest.raises(EngineUnavailable, match="asked for CUDAExecutonProvider, which does not start: Unknown"):
        asking_for("CUDAExecutonProvider")(model).open()


def session_with(monkeypatch: pytest.MonkeyPatch, nodes: dict[str, int]) -> None:
    """Every session claims X first, and ``nodes`` of its nodes on each provider."""
    parts = [SimpleNamespace(ep_name=name, get_nodes=lambda count=count: [0] * count) for name, count in nodes.items()]
    real = onnxruntime.InferenceSession

    class Session(real):
        def __init__(self, raw, options, providers, **more) -> None:
            super().__init__(raw, options, providers=[CPU])

        def get_providers(self):
            return ["X", CPU]

        def get_provider_graph_assignment_info(self):
            return parts

    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)


@pytest.mark.parametrize("nodes", [{CPU: 6}, {"X": 2, CPU: 4}])
def test_a_provider_that_is_named_but_runs_little_raises(nodes, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session_with(monkeypatch, nodes)
    with pytest.raises(EngineUnavailable, match=f"would run {nodes.get('X', 0)} of the 6 nodes"):
        asking_for("X")(model).open()


@pytest.mark.parametrize(
    ("nodes", "said"), [({"X": 6}, "X"), ({"X": 5, CPU: 1}, f"X (5 of 6 nodes, the others on {CPU})"), ({}, "X")]
)
def test_the_provider_says_what_runs_elsewhere(nodes, said: str, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session_with(monkeypatch, nodes)
    with asking_for("X")(model) as engine:
        assert engine.provider == said


def test_the_nodes_of_a_real_session_are_counted(model: Path) -> None:
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    session = onnxruntime.InferenceSession(str(model), options, providers=[CPU])
    nodes = nodes_by_provider(session)
    assert nodes is not None
    assert set(nodes) == {CPU}
    assert nodes_by_provider(object()) is None, "an older ONNX Runtime cannot say"


@pytest.mark.parametrize("module", ACCELERATED)
def test_threads_checksum_and_device_reach_the_engine(
    module, model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="at least one thread"):
        module.create(model, EngineOptions(threads=0))
    with pytest.raises(UsageError, match="has no device 'toaster'"):
        module.create(model, EngineOptions(device="toaster"))
    monkeypatch.setattr(module, "why_unavailable", lambda: None)
    assert module.create(model, EngineOptions(threads=3))._options().intra_op_num_threads == 3
    with pytest.raises(PackageError, match="checksum"):
        module.create(model, EngineOptions(sha256="0" * 64, cache=tmp_path)).open()


@pytest.mark.parametrize("module", [*ACCELERATED, ort_cpu])
def test_a_server_is_refused(module, model: Path) -> None:
    for options in (EngineOptions(server="host:8001"), EngineOptions(remote_model="toy")):
        with pytest.raises(UsageError, match="asks no server"):
            module.create(model, options)


def test_the_processor_has_no_devices(model: Path) -> None:
    with pytest.raises(UsageError, match="leave out --device 0"):
        ort_cpu.create(model, EngineOptions(device="0"))


@pytest.mark.parametrize(("device", "number"), [(None, 0), ("1", 1), ("cuda:2", 2), ("GPU:0", 0)])
def test_the_number_of_a_gpu(device: str | None, number: int) -> None:
    assert device_index("x", device) == number


@pytest.mark.parametrize("device", ["", "-1", "cuda", "1.5", "²"])
def test_what_is_no_number_of_a_gpu(device: str) -> None:
    if device == "":
        assert device_index("x", device) == 0
        return
    with pytest.raises(UsageError, match="has no device"):
        device_index("x", device)


@pytest.mark.parametrize(
    ("module", "device", "settings"),
    [
        (ort_openvino, None, {"device_type": "CPU", "precision": "FP32", "num_of_threads": "2"}),
        (ort_openvino, "gpu.1", {"device_type": "GPU.1", "precision": "ACCURACY"}),
        (ort_openvino, "NPU", {"device_type": "NPU", "precision": "FP16"}),
        (ort_coreml, "npu", {"ModelFormat": "MLProgram", "MLComputeUnits": "CPUAndNeuralEngine"}),
        (ort_directml, "1", {"device_id": "1"}),
        (ort_cuda, "1", {"device_id": "1", "cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"}),
    ],
)
def test_what_a_provider_is_told(module, device: str | None, settings: dict[str, str], model: Path) -> None:
    engine = module.create(model, EngineOptions(threads=2, device=device))
    assert engine.providers(b"") == [(module.PROVIDER, settings)]


def test_errors_lose_their_place_in_foreign_sources() -> None:
    error = RuntimeError("/src/onnxruntime/python/state.cc:729 void f(int&,\n const X&) Install the libraries.")
    assert one_line(error) == "Install the libraries"


def test_errors_lose_the_name_of_the_machine() -> None:
    said = "[ONNXRuntimeError] : 1 : FAIL : CUDA failure 999: unknown error ; GPU=0 ; hostname=desk ; file=/a/b.cc"
    assert one_line(RuntimeError(said)) == "[ONNXRuntimeError] : 1 : FAIL : CUDA failure 999: unknown error"


def test_a_device_that_is_lost_asks_for_another_engine(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session_with(monkeypatch, {"X": 6})

    def lost(arrays):
        raise RuntimeError("CUDA failure 999: unknown error")

    with asking_for("X")(model) as engine:
        crops = np.zeros((1, 64, 64, 3), np.uint8)
        monkeypatch.setattr(engine, "_run", lost)
        with pytest.raises(EngineError, match="X may be gone: choose another engine, such as ort-cpu"):
            engine.infer({"crops": crops})


def test_quiet_ends_with_the_block_even_after_an_error(model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="inside"), quiet():
        raise ValueError("inside")
    assert capfd.readouterr() == ("", "")


def test_openvino_gives_the_scores_of_the_processor(model: Path) -> None:
    if (problem := ort_openvino.why_unavailable()) is not None:
        pytest.skip(problem)
    crops = np.random.default_rng(2).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    with ort_openvino.create(model, EngineOptions()) as engine, ort_cpu.create(model, EngineOptions()) as cpu:
        assert engine.provider.startswith("OpenVINOExecutionProvider")
        np.testing.assert_allclose(
            engine.infer({"crops": crops})["logit"], cpu.infer({"crops": crops})["logit"], atol=1e-4
        )
