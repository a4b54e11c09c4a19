"""A few steps of every recipe on one random batch: ``python -m unmask.training.zoo.smoke --out SMOKE.md``.

It shows that each network can be built, stepped and made to learn a batch by heart, and what a step
costs. It says nothing about how well a network finds manipulations.
"""

from __future__ import annotations

import argparse
import shlex
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from unmask.training.zoo.freezing import phases, set_trainable, to_training
from unmask.training.zoo.losses import make_loss
from unmask.training.zoo.models.base import REAL
from unmask.training.zoo.optimisers import make_optimiser
from unmask.training.zoo.recipe import Recipe
from unmask.training.zoo.registry import build_model, find_recipe, recipe_names

GENERATORS = ("real", "generator-a", "generator-b", "generator-c")
#: Two windows of more frames than these would need over 10 GB to learn from.
_LONGEST_PAIR = 10


@dataclass(frozen=True, slots=True)
class Smoke:
    """``first`` and ``last`` are the losses before the first and after the last step, ``ms`` the time of a
    step on ``windows`` windows."""

    recipe: Recipe
    windows: int
    parameters: int
    learning: int
    steps: int
    ms: float
    first: float
    last: float


def smoke(recipe: Recipe, device: torch.device, *, seconds: float = 15.0, most: int = 10) -> Smoke:
    """Step on one batch of two random windows (one where they are long), the recipe's size and length, at
    its full rate: at least twice, then until ``seconds`` are over or ``most`` steps are done."""
    torch.manual_seed(recipe.training.seed)
    classes = GENERATORS if recipe.classes == "manipulation" else ("real", "fake")
    model = build_model(recipe, classes).to(device)
    phase = phases(recipe)[0]
    set_trainable(model, phase.train_last)
    optimiser, loss = make_optimiser(recipe.optimiser, model.parameters()), make_loss(recipe.loss)
    windows = 2 if recipe.input.frames <= _LONGEST_PAIR else 1
    shape = (windows, recipe.input.frames, 3, model.side, model.side)
    clips = torch.randint(0, 256, shape, dtype=torch.uint8).to(device)
    mask = torch.ones(shape[:2], device=device)
    labels = torch.tensor([len(classes) - 1, REAL][:windows], device=device)
    losses: list[float] = []
    times: list[float] = []
    began = time.monotonic()
    while True:
        start = time.perf_counter()
        to_training(model)
        optimiser.zero_grad(set_to_none=True)
        value = loss(model(clips, mask)[0], labels)
        losses.append(float(value.detach()))
        if len(times) >= most or (len(times) >= 2 and time.monotonic() - began > seconds):
            break
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.optimiser.clip or float("inf"))
        optimiser.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(1e3 * (time.perf_counter() - start))
    total = sum(parameter.numel() for parameter in model.parameters())
    learning = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    return Smoke(recipe, windows, total, learning, len(times), statistics.median(times[1:]), losses[0], losses[-1])


def table(results: Sequence[Smoke]) -> str:
    """As Markdown."""
    lines = [
        "| recipe | picture | batch x frames | parameters (M) | learning at first (M) | steps | ms per step "
        "| loss before | loss after |",
        "|---|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for one in results:
        seen = one.recipe.input
        cells = (
            one.recipe.name,
            f"{seen.height} x {seen.width}",
            f"{one.windows} x {seen.frames}",
            f"{one.parameters / 1e6:.2f}",
            f"{one.learning / 1e6:.3g}",
            str(one.steps),
            f"{one.ms:.0f}",
            f"{one.first:.4f}",
            f"{one.last:.4f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def report(results: Sequence[Smoke], command: str, device: torch.device) -> str:
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} thread(s)"
    return (
        "# Smoke results of the zoo\n\n"
        "Each recipe steps a few times on one batch of random pixels, two windows or one, at its own\n"
        "picture size, window length and full learning rate, from random weights. The loss falls where the\n"
        "network can learn the batch by heart; it says nothing about finding manipulations. Losses are of\n"
        "training mode (with dropout), times are medians of the steps after the first, measured while other\n"
        "work went on. Where few parameters learn at first, the random base is frozen and little can fall.\n\n"
        f"`{command}` on {where}, torch {torch.__version__}\n\n{table(results)}"
    )


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m unmask.training.zoo.smoke", description=__doc__)
    parser.add_argument("recipes", nargs="*", help="names (default: all)")
    parser.add_argument("--out", type=Path, help="also write the report there")
    parser.add_argument("--seconds", type=float, default=15.0, help="time for each recipe after its second step")
    parser.add_argument("--most", type=int, default=10, help="steps at most")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    options = parser.parse_args(argv)
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    words = shlex.join(sys.argv[1:] if argv is None else argv)
    command = f"python -m unmask.training.zoo.smoke {words}".strip()
    results: list[Smoke] = []
    for name in options.recipes or recipe_names():
        results.append(smoke(find_recipe(name), device, seconds=options.seconds, most=options.most))
        print(table(results[-1:]).splitlines()[-1], file=sys.stderr, flush=True)
        if options.out is not None:  # each time, since all of them take long
            options.out.write_text(report(results, command, device), encoding="utf-8")
    print(report(results, command, device))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
