"""Windows made of stills against their single frames, and calibrations that were fitted on either."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from labelled_crops import MadeCrop, write_crops
from numpy.typing import NDArray

from unmask.training.evaluation.measures import Table
from unmask.training.evaluation.passes import CLEAN, StoredCrop
from unmask.training.evaluation.samples import CropSet, DataOptions, open_data
from unmask.training.evaluation.windows import WindowScores, logit, score_windows, window_result
from unmask.training.lines import LINES

TWO = [LINES["re-encoded"], LINES["360p H.264 300 kbit/s"]]


class RednessScorer:
    """Embedding: how red the crop is. Score of a window: its mean. Abstains where the crop is dark."""

    margin = 0.8

    def __init__(self, *, length: int = 4, least: int = 2, single_image: bool = True, darkest: float = 0.0) -> None:
        self.length, self.least, self.single_image, self._darkest = length, least, single_image, darkest
        self.seen: list[StoredCrop] = []

    def encode(self, crops: Sequence[StoredCrop]) -> tuple[NDArray[np.float32], list[tuple[str, ...]]]:
        self.seen += crops
        causes = [("dark",) if crop.image.mean() < self._darkest else () for crop in crops]
        vectors = [[np.nan if why else c.image[..., 2].mean() / 255] for c, why in zip(crops, causes, strict=True)]
        return np.asarray(vectors, np.float32), causes

    def score(self, windows: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        assert all(1 <= len(window) <= self.length for window in windows)
        return np.asarray([float(window.mean()) for window in windows])


@pytest.fixture
def data(tmp_path: Path) -> CropSet:
    crops = [MadeCrop(f"k{n}", n % 2 == 1, 0.8 if n % 2 else -0.8, f"p{n}") for n in range(6)]
    found = open_data(write_crops(tmp_path, crops), DataOptions())
    assert isinstance(found, CropSet)
    return found


def test_every_still_is_a_window_and_each_of_its_frames_a_picture(data: CropSet) -> None:
    done: list[int] = []
    scorer = RednessScorer()
    found = score_windows(data, data.rows, scorer, TWO, progress=lambda n, total, what: done.append(n))
    assert list(found) == [CLEAN, "re-encoded", "360p H.264 300 kbit/s"]
    for one in found.values():
        assert (len(one.windows), len(one.frames)) == (6, 24)
        assert one.windows.fake.tolist() == [False, True] * 3
        np.testing.assert_allclose(one.frames.score.reshape(6, 4).mean(axis=1), one.windows.score, atol=1e-6)
        assert (one.frames.group.reshape(6, 4) == one.windows.group[:, None]).all()
    assert done[-1] == 6
    # Stored crops of 64 pixels, and in a call the size that a face has there.
    assert {crop.image.shape[0] for crop in scorer.seen} == {64, 96}


def test_what_is_not_judged_is_left_out_of_its_window(data: CropSet) -> None:
    found = score_windows(data, data.rows, RednessScorer(darkest=300), [])[CLEAN]
    assert np.isnan(found.windows.score).all()
    assert np.isnan(found.frames.score).all()
    assert found.causes == {"dark": 24}


def test_a_detector_of_windows_has_no_scores_of_frames(data: CropSet) -> None:
    found = score_windows(data, data.rows, RednessScorer(single_image=False), [])[CLEAN]
    assert np.isnan(found.frames.score).all()
    assert np.isfinite(found.windows.score).all()


def timid(people: int = 120) -> WindowScores:
    """Windows that are surer than they say: the logit of their score is half of what it ought to be."""
    rng = np.random.default_rng(0)
    group = np.repeat([f"p{n}" for n in range(people)], 20)
    meant = rng.normal(0, 2, len(group))
    fake = rng.random(len(group)) < 1 / (1 + np.exp(-meant))
    said = 1 / (1 + np.exp(-0.5 * meant))
    return WindowScores(Table.of(fake, said, group), Table.of(fake, said, group), {})


def test_a_calibration_fitted_on_windows_is_judged_on_people_it_did_not_see() -> None:
    result = window_result({CLEAN: timid()}, LINES, 4, 0.6, rounds=30)
    (row,) = result.rows
    assert result.fitted is not None
    assert result.fitted.scale == pytest.approx(2.0, abs=0.35)
    assert result.fitted.bias == pytest.approx(0.0, abs=0.3)
    stated, anew = row.windows["ece"].value, row.own["ece"].value
    assert stated is not None
    assert anew is not None
    assert anew < 0.6 * stated
    assert row.own["ece"].groups == 120


def test_where_nothing_can_be_fitted_it_says_so() -> None:
    table = Table.of([0, 0, 0], [0.1, 0.2, np.nan], ["a", "b", "c"])
    result = window_result({CLEAN: WindowScores(table, table, {})}, LINES, 4, 0.6, rounds=5)
    assert result.fitted is None
    assert result.rows[0].own == {}
    assert result.rows[0].windows["fpr"].value == 0.0


def test_logits_are_finite_at_the_ends() -> None:
    assert np.isfinite(logit(np.array([0.0, 0.5, 1.0]))).all()
    assert logit(np.array([0.5]))[0] == 0.0
