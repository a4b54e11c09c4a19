"""``unmask train tune RECIPE``: search better settings for one of the zoo's networks."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from unmask.cli.options import whole

if TYPE_CHECKING:
    from unmask.training.tune.run import SearchResult

_SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", help="a name (see unmask train run --list), or a .toml file")
    parser.add_argument("--data", type=Path, metavar="DIR", required=True, help="folder with index.csv and tars")
    parser.add_argument(
        "--study",
        type=Path,
        metavar="FILE.db",
        required=True,
        help="SQLite file of the search; one found there is continued. Tables go to the folder FILE beside it",
    )
    parser.add_argument("--ranges", type=Path, metavar="FILE.toml", help="what to try (default: the family's file)")
    parser.add_argument("--init", type=Path, metavar="FILE", help="starting weights: .pt, .pth, .npz, .safetensors")
    parser.add_argument("--init-partial", action="store_true", help="take what fits of --init, and say what did not")
    parser.add_argument("--trials", type=whole, metavar="N", help="trials in every phase (default: as in the ranges)")
    parser.add_argument("--epochs", type=whole, metavar="N", help="epochs of a trial (default: as in the recipe)")
    parser.add_argument("--subset", type=whole, metavar="N", help="about N pictures to train on, N/4 to validate")
    parser.add_argument("--seed", type=whole, default=1, metavar="N", help="of the proposals (default 1)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--threads", type=whole, metavar="N", help="threads of torch on the CPU")


def run(args: argparse.Namespace) -> int:
    from unmask.training.tune.ranges import find_ranges
    from unmask.training.tune.report import NOTE
    from unmask.training.tune.run import SearchOptions, tune
    from unmask.training.zoo.registry import find_recipe

    recipe = find_recipe(args.recipe)
    options = SearchOptions(
        args.data,
        args.study,
        args.init,
        args.init_partial,
        args.subset,
        args.trials,
        args.epochs,
        args.seed,
        args.device,
        args.threads,
    )
    result = tune(recipe, find_ranges(recipe, args.ranges), options, lambda line: print(line, flush=True))
    _show(result)
    print(f"as it is {result.start:.4f}, best {result.best:.4f} on validation: {result.folder / 'best.toml'}")
    print(NOTE)
    return 0


def _show(result: SearchResult) -> None:
    from rich.console import Console
    from rich.table import Table

    from unmask.training.tune.search import shown

    best_first = sorted(result.trials, key=lambda trial: -(trial.auroc or 0.0))
    table = Table("phase", "trial", "state", "AUROC", title=f"the best of {len(best_first)} trials")
    table.add_column("settings", overflow="fold")
    for trial in best_first[:_SHOWN]:
        auroc = "" if trial.auroc is None else f"{trial.auroc:.4f}"
        table.add_row(trial.phase, str(trial.number), trial.state, auroc, trial.reason or shown(trial.changes))
    console = Console(markup=False)
    console.print(table)
    console.print(f"All of them: {result.folder / 'trials.md'}", soft_wrap=True)
