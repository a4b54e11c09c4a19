"""Bound buffers, on the processor's own memory: the same calls that the CUDA provider is used with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from toy_package import build_toy_package

from unmask.engines import ort_binding, ort_cuda
from unmask.engines.options import EngineOptions
from unmask.engines.ort_binding import BoundSession, axis_sizes, shape_of
from unmask.engines.ort_cpu import OrtCpuEngine
from unmask.engines.ort_cuda import OrtCudaEngine


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_toy_package(tmp_path_factory.mktemp("packages") / "toy") / "encoder.onnx"


class BoundOnCpu(OrtCudaEngine):
    """The CUDA engine's way of running, with the provider that every machine has."""

    name = "bound"
    wanted = "CPUExecutionProvider"
    memory = "cpu"

    @classmethod
    def why_unavailable(cls) -> str | None:
        return None

    def providers(self, raw: bytes):
        return [(self.wanted, {})]


def crops(count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 64, 64, 3), dtype=np.uint8)


def test_batches_of_changing_size_give_the_plain_results(model: Path) -> None:
    with BoundOnCpu(model) as bound, OrtCpuEngine(model) as plain:
        for seed, count in enumerate((1, 5, 1, 3, 5)):
            arrays = {"crops": crops(count, seed)}
            have, want = bound.infer(arrays), plain.infer(arrays)
            for name, values in want.items():
                np.testing.assert_array_equal(have[name], values)


def test_results_belong_to_the_caller(model: Path) -> None:
    with BoundOnCpu(model) as bound:
        first = bound.infer({"crops": crops(2, 1)})["logit"]
        kept = first.copy()
        second = bound.infer({"crops": crops(2, 2)})["logit"]
        np.testing.assert_array_equal(first, kept)
        second[:] = 0
    np.testing.assert_array_equal(first, kept)


def test_strided_input(model: Path) -> None:
    batch = crops(4)
    with BoundOnCpu(model) as bound:
        whole = bound.infer({"crops": batch})["logit"]
        np.testing.assert_array_equal(bound.infer({"crops": batch[::2]})["logit"], whole[::2])


def test_only_so_many_batch_sizes_keep_buffers(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ort_binding, "KEPT_SHAPES", 2)
    with BoundOnCpu(model) as bound, OrtCpuEngine(model) as plain:
        for count in (1, 2, 3, 1, 2):
            batch = {"crops": crops(count, count)}
            np.testing.assert_array_equal(bound.infer(batch)["logit"], plain.infer(batch)["logit"])
        assert bound._bound is not None
        assert [key[0][0] for key in bound._bound._kept] == [1, 2]


def test_an_output_whose_size_is_known_afterwards(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("NonZero", ["x"], ["where"])],
        "where",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"])],
        [helper.make_tensor_value_info("where", TensorProto.INT64, [1, "found"])],
    )
    path = tmp_path / "where.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    with BoundOnCpu(path) as bound:
        for values in ([0, 1, 1], [1, 0, 0]):
            found = bound.infer({"x": np.array(values, np.float32)})["where"]
            np.testing.assert_array_equal(found, [np.flatnonzero(values)])


def test_axes() -> None:
    sizes = axis_sizes({"x": ["batch", 3, "time"], "y": ["batch"]}, {"x": (2, 3, 7), "y": (2,)})
    assert sizes == {"batch": 2, "time": 7}
    assert shape_of(["batch", 4], sizes) == (2, 4)
    assert shape_of([], sizes) == ()
    assert shape_of(["other", 4], sizes) is None
    assert shape_of([None, 4], sizes) is None


def test_closing_frees_the_buffers(model: Path) -> None:
    with BoundOnCpu(model) as bound:
        inner = bound._bound
        assert isinstance(inner, BoundSession)
    assert bound._bound is None
    assert not inner._kept


@pytest.mark.gpu
def test_cuda_with_bound_buffers_gives_the_scores_of_the_processor(model: Path) -> None:
    if (problem := ort_cuda.why_unavailable()) is not None:
        pytest.skip(problem)
    with ort_cuda.create(model, EngineOptions()) as gpu, OrtCpuEngine(model) as cpu:
        assert gpu.provider.startswith("CUDAExecutionProvider")
        for count in (1, 16, 3, 1):
            batch = {"crops": crops(count, count)}
            have, want = gpu.infer(batch), cpu.infer(batch)
            for name, values in want.items():
                np.testing.assert_allclose(have[name], values, atol=1e-3)


@pytest.mark.gpu
def test_the_second_gpu_that_is_not_there(model: Path) -> None:
    from unmask.engines.errors import EngineError, EngineUnavailable

    if (problem := ort_cuda.why_unavailable()) is not None:
        pytest.skip(problem)
    with pytest.raises((EngineError, EngineUnavailable)):
        ort_cuda.create(model, EngineOptions(device="63")).open()
    assert "CUDAExecutionProvider" in onnxruntime.get_available_providers()
