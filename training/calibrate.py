"""From a logit to a probability that means what it says. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class Platt:
    """probability = sigmoid(scale * logit + bias)."""

    scale: float
    bias: float

    def apply(self, logits: ArrayLike) -> NDArray[np.float64]:
        values = self.scale * np.asarray(logits, np.float64) + self.bias
        return 0.5 * (1.0 + np.tanh(0.5 * values))


def fit_platt(labels: ArrayLike, logits: ArrayLike, *, steps: int = 100) -> Platt:
    """The scale and bias of least cross-entropy on held-out examples, by Newton's method.

    Platt, "Probabilistic Outputs for Support Vector Machines" (1999): the targets stay a little inside
    0 and 1 so that separable examples give a finite scale. Raises ``ValueError`` where one class is
    missing or where higher logits do not mean fake.
    """
    fake, x = np.asarray(labels).astype(bool), np.asarray(logits, np.float64)
    positives, negatives = int(fake.sum()), int((~fake).sum())
    if not positives or not negatives:
        raise ValueError("Calibration needs both real and fake examples.")
    target = np.where(fake, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    inputs = np.stack([x, np.ones_like(x)], axis=1)
    weights = np.array([0.0, np.log((positives + 1) / (negatives + 1))])
    loss = _loss(inputs @ weights, target)
    for _ in range(steps):
        probability = 1 / (1 + np.exp(-np.clip(inputs @ weights, -500, 500)))
        gradient = inputs.T @ (probability - target)
        curvature = (inputs * (probability * (1 - probability))[:, None]).T @ inputs + 1e-9 * np.eye(2)
        move = np.linalg.solve(curvature, gradient)
        size = 1.0
        while _loss(inputs @ (weights - size * move), target) > loss and size > 1e-6:
            size /= 2
        weights = weights - size * move
        before, loss = loss, _loss(inputs @ weights, target)
        if before - loss < 1e-12:
            break
    if weights[0] <= 0:
        raise ValueError("Higher logits do not mean fake on the held-out examples: the model learnt nothing.")
    return Platt(float(weights[0]), float(weights[1]))


def cross_fitted(
    labels: ArrayLike,
    logits: ArrayLike,
    groups: ArrayLike,
    *,
    more: tuple[ArrayLike, ArrayLike] = ((), ()),
    folds: int = 5,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Probabilities (N,) of which each comes from a calibration that has not seen its group.

    The groups are dealt into ``folds``; every fold is judged by ``fit_platt`` on the other folds and on ``more``
    (labels, logits), which are in every fit. So the examples that a calibration is fitted on can also say how
    good such a calibration is. Raises what ``fit_platt`` raises, and ``ValueError`` for fewer groups than folds.
    """
    fake, x, names = np.asarray(labels).astype(bool), np.asarray(logits, np.float64), np.asarray(groups)
    people, number = np.unique(names, return_inverse=True)
    if len(people) < folds:
        raise ValueError(f"{len(people)} groups cannot be dealt into {folds} folds.")
    fold = (np.random.default_rng(seed).permutation(len(people)) % folds)[number]
    result = np.empty_like(x)
    for part in range(folds):
        others = fold != part
        platt = fit_platt(np.append(fake[others], more[0]), np.append(x[others], more[1]))
        result[~others] = platt.apply(x[~others])
    return result


def _loss(logits: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    return float(np.sum(np.logaddexp(0.0, logits) - target * logits))
