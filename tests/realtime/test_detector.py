from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from fake_detector import FakeEncoder, FakeEngine, FakeHead, fake_detector, fake_manifest
from hypothesis import given
from hypothesis import strategies as st
from toy_package import build_toy_package, toy_logit

import unmask.realtime.detector as detector_module
from unmask.engines.errors import EngineError, EngineUnavailable, PackageError
from unmask.engines.package import DetectorPackage, load_package
from unmask.realtime.detector import Detector
from unmask.realtime.faces.crop import CropSpec


@pytest.fixture
def package(tmp_path: Path) -> DetectorPackage:
    return load_package(build_toy_package(tmp_path / "toy", size=32, length=4))


def test_a_package_from_disk_scores_as_its_formula_says(package: DetectorPackage) -> None:
    crops = np.random.default_rng(1).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    crops[0], crops[1] = (255, 0, 0), (0, 0, 255)
    with Detector.open(package, "ort-cpu") as detector:
        embeddings = detector.encode(crops)
        windows, masks = np.zeros((3, 4, 8), np.float32), np.zeros((3, 4), np.float32)
        windows[:, 0], masks[:, 0] = embeddings, 1
        logits = detector.judge(windows, masks)
        assert detector.provider == "CPUExecutionProvider"
    assert (embeddings.shape, embeddings.dtype) == ((3, 8), np.float32)
    assert (logits.shape, logits.dtype) == ((3,), np.float32)
    assert logits[:2].tolist() == [8.0, -8.0]
    assert logits[2] == pytest.approx(toy_logit(crops[2]), abs=1e-4)


def test_a_model_that_changed_after_it_was_loaded_is_refused(package: DetectorPackage) -> None:
    with package.head_path.open("ab") as file:
        file.write(b"\0")
    with pytest.raises(PackageError, match="checksum"):
        Detector.open(package, "ort-cpu")


def test_an_engine_that_cannot_run_raises(package: DetectorPackage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unmask.engines.ort_cuda.why_unavailable", lambda: "there is no GPU; buy one")
    with pytest.raises(EngineUnavailable, match="ort-cuda cannot run here: there is no GPU"):
        Detector.open(package, "ort-cuda")


def test_the_encoder_is_closed_when_the_head_cannot_be_opened(
    package: DetectorPackage, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = FakeEncoder(package.manifest)
    encoder.open()

    def open_engine(name: str, model: Path, options: object) -> FakeEngine:
        if model == package.encoder_path:
            return encoder
        raise EngineUnavailable("no head")

    monkeypatch.setattr(detector_module, "open_engine", open_engine)
    with pytest.raises(EngineUnavailable, match="no head"):
        Detector.open(package, "ort-cpu")
    assert encoder.closed == 1


def test_leaving_the_block_closes_both_engines_once() -> None:
    detector, encoder, head = fake_detector()
    with detector:
        pass
    detector.close()
    assert (encoder.closed, head.closed) == (1, 1)
    with pytest.raises(EngineError):
        detector.encode(np.zeros((1, 64, 64, 3), np.uint8))


def test_the_crop_is_cut_as_the_manifest_says() -> None:
    manifest = fake_manifest(input={"size": 96, "colour": "bgr"}, crop={"margin": 1.7, "align": "roll"}, embedding=3)
    detector, _, _ = fake_detector(manifest)
    assert detector.crop_spec == CropSpec(size=96, margin=1.7, align="roll", colour="bgr")


def test_both_providers_are_named_where_they_differ() -> None:
    manifest = fake_manifest()
    encoder, head = FakeEncoder(manifest, provider="A"), FakeHead(manifest, provider="B")
    assert Detector(manifest, encoder, head).provider == "encoder A, head B"
    assert Detector(manifest, encoder, FakeHead(manifest, provider="A")).provider == "A"


def test_nothing_to_do_runs_nothing() -> None:
    detector, encoder, head = fake_detector()
    assert detector.encode(np.zeros((0, 64, 64, 3), np.uint8)).shape == (0, 8)
    assert detector.judge(np.zeros((0, 4, 8), np.float32), np.zeros((0, 4), np.float32)).shape == (0,)
    assert encoder.batches == head.batches == []


def test_crops_of_another_size_or_dtype_are_an_error() -> None:
    detector, _, _ = fake_detector()
    with pytest.raises(EngineError, match="crops"):
        detector.encode(np.zeros((1, 32, 32, 3), np.uint8))
    with pytest.raises(EngineError, match="crops"):
        detector.encode(np.zeros((1, 64, 64, 3), np.float32))  # type: ignore[arg-type]


def test_a_view_of_crops_gives_what_the_copy_gives(package: DetectorPackage) -> None:
    crops = np.random.default_rng(2).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    with Detector.open(package, "ort-cpu") as detector:
        assert detector.encode(crops[::2]).tobytes() == detector.encode(crops[::2].copy()).tobytes()


def test_an_encoder_of_another_embedding_is_an_error() -> None:
    encoder = FakeEncoder(fake_manifest(embedding=7))
    encoder.open()
    detector = Detector(fake_manifest(), encoder, FakeHead(fake_manifest()))
    with pytest.raises(EngineError, match=r"encoder of the detector toy .* embedding float32\(1, 8\)"):
        detector.encode(np.zeros((1, 64, 64, 3), np.uint8))


def test_an_answer_for_fewer_windows_than_asked_is_an_error() -> None:
    detector, _, head = fake_detector()
    head.answer = lambda arrays: {"logit": np.zeros(1, np.float32)}  # type: ignore[method-assign]
    with pytest.raises(EngineError, match="head of the detector toy should give logit"):
        detector.judge(np.zeros((2, 4, 8), np.float32), np.zeros((2, 4), np.float32))


def test_the_score_is_the_calibrated_sigmoid() -> None:
    manifest = fake_manifest(calibration={"method": "platt", "scale": 0.5, "bias": -1.0, "fitted_on": "x"})
    detector, _, _ = fake_detector(manifest)
    scores = detector.score(np.array([2.0, 0.0, -4.0], np.float32))
    assert detector.calibrated
    assert scores.dtype == np.float64
    assert scores.tolist() == pytest.approx([1 / (1 + math.exp(-x)) for x in (0.0, -1.0, -3.0)], abs=1e-15)


def test_without_a_calibration_it_says_so() -> None:
    detector, _, _ = fake_detector()
    assert not detector.calibrated
    assert detector.score(np.zeros(1, np.float32)).tolist() == [0.5]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_logit_that_is_no_number_gives_no_score_and_spares_its_neighbours(bad: float) -> None:
    detector, _, _ = fake_detector()
    scores = detector.score(np.array([0.0, bad, 0.0], np.float32))
    assert np.isnan(scores[1])
    assert scores[[0, 2]].tolist() == [0.5, 0.5]


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_scores_lie_between_0_and_1_and_keep_the_order(logits: list[float]) -> None:
    detector, _, _ = fake_detector()
    with np.errstate(all="raise", under="ignore"):
        scores = detector.score(np.array(sorted(logits), np.float32))
    assert ((scores >= 0) & (scores <= 1)).all()
    assert (np.diff(scores) >= 0).all()
