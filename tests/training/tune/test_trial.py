"""One real trial: its epochs are told, and a trial that was cut off ends as if it had not been."""

from __future__ import annotations

from pathlib import Path

import pytest
from picture_data import write_pictures

torch = pytest.importorskip("torch", reason="needs torch (the train extra)")

from unmask.training.run.folder import RunError  # noqa: E402
from unmask.training.tune.trial import TrialOptions, forget_weights, train_trial  # noqa: E402
from unmask.training.zoo.recipe import changed  # noqa: E402
from unmask.training.zoo.registry import find_recipe  # noqa: E402

RECIPE = changed(
    find_recipe("feed-forward-adamw"),
    {"training.epochs": 3, "training.batch": 8, "network.hidden": 8, "training.average": 0.9},
)


class Killed(BaseException):
    pass


@pytest.fixture
def options(tmp_path: Path) -> TrialOptions:
    return TrialOptions(write_pictures(tmp_path / "data"), tmp_path / "cache", device="cpu", threads=1)


def quiet(line: str) -> None:
    pass


def test_it_tells_every_epoch_and_returns_the_best(options: TrialOptions, tmp_path: Path) -> None:
    told: list[tuple[int, float]] = []
    best = train_trial(RECIPE, options, tmp_path / "a", lambda *pair: told.append(pair), quiet)
    assert [epoch for epoch, _ in told] == [1, 2, 3]
    assert best == max(auroc for _, auroc in told)
    again = train_trial(RECIPE, options, tmp_path / "b", lambda *pair: None, quiet)
    assert again == best
    other = changed(RECIPE, {"training.seed": 2})
    numbers: list[tuple[int, float]] = []
    train_trial(other, options, tmp_path / "c", lambda *pair: numbers.append(pair), quiet)
    assert numbers != told


def test_a_trial_that_was_cut_off_goes_on_from_its_weights(options: TrialOptions, tmp_path: Path) -> None:
    whole: list[tuple[int, float]] = []
    train_trial(RECIPE, options, tmp_path / "a", lambda *pair: whole.append(pair), quiet)
    told: list[tuple[int, float]] = []

    def cut(epoch: int, auroc: float) -> None:
        told.append((epoch, auroc))
        if epoch == 2:
            raise Killed

    with pytest.raises(Killed):
        train_trial(RECIPE, options, tmp_path / "b", cut, quiet)
    train_trial(RECIPE, options, tmp_path / "b", lambda *pair: told.append(pair), quiet)
    # The second epoch was told before its checkpoint, so it is trained and told once more; not the first.
    assert told == [*whole[:2], *whole[1:]]
    forget_weights(tmp_path / "b")
    left = {path.name for path in (tmp_path / "b").iterdir()}
    assert "history.csv" in left
    assert not left & {"last.pt", "best.pt"}


def test_settings_that_cannot_be_trained_are_an_error_of_the_trial(options: TrialOptions, tmp_path: Path) -> None:
    wild = changed(RECIPE, {"optimiser.kind": "sgd", "optimiser.rate": 1e30, "optimiser.clip": 1e30})
    with pytest.raises(RunError, match="learning rate"):
        train_trial(wild, options, tmp_path / "a", lambda *pair: None, quiet)
    torch.save({"a": torch.zeros(1)}, tmp_path / "of-another.pt")
    weights = TrialOptions(options.data, options.cache, init=tmp_path / "of-another.pt", threads=1)
    with pytest.raises(RunError, match="does not fit this network"):
        train_trial(RECIPE, weights, tmp_path / "b", lambda *pair: None, quiet)
