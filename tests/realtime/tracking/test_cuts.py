from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from unmask.realtime.tracking.cuts import CutFinder
from unmask.realtime.types import Image


def scene(seed: int, hue: int) -> Image:
    """A blurred random picture, 360 x 640, in shades round one hue."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (9, 16, 3), dtype=np.uint8)
    coarse[..., 0] = hue + coarse[..., 0] // 12
    coarse[..., 1] = 120 + coarse[..., 1] // 4
    return cv2.cvtColor(cv2.resize(coarse, (640, 360), interpolation=cv2.INTER_CUBIC), cv2.COLOR_HSV2BGR)


def test_the_first_picture_is_no_cut_and_another_scene_is_one() -> None:
    cuts = CutFinder()
    assert not cuts.cut(scene(1, 10))
    assert cuts.cut(scene(2, 100))
    assert not cuts.cut(scene(2, 100))


def test_after_a_reset_the_next_picture_is_the_first() -> None:
    cuts = CutFinder()
    cuts.cut(scene(1, 10))
    cuts.reset()
    assert not cuts.cut(scene(2, 100))


@pytest.mark.parametrize("change", ["exposure", "noise", "shift", "somebody comes close"])
def test_what_happens_within_a_scene_is_no_cut(change: str) -> None:
    before = scene(3, 15)
    after = before.copy()
    if change == "exposure":
        after = cv2.convertScaleAbs(before, alpha=0.6)
    elif change == "noise":
        noise = np.random.default_rng(0).normal(0, 12, before.shape)
        after = np.clip(before + noise, 0, 255).astype(np.uint8)
    elif change == "shift":
        after = np.roll(before, 60, axis=1)
    else:
        cv2.ellipse(after, (320, 220), (110, 150), 0, 0, 360, (120, 150, 200), -1)
    cuts = CutFinder()
    cuts.cut(before)
    assert not cuts.cut(after)


@pytest.mark.parametrize(("share", "cut"), [(0.4, False), (0.6, True)])
def test_a_picture_of_which_less_than_half_is_another_is_the_same_scene(share: float, cut: bool) -> None:
    """Somebody walks past the camera."""
    before, after = scene(1, 10), scene(1, 10)
    columns = int(640 * share)
    after[:, :columns] = scene(2, 100)[:, :columns]
    cuts = CutFinder()
    cuts.cut(before)
    assert cuts.cut(after) == cut


def test_a_flat_picture_is_compared_without_a_division_by_zero() -> None:
    cuts = CutFinder()
    flat = np.full((90, 160, 3), 128, np.uint8)
    assert [cuts.cut(flat), cuts.cut(flat)] == [False, False]


def test_the_cuts_of_a_real_clip_are_found(shared: Path) -> None:
    clip = shared / "data" / "clips" / "live" / "several_faces_360p.mp4"
    reader, cuts, found, index = cv2.VideoCapture(str(clip)), CutFinder(), [], 0
    while True:
        got, image = reader.read()
        if not got:
            break
        if cuts.cut(image):
            found.append(index)
        index += 1
    reader.release()
    assert found == [20, 82, 211]
