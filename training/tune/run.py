"""A whole search: the recipe as it is, then phase after phase, each starting from the best so far.

Phase 1 looks at the network, phase 2 at how it learns, phase 3 at what keeps it from learning by heart
(the files in ``families``); a search over all at once would need far more trials for the same result.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unmask.engines.errors import UsageError
from unmask.training.run.folder import RunError, first_difference
from unmask.training.tune.ranges import Phase, Ranges
from unmask.training.tune.report import write_report
from unmask.training.tune.search import PhaseSearch, Pruned, TrainTrial, Trial
from unmask.training.tune.storage import StudyError, check_file, only_one, open_storage
from unmask.training.zoo.recipe import Recipe, changed
from unmask.training.zoo.registry import needs, require

#: The recipe as it is, once: what the phases have to beat.
START = Phase.model_construct(name="start", trials=1, ranges={})


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """``study`` is the SQLite file. ``trials`` replaces the number of every phase, ``epochs`` the recipe's;
    ``seed`` draws the proposals (what a trial draws is the recipe's own seed's business)."""

    data: Path
    study: Path
    init: Path | None = None
    partial: bool = False
    subset: int | None = None
    trials: int | None = None
    epochs: int | None = None
    seed: int = 1
    device: str = "auto"
    threads: int | None = None

    @property
    def out(self) -> Path:
        """Where tables, recipes and the trials' folders go."""
        return self.study.with_suffix("") if self.study.suffix else self.study.with_name(f"{self.study.name}-out")


@dataclass(frozen=True, slots=True)
class SearchResult:
    """``start`` and ``best`` are validation AUROCs, of the recipe as it came and of ``recipe``. ``trials``
    are those of all phases. ``folder`` holds trials.json, trials.md and best.toml."""

    recipe: Recipe
    start: float
    best: float
    best_trial: Trial
    trials: tuple[Trial, ...]
    folder: Path


def tune(
    recipe: Recipe,
    ranges: Ranges,
    options: SearchOptions,
    log: Callable[[str], None] = print,
    train: TrainTrial | None = None,
) -> SearchResult:
    """Search, or go on with the same search where it was cut off. Raises ``UnmaskError``.

    ``train`` stands in for training in tests; None trains.
    """
    require("optuna", *(() if train is not None else needs(recipe)))
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    recipe, ranges = _settled(recipe, ranges, options)
    if options.study.resolve() == options.out.resolve() or options.out.is_file():
        raise UsageError(f"{options.out} is a file, and this search writes a folder there: name --study otherwise.")
    check_file(options.study)
    with only_one(options.study):
        storage = open_storage(options.study)
        folder = options.out / recipe.name
        folder.mkdir(parents=True, exist_ok=True)
        return _search(storage, recipe, ranges, options, folder, log, train or _trainer(options, log))


def _settled(recipe: Recipe, ranges: Ranges, options: SearchOptions) -> tuple[Recipe, Ranges]:
    if options.init is not None and any(
        key.partition(".")[0] == "network" for phase in ranges.phase for key in phase.ranges
    ):
        raise UsageError(
            "Starting weights fit one network, and these ranges try several: leave out --init, or give --ranges "
            "without keys of [network]."
        )
    if options.epochs is not None:
        recipe = changed(recipe, {"training.epochs": options.epochs})
    if options.trials is not None:
        phases = tuple(phase.model_copy(update={"trials": options.trials}) for phase in ranges.phase)
        ranges = ranges.model_copy(update={"phase": phases})
    return recipe, ranges


def _search(
    storage: Any,
    recipe: Recipe,
    ranges: Ranges,
    options: SearchOptions,
    folder: Path,
    log: Callable[[str], None],
    train: TrainTrial,
) -> SearchResult:
    best_recipe, best = recipe, None
    trials: list[Trial] = []
    settings = _settings(recipe, ranges, options)
    for position, phase in enumerate((START, *ranges.phase)):
        name = f"{recipe.name}/{position}-{phase.name}"
        search = PhaseSearch(storage, name, phase, ranges, best_recipe, options.seed)
        _claim(search, settings, options.study)
        done = search.trials()
        while len(done) < phase.trials:
            ended = search.next_trial(folder / f"{position}-{phase.name}", train, log)
            done.append(ended)
            log(f"  {ended.state}{_with(ended)}")
            write_report(folder, recipe, settings, [*trials, *done])
        trials += done
        # A phase that finds nothing better hands on what it was given.
        for trial in done:
            if trial.state == "done" and (best is None or _auroc(trial) > _auroc(best)):
                best, best_recipe = trial, changed(search.start, trial.changes)
    assert best is not None
    write_report(folder, recipe, settings, trials, best_recipe, best)
    return SearchResult(best_recipe, _auroc(trials[0]), _auroc(best), best, tuple(trials), folder)


def _auroc(trial: Trial) -> float:
    return 0.0 if trial.auroc is None else trial.auroc


def _with(trial: Trial) -> str:
    if trial.reason:
        return f": {trial.reason}"
    return "" if trial.auroc is None else f": validation AUROC {trial.auroc:.4f} after {trial.epochs} epochs"


def _settings(recipe: Recipe, ranges: Ranges, options: SearchOptions) -> dict[str, Any]:
    """What makes a search this search: with another of these, earlier trials would not be comparable."""
    index = options.data / "index.csv"
    return {
        "recipe": recipe.model_dump(mode="json"),
        "ranges": ranges.model_dump(mode="json"),
        "data": hashlib.sha256(index.read_bytes()).hexdigest()[:16] if index.is_file() else None,
        "init": None if options.init is None else options.init.name,
        "subset": options.subset,
        "seed": options.seed,
    }


def _claim(search: PhaseSearch, settings: dict[str, Any], path: Path) -> None:
    before = search.study.user_attrs.get("settings")
    if before is None:
        search.study.set_user_attr("settings", settings)
        return
    other = first_difference(before, settings)
    if other is not None:
        raise StudyError(
            f"{path} holds a search with another {other}: give another --study to begin anew, or the same "
            "settings to go on."
        )


def _trainer(options: SearchOptions, log: Callable[[str], None]) -> TrainTrial:
    from unmask.training.tune.trial import TrialOptions, forget_weights, train_trial

    names = {field.name for field in dataclasses.fields(TrialOptions)} - {"cache"}
    shared = TrialOptions(cache=options.out / "cache", **{name: getattr(options, name) for name in names})

    def train(recipe: Recipe, folder: Path, seen: Callable[[int, float], None]) -> float:
        try:
            auroc = train_trial(recipe, shared, folder, seen, lambda line: log(f"  {line}"))
        except (Pruned, RunError):
            forget_weights(folder)
            raise
        # Whatever else ends a trial leaves its weights there, to go on from.
        forget_weights(folder)
        return auroc

    return train
