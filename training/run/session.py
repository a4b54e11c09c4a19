"""One run from the recipe to the folder with its results: what ``unmask train run`` does."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import torch

from unmask.engines.errors import UsageError
from unmask.training.run.batches import Batches
from unmask.training.run.curves import PlottingUnavailable, plot_confusion, plot_curves
from unmask.training.run.data import load_run_data
from unmask.training.run.folder import BEST, LAST, RunFolder
from unmask.training.run.tracking import Tracker
from unmask.training.zoo.recipe import Recipe
from unmask.training.zoo.registry import build_model
from unmask.training.zoo.scores import Scores
from unmask.training.zoo.train import Trainer
from unmask.training.zoo.weights import load_init


@dataclass(frozen=True, slots=True)
class RunOptions:
    """``init`` are starting weights, ``partial`` takes what fits of them. ``cache`` holds decoded crops
    (``out/cache`` by default). ``steps`` ends every epoch early, for trials. ``threads``: of torch."""

    data: Path
    out: Path
    init: Path | None = None
    partial: bool = False
    subset: int | None = None
    cache: Path | None = None
    device: str = "auto"
    threads: int | None = None
    steps: int | None = None
    checkpoint_every: int = 200


@dataclass(frozen=True, slots=True)
class RunResult:
    """``history`` has a row per epoch; ``best_auroc`` is that of ``best`` (best.pt)."""

    history: tuple[dict[str, float], ...]
    best_auroc: float
    best: Path


class _Cut(Batches):
    """At most so many batches per epoch."""

    most: int = 0

    @property
    def steps(self) -> int:
        return min(self.most, super().steps)


def choose_device(name: str) -> torch.device:
    """``auto`` takes CUDA where there is one; ``cuda`` without one is an error."""
    if name not in ("auto", "cpu", "cuda"):
        raise UsageError(f"There is no device {name!r}; it is auto, cpu or cuda.")
    if name == "cuda" and not torch.cuda.is_available():
        raise UsageError("There is no CUDA device that torch can use here; leave out --device cuda.")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def run_recipe(
    recipe: Recipe,
    options: RunOptions,
    log: Callable[[str], None] = print,
    *,
    ended: Callable[[dict[str, float], Scores], None] = lambda row, scores: None,
) -> RunResult:
    """Train ``recipe``, or continue the same run where it was cut off. Raises ``UnmaskError``.

    ``ended`` is told every epoch's history row and scores; what it raises ends the run, which can be continued
    from the last checkpoint before that epoch's end.
    """
    cv2.setNumThreads(1)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    device = choose_device(options.device)
    torch.manual_seed(recipe.training.seed)
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
    folder = RunFolder(options.out)
    cache = options.cache or options.out / "cache"
    data = load_run_data(options.data, recipe, cache, subset=options.subset, log=log)
    begun = folder.begin(_config(recipe, options, data.classes, data.mark, device))
    model = build_model(recipe, data.classes)
    batches = Batches(data, recipe)
    if options.steps is not None:
        batches = _Cut(data, recipe)
        batches.most = options.steps
    continuing = begun and (folder.path / LAST).is_file()
    if options.init is not None and not continuing:
        log(f"{options.init}: {load_init(model, options.init, partial=options.partial).sentence()}")
    trainer = Trainer(model, recipe, batches, folder, device, log, checkpoint_every=options.checkpoint_every)
    log(
        f"{recipe.name} on {device}: {sum(p.numel() for p in model.parameters()) / 1e6:.2f} M parameters, "
        f"{len(data.train)} samples to train on, {len(data.validation)} to validate, {batches.steps} steps an epoch"
    )
    if continuing and trainer.resume():
        where = f"continuing after step {trainer.step}, in epoch {trainer.epoch + 1}"
        log("this run is finished: give another run folder to begin anew" if trainer.finished else where)
    _fit(trainer, folder, log, ended)
    return RunResult(tuple(trainer.history), float(trainer.best.best or 0.0), folder.path / BEST)


def _fit(
    trainer: Trainer,
    folder: RunFolder,
    log: Callable[[str], None],
    hook: Callable[[dict[str, float], Scores], None],
) -> None:
    tracker = Tracker(folder.path, log, from_step=trainer.step)
    plots = [True]

    def ended(row: dict[str, float], scores: Scores) -> None:
        tracker.row(trainer.step, row)
        is_best = trainer.best.waited == 0
        if is_best:
            matrix = {
                "classes": list(trainer.model.classes),
                "matrix": [list(line) for line in scores.confusion],
            }
            folder.write_json("confusion.json", matrix | {"epoch": row["epoch"]})
        if not plots[0]:
            return
        try:
            plot_curves(trainer.history, folder.path / "curves.png")
            if is_best:
                plot_confusion(scores.confusion, trainer.model.classes, folder.path / "confusion.png")
        except PlottingUnavailable as error:
            plots[0] = False
            log(f"curves.png and confusion.png are left out: {error}")

    def told(row: dict[str, float], scores: Scores) -> None:
        ended(row, scores)
        hook(row, scores)

    try:
        trainer.fit(told)
    finally:
        tracker.close()


def _config(
    recipe: Recipe, options: RunOptions, classes: tuple[str, ...], mark: str, device: torch.device
) -> dict[str, Any]:
    """What makes a run this run, and under ``about`` what is merely good to know."""
    return {
        "recipe": recipe.model_dump(mode="json"),
        "classes": list(classes),
        "samples": mark,
        "init": None if options.init is None else options.init.name,
        "steps": options.steps,
        "about": {
            "data": str(options.data),
            "subset": options.subset,
            "device": str(device),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
    }
