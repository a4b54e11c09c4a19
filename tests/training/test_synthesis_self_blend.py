"""Self-blending and what it rests on: outlines, masks, marks, swaps between people."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from unmask.training.synthesis.encode import TITLE
from unmask.training.synthesis.face_region import PARTS, blurred, elastic, outline, random_mask
from unmask.training.synthesis.marked import Generated, read_mark, save_png
from unmask.training.synthesis.person_swap import alike, pose, swap_people
from unmask.training.synthesis.self_blend import altered, self_blend

POINTS = np.array([[100, 100], [146, 100], [123, 128], [105, 150], [141, 150]], np.float32)


@pytest.fixture
def picture() -> np.ndarray:
    rough = np.random.default_rng(3).integers(60, 200, (60, 60, 3), dtype=np.uint8)
    return cv2.resize(rough, (250, 250), interpolation=cv2.INTER_CUBIC)


def test_outlines_hold_eyes_and_mouth_as_their_names_say() -> None:
    inside = {part: [cv2.pointPolygonTest(outline(POINTS, part).astype(np.float32), (float(x), float(y)), False) > 0
                     for x, y in POINTS] for part in PARTS}  # fmt: skip
    assert all(inside["whole"])
    assert all(inside["full"])
    assert all(inside["inner"])
    assert inside["lower"] == [False, False, True, True, True]


def test_the_outline_turns_and_grows_with_the_face() -> None:
    turn = np.array([[0.0, -2.0], [2.0, 0.0]])
    moved = (POINTS @ turn.T + [300, 10]).astype(np.float32)
    assert np.allclose(outline(moved), outline(POINTS) @ turn.T + [300, 10], atol=1e-3)


def test_a_turned_face_keeps_its_width() -> None:
    narrow = POINTS.copy()
    narrow[:2, 0] = [118, 128]
    assert np.ptp(outline(narrow)[:, 0]) > 0.8 * np.ptp(outline(POINTS)[:, 0])


def test_masks_stay_within_bounds_and_on_the_face() -> None:
    for seed in range(20):
        mask = random_mask(POINTS, (250, 250), np.random.default_rng(seed))
        assert mask.shape == (250, 250)
        assert mask.dtype == np.float32
        assert 0 <= mask.min() <= mask.max() <= 1.0001
        assert mask[150:180, 115:131].max() > 0.5  # every part holds the chin
        assert mask[:20].max() < 0.01


def test_blurring_shrinks_and_bending_moves_the_edge() -> None:
    mask = np.zeros((100, 100), np.float32)
    mask[30:70, 30:70] = 1
    assert blurred(mask, 4, 1).sum() < mask.sum()
    bent = elastic(mask, 5, np.random.default_rng(0))
    assert np.abs(bent - mask).max() > 0.9
    assert np.array_equal(elastic(mask, 0, np.random.default_rng(0)), mask)


def test_a_blend_changes_the_face_and_repeats(picture: np.ndarray) -> None:
    whole_changed = 0
    for seed in range(12):
        made = self_blend(picture, POINTS, np.random.default_rng(seed))
        again = self_blend(picture, POINTS, np.random.default_rng(seed))
        assert np.array_equal(made.image, again.image)
        assert made.image.shape == picture.shape
        assert made.image.dtype == np.uint8
        change = np.abs(made.image.astype(int) - picture).max(axis=2)
        assert change[made.mask > 0.2].mean() > 1
        whole_changed += bool(change[made.mask == 0].any())
    assert 0 < whole_changed < 12  # either copy may be the altered one


def test_altered_copies_differ(picture: np.ndarray) -> None:
    assert all(np.abs(altered(picture, np.random.default_rng(s)).astype(int) - picture).mean() > 0.2 for s in range(20))


def test_the_mark_survives_the_file(picture: np.ndarray, tmp_path: Path) -> None:
    made = self_blend(picture, POINTS, np.random.default_rng(0))
    save_png(tmp_path / "made.png", made)
    assert read_mark(tmp_path / "made.png") == f"{TITLE}, self-blend"
    assert np.array_equal(cv2.imread(str(tmp_path / "made.png"))[..., ::-1], made.image)
    cv2.imwrite(str(tmp_path / "plain.png"), picture)
    assert read_mark(tmp_path / "plain.png") is None


def test_donors_are_other_people_turned_alike() -> None:
    right = POINTS.copy()
    right[2, 0] += 15
    faces = np.stack([POINTS, right, POINTS + 5, right * 2])
    found = alike(faces, ["a", "b", "c", "d"], 1)[:, 0]
    assert found.tolist() == [2, 3, 0, 1]
    assert 2 not in alike(faces, ["a", "b", "a", "d"], 3)[0]
    assert np.allclose(pose(POINTS), pose(POINTS * 3 + 7), atol=1e-3)
    with pytest.raises(ValueError, match="two people"):
        alike(faces, ["a"] * 4, 1)


def test_a_swap_touches_the_face_only(picture: np.ndarray) -> None:
    donor = 255 - picture
    made = swap_people(picture, POINTS, donor, POINTS + 3, np.random.default_rng(1))
    change = np.abs(made.image.astype(int) - picture).max(axis=2)
    assert change[made.mask == 0].max() == 0
    assert change[made.mask > 0.5].mean() > 2
    assert isinstance(made, Generated)
    assert made.mark == f"{TITLE}, person-swap"
