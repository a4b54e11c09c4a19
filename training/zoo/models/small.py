"""Small networks that learn from nothing: one hidden layer, and plain convolutions."""

from __future__ import annotations

from torch import Tensor, nn

from unmask.training.zoo.models.base import Backbone
from unmask.training.zoo.recipe import Cnn, FeedForward, Recipe


class FeedForwardNet(Backbone):
    """Every pixel to every one of ``hidden`` units. Its map is the picture itself, (N, 3, H, W), in -1..1."""

    averages = False

    def __init__(self, height: int, width: int, hidden: int) -> None:
        super().__init__()
        self.outputs = hidden
        self.layer = nn.Linear(3 * height * width, hidden)

    def feature_map(self, x: Tensor) -> Tensor:
        return x / 127.5 - 1.0

    def pool(self, feature_map: Tensor) -> Tensor:
        return self.layer(feature_map.flatten(1)).relu()


class ConvolutionNet(Backbone):
    """One convolution, optional batch norm and ReLU per entry of ``channels``, each halving the picture."""

    def __init__(self, channels: tuple[int, ...], kernel: int, *, batch_norm: bool, pool: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for outputs in channels:
            stride = 1 if pool else 2
            layers.append(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=not batch_norm))
            if batch_norm:
                layers.append(nn.BatchNorm2d(outputs))
            layers.append(nn.ReLU())
            if pool:
                layers.append(nn.MaxPool2d(2))
            inputs = outputs
        self.layers = nn.Sequential(*layers)
        self.outputs = inputs
        for module in self.layers:
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def feature_map(self, x: Tensor) -> Tensor:
        return self.layers(x / 127.5 - 1.0)


def feed_forward(recipe: Recipe) -> Backbone:
    assert isinstance(recipe.network, FeedForward)
    return FeedForwardNet(recipe.input.height, recipe.input.width, recipe.network.hidden)


def cnn(recipe: Recipe) -> Backbone:
    network = recipe.network
    assert isinstance(network, Cnn)
    return ConvolutionNet(network.channels, network.kernel, batch_norm=network.batch_norm, pool=network.pool)
