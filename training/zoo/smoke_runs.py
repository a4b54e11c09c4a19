"""Every recipe from its file to a trained network on 200 pictures of real data:
``python -m unmask.training.zoo.smoke_runs --data DATA --work WORK --out SMOKE_RUNS.md``.

One epoch each through the whole of ``unmask train run``: reading, splitting by people, cutting, augmenting (stills
become pseudo-clips where a recipe reads windows), learning, validating, writing the run folder, and reading its
``best.pt`` again. A network that saw 200 pictures once has learnt nothing: the numbers show that it ran.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from unmask.engines.errors import UnmaskError
from unmask.training.prepare.index import read_prepared
from unmask.training.zoo.recipe import Recipe, changed
from unmask.training.zoo.registry import find_recipe, recipe_names

PICTURES = 200
#: So many windows at least, however long they are: half of each class, and one batch to learn from.
FEWEST = 8


@dataclass(frozen=True, slots=True)
class SmokeRun:
    """About ``windows`` were learnt from in ``steps`` steps and ``seconds``, validation included."""

    recipe: Recipe
    windows: int
    steps: int
    seconds: float
    loss: float
    validation_loss: float


def smoke_run(recipe: Recipe, data: Path, work: Path, *, pictures: int = PICTURES, device: str = "cpu") -> SmokeRun:
    """One epoch of ``recipe`` on about ``pictures`` pictures of ``data`` in the new folder ``work/NAME``.

    Raises ``UnmaskError`` where the recipe cannot be run, or its result not be read.
    """
    from unmask.training.run.session import RunOptions, run_recipe
    from unmask.training.zoo.weights import load_trained

    frames = recipe.input.frames
    windows = max(FEWEST, pictures // frames)
    crops = read_prepared(data)
    stills = len({crop.video for crop in crops}) == len(crops)
    batch = max(2, min(recipe.training.batch, windows // 4, 32 // frames))
    short = changed(recipe, {"training.epochs": 1, "training.batch": batch})
    began = time.monotonic()
    options = RunOptions(
        data, work / recipe.name, subset=windows if stills else pictures, cache=work / "cache", device=device
    )
    result = run_recipe(short, options, lambda line: None)
    load_trained(result.best)
    row = result.history[-1]
    return SmokeRun(recipe, windows, windows // batch, time.monotonic() - began, row["loss"], row["validation_loss"])


def table(results: Sequence[SmokeRun], failures: Sequence[tuple[str, str]]) -> str:
    """As Markdown; what failed is named below."""
    lines = [
        "| recipe | windows x frames | steps | seconds | loss | validation loss |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for one in results:
        lines.append(
            f"| {one.recipe.name} | {one.windows} x {one.recipe.input.frames} | {one.steps} | {one.seconds:.0f} "
            f"| {one.loss:.3f} | {one.validation_loss:.3f} |"
        )
    lines += [f"\n{name} did not run: {why}" for name, why in failures]
    return "\n".join(lines) + "\n"


def run_all(
    names: Sequence[str], data: Path, work: Path, told: Callable[[str], None], *, pictures: int, device: str
) -> tuple[list[SmokeRun], list[tuple[str, str]]]:
    """Every recipe in turn; one that fails is reported and does not stop the others."""
    results: list[SmokeRun] = []
    failures: list[tuple[str, str]] = []
    for name in names:
        try:
            results.append(smoke_run(find_recipe(name), data, work, pictures=pictures, device=device))
        except UnmaskError as error:
            failures.append((name, str(error)))
        told(table(results, failures))
    return results, failures


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m unmask.training.zoo.smoke_runs", description=__doc__)
    parser.add_argument("recipes", nargs="*", help="names (default: all)")
    parser.add_argument("--data", type=Path, required=True, help="folder with index.csv and its tars")
    parser.add_argument("--work", type=Path, required=True, help="folder for the runs")
    parser.add_argument("--out", type=Path, help="also write the report there")
    parser.add_argument("--pictures", type=int, default=PICTURES)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="cpu")
    options = parser.parse_args(argv)
    words = shlex.join(sys.argv[1:] if argv is None else argv)
    head = (
        "# Smoke runs of the zoo\n\n"
        f"One epoch of every recipe on about {options.pictures} pictures, from random weights, through the whole of\n"
        "`unmask train run` and back from `best.pt`. The losses show that it ran, not what it can do.\n\n"
        f"`python -m unmask.training.zoo.smoke_runs {words}`\n\n"
    )

    def told(text: str) -> None:
        if options.out is not None:  # each time, since all of them take long
            options.out.write_text(head + text, encoding="utf-8")
        print(text.rstrip().splitlines()[-1], flush=True)

    names = options.recipes or recipe_names()
    _, failures = run_all(names, options.data, options.work, told, pictures=options.pictures, device=options.device)
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
