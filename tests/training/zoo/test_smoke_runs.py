"""The smoke runs of the zoo, on as little as they take."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs torch (the train extra)")

from unmask.training.zoo import smoke_runs
from unmask.training.zoo.recipe import changed
from unmask.training.zoo.registry import find_recipe


def test_a_recipe_of_stills_and_one_of_windows_run_to_the_end(pictures: Path, tmp_path: Path) -> None:
    windows = changed(find_recipe("feed-forward-sgd"), {"input.frames": 10, "head.time": "lstm", "head.hidden": 4})
    for recipe, count in ((find_recipe("feed-forward-adamw"), 24), (windows, 8)):
        found = smoke_runs.smoke_run(recipe, pictures, tmp_path / recipe.name, pictures=24)
        assert found.windows == count
        assert found.steps >= 2
        assert found.loss > 0
        assert (tmp_path / recipe.name / recipe.name / "best.pt").is_file()


def test_what_fails_is_named_and_the_rest_goes_on(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report.md"
    names = ["no-such-recipe", "feed-forward-sgd"]
    arguments = [*names, "--data", str(pictures), "--work", str(tmp_path), "--out", str(out), "--pictures", "16"]
    assert smoke_runs.main(arguments) == 1
    text = out.read_text()
    assert "no-such-recipe did not run: There is no recipe" in text
    assert "| feed-forward-sgd | 16 x 1 |" in text
    assert capsys.readouterr().out
