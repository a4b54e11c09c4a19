"""The loop that trains any recipe, and continues a killed run exactly where its last checkpoint stood."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from unmask.training.run.batches import Batches, ClipBatch
from unmask.training.run.folder import BEST, LAST, RunError, RunFolder
from unmask.training.zoo.freezing import phase_of, phases, set_trainable, to_training
from unmask.training.zoo.losses import class_weights, make_loss
from unmask.training.zoo.models.base import ZooModel
from unmask.training.zoo.optimisers import Patience, Rates, make_optimiser
from unmask.training.zoo.recipe import Recipe
from unmask.training.zoo.scores import Scores, evaluate, to_network
from unmask.training.zoo.weights import trained_state

_TELL_EVERY_S = 5.0


class Trainer:
    """Trains ``model`` in place and keeps ``last.pt`` (everything, to continue) and ``best.pt`` (the
    weights of the epoch that validated best, see ``weights.load_trained``) in ``folder``.

    A checkpoint is written every ``checkpoint_every`` steps and after every epoch. On the CPU a run that
    was killed and continued ends with the same bits as one that was not, given the same number of threads.
    """

    def __init__(
        self,
        model: ZooModel,
        recipe: Recipe,
        batches: Batches,
        folder: RunFolder,
        device: torch.device,
        log: Callable[[str], None] = print,
        *,
        checkpoint_every: int = 200,
    ) -> None:
        self.model, self.recipe, self.batches, self.folder = model.to(device), recipe, batches, folder
        self.device, self.log, self.checkpoint_every = device, log, checkpoint_every
        labels = [sample.label for sample in batches.data.train]
        weights = class_weights(labels, len(model.classes)) if recipe.loss.balance else None
        self.loss = make_loss(recipe.loss, weights)
        self.averaged = None if recipe.training.average is None else copy.deepcopy(self.model).requires_grad_(False)
        self.optimiser = make_optimiser(recipe.optimiser, self.model.parameters())
        self.rates = Rates(recipe.schedule, recipe.optimiser.rate, recipe.training.epochs, batches.steps)
        self.plan = phases(recipe)
        self.amp = recipe.training.amp and device.type == "cuda"
        if recipe.training.amp and not self.amp:
            log("half precision is for CUDA: this run computes in full precision")
        self.scaler = torch.GradScaler(device.type, enabled=self.amp)
        self.best, self.patience = Patience(higher=True), Patience(higher=True)
        self.epoch, self.step, self.in_epoch, self.loss_sum = 0, 0, 0, 0.0
        self.finished = False
        self.history: list[dict[str, float]] = []

    def fit(self, ended: Callable[[dict[str, float], Scores], None] = lambda row, scores: None) -> None:
        """Train what is left of the run. ``ended`` is told each epoch's history row and scores."""
        if not self.finished and self.in_epoch == 0:
            self._enter_phase()
        while not self.finished:
            mean_loss = self._train_epoch()
            shown = self.averaged if self.averaged is not None else self.model
            scores = evaluate(shown, self.batches.validation(), self.loss, self.device, amp=self.amp)
            self._end_epoch(mean_loss, scores, shown, ended)

    def _end_epoch(
        self,
        mean_loss: float,
        scores: Scores,
        shown: ZooModel,
        ended: Callable[[dict[str, float], Scores], None],
    ) -> None:
        # The rate of the step just taken, before the plateau is looked at.
        rate = self.rates.at(self.step - 1)
        self.epoch, self.in_epoch, self.loss_sum = self.epoch + 1, 0, 0.0
        row: dict[str, float] = {"epoch": self.epoch, "loss": mean_loss, "rate": rate, **scores.row()}
        self.history.append(row)
        self.rates.end_epoch(scores.loss)
        if self.best.see(scores.auroc):
            facts = {
                "epoch": self.epoch,
                "scores": scores.row(),
                "confusion": [list(r) for r in scores.confusion],
            }
            self.folder.save(BEST, trained_state(shown, self.recipe) | facts)
        self.patience.see(scores.auroc)
        self.log(
            f"epoch {self.epoch}/{self.recipe.training.epochs}: loss {mean_loss:.4f}, validation loss "
            f"{scores.loss:.4f}, AUROC {scores.auroc:.4f}, accuracy {scores.accuracy:.3f}"
        )
        stop = self.recipe.training.early_stop
        if stop is not None and self.patience.waited >= stop:
            self.log(f"no better validation AUROC for {stop} epochs: the run ends here")
            self.finished = True
        self.finished = self.finished or self.epoch >= self.recipe.training.epochs
        if not self.finished:
            self._enter_phase()
        self.folder.write_history(self.history)
        ended(row, scores)
        self._checkpoint()

    def _enter_phase(self) -> None:
        """Where a phase begins with this epoch: other layers learn, at another rate, with new patience."""
        phase = phase_of(self.plan, self.epoch)
        set_trainable(self.model, phase.train_last)
        if phase.epoch == self.epoch:
            self.rates.restart(phase.rate)
            self.patience.restart()
            if len(self.plan) > 1 or phase.train_last is not None:
                which = "all" if phase.train_last is None else f"the last {phase.train_last}"
                self.log(f"{which} layers of the backbone learn, rate {phase.rate:g}")

    def _train_epoch(self) -> float:
        total, began, told = self.batches.steps, time.monotonic(), time.monotonic()
        first = self.in_epoch
        for batch in self.batches.train(self.epoch, self.in_epoch):
            self.loss_sum += self._one_step(batch)
            self.in_epoch += 1
            now = time.monotonic()
            if now - told >= _TELL_EVERY_S:
                told = now
                pace = (now - began) / (self.in_epoch - first)
                left = pace * (self.rates.total - self.step)
                mean = self.loss_sum / self.in_epoch
                self.log(f"  step {self.in_epoch}/{total}: loss {mean:.4f}, about {_duration(left)} left")
            if self.in_epoch % self.checkpoint_every == 0 and self.in_epoch < total:
                self._checkpoint()
        return self.loss_sum / max(1, self.in_epoch)

    def _one_step(self, batch: ClipBatch) -> float:
        for group in self.optimiser.param_groups:
            group["lr"] = self.rates.at(self.step)
        to_training(self.model)
        self.optimiser.zero_grad(set_to_none=True)
        labels, mask = (
            torch.from_numpy(batch.labels).to(self.device),
            torch.from_numpy(batch.mask).to(self.device),
        )
        with torch.autocast(self.device.type, torch.float16, enabled=self.amp):
            windows, frames = self.model(to_network(batch.crops, self.device), mask)
        loss = self._total(windows.float(), frames.float(), labels, mask)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise RunError(f"The loss became {value} at step {self.step + 1}: lower the recipe's learning rate.")
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimiser)
        if self.recipe.optimiser.clip is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.optimiser.clip)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.step += 1
        if self.averaged is not None:
            self._average(self.averaged)
        return value

    def _total(self, windows: Tensor, frames: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
        """The loss of the windows, and of the single frames where the window has a judge of its own."""
        loss = self.loss(windows, labels)
        if self.model.temporal is None or not self.recipe.loss.frames:
            return loss
        present = mask > 0
        of_frames = labels[:, None].expand(mask.shape)[present]
        return loss + self.recipe.loss.frames * self.loss(frames[present], of_frames)

    @torch.no_grad()
    def _average(self, slow: ZooModel) -> None:
        """Parameters follow slowly, quicker early on so that the start soon fades; statistics are copied."""
        assert self.recipe.training.average is not None
        decay = min(self.recipe.training.average, (1 + self.step) / (10 + self.step))
        for mine, new in zip(slow.parameters(), self.model.parameters(), strict=True):
            mine.lerp_(new, 1 - decay)
        for mine, new in zip(slow.buffers(), self.model.buffers(), strict=True):
            mine.copy_(new)

    def _checkpoint(self) -> None:
        state: dict[str, Any] = {
            "model": self.model.state_dict(),
            "averaged": None if self.averaged is None else self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "rates": self.rates.state(),
            "best": self.best.state(),
            "patience": self.patience.state(),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state_all() if self.device.type == "cuda" else [],
            "history": self.history,
            **{name: getattr(self, name) for name in _PLAIN},
        }
        self.folder.save(LAST, state)

    def resume(self) -> bool:
        """Continue from ``last.pt``; False where there is none yet."""
        state = self.folder.load(LAST)
        if state is None:
            return False
        self.model.load_state_dict(state["model"])
        if self.averaged is not None:
            self.averaged.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.amp and state["scaler"]:
            self.scaler.load_state_dict(state["scaler"])
        self.rates.restore(state["rates"])
        self.best.restore(state["best"])
        self.patience.restore(state["patience"])
        torch.set_rng_state(state["random"])
        if self.device.type == "cuda" and state["random_cuda"]:
            torch.cuda.set_rng_state_all(state["random_cuda"])
        self.history = state["history"]
        for name in _PLAIN:
            setattr(self, name, state[name])
        set_trainable(self.model, phase_of(self.plan, self.epoch).train_last)
        return True


_PLAIN = ("epoch", "step", "in_epoch", "loss_sum", "finished")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
