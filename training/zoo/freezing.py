"""Which layers of a backbone learn, and from which epoch on."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from unmask.training.zoo.models.base import ZooModel
from unmask.training.zoo.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Phase:
    """From ``epoch`` on, the ``train_last`` layers of the backbone learn (None: all) at ``rate``."""

    epoch: int
    train_last: int | None
    rate: float


def phases(recipe: Recipe) -> tuple[Phase, ...]:
    """The plan of a recipe, the phase of epoch 0 first."""
    later = tuple(Phase(stage.epoch, stage.train_last, stage.rate) for stage in recipe.freeze.stages)
    if later and later[0].epoch == 0:
        return later
    return (Phase(0, recipe.freeze.train_last, recipe.optimiser.rate), *later)


def phase_of(plan: tuple[Phase, ...], epoch: int) -> Phase:
    return [phase for phase in plan if phase.epoch <= epoch][-1]


def layers(module: nn.Module) -> list[nn.Module]:
    """The modules below ``module`` with parameters of their own (convolutions, norms, matrices), in the
    order in which they were defined: for the networks here that is the order in which they run."""
    return [part for part in module.modules() if list(part.parameters(recurse=False))]


def set_trainable(model: ZooModel, train_last: int | None) -> None:
    """Let the last ``train_last`` layers of the backbone learn, and everything behind the backbone.

    A separable convolution counts as two layers, its norm as another. None lets all learn.
    """
    below = layers(model.backbone)
    first = 0 if train_last is None else max(0, len(below) - train_last)
    for position, layer in enumerate(below):
        for parameter in layer.parameters(recurse=False):
            parameter.requires_grad_(position >= first)
            if position < first:
                parameter.grad = None


def to_training(model: ZooModel) -> None:
    """Training mode, but frozen batch norms keep the statistics they came with."""
    model.train()
    for layer in layers(model.backbone):
        if isinstance(layer, nn.modules.batchnorm._BatchNorm) and not any(
            parameter.requires_grad for parameter in layer.parameters(recurse=False)
        ):
            layer.eval()
