"""Learn from twins: half of every batch is real, the other half the fakes made from it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unmask.realtime.types import Image
from unmask.training.data.batches import Batch, prefetched
from unmask.training.data.cache import CropCache
from unmask.training.evaluate import auroc
from unmask.training.experiments.pool import Pool
from unmask.training.experiments.views import TIGHT, mirrored_view, tight
from unmask.training.experiments.workshop import Workshop
from unmask.training.loop import Plan, Trainer, to_network
from unmask.training.models.mobilenet_v2 import starting_network
from unmask.training.twins.network import LocatingNetwork, recalibrate, settle
from unmask.training.twins.pairs import Twin, find_twins
from unmask.training.twins.soup import State, best_soup
from unmask.training.twins.teachers import TeacherPlan, Teachers
from unmask.training.twins.views import STRIDE, Couple, ViewPlan, views_of

#: DFDC crops sit lower on the face than the live box does, by about this share of their side and less
#: (``unmask.training.crop_fit``).
_RISE = 0.06
SAMPLE_BATCHES = 12


@dataclass(frozen=True, slots=True)
class TwinPlan:
    """``start`` is a checkpoint of a plain network, ``None`` the ImageNet weights. ``pooled`` is the share of
    self-made couples of the pool in a batch of ``couples``; ``tight`` of them are cut like DFDC's, so that a mirrored
    border does not tell where a couple comes from. ``local`` is the weight of the local loss. ``settled``
    leaves the batch norms at the statistics that they start with. Where there are ``teachers``, what they say counts
    for ``taught`` of the target and the label for the rest."""

    view: ViewPlan
    start: Path | None
    couples: int = 32
    pooled: float = 0.25
    pool: str = "all"
    tight: float = 0.0
    local: float = 0.5
    steps: int = 200
    epochs: int = 15
    rate: float = 5e-4
    average: float = 0.998
    dropout: float = 0.4
    settled: bool = False
    teachers: tuple[TeacherPlan, ...] = ()
    taught: float = 0.7
    seed: int = 1


@dataclass(frozen=True, slots=True)
class TwinBatch(Batch):
    """``places`` float32 (N, size / 16, size / 16): where each crop was changed, NaN where that is not known."""

    places: NDArray[np.float32]


class TwinTrainer(Trainer):
    """A trainer in bfloat16 that also asks every place of a middle map whether it was changed."""

    local: float = 0.5
    settled: bool = False
    teachers: Teachers | None = None
    taught: float = 0.7

    def _backward(self, model: nn.Module, batch: Batch, share: NDArray[np.int64]) -> float:
        model.train()
        if self.settled:
            settle(model)
        model.zero_grad(set_to_none=True)
        assert isinstance(batch, TwinBatch)
        crops = to_network(batch.crops[share])
        target = self._target(crops, torch.from_numpy(batch.labels[share]))
        with torch.autocast("cpu", torch.bfloat16):
            _, logits, local = model(crops)
        whole = nn.functional.binary_cross_entropy_with_logits(logits.float(), target, reduction="sum")
        places = torch.from_numpy(batch.places[share])
        known = ~places.isnan()
        found = nn.functional.binary_cross_entropy_with_logits(local.float()[known], places[known], reduction="sum")
        total = (whole + self.local * found / places[0].numel()) / len(batch.labels)
        total.backward()
        return float(whole.detach()) / len(batch.labels)

    def _target(self, crops: Tensor, labels: Tensor) -> Tensor:
        """The probability of a fake that each crop is to get."""
        target = labels * (1 - self.plan.smoothing) + 0.5 * self.plan.smoothing
        if self.teachers is None:
            return target
        with torch.autocast("cpu", torch.bfloat16):
            said = self.teachers(crops).sigmoid()
        return self.taught * said + (1 - self.taught) * target

    def _checkpoint(self) -> None:
        torch.save(self.averaged.state_dict(), self.run / f"epoch-{self.epoch:02}.pt")
        super()._checkpoint()

    def _judged(self, validation: tuple[NDArray[np.uint8], NDArray[np.float32]]) -> float:
        return self.judged(self.averaged, validation)

    def judged(self, model: nn.Module, validation: tuple[NDArray[np.uint8], NDArray[np.float32]]) -> float:
        """The AUROC of ``model``, by all workers."""
        parts = np.array_split(np.arange(len(validation[1])), len(self.copies))
        found = list(self._pool.map(lambda rows: quick_logits(model, validation[0][rows]), parts))
        return auroc(validation[1], np.concatenate(found))


@torch.inference_mode()
def quick_logits(model: nn.Module, crops: NDArray[np.uint8], batch: int = 32) -> NDArray[np.float32]:
    """As ``loop.logits_of``, in bfloat16: good enough to choose an epoch by."""
    model.eval()
    parts = []
    with torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(crops), batch):
            parts.append(model(to_network(crops[start : start + batch]))[1].float().numpy())
    return np.concatenate(parts)


def twin_couple(cache: CropCache, twin: Twin) -> Couple:
    real, fake = (np.asarray(cache.pixels[row]) for row in (twin.real, twin.fake))
    side = float(real.shape[0])
    return Couple(real, fake, (side / 2, side / 2), side, twin.aligned, _RISE)


def pool_couple(pool: Pool, row: int, *, closer: bool = False) -> Couple:
    """A self-made couple, of which a crop of margin 1 shows as much of the face as a DFDC crop does.
    ``closer``: nothing else is left of its pictures either."""
    face, real, fake = pool.face(row), pool.real[row], pool.fake[row]
    if not closer:
        return Couple(real, fake, face.centre, face.size * TIGHT, aligned=True)
    real, fake = tight(real, face), tight(fake, face)
    side = float(real.shape[0])
    return Couple(real, fake, (side / 2, side / 2), side, aligned=True)


def batches(cache: CropCache, twins: list[Twin], pool: Pool, plan: TwinPlan, epoch: int) -> Iterator[TwinBatch]:
    """``plan.steps`` batches, decided by ``(seed, epoch)`` alone. Couples alternate: real, fake, real, fake."""
    rng = np.random.default_rng((plan.seed, epoch))
    own = round(plan.couples * plan.pooled)
    grid = plan.view.size // STRIDE
    for _ in range(plan.steps):
        crops: list[Image] = []
        labels: list[float] = []
        places: list[NDArray[np.float32]] = []
        for number in range(plan.couples):
            if number < own:
                row = int(rng.integers(len(pool.groups)))
                couple = pool_couple(pool, row, closer=plan.tight > 0 and rng.random() < plan.tight)
            else:
                couple = twin_couple(cache, twins[int(rng.integers(len(twins)))])
            views = views_of(couple, plan.view, rng)
            crops += [views.real, views.fake]
            labels += [0.0, views.label]
            places += [np.zeros((grid, grid), np.float32), views.places]
        order = rng.permutation(plan.couples)
        rows = np.stack([2 * order, 2 * order + 1], axis=1).ravel()
        yield TwinBatch(np.stack(crops)[rows], np.array(labels, np.float32)[rows], np.stack(places)[rows])


def labelled_crops(
    shop: Workshop, split: str, size: int, margin: float, limit: int | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Crops of ``split`` as the live crop function gives them, and their labels."""
    cache, rows = shop.labelled(split)
    chosen = rows[:limit]
    views = [mirrored_view(np.asarray(cache.pixels[row]), size, margin * TIGHT) for row, _ in chosen]
    return np.stack(views), np.asarray([record.fake for _, record in chosen], np.float32)


def learn(shop: Workshop, plan: TwinPlan, run: Path, *, workers: int = 2, log: Callable[[str], None] = print) -> None:
    """Train into ``run``, the epochs chosen on DFDC val; what is shipped of it is ``run/plain.pt``."""
    torch.manual_seed(plan.seed)
    plain = starting_network(plan.start, shop.material, plan.dropout)
    cache, records = shop.labelled("train")
    twins = find_twins(cache, records)
    log(f"{len(twins)} twins, {sum(twin.aligned for twin in twins)} of them aligned")
    pool = shop.pool(plan.pool)
    sample, _ = labelled_crops(shop, "train", plan.view.size, plan.view.margin, 256)
    model = LocatingNetwork(plain, to_network(sample))
    schedule = Plan(plan.epochs, plan.steps, plan.rate, average=plan.average)
    trainer = TwinTrainer(model, schedule, run, log, workers=workers)
    trainer.local, trainer.settled, trainer.taught = plan.local, plan.settled, plan.taught
    if plan.teachers:
        trainer.teachers = Teachers(plan.teachers, plan.view.margin, shop.material)
    trainer.resume()
    validation = labelled_crops(shop, "val", plan.view.size, plan.view.margin)
    trainer.fit(lambda epoch: prefetched(lambda: batches(cache, twins, pool, plan, epoch)), validation)
    finish(trainer, validation, coded_sample(cache, twins, pool, plan), log)


def coded_sample(cache: CropCache, twins: list[Twin], pool: Pool, plan: TwinPlan) -> NDArray[np.uint8]:
    """Whole faces, coded as calls do, of both kinds of couples: what the batch norms are recalibrated on."""
    view = dataclasses.replace(plan.view, zoomed=0.0, covered=0.0, mixed=0.0, partly=0.0)
    plain = dataclasses.replace(plan, view=view, steps=SAMPLE_BATCHES)
    return np.concatenate([batch.crops for batch in batches(cache, twins, pool, plain, plan.epochs)])


def finish(
    trainer: TwinTrainer,
    validation: tuple[NDArray[np.uint8], NDArray[np.float32]],
    sample: NDArray[np.uint8],
    log: Callable[[str], None],
) -> None:
    """Mix the epochs of the second half, give the mixture its batch statistics, and fold it into ``run/plain.pt``."""
    model = trainer.model
    assert isinstance(model, LocatingNetwork)

    def take(state: State) -> None:
        model.load_state_dict(state)
        recalibrate(model, to_network(sample))

    def judge(state: State) -> float:
        take(state)
        return trainer.judged(model, validation)

    late = sorted(trainer.run.glob("epoch-*.pt"))[trainer.plan.epochs // 2 :]
    state, score, members = best_soup(late, judge, log)
    take(state)
    torch.save(model.folded().state_dict(), trainer.run / "plain.pt")
    facts = {"epochs": [member.stem for member in members], "validation_auroc_bfloat16": score}
    (trainer.run / "soup.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
