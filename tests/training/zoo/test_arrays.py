"""Windows from the arrays that ``unmask train prepare --npz`` writes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from unmask.training.data.dfdc import DataError
from unmask.training.prepare.index import read_prepared
from unmask.training.run.arrays import Arrays
from unmask.training.run.batches import Batches
from unmask.training.run.data import load_run_data
from unmask.training.zoo.recipe import Recipe, RecipeError, changed
from unmask.training.zoo.registry import find_recipe


def recipe_of(**changes: object) -> Recipe:
    return changed(find_recipe("feed-forward-adamw"), {"input.arrays": True, "input.frames": 5, **changes})


def write(path: Path, *, label: int, frames: int = 10, kind: type = np.uint8, tint: int = 0) -> None:
    ramp = np.arange(frames, dtype=np.float32)[:, None, None, None] * 10
    pixels = np.broadcast_to(ramp, (frames, 3, 224, 224)).copy()
    pixels[:, 0] += 100 + tint  # red, if the channels keep their order
    array = pixels.astype(np.uint8)
    np.savez(path, frames=array if kind is np.uint8 else array.astype(np.float32) / 255, label=np.int64(label),
             times_s=np.arange(frames, dtype=np.float32))  # fmt: skip


@pytest.fixture
def prepared(pictures: Path, tmp_path: Path) -> Path:
    """The index of the test pictures with arrays beside it; the last video of each split has none."""
    folder = tmp_path / "prepared"
    (folder / "npz").mkdir(parents=True)
    shutil.copy(pictures / "index.csv", folder)
    shutil.copy(pictures / "faces-00.tar", folder)
    for video in (*range(8), *range(40, 49)):
        write(folder / "npz" / f"v{video}.npz", label=int(video % 2 == 0), kind=(np.uint8, np.float32)[video % 2])
    return folder


def test_a_video_with_an_array_is_a_window(prepared: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    recipe = recipe_of(**{"training.batch": 8})
    data = load_run_data(prepared, recipe, tmp_path / "cache", log=lines.append)
    assert (len(data.train), len(data.validation)) == (8, 9)
    assert data.train[0].keys == tuple(f"v0#{place:03d}" for place in (1, 3, 5, 7, 9))
    batch = next(iter(Batches(data, recipe).validation()))
    assert batch.crops.shape == (8, 5, 64, 64, 3)
    assert batch.mask.all()
    np.testing.assert_array_equal(batch.labels, [1, 0, 1, 0, 1, 0, 1, 0])
    for row in (0, 1):  # of 8 bits, and of 0..1
        assert batch.crops[row, 2, 30, 30].tolist() == [150, 50, 50]
    assert any("33 videos of the index have none" in line for line in lines)


def test_what_an_array_lacks_is_masked(prepared: Path, tmp_path: Path) -> None:
    recipe = recipe_of(**{"input.frames": 16})
    data = load_run_data(prepared, recipe, tmp_path / "cache", log=lambda line: None)
    batch = next(iter(Batches(data, recipe).train(0)))
    assert batch.mask.sum(axis=1).tolist() == [10.0] * len(batch.mask)


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda path: path.write_bytes(b"nonsense"), "no array of a video"),
        (lambda path: np.savez(path, frames=np.zeros((10, 3, 8, 8), np.uint8)), "no array of a video"),
        (lambda path: write(path, label=1, frames=7), "7 frames, the others 10"),
        (lambda path: write(path, label=0), "disagree on whether it is fake"),
        (lambda path: np.savez(path, frames=np.zeros((10, 8, 8), np.uint8), label=1), r"not \(frames, 3, H, W\)"),
    ],
)
def test_a_wrong_array_is_named(break_it: object, words: str, prepared: Path, tmp_path: Path) -> None:
    break_it(prepared / "npz" / "v4.npz")  # type: ignore[operator]
    with pytest.raises(DataError, match=words) as caught:
        load_run_data(prepared, recipe_of(), tmp_path / "cache", log=lambda line: None)
    assert "v4.npz" in str(caught.value)


def test_data_without_arrays_and_recipes_without_windows_are_refused(pictures: Path) -> None:
    with pytest.raises(DataError, match="prepare the data with --npz"):
        Arrays(pictures, read_prepared(pictures))
    with pytest.raises(RecipeError, match="are for windows"):
        recipe_of(**{"input.frames": 1})
