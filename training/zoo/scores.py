"""How a network does on the validation samples: one pass, plain numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unmask.training.evaluate import auroc
from unmask.training.run.batches import ClipBatch
from unmask.training.run.folder import RunError
from unmask.training.zoo.losses import LossFunction
from unmask.training.zoo.models.base import ZooModel, log_odds


@dataclass(frozen=True, slots=True)
class Scores:
    """``auroc`` is of 1 - p(real) against real or not, whatever the number of classes; ``frame_auroc`` of
    the single frames by themselves (None where a sample is one frame). ``confusion``: rows the truth."""

    loss: float
    auroc: float
    frame_auroc: float | None
    accuracy: float
    confusion: tuple[tuple[int, ...], ...]

    def row(self) -> dict[str, float]:
        """As the history names them."""
        numbers = {"validation_loss": self.loss, "validation_auroc": self.auroc, "accuracy": self.accuracy}
        return numbers if self.frame_auroc is None else numbers | {"frame_auroc": self.frame_auroc}


def to_network(crops: NDArray[np.uint8], device: torch.device) -> Tensor:
    """uint8 (N, T, H, W, 3) as (N, T, 3, H, W) on ``device``; the memory of every picture stays as it is."""
    return torch.from_numpy(crops).to(device).permute(0, 1, 4, 2, 3)


def said(outputs: Tensor) -> Tensor:
    """The class that outputs (N, C) or a logit (N, 1) speak for, int64 (N,)."""
    return (outputs[:, 0] > 0).long() if outputs.shape[1] == 1 else outputs.argmax(dim=1)


@torch.inference_mode()
def evaluate(
    model: ZooModel,
    batches: Iterable[ClipBatch],
    loss: LossFunction,
    device: torch.device,
    *,
    amp: bool = False,
) -> Scores:
    """Raises ``RunError`` where an output is not finite, ``ValueError`` where the samples lack a class."""
    model.eval()
    windows: list[Tensor] = []
    frames: list[Tensor] = []
    labels: list[NDArray[np.int64]] = []
    frame_labels: list[NDArray[np.int64]] = []
    for batch in batches:
        with torch.autocast(device.type, torch.float16, enabled=amp):
            window, single = model(to_network(batch.crops, device), torch.from_numpy(batch.mask).to(device))
        present = torch.from_numpy(batch.mask > 0)
        windows.append(window.float().cpu())
        frames.append(single.float().cpu()[present])
        labels.append(batch.labels)
        frame_labels.append(np.repeat(batch.labels, batch.mask.sum(axis=1).astype(int)))
    outputs, truth = torch.cat(windows), np.concatenate(labels)
    if not torch.isfinite(outputs).all():
        raise RunError("The network's outputs are no numbers any more: lower the recipe's learning rate.")
    answers = said(outputs).numpy()
    matrix = np.zeros((len(model.classes), len(model.classes)), int)
    np.add.at(matrix, (truth, answers), 1)
    frame_auroc = None
    if model.frames > 1:
        frame_auroc = auroc(np.concatenate(frame_labels) > 0, log_odds(torch.cat(frames)).numpy())
    return Scores(
        float(loss(outputs, torch.from_numpy(truth))),
        auroc(truth > 0, log_odds(outputs).numpy()),
        frame_auroc,
        float(np.mean(answers == truth)),
        tuple(tuple(int(count) for count in row) for row in matrix),
    )
