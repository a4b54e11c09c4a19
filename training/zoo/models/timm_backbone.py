"""Backbones of the timm library with random weights: starting weights come from a file, never from a hub."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from unmask.training.zoo.models.base import Backbone
from unmask.training.zoo.recipe import Recipe, RecipeError, Timm


class TimmBackbone(Backbone):
    """``net`` carries timm's own parameter names, so that files saved from timm fit as they are.

    Transformers average their patch tokens like convolutional networks average places; the class token
    of a ViT stays in the network but is not read.
    """

    def __init__(self, name: str, height: int, width: int) -> None:
        super().__init__()
        import timm

        if not timm.is_model(name):
            raise RecipeError(f"timm has no network {name!r}: see timm.list_models().")
        options: dict[str, Any] = {}
        if name.startswith(("vit_", "swin_")):
            options["img_size"] = (_whole(height), _whole(width))
        if name.startswith("vit_"):
            # The norm stays before the average, under the name it has in files of ordinary ViTs.
            options |= {"global_pool": "avg", "fc_norm": False}
        self.patches: tuple[int, int] | None = None
        self.net: Any = timm.create_model(name, pretrained=False, num_classes=0, **options)
        self.outputs = int(self.net.num_features)
        if options:
            rows, columns = self.net.patch_embed.grid_size
            self.patches = int(rows), int(columns)
        settings = self.net.pretrained_cfg
        self.mean: Tensor
        self.scale: Tensor
        shape = (1, 3, 1, 1)
        self.register_buffer("mean", 255 * torch.tensor(settings["mean"]).view(shape), persistent=False)
        self.register_buffer("scale", 1 / (255 * torch.tensor(settings["std"]).view(shape)), persistent=False)
        self.file_classifier: str = settings.get("classifier") or ""

    def feature_map(self, x: Tensor) -> Tensor:
        x = (x - self.mean) * self.scale
        if self.patches is not None:
            x = nn.functional.pad(x, (0, _whole(x.shape[3]) - x.shape[3], 0, _whole(x.shape[2]) - x.shape[2]))
        features = self.net.forward_features(x)
        if features.ndim == 3:
            assert self.patches is not None
            tokens = features[:, self.net.num_prefix_tokens :]
            return tokens.transpose(1, 2).reshape(-1, self.outputs, *self.patches)
        if getattr(self.net, "output_fmt", "NCHW") == "NHWC":
            return features.permute(0, 3, 1, 2)
        return features


def timm_backbone(recipe: Recipe) -> Backbone:
    assert isinstance(recipe.network, Timm)
    return TimmBackbone(recipe.network.backbone, recipe.input.height, recipe.input.width)


def _whole(size: int) -> int:
    """``size`` rounded up to whole steps of 32 pixels, of which every patch is a divisor."""
    return -(-size // 32) * 32
