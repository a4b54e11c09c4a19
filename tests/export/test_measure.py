"""Measuring goes through the package's own graphs, and the gates are measured as live measures them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from toy_package import build_toy_package, toy_logit

from unmask.engines.engine import Engine
from unmask.engines.package import load_package
from unmask.engines.registry import open_engine
from unmask.export import measure
from unmask.realtime.quality import measure as live_measure
from unmask.training.data.batches import plain_view, whole
from unmask.training.data.dfdc import CropRecord
from unmask.training.evaluate import Interval

SIZE = 64


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Engine]]:
    package = load_package(build_toy_package(tmp_path_factory.mktemp("toy"), size=SIZE))
    with ExitStack() as stack:
        yield (
            stack.enter_context(open_engine("ort-cpu", package.encoder_path)),
            stack.enter_context(open_engine("ort-cpu", package.head_path)),
        )


@pytest.fixture(scope="module")
def crops() -> measure.Crops:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (40, 224, 224, 3), dtype=np.uint8)
    pixels[::2, ..., 0] //= 2  # every second is less red: not fake, as the toy sees it
    pairs = [(i, CropRecord(str(i), i % 2 == 1, str(i // 4), "val", 200)) for i in range(1, 40)]
    return measure.crops_of(pixels, pairs)


def test_logits_are_those_of_the_positions_meant(engines: tuple[Engine, Engine], crops: measure.Crops) -> None:
    found = measure.logits(*engines, crops, SIZE)
    wanted = [toy_logit(plain_view(crops.pixels[i], SIZE)) for i in range(1, 40)]
    np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_the_report_covers_what_must_be_stated(engines: tuple[Engine, Engine], crops: measure.Crops) -> None:
    scores = 1 / (1 + np.exp(-measure.logits(*engines, crops, SIZE).astype(np.float64)))
    metrics = {m.name: m for m in measure.report(crops, scores, 0.5, "made here", "python -m x")}
    assert metrics["AUROC"].value == 1.0
    assert metrics["EER"].value == 0.0
    assert {m.units for m in metrics.values()} == {10}
    assert all(m.low is not None and m.command == "python -m x" for m in metrics.values())


@pytest.mark.parametrize("name", list(measure.DEGRADATIONS))
def test_degradations_change_the_picture_and_repeat(name: str) -> None:
    rng = np.random.default_rng(0)
    image = np.clip(rng.normal(128, 40, (224, 224, 3)), 0, 255).astype(np.uint8)
    one, two = (measure.DEGRADATIONS[name](image, np.random.default_rng(4)) for _ in range(2))
    assert one.shape == image.shape
    assert (one != image).any()
    np.testing.assert_array_equal(one, two)


def test_smaller_loses_detail_and_keeps_the_size() -> None:
    image = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    small = measure.smaller(48)(image, np.random.default_rng(0))
    assert small.shape == image.shape
    assert small.std() < 0.5 * image.std()


def test_gates_are_measured_as_live_measures_them(crops: measure.Crops) -> None:
    looks = measure.looks(crops, SIZE)
    image = crops.pixels[crops.positions[3]]
    live = live_measure(image, whole(image), plain_view(image, SIZE))
    assert looks.sharpness[3] == pytest.approx(live.sharpness)
    assert looks.brightness[3] == pytest.approx(live.brightness)


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
