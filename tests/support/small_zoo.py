"""Run folders of tiny networks of the zoo, as ``unmask train run`` leaves them, and crops to export them with.

Needs torch. The weights are random; ``write_run`` turns the judgement round where redder would mean genuine.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import labelled_crops
import numpy as np
import torch
from labelled_crops import MadeCrop, crop_picture, write_crops

from unmask.training.data.batches import plain_view
from unmask.training.zoo.models.base import Encoder, WindowHead, ZooModel
from unmask.training.zoo.recipe import Recipe, parse_recipe
from unmask.training.zoo.registry import build_model
from unmask.training.zoo.weights import trained_state

PEOPLE, FRAMES = 12, 4


def recipe(network: dict[str, Any], *, side: int = 32, frames: int = 1, **more: Any) -> Recipe:
    content = {
        "name": "small",
        "summary": "a small network for tests",
        "input": {"height": side, "width": side, "frames": frames},
        "network": network,
        **more,
    }
    return parse_recipe(content, "small")


def write_run(folder: Path, made: Recipe, classes: tuple[str, ...] = ("real", "fake")) -> ZooModel:
    """``folder`` with best.pt and a history; redder crops score higher."""
    torch.manual_seed(0)
    model = build_model(made, classes).eval()
    for norm in (module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)):
        torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
        torch.nn.init.uniform_(norm.running_var, 0.5, 1.5)
    if made.network.kind == "cnn":
        _see_red(model)
    if len(classes) == 2:
        blue, red = _logits(model)
        if red < blue:
            with torch.no_grad():
                for layer in filter(None, (model.classifier, model.window_classifier)):
                    layer.weight.neg_()
                    assert layer.bias is not None
                    layer.bias.neg_()
    folder.mkdir(parents=True)
    torch.save(trained_state(model, made), folder / "best.pt")
    rows = [{"epoch": 1, "validation_auroc": 0.6}, {"epoch": 2, "validation_auroc": 0.75}]
    (folder / "history.json").write_text(json.dumps(rows))
    return model


def _see_red(model: ZooModel) -> None:
    """The first feature of a network of one convolution is how much redder than blue a place is."""
    convolution = next(module for module in model.modules() if isinstance(module, torch.nn.Conv2d))
    with torch.no_grad():
        convolution.weight[0] = 0
        middle = convolution.kernel_size[0] // 2
        convolution.weight[0, 0, middle, middle] = 4.0
        convolution.weight[0, 2, middle, middle] = -4.0
        model.classifier.weight[:, 0] = 4.0


def _logits(model: ZooModel) -> tuple[float, float]:
    """Of a blue and of a red crop, as windows."""
    crops = np.stack([plain_view(crop_picture(redness)[..., ::-1].copy(), model.side) for redness in (-0.8, 0.8)])
    with torch.inference_mode():
        embedding = Encoder(model)(torch.from_numpy(crops))[0]
        window = embedding[:, None].expand(2, FRAMES, -1)
        blue, red = WindowHead(model)(window, torch.ones(2, FRAMES)).tolist()
    return blue, red


def write_data(folder: Path, *, boxes: bool = False) -> Path:
    """Videos of ``FRAMES`` crops of ``PEOPLE`` who train and as many who validate: red ones are fake."""
    rng = np.random.default_rng(0)
    crops = []
    for person in range(2 * PEOPLE):
        fake = person % 2 == 1
        split = "val" if person >= PEOPLE else "train"
        for frame in range(FRAMES):
            redness = float(np.clip((0.5 if fake else -0.5) + rng.normal(0, 0.2), -1, 1))
            crops.append(
                MadeCrop(f"p{person}-{frame}", fake, redness, f"person-{person}", split, f"v{person}", time_s=frame)
            )
    write_crops(folder, crops)
    if boxes:
        _add_boxes(folder / "index.csv")
    return folder


def _add_boxes(index: Path) -> None:
    side = labelled_crops.SIDE
    with index.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row |= {"margin": "2", "box": f"{side / 4} {side / 4} {3 * side / 4} {3 * side / 4}", "face_confidence": "1"}
    with index.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
