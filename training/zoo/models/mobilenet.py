"""The shipped family as a member of the zoo."""

from __future__ import annotations

from torch import Tensor, nn

from unmask.training.models.mobilenet_v2 import EMBEDDING, MobileNetV2
from unmask.training.zoo.models.base import Backbone
from unmask.training.zoo.recipe import Recipe


class MobileNetBackbone(Backbone):
    """The features of ``MobileNetV2``: ReLU6 only, batch norm folded away, 1280 channels.

    Made to start from weights of a file. Random ones are drawn so that the signal survives 52 layers
    without batch norm (He et al., "Delving Deep into Rectifiers", ICCV 2015), which torch's own do not.
    """

    def __init__(self) -> None:
        super().__init__()
        network = MobileNetV2()
        for convolution in network.convolutions():
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            assert convolution.bias is not None
            nn.init.zeros_(convolution.bias)
        self.features = network.features
        self.outputs = EMBEDDING

    def feature_map(self, x: Tensor) -> Tensor:
        return self.features(x / 127.5 - 1.0)


def mobilenet(recipe: Recipe) -> Backbone:
    return MobileNetBackbone()
