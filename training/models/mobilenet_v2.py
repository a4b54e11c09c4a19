"""MobileNetV2 (Sandler et al., CVPR 2018, table 2) with its batch norms folded into the convolutions.

ReLU6 only and no squeeze-excite, so that it is quick on a CPU and INT8 pays. Without batch norm the
network computes the same in training, evaluation and export, and for a crop alone or in a batch.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from unmask.training.data.dfdc import DataError

EMBEDDING = 1280
# Expansion, output channels, repeats, first stride: one row per stage of the paper's table.
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def _convolution(inputs: int, outputs: int, kernel: int, stride: int, groups: int, *, relu: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    padding = kernel // 2
    if stride == 2:
        # The weights come from TensorFlow, which pads even sizes below and to the right only.
        layers.append(nn.ZeroPad2d((0, 1, 0, 1)))
        padding = 0
    layers.append(nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups))
    if relu:
        layers.append(nn.ReLU6())
    return nn.Sequential(*layers)


class _InvertedResidual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.residual = stride == 1 and inputs == outputs
        layers = [] if expansion == 1 else [_convolution(inputs, hidden, 1, 1, 1, relu=True)]
        layers.append(_convolution(hidden, hidden, 3, stride, hidden, relu=True))
        layers.append(_convolution(hidden, outputs, 1, 1, 1, relu=False))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x) if self.residual else self.layers(x)


class MobileNetV2(nn.Module):
    """uint8 or float RGB crops (N, 3, H, W), 0..255 -> ``(embedding (N, 1280), logit (N,))``.

    The normalisation x / 127.5 - 1 is part of the network. The logit is a linear map of the embedding,
    and the embedding is the mean over the last feature map.
    """

    def __init__(self, dropout: float = 0.2) -> None:
        super().__init__()
        blocks: list[nn.Module] = [_convolution(3, 32, 3, 2, 1, relu=True)]
        channels = 32
        for expansion, outputs, repeats, stride in _STAGES:
            for repeat in range(repeats):
                blocks.append(_InvertedResidual(channels, outputs, stride if repeat == 0 else 1, expansion))
                channels = outputs
        blocks.append(_convolution(channels, EMBEDDING, 1, 1, 1, relu=True))
        self.features = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(EMBEDDING, 1)
        nn.init.normal_(self.classifier.weight, std=0.01)
        nn.init.zeros_(self.classifier.bias)

    def feature_map(self, x: Tensor) -> Tensor:
        """(N, 1280, H / 32, W / 32), sides rounded up."""
        return self.features(x.float() / 127.5 - 1.0)

    def embed(self, x: Tensor) -> Tensor:
        return self.feature_map(x).mean(dim=(2, 3))

    def places(self, feature_map: Tensor) -> Tensor:
        """The logit of every place of a feature map, (N, h, w): their mean is the logit of the crop."""
        return nn.functional.conv2d(feature_map, self.classifier.weight[:, :, None, None], self.classifier.bias)[:, 0]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        embedding = self.embed(x)
        return embedding, self.classifier(self.dropout(embedding)).squeeze(1)

    def convolutions(self) -> list[nn.Conv2d]:
        """The 52 convolutions of the features in layer order."""
        return [module for module in self.features.modules() if isinstance(module, nn.Conv2d)]


def load_imagenet(model: MobileNetV2, path: Path) -> tuple[Tensor, Tensor]:
    """Fill the features from an npz of ``00.w, 00.b, ...`` and return the ImageNet classifier it ends with.

    The classifier (weight (classes, 1280), bias (classes,)) lets a test tell sane features from
    scrambled ones. Raises ``DataError`` for a missing file or a shape that does not fit.
    """
    if not path.is_file():
        raise DataError(f"There are no starting weights at {path}: give the npz file of MobileNetV2.")
    convolutions = model.convolutions()
    with np.load(path) as arrays:
        for number, convolution in enumerate(convolutions):
            weight, bias = arrays[f"{number:02}.w"], arrays[f"{number:02}.b"]
            if weight.shape != tuple(convolution.weight.shape):
                raise DataError(f"{path} is not MobileNetV2 1.0: layer {number} has the shape {weight.shape}.")
            with torch.no_grad():
                convolution.weight.copy_(torch.from_numpy(weight))
                assert convolution.bias is not None
                convolution.bias.copy_(torch.from_numpy(bias))
        last = len(convolutions)
        weight = torch.from_numpy(arrays[f"{last:02}.w"]).flatten(1)
        return weight, torch.from_numpy(arrays[f"{last:02}.b"])


def starting_network(start: Path | None, material: Path, dropout: float = 0.2) -> MobileNetV2:
    """A network with the weights of the checkpoint ``start``, or with the ImageNet weights of ``material``.

    Raises ``DataError`` where they are missing.
    """
    model = MobileNetV2(dropout)
    if start is None:
        load_imagenet(model, material / "models" / "mobilenet_v2_imagenet.npz")
    elif start.is_file():
        model.load_state_dict(torch.load(start, weights_only=True))
    else:
        raise DataError(f"There is no checkpoint at {start}: give a run's plain.pt or best.pt.")
    return model
