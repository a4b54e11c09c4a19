"""What ``unmask train run`` left behind, as a network that can be exported."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from unmask.export.package_writer import ExportError
from unmask.training.run.folder import BEST, HISTORY
from unmask.training.zoo.recipe import Recipe

if TYPE_CHECKING:
    from unmask.export.onnx_export import Network
    from unmask.training.zoo.models.base import ZooModel

#: What an export needs beyond the core, as Python imports it.
LIBRARIES = ("torch", "onnxscript")
#: Frames of the window of a network that was trained on single pictures.
FRAMES = 16


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained network in evaluation mode. ``validated`` says how it did on the samples that it was chosen on,
    where the run's folder tells."""

    model: ZooModel
    recipe: Recipe
    path: Path
    validated: str

    @property
    def temporal(self) -> bool:
        """Whether its head looks at the order of the frames, so that a single picture means nothing to it."""
        return self.recipe.head.time != "mean"


def require_libraries() -> None:
    """Raise ``ExportError`` for the first library that is not installed."""
    for name in LIBRARIES:
        if importlib.util.find_spec(name) is None:
            raise ExportError(f"Exporting needs {name}, which is not installed: pip install 'unmask[train]'.")


def read_checkpoint(path: Path) -> Trained:
    """The network of a run's folder or of the ``best.pt`` in it; no code in the file is run.

    Raises ``ExportError``, one sentence, for anything else: no run, a damaged file, weights without their
    recipe, weights that are no numbers.
    """
    require_libraries()
    import torch

    from unmask.training.zoo.weights import load_trained

    file = path / BEST if path.is_dir() else path
    if not file.is_file():
        raise ExportError(f"There is no trained network at {file}: give the folder of a finished `unmask train run`.")
    _check_content(file)
    try:
        model, recipe = load_trained(file)
    except ValueError as error:  # classes that no network can have
        raise ExportError(f"{file} cannot be exported: {error}") from error
    if not all(torch.isfinite(tensor).all() for tensor in model.state_dict().values()):
        raise ExportError(f"{file} holds weights that are no numbers: train it anew, at a lower rate.")
    return Trained(model, recipe, file, _validated(file.parent / HISTORY))


def _check_content(file: Path) -> None:
    """Is it what a run writes? Says what it is instead, where that can be told."""
    import torch

    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch and its unpickler raise what they please on damaged files
        raise ExportError(
            f"{file} is no checkpoint that can be read safely ({type(error).__name__}): give a run's best.pt."
        ) from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise ExportError(f"{file} is no trained network of `unmask train run`: give the folder of a finished run.")
    if "optimiser" in content:
        raise ExportError(f"{file} is the state of a run that goes on, not its result: give the best.pt beside it.")
    if {"recipe", "model", "classes"} <= content.keys():
        return
    raise ExportError(
        f"{file} holds weights without a recipe, so nothing says which network they belong to: "
        "give a best.pt of `unmask train run`."
    )


def _validated(history: Path) -> str:
    """The best row of the history in words; nothing where there is none."""
    try:
        rows = json.loads(history.read_text(encoding="utf-8"))
        best = max(rows, key=lambda row: row["validation_auroc"])
        return f"validation AUROC {best['validation_auroc']:.4f} after epoch {int(best['epoch'])}"
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return ""


def spans_the_crop(model: ZooModel, recipe: Recipe) -> bool:
    """Whether the network's map lies over the whole square crop: a narrower picture, or patches that reach over
    the edge, would put every place of a heat map where it is not."""
    from unmask.training.zoo.models.timm_backbone import TimmBackbone

    if recipe.input.height != recipe.input.width:
        return False
    backbone = model.backbone
    padded = isinstance(backbone, TimmBackbone) and backbone.patches is not None and recipe.input.side % 32
    return not padded


def zoo_network(trained: Trained, length: int | None = None) -> Network:
    """The two halves that are exported. ``length`` frames make a window: by default what the recipe says."""
    from torch import nn

    from unmask.export.onnx_export import MeanHead, Network
    from unmask.training.zoo.models.base import Encoder, WindowHead

    model, recipe = trained.model, trained.recipe
    frames = length or (recipe.input.frames if recipe.input.frames > 1 else FRAMES)
    activation = model.has_activation and spans_the_crop(model, recipe)
    encoder = Encoder(model, activation=activation).eval()
    plain = not trained.temporal and len(model.classes) == 2
    head: nn.Module = MeanHead(model.classifier) if plain else WindowHead(model)
    return Network(encoder, head.eval(), model.side, model.embedding, frames)
