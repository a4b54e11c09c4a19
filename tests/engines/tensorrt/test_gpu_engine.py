"""TensorRT itself, wherever it is: build, load, agree with the processor, replay, rebuild, wait for one another.

`make test-gpu` runs these; elsewhere they skip and say what is missing.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unmask.engines.build_progress import BuildProgress, listening
from unmask.engines.errors import EngineError
from unmask.engines.options import EngineOptions
from unmask.engines.ort_cpu import OrtCpuEngine
from unmask.engines.package import find_package, load_package
from unmask.engines.tensorrt import create, why_unavailable
from unmask.engines.tensorrt.background import build_in_background
from unmask.engines.tensorrt.builder import BuildCancelled
from unmask.engines.tensorrt.plan_source import get_plan

_MISSING = why_unavailable()
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.timeout(900),
    pytest.mark.skipif(_MISSING is not None, reason=f"TensorRT cannot run here: {_MISSING}"),
]

BUILD_ELSEWHERE = """
import json, sys
from pathlib import Path
from unmask.engines.options import EngineOptions
from unmask.engines.tensorrt.plan_source import get_plan
plan = get_plan(Path(sys.argv[1]), EngineOptions(cache=Path(sys.argv[2]), max_batch=4))
print(json.dumps(plan.why_built))
"""


def crops(count: int, size: int = 64, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def scores(logits: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-logits.astype(np.float64)))


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> EngineOptions:
    """One cache for all tests of this file: plans are built once."""
    return EngineOptions(cache=tmp_path_factory.mktemp("cache"), max_batch=4)


@pytest.mark.parametrize(("precision", "most"), [("fp16", 1e-2), ("fp32", 1e-4)])
@pytest.mark.parametrize("count", [1, 2, 4, 9])
def test_scores_agree_with_the_processor(
    models: Path, options: EngineOptions, precision: str, most: float, count: int
) -> None:
    batch = {"crops": crops(count)}
    with OrtCpuEngine(models / "fp32.onnx") as reference, create(models / f"{precision}.onnx", options) as engine:
        wanted = scores(reference.infer(batch)["logit"])
        for _ in range(3):  # single calls, then the graph twice
            assert np.abs(scores(engine.infer(batch)["logit"]) - wanted).max() <= most


def test_the_shipped_detector_agrees_with_the_processor(options: EngineOptions) -> None:
    package = load_package(find_package("unmask-lite"))
    precision = "fp16" if "fp16" in package.manifest.files.variants else "fp32"
    path, sha256 = package.encoder_file(precision)
    batch = {"crops": crops(6, package.manifest.input.size)}
    with (
        OrtCpuEngine(package.encoder_path) as reference,
        create(path, replace(options, sha256=sha256)) as engine,
    ):
        assert precision in engine.provider
        wanted, found = (scores(one.infer(batch)["logit"]) for one in (reference, engine))
    assert np.abs(wanted - found).max() <= 1e-2


def test_the_precision_is_that_of_the_layers(models: Path, options: EngineOptions) -> None:
    with create(models / "fp16.onnx", options) as half, create(models / "fp32.onnx", options) as full:
        assert ", fp16, " in half.provider
        assert ", fp32, 0 half-precision layers" in full.provider


def test_a_replayed_graph_gives_what_the_single_calls_gave(models: Path, options: EngineOptions) -> None:
    with create(models / "fp16.onnx", options) as engine:
        assert "without CUDA graphs" not in engine.provider
        batches = [{"crops": crops(3, seed=seed)} for seed in range(5)]
        first = engine.infer(batches[0])
        replayed = [engine.infer(batch) for batch in batches]
        np.testing.assert_array_equal(replayed[0]["embedding"], first["embedding"])
        for number in range(1, 5):
            assert not np.array_equal(replayed[number]["embedding"], first["embedding"])
    with create(models / "fp16.onnx", options) as fresh:
        for batch, found in zip(batches, replayed, strict=True):
            with create(models / "fp16.onnx", options) as single:
                np.testing.assert_array_equal(single.infer(batch)["embedding"], found["embedding"])
            np.testing.assert_array_equal(fresh.infer(batch)["embedding"], found["embedding"])


def test_many_batch_sizes_with_few_graphs(models: Path, tmp_path: Path) -> None:
    wide = EngineOptions(cache=tmp_path, max_batch=12)
    with OrtCpuEngine(models / "fp32.onnx") as reference, create(models / "fp16.onnx", wide) as engine:
        for count in (*range(1, 13), *range(12, 0, -1), 30):
            batch = {"crops": crops(count, seed=count)}
            wanted, found = (scores(one.infer(batch)["logit"]) for one in (reference, engine))
            assert np.abs(wanted - found).max() <= 1e-2


def test_the_second_opening_builds_nothing(models: Path, options: EngineOptions) -> None:
    with create(models / "fp16.onnx", options):
        pass
    told: list[BuildProgress] = []
    with listening(told.append), create(models / "fp16.onnx", options):
        assert told == []


def test_a_plan_of_another_version_is_named_and_built_anew(models: Path, tmp_path: Path) -> None:
    options = EngineOptions(cache=tmp_path, max_batch=4)
    get_plan(models / "fp16.onnx", options)
    (notes,) = (tmp_path / "tensorrt-plans").glob("*.json")
    record = json.loads(notes.read_text())
    record["fields"]["TensorRT"] = "9.9.9"
    notes.write_text(json.dumps(record))
    plan = get_plan(models / "fp16.onnx", options)
    assert plan.why_built.startswith("TensorRT 9.9.9 is now ")


def test_bytes_that_are_no_plan_are_refused_with_tensorrts_words_and_built_anew(models: Path, tmp_path: Path) -> None:
    import hashlib

    options = EngineOptions(cache=tmp_path, max_batch=4)
    get_plan(models / "fp16.onnx", options)
    (notes,) = (tmp_path / "tensorrt-plans").glob("*.json")
    raw = bytearray(notes.with_suffix(".bin").read_bytes())
    raw[:64] = bytes(64)
    notes.with_suffix(".bin").write_bytes(raw)
    record = json.loads(notes.read_text())
    record["sha256"] = hashlib.sha256(raw).hexdigest()
    notes.write_text(json.dumps(record))
    told: list[BuildProgress] = []
    with listening(told.append), create(models / "fp16.onnx", options) as engine:
        assert engine.infer({"crops": crops(1)})["logit"].shape == (1,)
    assert "TensorRT says: " in told[0].why


def test_concurrent_builders_build_once(models: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", BUILD_ELSEWHERE, str(models / "fp16.onnx"), str(tmp_path)]
    builders = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = sorted(json.loads(builder.communicate(timeout=600)[0]) for builder in builders)
    assert answers == ["", "none has been built here yet"]


def test_progress_comes_from_tensorrt_and_cancelling_ends_the_build(models: Path, tmp_path: Path) -> None:
    options = EngineOptions(cache=tmp_path, max_batch=4)
    told: list[BuildProgress] = []
    get_plan(models / "fp16.onnx", options, tell=told.append)
    assert {progress.phase for progress in told} > {"starting", "finished"}, "no phase of TensorRT's own"
    build = build_in_background(models / "fp32.onnx", replace(options, max_batch=8))
    build.cancel()
    with pytest.raises(BuildCancelled):
        build.result()


def test_an_operator_that_tensorrt_lacks_is_named(tmp_path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("StringNormalizer", ["x"], ["y"])],
        "text",
        [value("x", TensorProto.STRING, ["n"])],
        [value("y", TensorProto.STRING, ["n"])],
    )
    path = tmp_path / "text.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    with pytest.raises(EngineError, match=r"TensorRT cannot read the ONNX graph .*text\.onnx"):
        create(path, EngineOptions(cache=tmp_path)).open()
