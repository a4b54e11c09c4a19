"""Networks that others learn from: distillation (Hinton, Vinyals and Dean, arXiv:1503.02531), where teachers and pupil
see one and the same augmented crop (Beyer et al., CVPR 2022)."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from unmask.training.models.mobilenet_v2 import MobileNetV2, starting_network


@dataclass(frozen=True, slots=True)
class TeacherPlan:
    """A checkpoint, the side and the margin (in DFDC crops) of the crops that it learnt from, and how much it counts
    beside other teachers."""

    path: Path
    size: int
    margin: float
    weight: float

    @classmethod
    def parse(cls, text: str) -> TeacherPlan:
        """``PATH,SIZE,MARGIN,WEIGHT``, as an argparse type."""
        try:
            path, size, margin, weight = text.rsplit(",", 3)
            plan = cls(Path(path), int(size), float(margin), float(weight))
        except ValueError:
            plan = None
        if plan is None or min(plan.size, plan.margin, plan.weight) <= 0:
            words = f"{text!r} is no teacher: give PATH,SIZE,MARGIN,WEIGHT, such as first.pt,160,1.0,2."
            raise argparse.ArgumentTypeError(words)
        return plan


class Teachers:
    """Uint8 crops (N, 3, S, S) -> the weighted mean of the teachers' logits, float32 (N,)."""

    def __init__(self, plans: Sequence[TeacherPlan], margin: float, material: Path) -> None:
        """``margin`` is that of the crops which they will be shown. Raises ``DataError`` for a missing checkpoint."""
        self._members = [(_fixed(starting_network(plan.path, material)), plan) for plan in plans]
        self._margin = margin

    @torch.no_grad()
    def __call__(self, crops: Tensor) -> Tensor:
        total = torch.zeros(len(crops))
        for network, plan in self._members:
            seen = as_seen(crops, plan.size, plan.margin / self._margin)
            total += plan.weight * network(seen)[1].float()
        return total / sum(plan.weight for _, plan in self._members)


def _fixed(network: MobileNetV2) -> MobileNetV2:
    network.eval().requires_grad_(False)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def as_seen(crops: Tensor, size: int, wider: float) -> Tensor:
    """``crops`` (N, 3, S, S) as crops of ``size`` pixels that show ``wider`` times as much: what lies outside is
    mirrored, as the live crop function does. float32 (N, 3, size, size)."""
    crops = crops.float()
    side = crops.shape[-1]
    if wider < 1:
        cut = round(side * (1 - wider) / 2)
        crops, wider = crops[..., cut : side - cut, cut : side - cut], 1.0
    inner = round(size / wider)
    if inner != crops.shape[-1]:
        crops = nn.functional.interpolate(crops, (inner, inner), mode="bilinear", antialias=True)
    before = (size - inner) // 2
    return nn.functional.pad(crops, (before, size - inner - before) * 2, mode="reflect")
