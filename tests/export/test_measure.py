"""Measuring goes through the package's own graphs, and the gates are measured as live measures them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from toy_package import build_toy_package, toy_logit

from unmask.engines.package import load_package
from unmask.export import measure
from unmask.export.fitting import Bench, brightest, quality, smallest_crop
from unmask.realtime.quality import measure as live_measure
from unmask.training.data.batches import plain_view, whole
from unmask.training.data.dfdc import CropRecord
from unmask.training.degrade import DEGRADATIONS
from unmask.training.evaluate import Interval

SIZE = 64


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[measure.Opened]:
    package = load_package(build_toy_package(tmp_path_factory.mktemp("toy"), size=SIZE))
    with measure.opened(package.encoder_path.read_bytes(), package.head_path.read_bytes(), SIZE) as running:
        yield running


@pytest.fixture(scope="module")
def crops() -> measure.Crops:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (40, 224, 224, 3), dtype=np.uint8)
    pixels[::2, ..., 0] //= 2  # every second is less red: not fake, as the toy sees it
    pairs = [(i, CropRecord(str(i), i % 2 == 1, str(i // 4), "val", 200)) for i in range(1, 40)]
    return measure.crops_of(pixels, [str(i) for i in range(40)], pairs)


def test_logits_are_those_of_the_rows_meant(toy: measure.Opened, crops: measure.Crops) -> None:
    found = measure.logits(toy, crops)
    wanted = [toy_logit(plain_view(crops.pixels[i], SIZE)) for i in range(1, 40)]
    np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_a_window_is_judged_from_all_its_frames(toy: measure.Opened, crops: measure.Crops) -> None:
    windows = ((1, 2, 3), (4,), *((i, i + 1) for i in range(5, 35)))
    many = dataclasses.replace(crops, windows=windows, labels=crops.labels[:32], groups=crops.groups[:32])
    single = {i: toy_logit(plain_view(crops.pixels[i], SIZE)) for i in range(1, 40)}
    wanted = [np.mean([single[row] for row in window]) for window in windows]
    np.testing.assert_allclose(measure.logits(toy, many), wanted, atol=1e-3)
    assert many.rows == tuple(range(1, 36))


def test_the_report_covers_what_must_be_stated(toy: measure.Opened, crops: measure.Crops) -> None:
    scores = 1 / (1 + np.exp(-measure.logits(toy, crops).astype(np.float64)))
    metrics = {m.name: m for m in measure.report(crops, scores, scores, 0.5, "made here", "python -m x")}
    assert metrics["AUROC"].value == 1.0
    assert metrics["EER"].value == 0.0
    assert {m.units for m in metrics.values()} == {10}
    assert all(m.low is not None and m.command == "python -m x" for m in metrics.values())


@pytest.mark.parametrize("margin", [0.8, 1.4])
def test_degradations_are_rows_of_the_evaluations_table(margin: float) -> None:
    rng = np.random.default_rng(0)
    image = np.clip(rng.normal(128, 40, (224, 224, 3)), 0, 255).astype(np.uint8)
    for name, degrade in measure.degradations(margin).items():
        made = degrade(image, "a-key")
        np.testing.assert_array_equal(made, DEGRADATIONS[name].apply(image, "a-key", margin))
        assert made.shape != image.shape or (made != image).any()


def test_the_higher_crop_shows_what_lies_above(crops: measure.Crops) -> None:
    image = crops.pixels[1]
    made = measure.higher(image, "")
    assert made.shape == image.shape
    np.testing.assert_array_equal(made[16:], image[:208])


def test_each_crop_is_degraded_by_its_own_key(crops: measure.Crops) -> None:
    asked: list[str] = []

    def degrade(image: np.ndarray, key: str) -> np.ndarray:
        asked.append(key)
        return image[:100, :100]

    assert crops.views([3, 7], SIZE, degrade).shape == (2, SIZE, SIZE, 3)
    assert asked == ["3", "7"]


def test_smaller_loses_detail_and_keeps_the_size() -> None:
    image = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    small = measure.smaller(48)(image, "")
    assert small.shape == image.shape
    assert small.std() < 0.5 * image.std()


def test_gates_are_measured_as_live_measures_them(crops: measure.Crops) -> None:
    looks = measure.looks(crops, SIZE)
    image = crops.pixels[crops.rows[3]]
    live = live_measure(image, whole(image), plain_view(image, SIZE))
    assert looks.sharpness[3] == pytest.approx(live.sharpness)
    assert looks.brightness[3] == pytest.approx(live.brightness)


def test_no_face_is_too_small_for_a_network_that_sees_no_more(toy: measure.Opened, crops: measure.Crops) -> None:
    bench = Bench(toy, crops, "made here", "")
    assert smallest_crop(bench, (), 1.0) == (SIZE, [])
    smallest, (metric,) = smallest_crop(bench, (32,), 1.0)
    assert (smallest, metric.name) == (32, "AUROC, crop of 32 px")


def test_brighter_is_brighter_and_clips() -> None:
    image = np.random.default_rng(0).integers(20, 250, (224, 224, 3), dtype=np.uint8)
    little, much = (measure.brighter(exponent)(image, "") for exponent in (0.8, 0.5))
    assert image.mean() < little.mean() < much.mean()
    assert (much == 255).mean() > 0.1


def test_bright_faces_are_judged_as_far_as_they_are_told_apart(toy: measure.Opened, crops: measure.Crops) -> None:
    bench = Bench(toy, crops, "made here", "python -m x")
    limit, metrics = brightest(bench, 1.0)
    found = [metric.value for metric in metrics]
    assert len(found) == 3
    used = next((i for i, value in enumerate(found) if value < 0.95), len(found))
    assert used > 0
    exponent = (0.8, 0.65, 0.5)[used - 1]
    light = measure.looks(crops, SIZE, measure.brighter(exponent)).brightness
    assert limit == pytest.approx(np.quantile(light, 0.9))
    assert brightest(bench, 1.1)[0] == 0.0, "a network that loses by the least light gets no wider gate"
    narrow, wide = (quality(crops, SIZE, 40, 0.8, most).max_brightness for most in (0.0, 240.0))
    assert narrow < 240.0 == wide
    assert quality(crops, SIZE, 40, 0.8, 1.0).max_brightness == narrow


def test_metrics_are_rounded_inside_their_interval() -> None:
    found = measure.metric("x", Interval(0.90006, 0.90001, 0.95, 9), "data", "python -m x")
    assert found.low is not None
    assert found.low <= found.value
    assert (found.units, found.unit) == (9, "identity groups")


def test_scores_are_kept_for_whoever_wants_them(crops: measure.Crops, tmp_path: Path) -> None:
    measure.save_scores(tmp_path / "s.csv", crops, np.linspace(0, 1, 39))
    lines = (tmp_path / "s.csv").read_text().splitlines()
    assert lines[:2] == ["fake,identity_group,score", "1,0,0.000000"]
    assert len(lines) == 40
