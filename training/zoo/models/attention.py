"""C5: five convolutions, with self-attention over the places of the late ones."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unmask.training.zoo.models.base import Backbone
from unmask.training.zoo.recipe import C5, Recipe


class SelfAttention(nn.Module):
    """Every place of a map (N, C, h, w) looks at every other and adds what it finds.

    Zhang et al., "Self-Attention Generative Adversarial Networks", ICML 2019, section 3: keys of an
    eighth of the channels, and a gate that starts at zero, so that training begins as without it.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow = max(1, channels // 8)
        self.query = nn.Conv2d(channels, narrow, 1)
        self.key = nn.Conv2d(channels, narrow, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.gate = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.query(x).flatten(2), self.key(x).flatten(2), self.value(x).flatten(2)
        weights = torch.softmax(query.transpose(1, 2) @ key * query.shape[1] ** -0.5, dim=2)
        found = value @ weights.transpose(1, 2)
        return x + self.gate * found.view_as(x)


class C5Net(Backbone):
    """Five 3x3 convolutions with batch norm, ReLU and pooling; ``attention`` layers behind the last ones."""

    def __init__(self, channels: tuple[int, ...], attention: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for position, outputs in enumerate(channels):
            layers += [
                nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
            if position >= len(channels) - attention:
                layers.append(SelfAttention(outputs))
            inputs = outputs
        self.layers = nn.Sequential(*layers)
        self.outputs = inputs

    def feature_map(self, x: Tensor) -> Tensor:
        return self.layers(x / 127.5 - 1.0)


def c5(recipe: Recipe) -> Backbone:
    assert isinstance(recipe.network, C5)
    return C5Net(recipe.network.channels, recipe.network.attention)
