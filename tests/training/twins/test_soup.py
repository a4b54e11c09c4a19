"""The greedy soup takes what makes the mean better, and nothing else; the best one may be the mean of all."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs torch (the train extra)")

from unmask.training.twins.soup import State, best_soup, greedy_soup, mean_of  # noqa: E402


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


def test_the_mean_of_all_is_taken_where_no_greedy_step_leads_to_it(tmp_path: Path) -> None:
    # Beside 9 each other one makes it worse, but all four together are right.
    paths = saved(tmp_path, best=9.0, high=13.5, higher=14.0, low=3.5)
    assert [member.stem for member in greedy_soup(paths, near_ten, lambda _: None)[2]] == ["best"]
    state, score, members = best_soup(paths, near_ten, lambda _: None)
    assert (float(state["weight"]), score, members) == (10.0, 0.0, paths)


def test_the_greedy_soup_is_taken_where_it_is_better(tmp_path: Path) -> None:
    state, score, members = best_soup(saved(tmp_path, good=10.0, bad=20.0), near_ten, lambda _: None)
    assert (float(state["weight"]), score) == (10.0, 0.0)
    assert [member.stem for member in members] == ["good"]


def test_a_greedy_soup_that_is_hardly_better_is_left(tmp_path: Path) -> None:
    paths = saved(tmp_path, good=10.0, near=10.002)
    state, score, members = best_soup(paths, near_ten, lambda _: None)
    assert members == paths
    assert float(state["weight"]) == pytest.approx(10.001)
    assert score == pytest.approx(-0.001, abs=1e-4)


def test_counters_are_no_weights() -> None:
    mixed = mean_of(
        [{"weight": torch.ones(2), "seen": torch.tensor(7)}, {"weight": torch.zeros(2), "seen": torch.tensor(9)}]
    )
    assert mixed["weight"].tolist() == [0.5, 0.5]
    assert int(mixed["seen"]) == 7
