"""A logistic regression on embeddings: seconds to fit, so that questions can be asked one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from unmask.training.evaluate import Floats
from unmask.training.experiments.embeddings import Embedded


def balanced(parts: Sequence[Embedded]) -> Floats:
    """Weights for the rows of ``parts`` one after another: every part and class counts the same; mean 1."""
    weights = []
    for part in parts:
        share = np.where(part.fake, part.fake.mean(), 1 - part.fake.mean())
        weights.append(1 / (share * len(part.fake)))
    joined = np.concatenate(weights)
    return joined / joined.mean()


def fit(parts: Sequence[Embedded], ridge: float) -> tuple[Floats, float]:
    """Weight (D,) and bias of the logit on raw embeddings. ``ridge`` is the penalty on the weights of
    standardised embeddings, per row."""
    vectors = np.concatenate([part.vectors for part in parts])
    labels = np.concatenate([part.fake for part in parts]).astype(np.float32)
    weights = balanced(parts).astype(np.float32)
    mean, spread = vectors.mean(axis=0), vectors.std(axis=0) + 1e-3
    inputs = (vectors - mean) / spread

    def loss(flat: Floats) -> tuple[float, Floats]:
        own = flat[:-1].astype(np.float32)
        logits = inputs @ own + np.float32(flat[-1])
        slack = np.logaddexp(0, logits) - labels * logits
        error = weights * (1 / (1 + np.exp(-logits)) - labels) / len(labels)
        gradient = np.append(inputs.T @ error + ridge * own, error.sum())
        return float((weights * slack).mean() + 0.5 * ridge * own @ own), gradient.astype(np.float64)

    found = minimize(loss, np.zeros(inputs.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 200})
    weight = found.x[:-1] / spread
    return weight, float(found.x[-1] - weight @ mean)


def scores(sets: Mapping[str, Embedded], weight: Floats, bias: float) -> dict[str, Floats]:
    return {name: part.vectors @ weight + bias for name, part in sets.items()}


def per_clip(part: Embedded, values: Floats) -> tuple[NDArray[np.bool_], Floats, NDArray[np.str_]]:
    """The mean over the frames of each clip and label: labels, means and clips."""
    keys = sorted(set(zip(part.groups.tolist(), part.fake.tolist(), strict=True)))
    means = [values[(part.groups == group) & (part.fake == fake)].mean() for group, fake in keys]
    return np.asarray([fake for _, fake in keys]), np.asarray(means), np.asarray([group for group, _ in keys])
