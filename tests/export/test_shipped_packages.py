"""Every package in ``detectors/``: sound, small, repeatable to the bit, and described truthfully."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from unmask.engines.package import DetectorPackage, load_package
from unmask.engines.registry import open_engine
from unmask.export.card import card

DETECTORS = Path(__file__).resolve().parents[2] / "detectors"
FOLDERS = sorted(path.parent for path in DETECTORS.glob("*/detector.json"))


@pytest.fixture(scope="module", params=FOLDERS, ids=lambda folder: folder.name)
def package(request: pytest.FixtureRequest) -> DetectorPackage:
    return load_package(request.param)


def crops(size: int) -> NDArray[np.uint8]:
    """Noise, flat grey, black, white and gradients: nothing that a camera could not hand over."""
    rng = np.random.default_rng(0)
    ramp = np.broadcast_to(np.linspace(0, 255, size)[:, None, None], (size, size, 3))
    flat = [np.full((size, size, 3), level, np.float64) for level in (0, 128, 255)]
    noise = [rng.integers(0, 256, (size, size, 3)) for _ in range(3)]
    return np.stack([*flat, ramp, ramp[::-1], *noise]).astype(np.uint8)


def test_there_is_one() -> None:
    assert [folder.name for folder in FOLDERS] == ["unmask-lite"]


def test_outputs_are_finite_and_a_crop_scores_the_same_in_any_batch(package: DetectorPackage) -> None:
    given = crops(package.manifest.input.size)
    with open_engine("ort-cpu", package.encoder_path) as encoder:
        together = encoder.infer({"crops": given})
        alone = [encoder.infer({"crops": crop[np.newaxis]}) for crop in given]
    for name in ("embedding", "logit"):
        assert np.isfinite(together[name]).all()
        np.testing.assert_array_equal(np.concatenate([row[name] for row in alone]), together[name])
    assert np.ptp(together["logit"]) > 0.01, "it says the same of everything"


def test_the_head_reads_a_window_of_one_as_the_encoder_does(package: DetectorPackage) -> None:
    manifest = package.manifest
    with open_engine("ort-cpu", package.encoder_path) as encoder:
        said = encoder.infer({"crops": crops(manifest.input.size)})
    count, length = len(said["logit"]), manifest.window.length
    window = np.zeros((count, length, manifest.embedding), np.float32)
    mask = np.zeros((count, length), np.float32)
    window[:, 0], mask[:, 0] = said["embedding"], 1
    full = np.repeat(said["embedding"][:, np.newaxis], length, axis=1)
    with open_engine("ort-cpu", package.head_path) as head:
        one = head.infer({"window": window, "mask": mask})["logit"]
        same = head.infer({"window": full, "mask": np.ones_like(mask)})["logit"]
    np.testing.assert_allclose(one, said["logit"], atol=1e-4)
    np.testing.assert_allclose(same, said["logit"], atol=1e-4)


def test_small_enough(package: DetectorPackage) -> None:
    assert package.encoder_path.stat().st_size + package.head_path.stat().st_size < 12_000_000


def test_the_card_is_the_manifest_in_words(package: DetectorPackage) -> None:
    assert (package.folder / "README.md").read_text(encoding="utf-8") == card(package.manifest)


def test_what_is_claimed_is_backed(package: DetectorPackage) -> None:
    manifest = package.manifest
    assert manifest.calibration.method != "none"
    assert {threshold.alarms_per_hour for threshold in manifest.thresholds} == {1.0, 0.1, 0.01}
    for metric in manifest.provenance.metrics:
        assert metric.command.startswith("python -m unmask."), metric.name
        assert metric.units > 0
    names = {metric.name for metric in manifest.provenance.metrics}
    assert {"AUROC", "EER", "ECE", "Brier", "TPR at FPR 1 %"} <= names
    assert manifest.provenance.limits
    assert "research and evaluation only" in manifest.provenance.licence


def test_no_path_of_a_machine_is_in_it(package: DetectorPackage) -> None:
    for path in package.folder.iterdir():
        assert not re.search(rb"/(home|root|tmp|work|Users)/", path.read_bytes()), path.name
