from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from toy_package import build_toy_package

from unmask.engines import ort_cpu, ort_tensorrt
from unmask.engines.errors import EngineError
from unmask.engines.options import EngineOptions
from unmask.engines.ort_tensorrt import OrtTensorrtEngine, profile


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return build_toy_package(tmp_path / "toy") / "encoder.onnx"


def test_the_profile_reaches_from_one_crop_to_the_largest_batch() -> None:
    assert profile({"crops": (None, 64, 64, 3), "mask": (None,)}, 16) == {
        "trt_profile_min_shapes": "crops:1x64x64x3,mask:1",
        "trt_profile_opt_shapes": "crops:16x64x64x3,mask:16",
        "trt_profile_max_shapes": "crops:16x64x64x3,mask:16",
    }
    assert profile({"crops": (None, None, 64, 3)}, 16) == {}


def test_what_it_is_told(model: Path, tmp_path: Path) -> None:
    engine = OrtTensorrtEngine(model, EngineOptions(cache=tmp_path / "cache", device="1", max_batch=4))
    (first, settings), (second, cuda) = engine.providers(model.read_bytes())
    assert (first, second) == ("TensorrtExecutionProvider", "CUDAExecutionProvider")
    assert settings["device_id"] == cuda["device_id"] == "1"
    assert settings["trt_fp16_enable"] == "0"
    assert settings["trt_profile_max_shapes"] == "crops:4x64x64x3"
    for kind in ("engine", "timing"):
        assert settings[f"trt_{kind}_cache_enable"] == "1"
        folder = Path(settings[f"trt_{kind}_cache_path"])
        assert folder.is_dir()
        assert folder.is_relative_to(tmp_path / "cache")


def test_another_model_has_another_engine_folder(model: Path, tmp_path: Path) -> None:
    other = build_toy_package(tmp_path / "other", size=32) / "encoder.onnx"
    options = EngineOptions(cache=tmp_path)
    folders = [
        OrtTensorrtEngine(path, options).providers(path.read_bytes())[0][1]["trt_engine_cache_path"]
        for path in (model, other, model)
    ]
    assert folders[0] == folders[2] != folders[1]


def test_a_cache_that_cannot_be_made(model: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EngineError, match=r"cache folder .* cannot be made"):
        OrtTensorrtEngine(model, EngineOptions(cache=tmp_path / "file")).providers(model.read_bytes())


def test_what_is_no_graph(model: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no readable ONNX graph"):
        OrtTensorrtEngine(model, EngineOptions(cache=tmp_path)).providers(b"\xff" * 99)


@pytest.mark.gpu
def test_tensorrt_gives_the_scores_of_the_processor(model: Path, tmp_path: Path) -> None:
    if (problem := ort_tensorrt.why_unavailable()) is not None:
        pytest.skip(problem)
    crops = np.random.default_rng(2).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    options = EngineOptions(cache=tmp_path)
    with ort_tensorrt.create(model, options) as engine, ort_cpu.create(model, EngineOptions()) as cpu:
        assert engine.provider.startswith("TensorrtExecutionProvider")
        np.testing.assert_allclose(
            engine.infer({"crops": crops})["logit"], cpu.infer({"crops": crops})["logit"], atol=1e-3
        )
    assert list(tmp_path.rglob("*.engine"))
