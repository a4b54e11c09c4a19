"""Train what comes after a frozen encoder, on embedded windows; a killed run goes on where it stood.

One network learns two judges at once, which share nothing but the encoder: a classifier of single frames and a
head over time. So the head is compared with frames that learnt from the same windows, not only with the encoder's
own classifier.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unmask.training.data.dfdc import CropRecord, hold_out_groups
from unmask.training.evaluate import auroc
from unmask.training.run.folder import BEST, LAST, RunError, RunFolder
from unmask.training.temporal.embed import Windows
from unmask.training.zoo.losses import make_loss
from unmask.training.zoo.models.base import ZooModel, log_odds
from unmask.training.zoo.optimisers import Patience, Rates, make_optimiser
from unmask.training.zoo.recipe import Recipe, RecipeError
from unmask.training.zoo.weights import trained_state

#: The share of the training windows, by person, that chooses the epoch. Validation decides nothing.
HELD_OUT = 0.12
#: So often a training window loses frames, and down to how many: live windows begin short and have gaps.
SHORT_SHARE, FEWEST = 0.5, 8


def hold_out(windows: Windows, seed: int) -> NDArray[np.bool_]:
    """Which windows are held out, by whole people."""
    records = [
        CropRecord(str(row), bool(fake), str(group), "train", 0)
        for row, (fake, group) in enumerate(zip(windows.fake, windows.groups, strict=True))
    ]
    return np.isin(windows.groups, sorted(hold_out_groups(records, HELD_OUT, seed)))


class HeadTrainer:
    """Trains classifier and temporal head of ``model``; its backbone stays as it is, and is not run."""

    def __init__(
        self, model: ZooModel, recipe: Recipe, windows: Windows, folder: RunFolder, log: Callable[[str], None] = print
    ) -> None:
        _check(recipe)
        self.model, self.recipe, self.folder, self.log = model, recipe, folder, log
        model.backbone.requires_grad_(False)
        held = hold_out(windows, recipe.training.seed)
        self.train, self.held = windows.rows(~held), windows.rows(held)
        self.steps = len(self.train.fake) // recipe.training.batch
        if not self.steps:
            raise RunError(f"{len(self.train.fake)} windows do not fill a batch of {recipe.training.batch}.")
        self.heads = nn.ModuleList([part for name, part in model.named_children() if name != "backbone"])
        self.optimiser = make_optimiser(recipe.optimiser, self.heads.parameters())
        self.rates = Rates(recipe.schedule, recipe.optimiser.rate, recipe.training.epochs, self.steps)
        self.rates.restart(recipe.optimiser.rate)
        self.loss = make_loss(recipe.loss)
        self.best = Patience(higher=True)
        self.epoch, self.history = 0, list[dict[str, float]]()

    def fit(self) -> None:
        """All epochs that are left, or until ``early_stop`` of them bring nothing better."""
        stop = self.recipe.training.early_stop
        while self.epoch < self.recipe.training.epochs and not (stop and self.best.waited >= stop):
            mean = self._train_epoch()
            window, frames = scores(self.model, self.held)
            outputs = torch.from_numpy(window.astype(np.float32))[:, None]
            held_loss = float(self.loss(outputs, torch.from_numpy(self.held.fake).long()))
            self.epoch += 1
            row = {
                "epoch": float(self.epoch),
                "loss": mean,
                "validation_loss": held_loss,
                "validation_auroc": auroc(self.held.fake, window),
                "frame_auroc": auroc(np.repeat(self.held.fake, frames.shape[1]), frames.ravel()),
            }
            self.history.append(row)
            self.rates.end_epoch(held_loss)
            if self.best.see(row["validation_auroc"]):
                self.folder.save(BEST, trained_state(self.model, self.recipe) | {"epoch": self.epoch})
            self.log(
                f"epoch {self.epoch}: loss {mean:.4f}, held out window {row['validation_auroc']:.4f}, "
                f"frames {row['frame_auroc']:.4f}"
            )
            self.folder.write_history(self.history)
            self._save()

    def _train_epoch(self) -> float:
        seed, batch = self.recipe.training.seed, self.recipe.training.batch
        rng = np.random.default_rng((seed, self.epoch))
        torch.manual_seed(int(rng.integers(2**31)))
        order = rng.permutation(len(self.train.fake))
        total = 0.0
        self.model.train()
        for step in range(self.steps):
            rows = order[step * batch : (step + 1) * batch]
            vectors = torch.from_numpy(self.train.vectors[rows])
            labels = torch.from_numpy(self.train.fake[rows]).long()
            mask = torch.from_numpy(random_mask(len(rows), vectors.shape[1], rng))
            for group in self.optimiser.param_groups:
                group["lr"] = self.rates.at(self.epoch * self.steps + step)
            self.optimiser.zero_grad(set_to_none=True)
            loss = self._loss(vectors, mask, labels)
            loss.backward()
            if self.recipe.optimiser.clip is not None:
                nn.utils.clip_grad_norm_(self.heads.parameters(), self.recipe.optimiser.clip)
            self.optimiser.step()
            total += float(loss.detach())
        return total / self.steps

    def _loss(self, vectors: Tensor, mask: Tensor, labels: Tensor) -> Tensor:
        present = mask > 0
        frames = self.model.judge_frames(vectors)
        loss = self.recipe.loss.frames * self.loss(frames[present], labels[:, None].expand(mask.shape)[present])
        return loss + self.loss(self.model.judge_windows(vectors, mask), labels)

    def _save(self) -> None:
        self.folder.save(
            LAST,
            {
                "heads": self.heads.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "rates": self.rates.state(),
                "best": self.best.state(),
                "epoch": self.epoch,
                "history": self.history,
            },
        )

    def resume(self) -> bool:
        """Continue from the last whole epoch; False where there is none."""
        state: dict[str, Any] | None = self.folder.load(LAST)
        if state is None:
            return False
        self.heads.load_state_dict(state["heads"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.rates.restore(state["rates"])
        self.best.restore(state["best"])
        self.epoch, self.history = state["epoch"], state["history"]
        return True


def _check(recipe: Recipe) -> None:
    """Raises ``RecipeError`` for settings that this loop would pass over in silence."""
    if recipe.head.time == "mean" or recipe.freeze.train_last != 0 or recipe.freeze.stages:
        raise RecipeError(f"{recipe.name} has no head over time behind a frozen network, as this experiment needs.")
    if recipe.classes != "binary" or recipe.loss.balance or recipe.training.average is not None:
        raise RecipeError(f"{recipe.name} asks for classes, balance or averaged weights, which are not kept here.")


def random_mask(count: int, frames: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """float32 (count, frames): whole windows, and such that begin late or have gaps."""
    mask = np.ones((count, frames), np.float32)
    fewest = min(FEWEST, frames)
    for row in mask:
        if rng.random() < SHORT_SHARE:
            kept = int(rng.integers(fewest, frames + 1))
            row[: frames - kept] = 0
            row[(rng.random(frames) < 0.1) & (np.arange(frames) > frames - kept)] = 0
    return mask


@torch.inference_mode()
def scores(model: ZooModel, windows: Windows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Logits of the windows (N,) and of every frame by itself (N, T), by the network as it stands."""
    model.eval()
    whole, single = [], []
    for start in range(0, len(windows.fake), 256):
        vectors = torch.from_numpy(windows.vectors[start : start + 256])
        mask = torch.ones(vectors.shape[:2])
        whole.append(log_odds(model.judge_windows(vectors, mask)).numpy())
        single.append(log_odds(model.judge_frames(vectors)).numpy())
    return np.concatenate(whole).astype(np.float64), np.concatenate(single).astype(np.float64)
