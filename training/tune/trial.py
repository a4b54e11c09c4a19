"""One trial of a search: a training run without pictures and records, whose epochs can be watched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import torch

from unmask.training.run.batches import Batches
from unmask.training.run.data import load_run_data
from unmask.training.run.folder import BEST, LAST, RunError, RunFolder
from unmask.training.run.session import choose_device
from unmask.training.zoo.recipe import Recipe
from unmask.training.zoo.registry import build_model
from unmask.training.zoo.train import Trainer
from unmask.training.zoo.weights import WeightsError, load_init


@dataclass(frozen=True, slots=True)
class TrialOptions:
    """What all trials of a search share; the names mean what they mean in ``RunOptions``."""

    data: Path
    cache: Path
    init: Path | None = None
    partial: bool = False
    subset: int | None = None
    device: str = "auto"
    threads: int | None = None


def train_trial(
    recipe: Recipe,
    options: TrialOptions,
    folder: Path,
    seen: Callable[[int, float], None],
    log: Callable[[str], None],
) -> float:
    """Train ``recipe`` in ``folder``, or what is left of it there; the best validation AUROC.

    ``seen`` is told each epoch (1 is the first) and its AUROC; what it raises ends the trial. Of the
    same recipe, data and seed the result is the same, on the CPU to the bit. Raises ``RunError`` where
    these settings cannot be trained: losses that are no numbers, too little memory, weights of another
    network.
    """
    try:
        trainer = _trainer(recipe, options, folder, log)
        trainer.fit(lambda row, scores: seen(int(row["epoch"]), scores.auroc))
    except WeightsError as error:
        raise RunError(str(error)) from error
    except torch.OutOfMemoryError as error:
        raise RunError(f"{recipe.name} with these settings does not fit into the memory of the GPU.") from error
    return float(trainer.best.best or 0.0)


def _trainer(recipe: Recipe, options: TrialOptions, folder: Path, log: Callable[[str], None]) -> Trainer:
    cv2.setNumThreads(1)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    device = choose_device(options.device)
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
    data = load_run_data(options.data, recipe, options.cache, subset=options.subset, log=log)
    run = RunFolder(folder)
    run.begin({"recipe": recipe.model_dump(mode="json"), "samples": data.mark})
    # Here, since reading data must not decide which weights are drawn.
    torch.manual_seed(recipe.training.seed)
    model = build_model(recipe, data.classes)
    continuing = (folder / LAST).is_file()
    if options.init is not None and not continuing:
        log(f"{options.init}: {load_init(model, options.init, partial=options.partial).sentence()}")
    trainer = Trainer(model, recipe, Batches(data, recipe), run, device, log)
    if continuing:
        trainer.resume()
    return trainer


def forget_weights(folder: Path) -> None:
    """Delete the weights of a trial that has ended: the settings are the result, and weights fill disks."""
    for name in (LAST, BEST):
        (folder / name).unlink(missing_ok=True)
