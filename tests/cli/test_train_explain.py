"""The command in front of the heat maps."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pytest

from unmask.cli import train, train_explain
from unmask.cli.main import main

WORDS = "where the model looked, not evidence"


def picture(path: Path) -> Path:
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8))
    return path


@pytest.fixture
def best(tmp_path: Path) -> Path:
    torch = pytest.importorskip("torch", reason="needs torch (the train extra)")
    from unmask.training.zoo.registry import build_model, find_recipe
    from unmask.training.zoo.weights import trained_state

    torch.set_num_threads(1)
    recipe = find_recipe("cnn")
    torch.save(trained_state(build_model(recipe), recipe), tmp_path / "best.pt")
    return tmp_path / "best.pt"


def test_it_is_a_step_of_training() -> None:
    assert train.STEPS["explain"][0] == train_explain.__name__


def test_crops_are_explained(best: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = picture(tmp_path / "face.png")
    out = tmp_path / "out"
    for run in (best, best.parent):
        assert main(["train", "explain", str(run), str(image), "--crop", "--out", str(out)]) == 0
        shown = " ".join(capsys.readouterr().out.split())
        assert WORDS in shown
        assert "not calibrated" in shown
    assert [path.name for path in out.iterdir()] == ["face-looked.png"]
    assert WORDS.encode() in (out / "face-looked.png").read_bytes()


def test_a_picture_without_a_face_is_refused(best: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = tmp_path / "plain.png"
    cv2.imwrite(str(image), np.full((200, 200, 3), 90, np.uint8))
    words = ["train", "explain", str(best), str(image), "--out", str(tmp_path / "out"), "--face-finder", "cascade"]
    assert main(words) == 2
    assert "No face was found" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_no_input_is_written_over(best: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image, looked = picture(tmp_path / "a.png"), picture(tmp_path / "a-looked.png")
    before = looked.read_bytes()
    assert main(["train", "explain", str(best), str(image), str(looked), "--crop", "--out", str(tmp_path)]) == 2
    assert "written over" in capsys.readouterr().err
    assert looked.read_bytes() == before


def test_without_torch_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "torch" else find(name, *rest))
    assert main(["train", "explain", "run", "a.png", "--out", str(tmp_path / "out")]) == 2
    assert "needs torch, which is not installed: pip install 'unmask[train]'" in capsys.readouterr().err
