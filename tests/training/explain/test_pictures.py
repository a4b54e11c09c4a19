"""From picture files to overlays that say what they are."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

torch = pytest.importorskip("torch", reason="needs torch (the train extra)")

from unmask.realtime.types import FaceBox  # noqa: E402
from unmask.training.explain.grad_cam import ExplainError  # noqa: E402
from unmask.training.explain.overlay import WORDS, overlay, write_overlay  # noqa: E402
from unmask.training.explain.pictures import explain, read_crop  # noqa: E402
from unmask.training.zoo.registry import build_model, find_recipe  # noqa: E402
from unmask.training.zoo.weights import WeightsError, trained_state  # noqa: E402

RECIPE = find_recipe("cnn")


class OneFace:
    """Finds the given faces in every picture that is not black."""

    name = description = "fake"

    def __init__(self, *faces: FaceBox) -> None:
        self.faces = list(faces)

    def find(self, image: np.ndarray) -> list[FaceBox]:
        return self.faces if image.any() else []

    def close(self) -> None:
        pass


FINDER = OneFace(FaceBox(10, 10, 30, 30, 0.9), FaceBox(100, 60, 180, 140, 0.8))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    folder = tmp_path / "run"
    folder.mkdir()
    torch.save(trained_state(build_model(RECIPE), RECIPE), folder / "best.pt")
    return folder


def write(path: Path, image: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)
    return path


def noise(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (200, 240, 3), dtype=np.uint8)


def test_an_overlay_says_in_the_picture_and_beside_it_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []
    real = ImageDraw.ImageDraw.text

    def text(self: ImageDraw.ImageDraw, place: tuple[float, float], words: str, **rest: object) -> None:
        drawn.append(words)
        real(self, place, words, **rest)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", text)
    crop = np.full((64, 64, 3), 128, np.uint8)
    heat = np.zeros((64, 64), np.float32)
    heat[:32] = 1.0
    picture = overlay(crop, heat, "caption")
    assert picture.shape == (374, 640, 3)
    assert drawn == [WORDS, "caption"] == ["where the model looked, not evidence", "caption"]
    words = picture[320:350] < 128
    assert words.any(axis=2).sum() > 200
    assert words.any(axis=(0, 2)).nonzero()[0].max() < 630  # all of it fits
    assert (picture[:320, :320] == 128).all()  # the face itself
    assert (picture[200:320, 320:] == 128).all()  # cold places are the face too
    assert (np.abs(picture[:100, 320:].astype(int) - 128).max(axis=2) > 20).all()
    write_overlay(tmp_path / "a.png", picture, {"Source": "Grüße.png"})
    with Image.open(tmp_path / "a.png") as opened:
        assert opened.text["Description"] == WORDS
        assert opened.text["Source"] == "Grüße.png"
        np.testing.assert_array_equal(np.asarray(opened), picture)


def test_every_picture_with_a_face_gets_a_file_of_its_own(run: Path, tmp_path: Path) -> None:
    paths = [write(tmp_path / "a" / "x.png", noise(1)), write(tmp_path / "b" / "x.png", noise(2))]
    paths.append(write(tmp_path / "black.png", np.zeros((50, 50, 3), np.uint8)))
    results = explain(run, paths, tmp_path / "out", FINDER)
    assert [None if one.written is None else one.written.name for one in results] == [
        "x-1-looked.png", "x-2-looked.png", None
    ]  # fmt: skip
    assert results[2].logit is None
    assert len(list((tmp_path / "out").iterdir())) == 2
    with Image.open(tmp_path / "out" / "x-1-looked.png") as opened:
        assert opened.text["Description"] == WORDS
        assert opened.text["Source"] == "x.png"


def test_the_largest_face_is_cut_as_the_recipe_says(tmp_path: Path) -> None:
    image = np.zeros((200, 240, 3), np.uint8)
    image[60:140, 100:180] = (255, 0, 0)  # blue, in the order of OpenCV
    crop = read_crop(write(tmp_path / "x.png", image), RECIPE, FINDER)
    assert crop is not None
    assert crop.shape == (128, 128, 3)
    blue = (crop == (0, 0, 255)).all(axis=2)
    assert blue.sum() / 128**2 == pytest.approx(1 / RECIPE.input.margin**2, abs=0.03)


def test_a_crop_is_taken_as_it_is(tmp_path: Path) -> None:
    crop = read_crop(write(tmp_path / "x.png", np.full((64, 64, 3), (0, 0, 200), np.uint8)), RECIPE, None)
    assert crop is not None
    assert (crop == (200, 0, 0)).all()


def test_a_window_has_one_score(run: Path, tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{n}.png", noise(n)) for n in range(3)]
    results = explain(run, paths, tmp_path / "out", None, as_window=True)
    assert len({one.logit for one in results}) == 1
    assert len({one.logit for one in explain(run, paths, tmp_path / "out", None)}) == 3


def test_what_cannot_be_explained_is_told_in_a_sentence(run: Path, tmp_path: Path) -> None:
    black = write(tmp_path / "black.png", np.zeros((50, 50, 3), np.uint8))
    with pytest.raises(ExplainError, match="No face was found"):
        explain(run, [black], tmp_path / "out", FINDER)
    (tmp_path / "text.png").write_text("no picture", encoding="utf-8")
    for wrong in ("text.png", "absent.png"):
        with pytest.raises(ExplainError, match="no picture that can be read"):
            explain(run, [tmp_path / wrong], tmp_path / "out", FINDER)
    with pytest.raises(WeightsError, match="no trained network"):
        explain(tmp_path, [black], tmp_path / "out", FINDER)
    assert not (tmp_path / "out").exists()
