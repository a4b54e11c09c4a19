"""The command in front of the zoo. What it trains is tested in tests/training/zoo."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

import pytest

from unmask.cli import train_run
from unmask.engines.errors import UnmaskError, UsageError
from unmask.training.zoo.recipe import RecipeError
from unmask.training.zoo.registry import TrainingUnavailable, recipe_names


def call(*words: str) -> int:
    parser = argparse.ArgumentParser()
    train_run.add_arguments(parser)
    return train_run.run(parser.parse_args(words))


def test_the_list_shows_every_recipe(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert call("--list") == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in recipe_names())
    assert "218 x 178" in shown


def test_without_torch_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    find = importlib.util.find_spec
    for absent in ("torch", "timm"):

        def without(name: str, package: str | None = None, absent: str = absent) -> object:
            return None if name == absent else (object() if name in ("torch", "timm") else find(name, package))

        monkeypatch.setattr(importlib.util, "find_spec", without)
        with pytest.raises(TrainingUnavailable, match=rf"needs {absent}.*pip install 'unmask\[train\]'"):
            call("resnet18", "--data", str(tmp_path), "--out", str(tmp_path / "run"))
        assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "error", "complaint"),
    [
        ((), UsageError, "Give a recipe"),
        (("cnn", "--out", "x"), UsageError, "Give a recipe"),
        (("cnn-tuner", "--data", "x", "--out", "y"), RecipeError, "did you mean cnn-tuned"),
        (("cnn", "--data", "x", "--out", "y", "--set", "rate"), UsageError, "--set takes KEY=VALUE"),
        (
            ("cnn", "--data", "x", "--out", "y", "--set", "optimiser.rate=fast"),
            RecipeError,
            r"optimiser\.rate",
        ),
    ],
)
def test_a_wrong_call_is_answered_in_a_sentence(
    words: tuple[str, ...], error: type[UnmaskError], complaint: str
) -> None:
    with pytest.raises(error, match=complaint) as caught:
        call(*words)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("option", ["--subset", "--steps", "--threads", "--checkpoint-every"])
def test_counts_start_at_one(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call("cnn", "--data", "x", "--out", "y", option, "0")
    assert "0 is not a whole number above 0" in capsys.readouterr().err


def test_data_that_is_not_there(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs torch (the train extra)")
    with pytest.raises(UnmaskError, match=r"no index\.csv"):
        call("cnn", "--data", str(tmp_path), "--out", str(tmp_path / "run"))


def test_settings_are_read_as_toml_writes_them() -> None:
    assert train_run._setting("a.b=1e-4") == ("a.b", 1e-4)
    assert train_run._setting("a=[1, 2]") == ("a", [1, 2])
    assert train_run._setting("a=true") == ("a", True)
    assert train_run._setting("a=sgd") == ("a", "sgd")
