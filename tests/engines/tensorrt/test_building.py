"""Building plans, keeping them, and building in the background, against stand-ins for TensorRT and CUDA."""

from __future__ import annotations

import json
import platform
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from fake_tensorrt import FakeTensorRt

from unmask.engines.build_progress import BuildProgress, listening
from unmask.engines.errors import EngineError, EngineUnavailable
from unmask.engines.options import EngineOptions
from unmask.engines.tensorrt import create
from unmask.engines.tensorrt.background import build_in_background
from unmask.engines.tensorrt.builder import WORKSPACE_BYTES, BuildCancelled, merge_timings
from unmask.engines.tensorrt.cuda import Gpu
from unmask.engines.tensorrt.plan_cache import RECIPE, plan_key, timing_key, timings
from unmask.engines.tensorrt.plan_source import get_plan


@pytest.fixture
def options(tmp_path: Path) -> EngineOptions:
    return EngineOptions(cache=tmp_path, max_batch=4)


def whys(model: Path, options: EngineOptions) -> list[str]:
    """Why each build of one ``get_plan`` was needed."""
    told: list[BuildProgress] = []
    get_plan(model, options, tell=told.append)
    return list(dict.fromkeys(progress.why for progress in told))


def test_settings_of_a_build(fake: FakeTensorRt, models: Path, options: EngineOptions) -> None:
    get_plan(models / "fp16.onnx", options)
    config = fake.last_config
    assert config.profiles[0].shapes == {"crops": [(1, 64, 64, 3), (2, 64, 64, 3), (4, 64, 64, 3)]}
    assert (config.workspace, config.tf32) == (WORKSPACE_BYTES, False)
    assert len(fake.loggers) == 1, "TensorRT keeps the first logger of a process"


def test_a_plan_is_built_once_and_then_comes_from_the_cache(
    fake: FakeTensorRt, models: Path, options: EngineOptions
) -> None:
    assert whys(models / "fp16.onnx", options) == ["none has been built here yet"]
    assert whys(models / "fp16.onnx", options) == []
    assert fake.builds == 1
    assert whys(models / "fp32.onnx", options) == ["none has been built here yet"]


def test_what_changed_is_named_and_the_plan_built_anew(
    fake: FakeTensorRt, models: Path, options: EngineOptions, tmp_path: Path
) -> None:
    model = tmp_path / "model.onnx"
    shutil.copy(models / "fp16.onnx", model)
    get_plan(model, options)
    fake.cuda.name, fake.cuda.capability = "NVIDIA Other", (8, 9)
    assert whys(model, options) == ["GPU NVIDIA Fake 9000 is now NVIDIA Other; compute capability 9.0 is now 8.9"]
    fake.cuda.driver = 14000
    assert "driver CUDA 13.0" in whys(model, options)[0]
    assert whys(model, replace(options, max_batch=6)) == [
        "shape profile batch 1..4, tuned for 2 is now batch 1..6, tuned for 3"
    ]
    shutil.copy(models / "fp32.onnx", model)
    assert whys(model, options)[0].startswith("model ")
    assert fake.builds == 5


def test_a_damaged_plan_is_built_anew(fake: FakeTensorRt, models: Path, options: EngineOptions, tmp_path: Path) -> None:
    get_plan(models / "fp16.onnx", options)
    (path,) = (tmp_path / "tensorrt-plans").glob("*.bin")
    path.write_bytes(path.read_bytes()[:-1])
    assert whys(models / "fp16.onnx", options) == [f"{path} is damaged (its checksum differs)"]


def test_a_plan_that_tensorrt_refuses_is_named_and_built_anew(
    fake: FakeTensorRt, models: Path, options: EngineOptions
) -> None:
    with create(models / "fp16.onnx", options):
        pass
    fake.say["deserialise"] = "built for another engine library."
    told: list[BuildProgress] = []

    def heard(progress: BuildProgress) -> None:
        told.append(progress)
        fake.say.clear()

    with listening(heard), create(models / "fp16.onnx", options):
        assert fake.builds == 2
    assert "cannot load the plan of" in told[0].why
    assert told[0].why.endswith("TensorRT says: built for another engine library")


def test_progress_ends_with_all_of_it(fake: FakeTensorRt, models: Path, options: EngineOptions) -> None:
    told: list[BuildProgress] = []
    with listening(told.append), create(models / "fp16.onnx", options):
        pass
    assert {progress.what for progress in told} == {"TensorRT plan for fp16.onnx"}
    assert [progress.share for progress in told] == sorted(progress.share for progress in told)
    assert [progress.finished for progress in told] == [False] * (len(told) - 1) + [True]
    assert told[-1].share == 1.0


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"parser_errors": ["No importer", "x"]}, r"Its parser says: No importer at the node node_7 \(Exotic\) \| x"),
        ({"parser_errors": ["a\nb."]}, r"Its parser says: a b at the node"),
        ({"say": {"build": "Could not find any implementation."}}, "cannot build a plan .* says: Could not find"),
        ({"say": {"deserialise": "Magic tag mismatch."}}, "cannot load the plan .* says: Magic tag mismatch"),
        ({"hide_types": True}, "9 layers do not tell their precision"),
        ({"inspector": json.dumps({"Layers": [{"Outputs": [{"Format/Datatype": "Float"}]}]})}, "should be fp16, but"),
    ],
)
def test_a_build_that_fails_says_why_and_keeps_nothing(
    fake: FakeTensorRt, models: Path, options: EngineOptions, tmp_path: Path, setting: dict, words: str
) -> None:
    for name, value in setting.items():
        setattr(fake, name, value)
    told: list[BuildProgress] = []
    with pytest.raises(EngineError, match=words) as caught:
        get_plan(models / "fp16.onnx", options, tell=told.append)
    assert "\n" not in str(caught.value)
    assert told[-1].finished
    assert told[-1].share < 1.0
    assert not list(tmp_path.glob("*/*.bin"))


def test_the_timings_of_builds_add_up(fake: FakeTensorRt, models: Path, options: EngineOptions, tmp_path: Path) -> None:
    get_plan(models / "fp16.onnx", options)
    get_plan(models / "fp32.onnx", options)
    (path,) = (tmp_path / "tensorrt-timings").glob("*.bin")
    assert json.loads(path.read_bytes()) == ["kernels of toy-encoder", "kernels of toy-encoder-half"]


def test_a_build_starts_from_the_timings_of_earlier_ones(
    fake: FakeTensorRt, models: Path, options: EngineOptions
) -> None:
    get_plan(models / "fp16.onnx", options)
    known: list[set[str]] = []
    fake.during_build = lambda: known.append(set(fake.last_config.timing.entries))
    get_plan(models / "fp32.onnx", options)
    assert known == [{"kernels of toy-encoder-half"}]


def test_builders_side_by_side_keep_the_timings_of_both(
    fake: FakeTensorRt, models: Path, options: EngineOptions, tmp_path: Path
) -> None:
    both = threading.Barrier(2)
    fake.during_build = lambda: both.wait(20)
    builds = [build_in_background(models / f"{name}.onnx", options) for name in ("fp16", "fp32")]
    for build in builds:
        build.result()
    (path,) = (tmp_path / "tensorrt-timings").glob("*.bin")
    assert json.loads(path.read_bytes()) == ["kernels of toy-encoder", "kernels of toy-encoder-half"]


def test_the_key_of_a_plan_names_everything_that_it_depends_on(models: Path) -> None:
    gpu = Gpu(number=1, name="NVIDIA H100", capability="9.0", driver="CUDA 13.0")
    key = plan_key(models / "m.onnx", "aa", version="11.4", gpu=gpu, precision="fp16", max_batch=16, usual=8)
    fields = dict(key.fields)
    assert fields.pop("system") == f"{platform.system()} {platform.machine()}"
    assert fields == {
        "model": "aa",
        "TensorRT": "11.4",
        "GPU": "NVIDIA H100",
        "compute capability": "9.0",
        "driver": "CUDA 13.0",
        "precision": "fp16",
        "shape profile": "batch 1..16, tuned for 8",
        "recipe": RECIPE,
    }
    assert "model" in dict(timing_key(version="11.4", gpu=gpu).fields)


def test_the_timings_of_several_gpus_have_room(tmp_path: Path) -> None:
    cache = timings(tmp_path)
    gpus = [Gpu(number=0, name=name, capability="9.0", driver="CUDA 13.0") for name in ("H100", "H200")]
    keys = [timing_key(version="11.4", gpu=gpu) for gpu in gpus]
    for key in keys:
        cache.store(key, bytes(1 << 20))
    assert [cache.find(key).payload is not None for key in keys] == [True, True]


def test_timings_that_do_not_fit_are_left_out(fake: FakeTensorRt) -> None:
    assert json.loads(merge_timings(b'["a"]', b'["b"]')) == ["a", "b"]
    assert merge_timings(b'["a"]', b"damaged") == b'["a"]'


def test_builders_of_one_plan_wait_for_the_first(fake: FakeTensorRt, models: Path, options: EngineOptions) -> None:
    waiting = threading.Event()
    fake.during_build = lambda: waiting.wait(20)
    told: list[BuildProgress] = []

    def heard(progress: BuildProgress) -> None:
        told.append(progress)
        if progress.phase == "waiting for another builder":
            waiting.set()

    with listening(heard):
        builds = [build_in_background(models / "fp16.onnx", options) for _ in range(2)]
        for build in builds:
            assert build.wait(30)
            build.result()
    assert fake.builds == 1
    assert waiting.is_set()


def test_a_background_build_tells_its_progress_and_leaves_a_plan(
    fake: FakeTensorRt, models: Path, options: EngineOptions
) -> None:
    build = build_in_background(models / "fp16.onnx", options)
    build.result()
    assert build.done
    assert build.error is None
    assert build.progress is not None
    assert build.progress.finished
    assert whys(models / "fp16.onnx", options) == []
    again = build_in_background(models / "fp16.onnx", options)
    again.result()
    assert again.progress is None, "nothing was to be built"


def test_a_cancelled_background_build_ends_and_keeps_nothing(
    fake: FakeTensorRt, models: Path, options: EngineOptions, tmp_path: Path
) -> None:
    building, cancelled = threading.Event(), threading.Event()

    def hold() -> None:
        building.set()
        cancelled.wait(20)

    fake.during_build = hold
    build = build_in_background(models / "fp16.onnx", options)
    assert building.wait(20)
    assert not build.done
    build.cancel()
    cancelled.set()
    with pytest.raises(BuildCancelled, match=r"TensorRT plan for fp16\.onnx was cancelled"):
        build.result()
    assert isinstance(build.error, BuildCancelled)
    assert not list(tmp_path.glob("*/*.bin"))


def test_ctrl_c_in_a_listener_comes_out_of_open(fake: FakeTensorRt, models: Path, options: EngineOptions) -> None:
    def interrupted(progress: BuildProgress) -> None:
        if progress.phase == "Timing":
            raise KeyboardInterrupt

    with listening(interrupted), pytest.raises(KeyboardInterrupt):
        create(models / "fp16.onnx", options).open()


def test_an_error_of_a_background_build_is_handed_on(fake: FakeTensorRt, models: Path, options: EngineOptions) -> None:
    fake.say["build"] = "out of tactics"
    build = build_in_background(models / "fp16.onnx", options)
    with pytest.raises(EngineError, match="out of tactics"):
        build.result()


def test_where_tensorrt_cannot_run_no_thread_is_started(fake: FakeTensorRt, models: Path) -> None:
    fake.cuda.devices = 0
    with pytest.raises(EngineUnavailable, match="tensorrt cannot run here"):
        build_in_background(models / "fp16.onnx", EngineOptions())
