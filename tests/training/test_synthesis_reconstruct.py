"""Rendering a face anew and laying it back."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch (the train extra)")

from unmask.training.data.dfdc import DataError  # noqa: E402
from unmask.training.synthesis.reconstruct import (  # noqa: E402
    AutoencoderSettings,
    FaceAutoencoder,
    cut_upright,
    difference_loss,
    fit,
    load_autoencoder,
    render,
    save_autoencoder,
)
from unmask.training.synthesis.repaint import repaint, upright  # noqa: E402

POINTS = np.array([[100, 100], [146, 100], [123, 128], [105, 150], [141, 150]], np.float32)
SMALL = AutoencoderSettings(side=32, code=4, width=4, depth=2)


@pytest.fixture
def picture() -> np.ndarray:
    rough = np.random.default_rng(3).integers(60, 200, (40, 40, 3), dtype=np.uint8)
    return cv2.resize(rough, (250, 250), interpolation=cv2.INTER_CUBIC)


def test_upright_sets_eyes_over_mouth_at_any_tilt_and_size() -> None:
    turn = np.array([[0.6, -0.8], [0.8, 0.6]]) * 1.7
    for points in (POINTS, (POINTS @ turn.T + [200, -30]).astype(np.float32)):
        matrix = upright(points, 100)
        there = points @ matrix[:, :2].T + matrix[:, 2]
        assert np.allclose(there[:2].mean(axis=0), [50, 36], atol=0.01)
        assert np.allclose(there[3:].mean(axis=0), [50, 72], atol=0.01)
        assert there[1, 0] > there[0, 0]  # turned, never mirrored


def test_a_renderer_that_changes_nothing_leaves_the_picture_nearly_as_it_was(picture: np.ndarray) -> None:
    seeds = [seed for seed in range(40) if np.random.default_rng(seed).random() >= 0.6]  # no sharpening
    made = repaint(picture, POINTS, lambda face: face, 250, np.random.default_rng(seeds[0]))
    assert np.abs(made.image.astype(int) - picture).mean() < 1.0
    assert made.mask.max() > 0.9


def test_repainting_stays_inside_the_mask_and_repeats(picture: np.ndarray) -> None:
    def blur(face: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(face, (0, 0), 4)

    for seed in range(6):
        made = repaint(picture, POINTS, blur, 96, np.random.default_rng(seed))
        again = repaint(picture, POINTS, blur, 96, np.random.default_rng(seed))
        change = np.abs(made.image.astype(int) - picture).max(axis=2)
        assert np.array_equal(made.image, again.image)
        assert change[made.mask == 0].max() == 0
        assert change[made.mask > 0.5].mean() > 2
        assert made.generator == "reconstruction"


def test_a_face_outside_the_picture_is_refused(picture: np.ndarray) -> None:
    with pytest.raises(ValueError, match="outside"):
        repaint(picture, POINTS + 500, lambda face: face, 64, np.random.default_rng(0))


@pytest.mark.parametrize("upsampling", ["shuffle", "bilinear"])
def test_it_learns_and_returns_from_its_file(picture: np.ndarray, tmp_path: Path, upsampling: str) -> None:
    torch.manual_seed(0)
    model = FaceAutoencoder(AutoencoderSettings(32, 4, 4, 2, upsampling))  # type: ignore[arg-type]
    faces = cut_upright([picture] * 2, np.stack([POINTS, POINTS + 4]), 32) // 4
    before = np.abs(render(model, faces[0]).astype(int) - faces[0]).mean()
    fit(model, faces, torch.nn.Conv2d(3, 2, 3), steps=60, batch=4, rate=5e-3, log=lambda line: None)
    after = np.abs(render(model, faces[0]).astype(int) - faces[0]).mean()
    assert after < 0.5 * before
    save_autoencoder(model, tmp_path / "model.pt")
    assert np.array_equal(render(load_autoencoder(tmp_path / "model.pt"), faces[1]), render(model, faces[1]))


def test_noise_on_the_code_changes_the_face() -> None:
    torch.manual_seed(0)
    face = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    model = FaceAutoencoder(SMALL).eval()
    assert np.array_equal(render(model, face), render(model, face))
    assert not np.array_equal(render(model, face, noise=3.0), render(model, face))


def test_difference_loss_ignores_brightness_and_sees_blur() -> None:
    sharp = torch.rand(1, 3, 16, 16)
    assert difference_loss(sharp + 0.2, sharp) < 1e-5
    assert difference_loss(nn_blur(sharp), sharp) > 0.05


def nn_blur(faces: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.avg_pool2d(faces, 3, 1, 1)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no autoencoder"):
        load_autoencoder(tmp_path / "none.pt")
