"""What a search leaves: all trials as JSON and as a table, and the best settings as a recipe file."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unmask.training.run.folder import RunFolder
from unmask.training.tune.recipe_file import recipe_text
from unmask.training.tune.search import Trial, shown
from unmask.training.zoo.recipe import Recipe

NOTE = (
    "The best of many trials is chosen on the validation split, so its figure there is flattering: train it with "
    "several seeds, and measure once on data that no trial has seen."
)
_HEAD = ("phase", "trial", "state", "AUROC", "epochs", "seconds", "settings on top of the phase's start")


def rows(trials: Sequence[Trial]) -> list[tuple[str, ...]]:
    """The cells of the table of trials, under ``_HEAD``."""
    return [
        (
            trial.phase,
            str(trial.number),
            trial.state,
            "-" if trial.auroc is None else f"{trial.auroc:.4f}",
            str(trial.epochs),
            f"{trial.seconds:.0f}",
            trial.reason or shown(trial.changes),
        )
        for trial in trials
    ]


def markdown(recipe: Recipe, trials: Sequence[Trial], best: Trial | None) -> str:
    lines = [f"# Search around {recipe.name}", "", NOTE, ""]
    if best is not None:
        lines += [
            f"Best: trial {best.number} of phase {best.phase}, validation AUROC {best.auroc:.4f}; best.toml",
            "",
        ]
    lines += [f"| {' | '.join(_HEAD)} |", "|---|---:|---|---:|---:|---:|---|"]
    lines += [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows(trials)]
    return "\n".join(lines) + "\n"


def write_report(
    folder: Path,
    recipe: Recipe,
    settings: Mapping[str, Any],
    trials: Sequence[Trial],
    best_recipe: Recipe | None = None,
    best: Trial | None = None,
) -> None:
    """``trials.json`` and ``trials.md``; ``best.toml`` once the search has ended."""
    out = RunFolder(folder)
    content = {
        "note": NOTE,
        "settings": dict(settings),
        "trials": [dataclasses.asdict(trial) for trial in trials],
        "best": None if best is None else {"phase": best.phase, "number": best.number, "auroc": best.auroc},
    }
    out.write_json("trials.json", content)
    out.write_text("trials.md", markdown(recipe, trials, best))
    if best_recipe is not None:
        out.write_text("best.toml", recipe_text(best_recipe))
