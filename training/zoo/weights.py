"""Starting weights and trained networks from files. Nothing is fetched, nothing missing passed over."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unmask.engines.errors import UnmaskError
from unmask.training.models.mobilenet_v2 import MobileNetV2, load_imagenet
from unmask.training.zoo.models.base import ZooModel
from unmask.training.zoo.models.mobilenet import MobileNetBackbone
from unmask.training.zoo.models.timm_backbone import TimmBackbone
from unmask.training.zoo.recipe import Recipe, parse_recipe
from unmask.training.zoo.registry import build_model, require

#: Where a file's name may belong in our network: as it is, below the backbone, below timm's own network.
_PLACES = ("", "backbone.", "backbone.net.")
#: Names under which checkpoints keep their parameters; averaged ones come first, they are the better ones.
_INSIDE = ("averaged", "model", "state_dict")
#: What starts fresh without complaint: a file of a backbone has no judgement on manipulations.
_OURS = ("neck.", "classifier.", "temporal.", "window_classifier.")


class WeightsError(UnmaskError):
    """A file of weights is missing, unreadable, or of another network."""


@dataclass(frozen=True, slots=True)
class InitReport:
    """What became of every tensor. ``fresh`` are ours that keep their random start because the file has
    none, ``left_out`` the file's own classifier, ``resized`` position embeddings of another picture size;
    ``missing`` (of the backbone), ``unexpected`` and ``misshapen`` are empty unless loading was partial."""

    loaded: int
    fresh: tuple[str, ...]
    left_out: tuple[str, ...]
    resized: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshapen: tuple[str, ...]

    def sentence(self) -> str:
        """One line for the log."""
        parts = [f"{self.loaded} tensors loaded"]
        for name in ("fresh", "left_out", "resized", "missing", "unexpected", "misshapen"):
            keys: tuple[str, ...] = getattr(self, name)
            if keys:
                parts.append(f"{len(keys)} {name.replace('_', ' ')} ({_some(keys)})")
        return ", ".join(parts)


def _some(keys: tuple[str, ...], most: int = 3) -> str:
    more = f" and {len(keys) - most} more" if len(keys) > most else ""
    return ", ".join(keys[:most]) + more


def read_weights(path: Path) -> dict[str, Tensor]:
    """Named tensors of a ``.pt``, ``.pth`` (no code in it is run), ``.npz`` or ``.safetensors`` file."""
    if not path.is_file():
        raise WeightsError(f"There are no weights at {path}: give a .pt, .pth, .npz or .safetensors file.")
    kind = path.suffix.lower()
    try:
        if kind in (".pt", ".pth"):
            return _tensors(torch.load(path, map_location="cpu", weights_only=True), path)
        if kind == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                return {name: torch.from_numpy(arrays[name]) for name in arrays.files}
        if kind == ".safetensors":
            require("safetensors")
            from safetensors.torch import load_file

            return load_file(path)
    except (pickle.UnpicklingError, ValueError, RuntimeError, EOFError, OSError) as error:
        raise WeightsError(f"{path} holds no readable weights ({str(error).splitlines()[0][:120]}).") from error
    raise WeightsError(f"{path} is of no known kind: give a .pt, .pth, .npz or .safetensors file.")


def _tensors(content: Any, path: Path) -> dict[str, Tensor]:
    if isinstance(content, dict):
        for name in _INSIDE:
            if isinstance(content.get(name), dict):
                return _tensors(content[name], path)
        found = {str(key): value for key, value in content.items() if isinstance(value, Tensor)}
        if found:
            return {key.removeprefix("module."): value for key, value in found.items()}
    raise WeightsError(f"{path} holds no named tensors: save the network's state_dict().")


def load_init(model: ZooModel, path: Path, *, partial: bool = False) -> InitReport:
    """Fill ``model`` from ``path``: a file of this network, of its backbone, or of timm's or the npz form of
    MobileNetV2. Raises ``WeightsError`` for a backbone tensor without counterpart unless ``partial``."""
    found = read_weights(path)
    if "00.w" in found and isinstance(model.backbone, MobileNetBackbone):
        found = _numbered(path)
    own = {name: tensor for name, tensor in model.state_dict().items() if not name.endswith("num_batches_tracked")}
    taken: dict[str, Tensor] = {}
    left_out, resized, unexpected, misshapen = [], [], [], []
    for key, tensor in found.items():
        if key.endswith("num_batches_tracked"):
            continue
        name = next((place + key for place in _PLACES if place + key in own), None)
        if name is not None and own[name].shape == tensor.shape:
            taken[name] = tensor
        elif name is not None and (fitted := _fitted(model, name, tensor)) is not None:
            taken[name] = fitted
            resized.append(name)
        elif _is_classifier(model, key):
            left_out.append(key)
        elif name is not None:
            misshapen.append(f"{name} {tuple(tensor.shape)} instead of {tuple(own[name].shape)}")
        else:
            unexpected.append(key)
    absent = [name for name in own if name not in taken]
    fresh = tuple(name for name in absent if name.startswith(_OURS))
    missing = tuple(name for name in absent if not name.startswith(_OURS))
    report = InitReport(
        len(taken), fresh, tuple(left_out), tuple(resized), missing, tuple(unexpected), tuple(misshapen)
    )
    if not taken or ((missing or unexpected or misshapen) and not partial):
        raise WeightsError(f"{path} does not fit this network: {report.sentence()}; --init-partial takes what fits.")
    model.load_state_dict(taken, strict=False)
    return report


def _numbered(path: Path) -> dict[str, Tensor]:
    """The features of MobileNetV2 from an npz of ``00.w, 00.b, ...``."""
    network = MobileNetV2()
    load_imagenet(network, path)
    return {f"features.{name}": tensor for name, tensor in network.features.state_dict().items()}


def _is_classifier(model: ZooModel, key: str) -> bool:
    """Whether ``key`` belongs to the classifier of the file's own network, which has other classes."""
    names = ["classifier", "window_classifier"]
    if isinstance(model.backbone, TimmBackbone):
        names.append(model.backbone.file_classifier)
    return any(name and key.startswith(f"{name}.") for name in names)


def _fitted(model: ZooModel, name: str, tensor: Tensor) -> Tensor | None:
    """Position embeddings of another grid of patches, resampled by timm; None for anything else."""
    backbone = model.backbone
    if name != "backbone.net.pos_embed" or not isinstance(backbone, TimmBackbone) or backbone.patches is None:
        return None
    from timm.layers.pos_embed import resample_abs_pos_embed

    prefix = int(backbone.net.num_prefix_tokens)
    old = round((tensor.shape[1] - prefix) ** 0.5)
    if tensor.ndim != 3 or old * old + prefix != tensor.shape[1] or tensor.shape[2] != backbone.outputs:
        return None
    return resample_abs_pos_embed(tensor, list(backbone.patches), [old, old], prefix)


def trained_state(model: ZooModel, recipe: Recipe) -> dict[str, Any]:
    """What ``best.pt`` holds: enough to build the network again."""
    return {
        "model": model.state_dict(),
        "recipe": recipe.model_dump(mode="json"),
        "classes": list(model.classes),
    }


def load_trained(path: Path) -> tuple[ZooModel, Recipe]:
    """The network of a run's ``best.pt``, in evaluation mode, and its recipe. Raises ``WeightsError``."""
    if not path.is_file():
        raise WeightsError(f"There is no trained network at {path}: give the best.pt of a finished run.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        recipe = parse_recipe(content["recipe"], str(path))
        model = build_model(recipe, content["classes"])
        model.load_state_dict(content["model"])
    except (pickle.UnpicklingError, KeyError, TypeError, RuntimeError, EOFError) as error:
        raise WeightsError(f"{path} is no trained network of the zoo ({type(error).__name__}).") from error
    return model.eval(), recipe
