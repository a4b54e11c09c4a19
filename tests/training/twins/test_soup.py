"""The greedy soup takes what makes the mean better, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs torch (the train extra)")

from unmask.training.twins.soup import State, greedy_soup, mean_of  # noqa: E402


def saved(folder: Path, **weights: float) -> list[Path]:
    paths = []
    for name, weight in weights.items():
        paths.append(folder / f"{name}.pt")
        torch.save({"weight": torch.tensor([weight]), "seen": torch.tensor(7)}, paths[-1])
    return paths


def near_ten(state: State) -> float:
    return -abs(float(state["weight"]) - 10.0)


def test_epochs_on_both_sides_of_the_best_are_mixed(tmp_path: Path) -> None:
    said: list[str] = []
    paths = saved(tmp_path, far=30.0, above=13.0, below=8.0)
    state, score, members = greedy_soup(paths, near_ten, said.append)
    assert [member.stem for member in members] == ["below", "above"]
    assert float(state["weight"]) == 10.5
    assert score == -0.5
    assert said == ["best single epoch: below, -2.0000", "with above: -0.5000"]


def test_a_good_epoch_stays_alone(tmp_path: Path) -> None:
    state, score, members = greedy_soup(saved(tmp_path, good=10.0, bad=20.0), near_ten, lambda _: None)
    assert [member.stem for member in members] == ["good"]
    assert (float(state["weight"]), score) == (10.0, 0.0)


def test_counters_are_no_weights() -> None:
    mixed = mean_of(
        [{"weight": torch.ones(2), "seen": torch.tensor(7)}, {"weight": torch.zeros(2), "seen": torch.tensor(9)}]
    )
    assert mixed["weight"].tolist() == [0.5, 0.5]
    assert int(mixed["seen"]) == 7
