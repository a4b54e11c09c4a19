"""Train a whole MobileNetV2 on pairs and labelled crops, as far as two shared cores allow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from unmask.realtime.types import Image
from unmask.training.data.batches import Batch, prefetched
from unmask.training.experiments.embeddings import Call, called, pool_views
from unmask.training.experiments.eyes import Eyes, known
from unmask.training.experiments.pool import Pool
from unmask.training.experiments.views import mirrored_view, tight, wide_view
from unmask.training.experiments.workshop import Workshop
from unmask.training.loop import Plan, Trainer, to_network
from unmask.training.models.mobilenet_v2 import starting_network


@dataclass(frozen=True, slots=True)
class FineTuning:
    """``start`` is a checkpoint of ``unmask.training.first``, ``None`` the ImageNet weights. ``labelled`` is
    the share of DFDC crops in a batch, the rest are pairs. The first ``frozen`` blocks do not learn. With
    ``jitter`` the labelled crops are moved and scaled too, not only the pairs. ``align`` turns
    every crop until its eyes are level."""

    start: Path | None
    size: int = 160
    margin: float = 1.3
    labelled: float = 0.5
    pool: str = "train"
    call: Call = "soft"
    tight_share: float = 0.3
    frozen: int = 4
    jitter: bool = False
    align: bool = False
    batch: int = 32
    steps: int = 100
    epochs: int = 5
    rate: float = 1e-4
    seed: int = 1


class ThriftyTrainer(Trainer):
    """A trainer in bfloat16 whose frozen parameters have no gradient."""

    def _backward(self, model: nn.Module, batch: Batch, share: NDArray[np.int64]) -> float:
        model.train()
        model.zero_grad(set_to_none=True)
        labels = torch.from_numpy(batch.labels[share])
        target = labels * (1 - self.plan.smoothing) + 0.5 * self.plan.smoothing
        with torch.autocast("cpu", torch.bfloat16):
            _, logits = model(to_network(batch.crops[share]))
        total = nn.functional.binary_cross_entropy_with_logits(logits.float(), target, reduction="sum")
        loss = total / len(batch.labels)
        loss.backward()
        return float(loss.detach())

    def _gather(self) -> None:
        for model in self.copies[1:]:
            for own, other in zip(self.model.parameters(), model.parameters(), strict=True):
                if own.requires_grad:
                    assert own.grad is not None
                    assert other.grad is not None
                    own.grad += other.grad


def pair_views(
    pool: Pool, row: int, plan: FineTuning, rng: np.random.Generator, eyes: Eyes | None = None
) -> tuple[Image, Image]:
    """The real and the fake half of one pair, coded, mirrored and cut alike."""
    seed = int(rng.integers(2**31))
    closer, flipped = rng.random() < plan.tight_share, rng.random() < 0.5
    views = []
    for source in (pool.real, pool.fake):
        own = np.random.default_rng(seed)
        image = called(source[row], plan.call, own)
        if closer:
            view = mirrored_view(tight(image, pool.face(row)), plan.size, plan.margin, eyes=eyes)
        else:
            view = wide_view(image, pool.face(row), plan.size, plan.margin, own, eyes)
        views.append(np.ascontiguousarray(view[:, ::-1]) if flipped else view)
    return views[0], views[1]


def batches(shop: Workshop, pool: Pool, plan: FineTuning, epoch: int) -> Iterator[Batch]:
    """``plan.steps`` batches, decided by ``(seed, epoch)`` alone."""
    rng = np.random.default_rng((plan.seed, epoch))
    cache, labelled = shop.labelled("train")
    labelled_eyes = shop.eyes("dfdc-train") if plan.align else None
    pool_eyes = shop.eyes(plan.pool) if plan.align else None
    single = round(plan.labelled * plan.batch / 2) * 2
    for _ in range(plan.steps):
        crops = np.empty((plan.batch, plan.size, plan.size, 3), np.uint8)
        labels = np.empty(plan.batch, np.float32)
        for place, number in enumerate(rng.integers(0, len(labelled), single)):
            position, record = labelled[int(number)]
            image = called(np.asarray(cache.pixels[position]), plan.call, rng)
            view = mirrored_view(
                image, plan.size, plan.margin, rng if plan.jitter else None, known(labelled_eyes, position)
            )
            crops[place] = view[:, ::-1] if rng.random() < 0.5 else view
            labels[place] = record.fake
        for place in range(single, plan.batch, 2):
            row = int(rng.integers(len(pool.groups)))
            crops[place], crops[place + 1] = pair_views(pool, row, plan, rng, known(pool_eyes, row))
            labels[place : place + 2] = 0.0, 1.0
        yield Batch(crops, labels)


def fine_tune(
    shop: Workshop, plan: FineTuning, run: Path, *, workers: int = 2, log: Callable[[str], None] = print
) -> None:
    """Train into ``run``; the epoch is chosen on people and a generator held out (pool ``people``)."""
    torch.manual_seed(plan.seed)
    model = starting_network(plan.start, shop.material)
    model.features[: plan.frozen].requires_grad_(False)
    pool = shop.pool(plan.pool)
    eyes = shop.eyes("people") if plan.align else None
    views = list(pool_views(shop.pool("people"), plan.size, plan.margin, "none", 11, landmarks=eyes))
    validation = (
        np.stack([view for view, *_ in views]),
        np.asarray([fake for _, fake, *_ in views], np.float32),
    )
    trainer = ThriftyTrainer(model, Plan(plan.epochs, plan.steps, plan.rate), run, log, workers=workers)
    trainer.resume()
    trainer.fit(lambda epoch: prefetched(lambda: batches(shop, pool, plan, epoch)), validation)
