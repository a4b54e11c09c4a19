"""The command in front of the search, once from data to a recipe that can be trained."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
from picture_data import write_pictures

from unmask.cli import train, train_tune
from unmask.cli.main import main
from unmask.engines.errors import UnmaskError
from unmask.training.zoo.recipe import read_recipe

SMALL = """
startup = 1
[[phase]]
name = "architecture"
trials = 1
[phase.ranges]
"network.hidden".choices = [4, 8]
[[phase]]
name = "optimisation"
trials = 2
[phase.ranges]
"optimiser.rate" = { low = 1e-4, high = 1e-2, log = true }
[[phase]]
name = "regularisation"
trials = 1
[phase.ranges]
"augmentation.views".choices = ["none", "mirror"]
"""


def test_it_is_a_step_of_training() -> None:
    assert train.STEPS["tune"][0] == train_tune.__name__


def test_a_search_from_data_to_a_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for library in ("torch", "optuna"):
        pytest.importorskip(library, reason=f"needs {library} (the train extra)")
    data = write_pictures(tmp_path / "data")
    (tmp_path / "small.toml").write_text(SMALL, encoding="utf-8")
    words = ["train", "tune", "feed-forward-adamw", "--data", str(data), "--study", str(tmp_path / "s.db")]
    words += ["--ranges", str(tmp_path / "small.toml"), "--epochs", "1", "--device", "cpu", "--threads", "1"]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "optimisation, trial 2 of 2" in shown
    assert "flattering" in shown
    out = tmp_path / "s" / "feed-forward-adamw"
    recipe = read_recipe(out / "best.toml")
    assert recipe.training.epochs == 1
    assert len(json.loads((out / "trials.json").read_text(encoding="utf-8"))["trials"]) == 5
    assert not list((tmp_path / "s").rglob("*.pt"))
    assert main(words) == 0
    assert "trial 2 of 2" not in capsys.readouterr().out  # nothing is trained again
    assert main([*words, "--seed", "5"]) == 2
    assert "another seed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("cnn-tuner", "--data", "x", "--study", "y.db"), "did you mean cnn-tuned"),
        (("cnn", "--data", "x", "--study", "y.db", "--ranges", "none.toml"), "There is no file of ranges"),
    ],
)
def test_a_wrong_call_is_answered_in_a_sentence(words: tuple[str, ...], complaint: str) -> None:
    parser = argparse.ArgumentParser()
    train_tune.add_arguments(parser)
    with pytest.raises(UnmaskError, match=complaint) as caught:
        train_tune.run(parser.parse_args(words))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("option", ["--trials", "--epochs", "--subset", "--threads", "--seed"])
def test_counts_start_at_one(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    train_tune.add_arguments(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["cnn", "--data", "x", "--study", "y", option, "0"])
    assert "0 is not a whole number above 0" in capsys.readouterr().err
