"""The training loop: AdamW, cosine schedule with warm-up, averaged weights, exact resume after a kill."""

from __future__ import annotations

import copy
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unmask.training.data.batches import Batch
from unmask.training.evaluate import auroc


@dataclass(frozen=True, slots=True)
class Plan:
    """``steps_per_epoch`` is what the cosine reckons with; ``average`` the decay of the averaged weights.

    A network with folded batch norm wants a lower rate than one with batch norm, where the size of a
    weight does not matter: at 3e-4 MobileNetV2 hardly learnt, at 1e-4 it does.
    """

    epochs: int
    steps_per_epoch: int
    learning_rate: float = 1e-4
    weight_decay: float = 0.02
    warm_up: int = 60
    average: float = 0.99
    smoothing: float = 0.05
    clip: float = 1.0

    def rate(self, step: int) -> float:
        """The learning rate of ``step``: a straight warm-up, then half a cosine down to 1 %."""
        total = self.epochs * self.steps_per_epoch
        if step < self.warm_up:
            return self.learning_rate * (step + 1) / self.warm_up
        done = min(1.0, (step - self.warm_up) / max(1, total - self.warm_up))
        return self.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))


def to_network(crops: NDArray[np.uint8]) -> Tensor:
    """uint8 (N, H, W, 3) as a (N, 3, H, W) view whose memory stays channels last, the quick layout."""
    return torch.from_numpy(crops).permute(0, 3, 1, 2)


@torch.inference_mode()
def logits_of(model: nn.Module, crops: NDArray[np.uint8], batch: int = 64) -> NDArray[np.float32]:
    """The logits (N,) of uint8 crops (N, size, size, 3)."""
    model.eval()
    parts = [model(to_network(crops[i : i + batch]))[1].numpy() for i in range(0, len(crops), batch)]
    return np.concatenate(parts)


class Trainer:
    """Trains ``model`` and keeps ``run/last.pt`` (everything, for a resume) and ``run/best.pt``
    (the averaged weights of the epoch that validated best).

    ``workers`` threads each take a share of every batch on a copy of the model. They wait for each
    other once per step; torch's own threads wait once per operation, which on a busy machine wastes
    half of the time. Leave torch one thread (``torch.set_num_threads(1)``). With one worker a run
    repeats to the last bit; with more, which of them draws which dropout mask depends on their timing.
    """

    def __init__(
        self, model: nn.Module, plan: Plan, run: Path, log: Callable[[str], None] = print, *, workers: int = 1
    ) -> None:
        self.model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.plan, self.run, self.log = plan, run, log
        self.copies = [self.model, *(copy.deepcopy(self.model) for _ in range(workers - 1))]
        self._pool = ThreadPoolExecutor(workers, "unmask-train")
        self.averaged = copy.deepcopy(self.model).requires_grad_(False)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), weight_decay=plan.weight_decay)
        self.epoch, self.step, self.best = 0, 0, -math.inf
        self.history: list[dict[str, float]] = []
        run.mkdir(parents=True, exist_ok=True)

    def resume(self) -> bool:
        """Continue after the last finished epoch of this run, if there is one."""
        path = self.run / "last.pt"
        if not path.is_file():
            return False
        state = torch.load(path, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])
        for model in self.copies[1:]:
            model.load_state_dict(state["model"])
        torch.set_rng_state(state["rng"])
        self.epoch, self.step, self.best = state["epoch"], state["step"], state["best"]
        self.history = state["history"]
        return True

    def fit(
        self,
        batches: Callable[[int], Iterator[Batch]],
        validation: tuple[NDArray[np.uint8], NDArray[np.float32]],
    ) -> None:
        """Train the epochs that are left; ``batches`` gives those of one epoch. Validates after each."""
        while self.epoch < self.plan.epochs:
            loss = self._one_epoch(batches(self.epoch))
            score = self._judged(validation)
            self.epoch += 1
            self.history.append({"epoch": self.epoch, "loss": loss, "validation_auroc": score})
            self.log(f"epoch {self.epoch}/{self.plan.epochs}: loss {loss:.4f}, validation AUROC {score:.4f}")
            if score > self.best:
                self.best = score
                _save(self.averaged.state_dict(), self.run / "best.pt")
            self._checkpoint()

    def _judged(self, validation: tuple[NDArray[np.uint8], NDArray[np.float32]]) -> float:
        return auroc(validation[1], logits_of(self.averaged, validation[0]))

    def _one_epoch(self, batches: Iterator[Batch]) -> float:
        losses: list[float] = []
        began = time.monotonic()
        for batch in batches:
            losses.append(self._one_step(batch))
            if len(losses) % 20 == 0:
                speed = len(losses) * len(batch.labels) / (time.monotonic() - began)
                left = (self.plan.epochs * self.plan.steps_per_epoch - self.step) * len(batch.labels) / speed
                recent = float(np.mean(losses[-20:]))
                self.log(f"  step {self.step}: loss {recent:.4f}, {speed:.0f} crops/s, {left / 60:.1f} min left")
        return float(np.mean(losses))

    def _one_step(self, batch: Batch) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self.plan.rate(self.step)
        shares = np.array_split(np.arange(len(batch.labels)), len(self.copies))
        losses = list(self._pool.map(self._backward, self.copies, [batch] * len(shares), shares))
        self._gather()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.plan.clip)
        self.optimizer.step()
        self.step += 1
        # Early on the average follows quickly, so that the starting weights do not linger in it.
        decay = min(self.plan.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for slow, fast in zip(self.averaged.parameters(), self.model.parameters(), strict=True):
                slow.lerp_(fast, 1 - decay)
            for slow, fast in zip(self.averaged.buffers(), self.model.buffers(), strict=True):
                if slow.is_floating_point():
                    slow.lerp_(fast, 1 - decay)
            for model in self.copies[1:]:
                for other, own in zip(model.parameters(), self.model.parameters(), strict=True):
                    other.copy_(own)
        return sum(losses)

    def _backward(self, model: nn.Module, batch: Batch, share: NDArray[np.int64]) -> float:
        """Leave in ``model`` the gradient of this share's part of the batch's mean loss, and return that part."""
        model.train()
        model.zero_grad(set_to_none=True)
        labels = torch.from_numpy(batch.labels[share])
        target = labels * (1 - self.plan.smoothing) + 0.5 * self.plan.smoothing
        _, logits = model(to_network(batch.crops[share]))
        total = nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="sum")
        loss = total / len(batch.labels)
        loss.backward()
        return float(loss.detach())

    def _gather(self) -> None:
        """Add the copies' gradients to those of the model, in the same order every time."""
        for model in self.copies[1:]:
            for own, other in zip(self.model.parameters(), model.parameters(), strict=True):
                assert own.grad is not None
                assert other.grad is not None
                own.grad += other.grad

    def _checkpoint(self) -> None:
        state = {
            "model": self.model.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rng": torch.get_rng_state(),
            "epoch": self.epoch,
            "step": self.step,
            "best": self.best,
            "history": self.history,
        }
        _save(state, self.run / "last.pt")
        facts = {"plan": asdict(self.plan), "history": self.history}
        (self.run / "history.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def _save(state: object, path: Path) -> None:
    """Write beside ``path`` and rename, so that a kill never leaves half a checkpoint."""
    beside = path.with_suffix(".part")
    torch.save(state, beside)
    os.replace(beside, path)
