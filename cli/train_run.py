"""``unmask train run RECIPE``: train one of the zoo's networks, or continue a run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from unmask.cli.options import whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", nargs="?", help="a name (see --list), or a .toml file")
    parser.add_argument("--list", action="store_true", help="show the recipes")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder with index.csv and tars of crops")
    parser.add_argument("--out", type=Path, metavar="RUN", help="run folder; a run found there is continued")
    parser.add_argument("--init", type=Path, metavar="FILE", help="starting weights: .pt, .pth, .npz, .safetensors")
    parser.add_argument("--init-partial", action="store_true", help="take what fits of --init, and say what did not")
    parser.add_argument("--subset", type=whole, metavar="N", help="about N pictures to train on, N/4 to validate")
    parser.add_argument("--steps", type=whole, metavar="N", help="end every epoch after N steps, for a trial")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="folder for decoded crops (default: RUN/cache)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--threads", type=whole, metavar="N", help="threads of torch on the CPU")
    parser.add_argument(
        "--checkpoint-every",
        type=whole,
        default=200,
        metavar="N",
        help="steps between checkpoints (default: 200)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change the recipe, as in optimiser.rate=1e-4; may be repeated",
    )


def run(args: argparse.Namespace) -> int:
    from unmask.engines.errors import UsageError
    from unmask.training.zoo.recipe import changed
    from unmask.training.zoo.registry import find_recipe, needs, require

    if args.list:
        return _list()
    if args.recipe is None or args.data is None or args.out is None:
        raise UsageError("Give a recipe, --data DIR and --out RUN; --list shows the recipes.")
    recipe = find_recipe(args.recipe)
    if args.set:
        recipe = changed(recipe, dict(_setting(text) for text in args.set))
    require(*needs(recipe))
    from unmask.training.run.session import RunOptions, run_recipe

    options = RunOptions(
        args.data,
        args.out,
        args.init,
        args.init_partial,
        args.subset,
        args.cache,
        args.device,
        args.threads,
        args.steps,
        args.checkpoint_every,
    )
    result = run_recipe(recipe, options, lambda line: print(line, flush=True))
    print(f"best validation AUROC {result.best_auroc:.4f}: {result.best}")
    return 0


def _list() -> int:
    from rich.console import Console
    from rich.table import Table

    from unmask.training.zoo.registry import find_recipe, recipe_names

    table = Table("recipe", "sees", "frames", "what it is")
    for name in recipe_names():
        recipe = find_recipe(name)
        seen = f"{recipe.input.height} x {recipe.input.width}"
        table.add_row(name, seen, str(recipe.input.frames), recipe.summary)
    Console().print(table)
    return 0


def _setting(text: str) -> tuple[str, Any]:
    """``KEY=VALUE`` with the value as TOML writes it; a bare word is a text."""
    import tomllib

    from unmask.engines.errors import UsageError

    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageError(f"--set takes KEY=VALUE, as in optimiser.rate=1e-4, not {text!r}.")
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value
