"""Losses on the outputs of the zoo: (N, 1) logits for two classes, (N, C) for more."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from unmask.training.zoo.recipe import Loss

LossFunction = Callable[[Tensor, Tensor], Tensor]
"""Outputs (N, C) and class indices int64 (N,) -> the mean loss, a scalar."""


def class_weights(labels: Sequence[int], classes: int) -> Tensor:
    """Each class weighs as much as any other over all ``labels``; the mean weight of a label is 1.

    float32 (classes,). Raises ``ValueError`` for a class without examples.
    """
    counts = torch.bincount(torch.as_tensor(labels, dtype=torch.int64), minlength=classes)
    if (counts == 0).any():
        raise ValueError(f"Class {int((counts == 0).nonzero()[0])} has no examples to weigh.")
    return (len(labels) / (classes * counts)).to(torch.float32)


def make_loss(spec: Loss, weights: Tensor | None = None) -> LossFunction:
    """The loss of a recipe. ``weights`` (C,) are per class, also for two classes: index 1 is fake."""

    def weighed(losses: Tensor, labels: Tensor) -> Tensor:
        return losses.mean() if weights is None else (losses * weights.to(losses.device)[labels]).mean()

    def bce(outputs: Tensor, labels: Tensor) -> Tensor:
        target = labels.to(outputs.dtype) * (1 - spec.smoothing) + 0.5 * spec.smoothing
        return weighed(functional.binary_cross_entropy_with_logits(outputs[:, 0], target, reduction="none"), labels)

    def cross_entropy(outputs: Tensor, labels: Tensor) -> Tensor:
        losses = functional.cross_entropy(outputs, labels, reduction="none", label_smoothing=spec.smoothing)
        return weighed(losses, labels)

    def focal(outputs: Tensor, labels: Tensor) -> Tensor:
        return weighed(_focal(outputs, labels, spec), labels)

    return {"bce": bce, "cross-entropy": cross_entropy, "focal": focal}[spec.kind]


def _focal(outputs: Tensor, labels: Tensor, spec: Loss) -> Tensor:
    """Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, equation 5, one value per example:
    -a (1 - p)^gamma log p with p the probability of the true class, ``alpha`` weighing what is not real."""
    alpha = torch.where(labels > 0, spec.alpha, 1 - spec.alpha).to(outputs.dtype)
    if outputs.shape[1] == 1:
        logit = torch.where(labels > 0, outputs[:, 0], -outputs[:, 0])
        log_p = functional.logsigmoid(logit)
    else:
        log_p = torch.log_softmax(outputs, dim=1).gather(1, labels[:, None])[:, 0]
    return -alpha * (1 - log_p.exp()) ** spec.gamma * log_p
