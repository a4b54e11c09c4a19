"""Landmarks found after the fact, and crops turned by them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from unmask.realtime.types import FaceBox, Image
from unmask.training.data.dfdc import DataError
from unmask.training.experiments.eyes import find_eyes, known, load_eyes, save_eyes
from unmask.training.experiments.views import line_call, mirrored_view, wide_view

SIDE = 100


def face_like(angle: float) -> tuple[Image, np.ndarray]:
    """A grey square whose two bright dots lie on a line turned by ``angle`` degrees."""
    picture = np.full((SIDE, SIDE, 3), 90, np.uint8)
    turn = np.radians(angle)
    reach = 20 * np.array([np.cos(turn), np.sin(turn)])
    eyes = np.array([50 - reach, 50 + reach, [50, 50], [45, 60], [55, 60]], np.float32)
    for x, y in eyes[:2]:
        cv2.circle(picture, (round(float(x)), round(float(y))), 3, (255, 255, 255), -1)
    return picture, eyes


class OneFace:
    """Finds one face in every other picture, at fixed landmarks of the picture it is shown."""

    def __init__(self) -> None:
        self.calls = 0

    def find(self, image: Image) -> Sequence[FaceBox]:
        self.calls += 1
        if self.calls % 2 == 0:
            return []
        return [FaceBox(0, 0, 10, 10, 0.9, np.full((5, 2), 60, np.float32)), FaceBox(0, 0, 4, 4, 0.9)]


def brightest_rows(view: Image) -> tuple[float, float]:
    """The heights of the bright dots in the left and in the right half."""
    bright = (view[..., 0] > 200).astype(float)
    half = view.shape[1] // 2
    rows = np.arange(view.shape[0])
    left, right = bright[:, :half].sum(axis=1), bright[:, half:].sum(axis=1)
    return float((rows * left).sum() / left.sum()), float((rows * right).sum() / right.sum())


@pytest.mark.parametrize("angle", [-20, 25])
def test_aligned_views_have_level_eyes(angle: float) -> None:
    picture, eyes = face_like(angle)
    left, right = brightest_rows(mirrored_view(picture, 160, 0.8))
    assert abs(left - right) > 10
    left, right = brightest_rows(mirrored_view(picture, 160, 0.8, eyes=eyes))
    assert abs(left - right) < 2


def test_moving_a_view_keeps_it_level() -> None:
    picture, eyes = face_like(25)
    face = FaceBox(20, 20, 80, 80, 1.0)
    views = [wide_view(picture, face, 120, 1.2, np.random.default_rng(seed), eyes) for seed in range(3)]
    assert not np.array_equal(views[0], views[1])
    assert all(abs(left - right) < 2 for left, right in map(brightest_rows, views))


def test_landmarks_are_found_in_the_pictures_own_pixels(tmp_path: Path) -> None:
    pictures = [face_like(0)[0]] * 2
    found = find_eyes(pictures, OneFace())  # type: ignore[arg-type]
    assert found.shape == (2, 5, 2)
    assert found[0] == pytest.approx(60 - 40)  # the finder was given room of 40 pixels on every side
    assert known(found, 1) is None
    assert known(None, 0) is None
    assert known(found, 0) is not None
    save_eyes(tmp_path / "eyes.npy", found)
    assert np.array_equal(load_eyes(tmp_path / "eyes.npy", 2), found, equal_nan=True)
    with pytest.raises(DataError, match="not to these 3"):
        load_eyes(tmp_path / "eyes.npy", 3)
    with pytest.raises(DataError, match="command 'eyes'"):
        load_eyes(tmp_path / "none.npy", 2)


def test_a_line_keeps_the_size_and_loses_detail() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (96, 96, 3), dtype=np.uint8)
    calls = [line_call(picture, np.random.default_rng(seed)) for seed in range(12)]
    assert all(call.shape == picture.shape and call.dtype == np.uint8 for call in calls)
    sharpness = [cv2.Laplacian(call, cv2.CV_64F).var() for call in calls]
    assert np.median(sharpness) < 0.5 * cv2.Laplacian(picture, cv2.CV_64F).var()
    again = line_call(picture, np.random.default_rng(3))
    assert np.array_equal(again, calls[3])
