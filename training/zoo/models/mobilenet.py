"""The shipped family as a member of the zoo."""

from __future__ import annotations

from torch import Tensor

from unmask.training.models.mobilenet_v2 import EMBEDDING, MobileNetV2
from unmask.training.zoo.models.base import Backbone
from unmask.training.zoo.recipe import Recipe


class MobileNetBackbone(Backbone):
    """The features of ``MobileNetV2``: ReLU6 only, batch norm folded away, 1280 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.features = MobileNetV2().features
        self.outputs = EMBEDDING

    def feature_map(self, x: Tensor) -> Tensor:
        return self.features(x / 127.5 - 1.0)


def mobilenet(recipe: Recipe) -> Backbone:
    return MobileNetBackbone()
