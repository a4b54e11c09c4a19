"""Degradations: deterministic, different from their input, and what they claim to be."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from unmask.training.data import codec
from unmask.training.degrade import CALL_HEIGHT, CALL_WIDTH, DEGRADATIONS, FRAMES, call_clip


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    rng = np.random.default_rng(0)
    coarse = cv2.resize(rng.integers(40, 200, (12, 12, 3), np.uint8), (224, 224), interpolation=cv2.INTER_CUBIC)
    return np.clip(coarse + rng.normal(0, 8, coarse.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", list(DEGRADATIONS))
def test_each_row_repeats_and_changes_the_picture(name: str, face: np.ndarray) -> None:
    before = face.copy()
    one, two = (DEGRADATIONS[name].apply(face, "key") for _ in range(2))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(face, before)
    assert one.dtype == np.uint8
    assert one.shape[0] == one.shape[1] <= 224
    assert (cv2.resize(one, (224, 224)) != face).mean() > 0.2


@pytest.mark.parametrize("name", ["noise 4", "360p H.264 300 kbit/s", "screen re-capture"])
def test_key_and_seed_decide_the_noise(name: str, face: np.ndarray) -> None:
    row = DEGRADATIONS[name]
    assert (row.apply(face, "a") != row.apply(face, "b")).any()
    assert (row.apply(face, "a", seed=0) != row.apply(face, "a", seed=1)).any()


@pytest.mark.parametrize("name", list(DEGRADATIONS))
def test_whole_pictures_of_odd_sizes_pass_too(name: str) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (401, 533, 3), np.uint8)
    worse = DEGRADATIONS[name].apply(picture, "key", None)
    assert worse.shape[0] == CALL_HEIGHT if name.startswith("360p") else worse.shape[0] in (400, 401)
    assert abs(worse.shape[1] / worse.shape[0] - 533 / 401) < 0.02


def test_a_lower_rate_looks_worse(face: np.ndarray) -> None:
    clean = DEGRADATIONS["360p"].apply(face, "key").astype(float)
    errors = [
        float(np.abs(DEGRADATIONS[f"360p H.264 {rate} kbit/s"].apply(face, "key") - clean).mean())
        for rate in (1000, 300, 150)
    ]
    assert errors == sorted(errors)
    assert errors[0] < 0.7 * errors[-1]


def test_the_pseudo_clip_moves_and_ends_where_it_is_cut(face: np.ndarray) -> None:
    clip = call_clip(face, np.random.default_rng(0), 1.0)
    assert len(clip) == FRAMES
    assert all(picture.shape == (CALL_HEIGHT, CALL_WIDTH, 3) for picture in clip)
    moves = [bool((one != two).any()) for one, two in itertools.pairwise(clip)]
    assert sum(moves) > len(moves) / 2
    centre = clip[-1][120:240, 260:380]
    np.testing.assert_array_equal(centre, cv2.resize(face, (120, 120), interpolation=cv2.INTER_AREA))


def test_a_wider_crop_keeps_the_face_at_its_size(face: np.ndarray) -> None:
    assert DEGRADATIONS["360p"].apply(face, "key", 1.6).shape == (192, 192, 3)
    assert DEGRADATIONS["360p"].apply(face, "key", 1.0).shape == (120, 120, 3)


def test_the_rate_is_kept(monkeypatch: pytest.MonkeyPatch, face: np.ndarray) -> None:
    """Counts the bytes of the real encoder: rate times time, and what it may save up."""
    clip = call_clip(face, np.random.default_rng(0), 1.0, 50)
    sizes: dict[int, int] = {}
    real = codec.io.BytesIO
    for rate in (150, 300):
        buffers: list[codec.io.BytesIO] = []

        def make(kept: list[codec.io.BytesIO] = buffers) -> codec.io.BytesIO:
            kept.append(real())
            return kept[-1]

        monkeypatch.setattr(codec.io, "BytesIO", make)
        # Closing the container closes the buffer only where it was opened by name.
        codec.h264_at_rate(clip, rate)
        sizes[rate] = len(buffers[0].getvalue())
    assert sizes[150] < sizes[300]
    assert sizes[150] * 8 / 1000 <= 150 * (50 / 25 + 0.2) * 1.25
