"""Optimisers, learning rates over time, and when to stop."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from unmask.training.zoo.recipe import Optimiser, Schedule


def make_optimiser(spec: Optimiser, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """The optimiser of a recipe over ``parameters``, frozen ones too: without a gradient they stay put."""
    options: dict[str, Any] = {"lr": spec.rate, "weight_decay": spec.weight_decay}
    if spec.kind == "sgd":
        return torch.optim.SGD(parameters, momentum=spec.momentum, **options)
    kinds = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "adagrad": torch.optim.Adagrad}
    return kinds[spec.kind](parameters, **options)


class Patience:
    """Counts the epochs since the last better value; ``higher`` says which way is better."""

    def __init__(self, *, higher: bool) -> None:
        self.higher = higher
        self.restart()

    def restart(self) -> None:
        self.best: float | None = None
        self.waited = 0

    def see(self, value: float) -> bool:
        """Take the next value; whether it is the best so far. NaN never is."""
        better = self.best is None or (value > self.best if self.higher else value < self.best)
        if better and not math.isnan(value):
            self.best, self.waited = value, 0
            return True
        self.waited += 1
        return False

    def state(self) -> dict[str, Any]:
        return {"best": self.best, "waited": self.waited}

    def restore(self, state: dict[str, Any]) -> None:
        self.best, self.waited = state["best"], state["waited"]


class Rates:
    """The learning rate of every step. ``base`` may change while training (stages of unfreezing)."""

    def __init__(self, spec: Schedule, base: float, epochs: int, steps_per_epoch: int) -> None:
        self.spec, self.base = spec, base
        self.steps_per_epoch = max(1, steps_per_epoch)
        self.total = max(1, epochs * self.steps_per_epoch)
        self.reduced = 1.0
        self._plateau = Patience(higher=False)

    def at(self, step: int) -> float:
        """The rate of ``step`` (0 is the first)."""
        spec = self.spec
        if step < spec.warm_up:
            return self.base * (step + 1) / spec.warm_up
        if spec.kind == "cosine":
            done = min(1.0, (step - spec.warm_up) / max(1, self.total - spec.warm_up))
            return self.base * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))
        if spec.kind == "step":
            return self.base * spec.factor ** (step // self.steps_per_epoch // spec.every)
        return self.base * self.reduced

    def restart(self, base: float) -> None:
        """A new stage: another base rate, and a plateau is looked for anew."""
        self.base, self.reduced = base, 1.0
        self._plateau.restart()

    def end_epoch(self, validation_loss: float) -> None:
        """Only a ``plateau`` schedule looks at the loss."""
        if self.spec.kind != "plateau" or self._plateau.see(validation_loss):
            return
        if self._plateau.waited >= self.spec.patience:
            self.reduced *= self.spec.factor
            self._plateau.waited = 0

    def state(self) -> dict[str, Any]:
        return {"base": self.base, "reduced": self.reduced, "plateau": self._plateau.state()}

    def restore(self, state: dict[str, Any]) -> None:
        self.base, self.reduced = state["base"], state["reduced"]
        self._plateau.restore(state["plateau"])
