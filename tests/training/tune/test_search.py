"""The search itself, with a made-up score in the place of training: no torch is needed."""

from __future__ import annotations

import importlib.util
import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("optuna", reason="needs optuna (the train extra)")

from unmask.engines.errors import UnmaskError, UsageError
from unmask.training.run.folder import RunError
from unmask.training.tune.ranges import Ranges
from unmask.training.tune.run import SearchOptions, SearchResult, tune
from unmask.training.tune.storage import StudyError, only_one
from unmask.training.zoo.recipe import Recipe, read_recipe
from unmask.training.zoo.registry import TrainingUnavailable, find_recipe

RECIPE = find_recipe("feed-forward-adamw")
RANGES = Ranges.model_validate(
    {
        "startup": 2,
        "phase": [
            {"name": "architecture", "trials": 4, "ranges": {"network.hidden": {"low": 8, "high": 512, "log": True}}},
            {
                "name": "optimisation",
                "trials": 4,
                "ranges": {
                    "optimiser.rate": {"low": 1e-5, "high": 1e-1, "log": True},
                    "training.batch": {"choices": [8, 16, 32]},
                },
            },
            {"name": "regularisation", "trials": 4, "ranges": {"head.dropout": {"low": 0.0, "high": 0.6, "step": 0.1}}},
        ],
    }
)
Seen = Callable[[int, float], None]


def quality(recipe: Recipe) -> float:
    """More hidden units are better, dropout near 0.3 is, and so is a rate near 1e-3."""
    assert recipe.network.kind == "feed-forward"
    rate = abs(recipe.optimiser.rate - 1e-3) / (recipe.optimiser.rate + 1e-3)
    return 0.5 + recipe.network.hidden / 2048 - 0.1 * rate - 0.2 * abs(recipe.head.dropout - 0.3)


def train(recipe: Recipe, folder: Path, seen: Seen) -> float:
    best = 0.0
    for epoch in range(1, 4):
        best = quality(recipe) * (1 - 0.5**epoch)
        seen(epoch, best)
    return best


def search(study: Path, train_one: Callable[[Recipe, Path, Seen], float] = train, **options: object) -> SearchResult:
    given = SearchOptions(data=study.parent, study=study, **options)  # pyright: ignore[reportArgumentType]
    return tune(RECIPE, RANGES, given, lambda line: None, train_one)


def seen_of(result: SearchResult) -> list[tuple[object, ...]]:
    return [(t.phase, t.number, t.state, t.auroc, t.epochs, t.changes) for t in result.trials]


def test_each_phase_starts_from_the_best_so_far(tmp_path: Path) -> None:
    started: list[Recipe] = []

    def watched(recipe: Recipe, folder: Path, seen: Seen) -> float:
        started.append(recipe)
        return train(recipe, folder, seen)

    result = search(tmp_path / "s.db", watched)
    assert [t.phase for t in result.trials] == [
        "start", *["architecture"] * 4, *["optimisation"] * 4, *["regularisation"] * 4
    ]  # fmt: skip
    assert started[0] == RECIPE
    best = max((quality(recipe), recipe.network.hidden) for recipe in started[:5])
    assert {recipe.network.hidden for recipe in started[5:]} == {best[1]}
    done = [trial.auroc for trial in result.trials if trial.state == "done" and trial.auroc is not None]
    assert result.best == max(done) == result.best_trial.auroc
    assert quality(result.recipe) == max(map(quality, started)) > quality(RECIPE)


def test_a_phase_that_finds_nothing_better_hands_on_what_it_was_given(tmp_path: Path) -> None:
    def only_the_start(recipe: Recipe, folder: Path, seen: Seen) -> float:
        return 0.9 if recipe == RECIPE else 0.8

    result = search(tmp_path / "s.db", only_the_start)
    assert result.recipe == RECIPE
    assert (result.best_trial.phase, result.start, result.best) == ("start", 0.9, 0.9)


def test_it_leaves_tables_and_a_recipe_to_train(tmp_path: Path) -> None:
    result = search(tmp_path / "s.db", trials=2)
    assert result.folder == tmp_path / "s" / RECIPE.name
    assert read_recipe(result.folder / "best.toml") == result.recipe
    content = json.loads((result.folder / "trials.json").read_text(encoding="utf-8"))
    assert len(content["trials"]) == 7
    assert content["best"]["auroc"] == result.best
    assert "flattering" in content["note"]
    table = (result.folder / "trials.md").read_text(encoding="utf-8")
    assert table.count("\n| architecture | ") == 2
    assert "| start | 1 | done |" in table


@pytest.mark.parametrize("at", [(1, 2), (3, 1), (6, 3)])
def test_a_search_that_was_cut_off_ends_like_one_that_was_not(at: tuple[int, int], tmp_path: Path) -> None:
    undisturbed = search(tmp_path / "a.db")
    calls: list[Path] = []

    def cut(recipe: Recipe, folder: Path, seen: Seen) -> float:
        calls.append(folder)

        def told(epoch: int, auroc: float) -> None:
            seen(epoch, auroc)
            if (len(calls), epoch) == at:
                raise KeyboardInterrupt

        return train(recipe, folder, told)

    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "b.db", cut)
    result = search(tmp_path / "b.db", cut)
    assert seen_of(result) == seen_of(undisturbed)
    assert result.recipe == undisturbed.recipe
    # The trial that was cut off, and no other, was given to training twice: in the same folder.
    assert calls[at[0] - 1] == calls[at[0]]
    assert len(calls) == len(set(calls)) + 1


def test_a_killed_process_is_continued(tmp_path: Path) -> None:
    path = str(Path(__file__).parent)
    code = (
        f"import sys, os, signal; sys.path.insert(0, {path!r}); import test_search as t; from pathlib import Path\n"
        "def dies(recipe, folder, seen):\n"
        "    seen(1, 0.1)\n"
        "    if '1-architecture' in str(folder) and folder.name == '003': os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return t.train(recipe, folder, lambda e, a: None if e == 1 else seen(e, a))\n"
        f"t.search(Path({str(tmp_path / 's.db')!r}), dies)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr
    folders: list[str] = []

    def watched(recipe: Recipe, folder: Path, seen: Seen) -> float:
        folders.append(f"{folder.parent.name}/{folder.name}")
        return train(recipe, folder, seen)

    result = search(tmp_path / "s.db", watched)
    assert folders[0] == "1-architecture/003"
    assert [t.number for t in result.trials if t.phase == "architecture"] == [1, 2, 3, 4]


def test_a_finished_search_trains_nothing_again(tmp_path: Path) -> None:
    first = search(tmp_path / "s.db", trials=1)

    def never(recipe: Recipe, folder: Path, seen: Seen) -> float:
        raise AssertionError("trained again")

    assert seen_of(search(tmp_path / "s.db", never, trials=1)) == seen_of(first)


def test_the_seed_decides_the_proposals(tmp_path: Path) -> None:
    results = [search(tmp_path / f"{n}.db", seed=seed, trials=2) for n, seed in enumerate((1, 1, 2))]
    changes = [[trial.changes for trial in result.trials] for result in results]
    assert changes[0] == changes[1] != changes[2]
    # Blind proposals of one phase differ: a sampler that is made anew each time must not begin anew.
    blind = [json.dumps(trial.changes) for trial in results[0].trials if trial.phase == "architecture"][:2]
    assert len(set(blind)) == 2


def test_a_trial_behind_the_median_is_cut_short(tmp_path: Path) -> None:
    calls: list[int] = []

    def worse_each_time(recipe: Recipe, folder: Path, seen: Seen) -> float:
        calls.append(0)
        for epoch in range(1, 4):
            seen(epoch, 0.9 - 0.01 * len(calls))
        return 0.9 - 0.01 * len(calls)

    result = search(tmp_path / "s.db", worse_each_time)
    states = {(t.number, t.state, t.epochs) for t in result.trials if t.phase == "architecture"}
    assert {(1, "done", 3), (2, "done", 3)} < states
    assert {(3, "pruned", 2), (4, "pruned", 2)} < states


def test_a_trial_that_cannot_be_trained_is_recorded_and_passed(tmp_path: Path) -> None:
    def breaks(recipe: Recipe, folder: Path, seen: Seen) -> float:
        if recipe.optimiser.rate > 3e-3:
            raise RunError("The loss became nan.")
        return train(recipe, folder, seen)

    result = search(tmp_path / "s.db", breaks)
    failed = [trial for trial in result.trials if trial.state == "failed"]
    assert failed
    assert {trial.reason for trial in failed} == {"The loss became nan."}
    assert result.recipe.optimiser.rate <= 3e-3
    assert len(result.trials) == 13


def test_a_recipe_that_cannot_be_trained_as_it_is_ends_the_search(tmp_path: Path) -> None:
    def breaks(recipe: Recipe, folder: Path, seen: Seen) -> float:
        raise RunError("The loss became nan.")

    with pytest.raises(RunError, match="became nan"):
        search(tmp_path / "s.db", breaks, trials=1)
    assert search(tmp_path / "s.db", trials=1).start > 0  # mended, it goes on


@pytest.mark.parametrize("other", [{"seed": 2}, {"trials": 3}, {"epochs": 2}, {"subset": 50}])
def test_another_search_in_the_same_file_is_refused(other: dict[str, object], tmp_path: Path) -> None:
    search(tmp_path / "s.db", trials=1)
    with pytest.raises(StudyError, match="holds a search with another"):
        search(tmp_path / "s.db", **{"trials": 1, **other})


def test_starting_weights_do_not_fit_several_networks(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="fit one network"):
        search(tmp_path / "s.db", init=tmp_path / "weights.pt")


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "notes.db"
    text.write_text("not a database, but rather long " * 50, encoding="utf-8")
    with pytest.raises(StudyError, match="no SQLite file"):
        search(text)
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE mine (x)")
    other.close()
    with pytest.raises(StudyError, match="something else"):
        search(tmp_path / "other.db")
    with pytest.raises(StudyError, match="does not exist"):
        search(tmp_path / "nowhere" / "s.db")
    (tmp_path / "taken").touch()
    with pytest.raises(UsageError, match="is a file"):
        search(tmp_path / "taken.db")


def test_two_searches_at_once_are_refused(tmp_path: Path) -> None:
    with only_one(tmp_path / "s.db"), pytest.raises(StudyError, match="Another process"):
        search(tmp_path / "s.db")
    search(tmp_path / "s.db", trials=1)


def test_without_optuna_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "optuna" else find(name, *rest)
    )
    with pytest.raises(TrainingUnavailable, match=r"needs optuna.*pip install 'unmask\[train\]'") as caught:
        search(tmp_path / "s.db")
    assert isinstance(caught.value, UnmaskError)
    assert not (tmp_path / "s.db").exists()
