"""What the experiments see and keep: views, sets of faces, pools of pairs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch (the train extra)")

from unmask.realtime.faces.crop import CropSpec, crop_face, crop_transform  # noqa: E402
from unmask.realtime.types import FaceBox  # noqa: E402
from unmask.training.data.dfdc import DataError  # noqa: E402
from unmask.training.experiments.embeddings import pool_views  # noqa: E402
from unmask.training.experiments.faces import FaceSet, load_faces, moved_face, save_faces  # noqa: E402
from unmask.training.experiments.generators import hold_out_people, make_forge, resampled  # noqa: E402
from unmask.training.experiments.pool import load_pool, make_pool, save_pool  # noqa: E402
from unmask.training.experiments.views import (  # noqa: E402
    hard_call,
    inner_weight,
    mirrored_view,
    tight,
    wide_view,
)
from unmask.training.synthesis.encode import TITLE  # noqa: E402

POINTS = np.array([[100, 100], [146, 100], [123, 128], [105, 150], [141, 150]], np.float32)
BOX = (76.0, 60.0, 170.0, 191.0)


def face(shift: float = 0.0) -> FaceBox:
    x0, y0, x1, y1 = (edge + shift for edge in BOX)
    return FaceBox(x0, y0, x1, y1, 1.0, POINTS + np.float32(shift))


def picture(seed: int) -> np.ndarray:
    rough = np.random.default_rng(seed).integers(60, 200, (40, 40, 3), dtype=np.uint8)
    return cv2.resize(rough, (250, 250), interpolation=cv2.INTER_CUBIC)


@pytest.fixture
def faces(tmp_path: Path) -> FaceSet:
    def rows() -> Iterator[tuple[str, np.ndarray, FaceBox]]:
        for number in range(6):
            yield f"person {number}", picture(number), face(number)

    assert save_faces(tmp_path / "faces.npz", rows()) == 6
    return load_faces(tmp_path / "faces.npz")


def test_a_set_of_faces_comes_back_as_it_was(faces: FaceSet) -> None:
    assert faces.groups[2] == "person 2"
    assert np.array_equal(faces.pixels[3], picture(3))
    assert faces.face(1).x0 == BOX[0] + 1
    assert faces.rows([4, 0]).groups == ("person 4", "person 0")
    with pytest.raises(DataError, match="No face"):
        save_faces(Path("nothing.npz"), [])
    with pytest.raises(DataError, match="first"):
        load_faces(Path("nothing.npz"))


def test_a_moved_face_lies_where_its_pixels_went() -> None:
    spec = CropSpec(100, 1.6)
    own = face()
    there = moved_face(own, crop_transform(own, spec))
    assert there.size == pytest.approx(100 / 1.6)
    assert there.centre == pytest.approx((50, 50))
    dotted = np.zeros((250, 250, 3), np.uint8)
    cv2.circle(dotted, (123, 128), 6, (255, 255, 255), -1)
    crop = crop_face(dotted, own, spec)
    ys, xs = np.nonzero(crop[..., 0] > 127)
    assert there.landmarks is not None
    assert np.allclose([xs.mean(), ys.mean()], there.landmarks[2], atol=0.6)


def test_resampling_keeps_the_landmarks_in_their_order(faces: FaceSet) -> None:
    mirrored = 0
    for seed in range(12):
        view = resampled(faces, 0, np.random.default_rng(seed))
        assert view.landmarks[0, 0] < view.landmarks[1, 0]
        assert view.landmarks[3, 0] < view.landmarks[4, 0]
        mirrored += view.face.centre[0] > 125.5
    assert 0 < mirrored < 12
    assert np.array_equal(resampled(faces, 0, None).image, faces.pixels[0])


def test_people_are_held_out_whole(faces: FaceSet) -> None:
    kept, held = hold_out_people(faces, 0.34, seed=1)
    assert len(held) == 2
    assert sorted([*kept, *held]) == list(range(6))
    assert hold_out_people(faces, 0.34, seed=1)[1] == held


def test_pools_hold_pairs_and_say_so(faces: FaceSet, tmp_path: Path) -> None:
    forge = make_forge(faces, None, {"self-blend": 0.5, "person-swap": 0.5}, donors=3)
    made = make_pool(forge, 8, seed=2, log=lambda line: None)
    save_pool(tmp_path / "pool.npz", made)
    pool = load_pool(tmp_path / "pool.npz")
    assert pool.mark == TITLE
    assert set(pool.generators) == {"self-blend", "person-swap"}
    assert pool.groups[6] == "person 0"
    assert all(np.abs(pool.fake[i].astype(int) - pool.real[i]).max() > 5 for i in range(8))
    again = make_pool(forge, 8, seed=2, log=lambda line: None)
    assert np.array_equal(again.fake, pool.fake)
    with pytest.raises(ValueError, match="no autoencoder"):
        make_forge(faces, None, {"reconstruction": 1.0})


def test_views_of_a_pair_differ_only_where_the_fake_was_made(faces: FaceSet) -> None:
    pool = make_pool(make_forge(faces, None, {"person-swap": 1.0}), 4, seed=2, log=lambda line: None)
    rows = list(pool_views(pool, 96, 1.6, "none", 0))
    assert [fake for _, fake, _, _ in rows] == [False, True] * 4
    assert [source for *_, source in rows[:2]] == ["genuine", "person-swap"]
    (real, *_), (fake, *_) = rows[:2]
    assert real.shape == (96, 96, 3)
    assert np.array_equal(real[:8], fake[:8])
    assert np.abs(real[40:60, 40:60].astype(int) - fake[40:60, 40:60]).mean() > 1


def test_the_tight_cut_and_the_mirror_keep_the_face_where_it_is() -> None:
    wide = wide_view(picture(0), face(), 128, 1.3)
    mirrored = mirrored_view(tight(picture(0), face()), 128, 1.3)
    middle = slice(40, 88)
    assert np.abs(wide[middle, middle].astype(int) - mirrored[middle, middle]).mean() < 6
    assert np.abs(wide[:, :8].astype(int) - mirrored[:, :8]).mean() > 12


def test_hard_calls_keep_the_size_and_cost_detail() -> None:
    for seed in range(8):
        made = hard_call(picture(1), np.random.default_rng(seed))
        assert made.shape == (250, 250, 3)
        assert np.abs(made.astype(int) - picture(1)).mean() > 0.5


def test_the_inner_weight_is_the_face() -> None:
    weight = inner_weight(130, 1.3)
    assert weight[65, 65] == 1
    assert weight[65, 2] == weight[2, 65] == 0
    # About as tall as the box (100 of 130) and three quarters as wide.
    assert 95 <= (weight[:, 65] > 0.5).sum() <= 105
    assert 65 <= (weight[65] > 0.5).sum() <= 80
