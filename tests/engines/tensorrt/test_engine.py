"""Our calls to TensorRT and CUDA, in their order and where they fail, against stand-ins for both.

The stand-ins are strict about order (see ``fake_tensorrt``) and prove nothing about TensorRT itself: that is
what ``test_gpu_engine.py`` is for.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_cuda import Code
from fake_tensorrt import FakeTensorRt

from unmask.engines.engine import Engine
from unmask.engines.errors import EngineError, EngineUnavailable, PackageError, UsageError
from unmask.engines.options import EngineOptions
from unmask.engines.ort_cpu import OrtCpuEngine
from unmask.engines.package import find_package, load_package
from unmask.engines.tensorrt import create
from unmask.engines.tensorrt.lanes import MOST_LANES


def crops(count: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 64, 64, 3), dtype=np.uint8)


@pytest.fixture
def options(tmp_path: Path) -> EngineOptions:
    return EngineOptions(cache=tmp_path, max_batch=4)


@pytest.mark.parametrize("precision", ["fp16", "fp32"])
@pytest.mark.parametrize("count", [1, 3, 4, 9])
def test_it_gives_what_the_processor_gives(
    fake: FakeTensorRt, models: Path, options: EngineOptions, precision: str, count: int
) -> None:
    batch = {"crops": crops(count)}
    with OrtCpuEngine(models / "fp32.onnx") as reference, create(models / f"{precision}.onnx", options) as engine:
        wanted = reference.infer(batch)
        for _ in range(3):
            found = engine.infer(batch)
            for name in ("logit", "embedding"):
                np.testing.assert_allclose(found[name], wanted[name], atol=1e-2 if precision == "fp16" else 1e-6)


def test_the_shipped_encoder_passes_a_parser_that_wants_bytes_cast_first(
    fake: FakeTensorRt, options: EngineOptions
) -> None:
    package = load_package(find_package("unmask-lite"))
    size = package.manifest.input.size
    batch = {"crops": np.random.default_rng(0).integers(0, 256, (2, size, size, 3), dtype=np.uint8)}
    with OrtCpuEngine(package.encoder_path) as reference, create(package.encoder_path, options) as engine:
        assert ", fp32, " in engine.provider
        found, wanted = engine.infer(batch), reference.infer(batch)
        np.testing.assert_allclose(found["logit"], wanted["logit"], atol=1e-5)


def test_the_provider_is_read_back_from_the_layers(fake: FakeTensorRt, models: Path, options: EngineOptions) -> None:
    engine = create(models / "fp16.onnx", options)
    with pytest.raises(EngineError, match="not open"):
        _ = engine.provider
    with engine:
        assert engine.provider == f"TensorRT {fake.version} on NVIDIA Fake 9000, fp16, 5 half-precision layers of 9"
        assert [str(spec) for spec in engine.inputs] == ["crops: uint8(any, 64, 64, 3)"]
        assert [str(spec) for spec in engine.outputs] == ["embedding: float32(any, 8)", "logit: float32(any)"]
    with create(models / "fp32.onnx", options) as engine:
        assert "fp32, 0 half-precision layers of 6" in engine.provider


def test_the_layers_of_a_plan_from_the_cache_are_inspected_too(
    fake: FakeTensorRt, models: Path, options: EngineOptions
) -> None:
    with create(models / "fp16.onnx", options):
        pass
    fake.inspector = '{"Layers": [{"Outputs": [{"Format/Datatype": "Float"}]}]}'
    with pytest.raises(EngineError, match="should be fp16, but its layers are fp32"):
        create(models / "fp16.onnx", options).open()
    assert fake.builds == 1


def test_a_batch_size_is_enqueued_once_captured_once_and_then_replayed(
    fake: FakeTensorRt, models: Path, options: EngineOptions
) -> None:
    with create(models / "fp16.onnx", options) as engine:
        assert fake.log == ["enqueued", "captured"], "the warm-up, of one row"
        first = engine.infer({"crops": crops(2)})
        assert fake.log == ["enqueued", "captured"] * 2
        before = len(fake.cuda.calls)
        second = engine.infer({"crops": crops(2)})
        assert fake.cuda.calls[before:] == ["cudaSetDevice", "cudaGraphLaunch", "cudaStreamSynchronize"]
        np.testing.assert_array_equal(first["logit"], second["logit"])
        other = engine.infer({"crops": crops(2, seed=4)})
        assert not np.array_equal(other["logit"], first["logit"]), "a replay reads the new input"
        assert len(fake.log) == 4


def test_larger_batches_are_split_and_few_graphs_are_kept(fake: FakeTensorRt, models: Path, tmp_path: Path) -> None:
    with create(models / "fp16.onnx", EngineOptions(cache=tmp_path, max_batch=MOST_LANES + 4)) as engine:
        for count in range(1, MOST_LANES + 5):
            engine.infer({"crops": crops(count)})
        assert len(fake.cuda.graphs) == MOST_LANES
        enqueued = fake.log.count("enqueued")
        engine.infer({"crops": crops(1)})
        assert fake.log.count("enqueued") == enqueued + 1, "the graph of one row had to go"
        assert engine.infer({"crops": crops(50)})["logit"].shape == (50,)


def test_outputs_belong_to_the_caller_and_inputs_may_be_strided(
    fake: FakeTensorRt, models: Path, options: EngineOptions
) -> None:
    whole = crops(4)
    with create(models / "fp16.onnx", options) as engine:
        straight = engine.infer({"crops": whole})["logit"]
        kept = straight.copy()
        backwards = engine.infer({"crops": whole[::-1]})["logit"]
        np.testing.assert_array_equal(backwards, kept[::-1])
        np.testing.assert_array_equal(straight, kept)
        assert straight.flags.owndata


def test_an_empty_batch_gives_empty_outputs(fake: FakeTensorRt, models: Path, options: EngineOptions) -> None:
    with create(models / "fp16.onnx", options) as engine:
        found = engine.infer({"crops": crops(0)})
    assert (found["embedding"].shape, found["logit"].shape) == ((0, 8), (0,))


def test_it_can_be_opened_again_and_used_from_another_thread(
    fake: FakeTensorRt, models: Path, options: EngineOptions
) -> None:
    engine = create(models / "fp16.onnx", replace(options, device="0"))
    found: list[np.ndarray] = []
    for _ in range(2):
        with engine:
            fake.cuda.current = None
            thread = threading.Thread(target=lambda: found.append(engine.infer({"crops": crops(2)})["logit"]))
            thread.start()
            thread.join(20)
            assert fake.cuda.current == 0, "the current GPU belongs to the thread"
    assert fake.builds == 1
    np.testing.assert_array_equal(*found)


def test_a_graph_that_cannot_be_captured_is_told_by_the_provider(
    fake: FakeTensorRt, models: Path, options: EngineOptions
) -> None:
    fake.cuda.fail = {"cudaGraphInstantiate": Code.cudaErrorStreamCaptureUnsupported}
    with create(models / "fp16.onnx", options) as engine:
        assert "without CUDA graphs (CUDA failed while making a CUDA graph: cudaErrorStreamCapt" in engine.provider
        first = engine.infer({"crops": crops(1)})["logit"]
        np.testing.assert_array_equal(first, engine.infer({"crops": crops(1)})["logit"])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("enqueue", "TensorRT failed on a batch of 2. TensorRT says: the reason"),
        ("context", "cannot make an execution context. TensorRT says: the reason"),
    ],
)
def test_a_failing_call_keeps_tensorrts_line_and_the_engine_goes_on(
    fake: FakeTensorRt, models: Path, options: EngineOptions, call: str, words: str
) -> None:
    with create(models / "fp16.onnx", options) as engine:
        fake.say[call] = "the reason."
        with pytest.raises(EngineError, match=words):
            engine.infer({"crops": crops(2)})
        fake.say.clear()
        assert engine.infer({"crops": crops(2)})["logit"].shape == (2,)


@pytest.mark.parametrize("call", ["cudaGraphLaunch", "cudaStreamSynchronize", "cudaSetDevice"])
def test_a_failing_cuda_call_is_named(fake: FakeTensorRt, models: Path, options: EngineOptions, call: str) -> None:
    with create(models / "fp16.onnx", options) as engine:
        fake.cuda.fail = {call: Code.cudaErrorInvalidValue}
        with pytest.raises(EngineError, match=r"CUDA failed while .*: cudaErrorInvalidValue"):
            engine.infer({"crops": crops(1)})


def test_too_little_memory_leaves_nothing_behind(fake: FakeTensorRt, models: Path, options: EngineOptions) -> None:
    fake.cuda.memory_limit = 4 * 64 * 64 * 3 - 1
    with pytest.raises(EngineError, match=r"pinning .* MiB of host memory for crops: cudaErrorMemoryAllocation"):
        create(models / "fp16.onnx", options).open()
    assert fake.cuda.leaks() == []


def test_a_plan_with_other_tensors_is_refused(
    fake: FakeTensorRt, models: Path, options: EngineOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fake_tensorrt_engine._Engine.get_tensor_location", lambda *_: "HOST")
    with pytest.raises(EngineError, match=r"tensor crops of type .* uint8 and float32"):
        create(models / "fp16.onnx", options).open()


def test_wrong_options_are_usage_errors(models: Path) -> None:
    for wrong in (EngineOptions(threads=2), EngineOptions(max_batch=0)):
        with pytest.raises(UsageError):
            create(models / "fp16.onnx", wrong)


def test_a_device_that_is_no_gpu(fake: FakeTensorRt, models: Path, options: EngineOptions) -> None:
    with pytest.raises(UsageError, match="has no device 'NPU'"):
        create(models / "fp16.onnx", replace(options, device="NPU")).open()
    with pytest.raises(EngineError, match="choosing GPU 5"):
        create(models / "fp16.onnx", replace(options, device="5")).open()


def test_where_it_cannot_run_it_says_so(fake: FakeTensorRt, models: Path, options: EngineOptions) -> None:
    fake.cuda.devices = 0
    with pytest.raises(EngineUnavailable, match=r"tensorrt cannot run here: .* no NVIDIA GPU"):
        create(models / "fp16.onnx", options).open()


def test_the_checksum_is_that_of_the_bytes_that_are_parsed(
    fake: FakeTensorRt, models: Path, options: EngineOptions
) -> None:
    right = hashlib.sha256((models / "fp16.onnx").read_bytes()).hexdigest()
    with create(models / "fp16.onnx", replace(options, sha256=right)):
        pass
    with pytest.raises(PackageError, match="checksum differs"):
        create(models / "fp16.onnx", replace(options, sha256="0" * 64)).open()
    with pytest.raises(EngineError, match="cannot be read"):
        create(models / "missing.onnx", options).open()


def test_it_is_an_engine_of_this_name(models: Path) -> None:
    engine = create(models / "fp16.onnx", EngineOptions())
    assert isinstance(engine, Engine)
    assert engine.name == "tensorrt"
    engine.close()
