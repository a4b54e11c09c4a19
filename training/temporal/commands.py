"""What the commands do: embed windows, train a head on them, judge it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from unmask.training.data.dfdc import DataError
from unmask.training.experiments.comparator import Embedder
from unmask.training.experiments.workshop import Workshop
from unmask.training.models.mobilenet_v2 import MobileNetV2
from unmask.training.run.folder import BEST, RunFolder
from unmask.training.temporal.embed import Windows, embed_clips, joined, read_windows
from unmask.training.temporal.judge import compare, markdown
from unmask.training.temporal.learn import HeadTrainer, scores
from unmask.training.temporal.sets import FRAMES, SETS, SIZE
from unmask.training.zoo.models.base import ZooModel
from unmask.training.zoo.recipe import Recipe, RecipeError, changed
from unmask.training.zoo.registry import build_model, find_recipe
from unmask.training.zoo.weights import load_init, load_trained

Log = Callable[[str], None]


def encoder(path: Path) -> MobileNetV2:
    """The frozen network. Raises ``DataError`` for a missing file or one of another network."""
    if not path.is_file():
        raise DataError(f"There is no checkpoint at {path}: give the best.pt of a trained MobileNetV2.")
    model = MobileNetV2()
    try:
        model.load_state_dict(torch.load(path, weights_only=True))
    except (RuntimeError, TypeError) as error:
        raise DataError(f"{path} is no checkpoint of our MobileNetV2 ({type(error).__name__}).") from error
    return model.eval()


def folder_of(work: Path, name: str) -> Path:
    return work / "windows" / name.replace(" ", "-")


def embed(shop: Workshop, options: argparse.Namespace, log: Log) -> None:
    unknown = [name for name in options.names if name not in SETS]
    if unknown:
        raise DataError(f"There is no set {unknown[0]!r}; it is one of {', '.join(SETS)}.")
    embedder = Embedder(encoder(options.start).embed, SIZE)
    for name in options.names:
        embed_clips(SETS[name](shop), embedder, folder_of(options.work, name), log)


def train(shop: Workshop, options: argparse.Namespace, log: Log) -> None:
    recipe = changed(find_recipe(options.recipe), dict(_setting(text) for text in options.set))
    if recipe.network.kind != "mobilenet-v2" or recipe.input.side != SIZE or recipe.input.frames != FRAMES:
        raise RecipeError(f"{recipe.name} does not read windows of {FRAMES} frames of a MobileNetV2 at {SIZE} px.")
    windows = joined([read_windows(folder_of(options.work, name)) for name in options.learn])
    folder = RunFolder(options.work / options.name)
    config = {"recipe": recipe.model_dump(mode="json"), "classes": ["real", "fake"], "init": options.start.name}
    folder.begin(config | {"learn": list(options.learn), "about": {"start": str(options.start)}})
    torch.manual_seed(recipe.training.seed)
    model = build_model(recipe)
    log(load_init(model, options.start).sentence())
    trainer = HeadTrainer(model, recipe, windows, folder, log)
    log(f"{recipe.name}: {len(trainer.train.fake)} windows to learn from, {len(trainer.held.fake)} choose the epoch")
    trainer.resume()
    trainer.fit()


def _setting(text: str) -> tuple[str, object]:
    key, sign, value = text.partition("=")
    if not sign:
        raise RecipeError(f"{text!r} changes no setting: write KEY=VALUE.")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def judge(shop: Workshop, options: argparse.Namespace, log: Log) -> None:
    folder = options.work / options.name
    model, recipe = load_trained(folder / BEST)
    begun = _with_classifier_of(recipe, options.start)
    results: dict[str, dict[str, object]] = {}
    for name, windows in validation_sets(options.work).items():
        first, learnt, mixed = scores(begun, windows)[1], scores(model, windows), shuffled(model, windows)
        rows = compare(windows, first, learnt, mixed, rounds=options.rounds)
        results[name] = {key: asdict(row) for key, row in rows.items()}
        log(markdown(name, windows, rows))
    (folder / "judged.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def shuffled(model: ZooModel, windows: Windows) -> NDArray[np.float64]:
    """The window's logits with every window's frames in random order: what is lost is what the order told."""
    rng = np.random.default_rng(31)
    mixed = np.stack([window[rng.permutation(len(window))] for window in windows.vectors])
    return scores(model, Windows(mixed, windows.fake, windows.groups, windows.sources))[0]


def _with_classifier_of(recipe: Recipe, start: Path) -> ZooModel:
    """The network as training began: its classifier of frames is the encoder's own."""
    model = build_model(recipe)
    load_init(model, start)
    return model.eval()


def validation_sets(work: Path) -> dict[str, Windows]:
    """Every set that is not learnt from and is there; that of pairs once for each kind of fake."""
    found: dict[str, Windows] = {}
    for name in SETS:
        if name.startswith("train"):
            continue
        windows = read_windows(folder_of(work, name))
        kinds = [kind for kind in ("still", "moving") if (windows.sources == kind).any()]
        for kind in kinds:
            found[f"{name}, {kind}"] = windows.rows((windows.sources == kind) | ~windows.fake)
        if not kinds:
            found[name] = windows
    return found
