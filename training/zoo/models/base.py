"""The interface of every network in the zoo: crops become embeddings, windows of embeddings a judgement.

The live path runs the two halves separately, so they are separate here: ``Encoder`` and ``WindowHead``
are what an export traces, for every recipe alike.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unmask.training.zoo.models.temporal import MaskedLstm
from unmask.training.zoo.recipe import Recipe

REAL = 0
"""The class index of genuine pictures."""


class Backbone(nn.Module):
    """Pictures float (N, 3, H, W), 0..255 -> ``feature_map`` (N, C, h, w) -> ``pool`` (N, ``outputs``).

    The normalisation of the pictures is part of it. ``averages`` says that ``pool`` is the plain mean
    over the map: then a linear classifier can also be read place by place.
    """

    outputs: int
    averages: bool = True

    def feature_map(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def pool(self, feature_map: Tensor) -> Tensor:
        return feature_map.mean(dim=(2, 3))


def log_odds(outputs: Tensor) -> Tensor:
    """Class outputs (..., C) as the logit of "not real" (...): its sigmoid is 1 - p(real)."""
    if outputs.shape[-1] == 1:
        return outputs[..., 0]
    return torch.logsumexp(outputs[..., REAL + 1 :], dim=-1) - outputs[..., REAL]


class ZooModel(nn.Module):
    """``backbone``, dense layers, and a classifier for frames; a temporal head where the recipe has one.

    ``outputs`` are (N, 1) for two classes and (N, C) for more, ``classes[0]`` being real. ``embedding``
    is the size of what the encoder hands on, ``side`` that of the square crops it takes.
    """

    def __init__(self, backbone: Backbone, recipe: Recipe, classes: tuple[str, ...]) -> None:
        super().__init__()
        if len(classes) < 2 or classes[REAL] != "real":
            raise ValueError(f"Classes start with real and name at least one other, not {classes}.")
        self.classes, self.side, self.frames = classes, recipe.input.side, recipe.input.frames
        self._size = (recipe.input.height, recipe.input.width)
        self.backbone = backbone
        self.neck, self.embedding = _dense(backbone.outputs, recipe.head.dense, recipe.head.dropout)
        self.residual = recipe.head.residual
        outputs = 1 if len(classes) == 2 else len(classes)
        self.dropout = nn.Dropout(recipe.head.dropout)
        self.classifier = nn.Linear(self.embedding, outputs)
        self.temporal: MaskedLstm | None = None
        self.window_classifier: nn.Linear | None = None
        if recipe.head.time != "mean":
            temporal = MaskedLstm(
                self.embedding,
                recipe.head.hidden,
                both_ways=recipe.head.time == "bilstm",
                with_changes=recipe.head.changes,
            )
            self.temporal, self.window_classifier = temporal, nn.Linear(temporal.outputs, outputs)

    def feature_map(self, x: Tensor) -> Tensor:
        """Square crops (N, 3, side, side), 0..255, uint8 or float -> (N, C, h, w)."""
        height, width = self._size
        top, left = (self.side - height) // 2, (self.side - width) // 2
        return self.backbone.feature_map(x[:, :, top : top + height, left : left + width].float())

    def embed(self, x: Tensor) -> Tensor:
        """Square crops (N, 3, side, side), 0..255 -> (N, ``embedding``)."""
        return self.neck(self.backbone.pool(self.feature_map(x)))

    def judge_frames(self, embedding: Tensor) -> Tensor:
        """Embeddings (..., D) -> outputs (..., C), each frame by itself."""
        return self.classifier(self.dropout(embedding))

    def judge_windows(self, window: Tensor, mask: Tensor) -> Tensor:
        """Embeddings (N, T, D) and ``mask`` (N, T), 1 where there is a frame -> outputs (N, C).

        Without a temporal head: the mean of the frames' outputs. An empty mask gives NaN.
        """
        if self.temporal is not None and self.window_classifier is not None:
            judged = self.window_classifier(self.dropout(self.temporal(window, mask)))
            # Detached: what the frames say is learnt from frames alone, the LSTM learns what they lack.
            return judged + self._mean(self.classifier(window).detach(), mask) if self.residual else judged
        return self._mean(self.judge_frames(window), mask)

    @staticmethod
    def _mean(outputs: Tensor, mask: Tensor) -> Tensor:
        """Over the frames that are there; what stands in the others is passed over, were it no number."""
        present = mask.unsqueeze(2)
        return torch.where(present > 0, outputs, torch.zeros_like(outputs)).sum(dim=1) / present.sum(dim=1)

    def forward(self, clips: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Clips (N, T, 3, side, side) -> outputs of the windows (N, C) and of the frames (N, T, C)."""
        count, frames = clips.shape[:2]
        window = self.embed(clips.flatten(0, 1)).view(count, frames, self.embedding)
        if frames == 1:
            outputs = self.judge_frames(window)
            return outputs[:, 0], outputs
        if self.temporal is None:
            outputs = self.judge_frames(window)
            present = mask.unsqueeze(2)
            return (outputs * present).sum(dim=1) / present.sum(dim=1), outputs
        return self.judge_windows(window, mask), self.judge_frames(window)

    @property
    def has_activation(self) -> bool:
        """Whether the frame's logit can be read place by place."""
        return self.backbone.averages and isinstance(self.neck, nn.Identity)


def _dense(features: int, layers: tuple[int, ...], dropout: float) -> tuple[nn.Module, int]:
    if not layers:
        return nn.Identity(), features
    modules: list[nn.Module] = []
    for position, size in enumerate(layers):
        modules += [nn.Linear(features, size), nn.ReLU()]
        if position < len(layers) - 1:
            modules.append(nn.Dropout(dropout))
        features = size
    return nn.Sequential(*modules), features


class Encoder(nn.Module):
    """What is exported for frames: ``crops`` (N, side, side, 3) uint8 -> ``embedding`` (N, D), ``logit``
    (N,), and with ``activation`` the logit of every place of the last feature map, (N, h, w).

    For two classes the mean of the places is the logit. Raises ``ValueError`` where the network has no
    such map (``ZooModel.has_activation``).
    """

    def __init__(self, model: ZooModel, *, activation: bool = False) -> None:
        super().__init__()
        if activation and not model.has_activation:
            raise ValueError("This network's logit is no sum over places: explain it by gradients instead.")
        self.model, self.activation = model, activation

    def forward(self, crops: Tensor) -> tuple[Tensor, ...]:
        feature_map = self.model.feature_map(crops.permute(0, 3, 1, 2))
        embedding = self.model.neck(self.model.backbone.pool(feature_map))
        logit = log_odds(self.model.classifier(embedding))
        if not self.activation:
            return embedding, logit
        return embedding, logit, log_odds(self.model.classifier(feature_map.permute(0, 2, 3, 1)))


class WindowHead(nn.Module):
    """What is exported for windows: ``window`` (N, T, D) and ``mask`` (N, T) -> ``logit`` (N,)."""

    def __init__(self, model: ZooModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, window: Tensor, mask: Tensor) -> Tensor:
        return log_odds(self.model.judge_windows(window, mask))
