"""Every recipe from its file to a run folder, on as much data as a test has time for."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs torch (the train extra)")

from unmask.training.run.session import RunOptions, RunResult, run_recipe  # noqa: E402
from unmask.training.zoo.models.base import Encoder, WindowHead  # noqa: E402
from unmask.training.zoo.recipe import Recipe, Timm, changed  # noqa: E402
from unmask.training.zoo.registry import find_recipe, recipe_names  # noqa: E402
from unmask.training.zoo.weights import load_trained  # noqa: E402

#: Quick enough for a whole epoch of 200 pictures; the others take two steps of two.
SMALL = ("feed-forward-adamw", "feed-forward-sgd", "cnn")
#: Windows of 20 and 30 differ from those of 10 in their length only.
LARGE = [name for name in recipe_names() if name not in SMALL and not name.endswith(("-20", "-30"))]


def skip_without_timm(recipe: Recipe) -> None:
    if isinstance(recipe.network, Timm):
        pytest.importorskip("timm", reason="needs timm (the train extra)")


def check(result: RunResult, recipe: Recipe) -> None:
    """The run left what it promises, and its network reads a crop and a window as the live path does."""
    run = result.best.parent
    assert len(result.history) == 1
    for name in ("config.json", "history.json", "history.csv", "confusion.json", "last.pt"):
        assert (run / name).is_file()
    model, again = load_trained(result.best)
    assert again == recipe
    crops = torch.randint(0, 256, (1, model.side, model.side, 3), dtype=torch.uint8)
    with torch.inference_mode():
        embedding, logit = Encoder(model)(crops)
        window = WindowHead(model)(embedding.expand(1, model.frames, -1), torch.ones(1, model.frames))
    assert embedding.shape == (1, model.embedding)
    assert logit.shape == window.shape == (1,)
    assert torch.isfinite(logit).all()
    assert torch.isfinite(window).all()


@pytest.mark.parametrize("name", SMALL)
def test_a_small_recipe_learns_from_200_pictures(name: str, pictures: Path, tmp_path: Path) -> None:
    recipe = changed(find_recipe(name), {"training.epochs": 1})
    told: list[dict[str, float]] = []
    options = RunOptions(pictures, tmp_path / "run", subset=200)
    result = run_recipe(recipe, options, lambda line: None, ended=lambda row, scores: told.append(row))
    check(result, recipe)
    assert told == list(result.history)


@pytest.mark.parametrize("name", LARGE)
def test_a_large_recipe_takes_two_steps_of_two(name: str, pictures: Path, tmp_path: Path) -> None:
    """Pictures are as large as the recipe has them, windows are two frames long."""
    recipe = find_recipe(name)
    skip_without_timm(recipe)
    few = {"training.epochs": 1, "training.batch": 2, "input.frames": min(2, recipe.input.frames)}
    recipe = changed(recipe, few)
    options = RunOptions(pictures, tmp_path / "run", subset=8, steps=2)
    check(run_recipe(recipe, options, lambda line: None), recipe)


def test_every_recipe_is_one_of_these() -> None:
    long = {name for name in recipe_names() if name.endswith(("-20", "-30"))}
    assert len(long) == 8
    assert {*SMALL, *LARGE, *long} == set(recipe_names())


def test_crops_of_real_people_in_the_same_format(shared: Path, tmp_path: Path) -> None:
    folder = shared / "data" / "dfdc"
    if not folder.is_dir():
        pytest.skip("needs ../shared/data/dfdc, which is absent")
    recipe = changed(find_recipe("feed-forward-adamw"), {"training.epochs": 1})
    lines: list[str] = []
    check(run_recipe(recipe, RunOptions(folder, tmp_path / "run", subset=200), lines.append), recipe)
    assert any("no face boxes" in line for line in lines)
