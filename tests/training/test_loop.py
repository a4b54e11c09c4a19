"""The loop on a network and data small enough to learn in a second."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch (the train extra)")

from torch import Tensor, nn  # noqa: E402

from unmask.training.data.batches import Batch  # noqa: E402
from unmask.training.loop import Plan, Trainer  # noqa: E402

STEPS = 12


class Tiny(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.classifier = nn.Linear(3, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        embedding = x.float().mean(dim=(2, 3)) / 127.5 - 1
        return embedding, self.classifier(embedding).squeeze(1)


def red_or_blue(count: int, seed: int) -> Batch:
    """Fakes are redder than blue."""
    rng = np.random.default_rng(seed)
    crops = rng.integers(0, 120, (count, 8, 8, 3), dtype=np.uint8)
    labels = (np.arange(count) % 2).astype(np.float32)
    crops[labels == 1, ..., 0] += 100
    crops[labels == 0, ..., 2] += 100
    return Batch(crops, labels)


def epoch(number: int) -> Iterator[Batch]:
    for step in range(STEPS):
        yield red_or_blue(10, number * 100 + step)


def trainer(run: Path, epochs: int, workers: int = 1) -> Trainer:
    plan = Plan(epochs, STEPS, learning_rate=0.05, warm_up=3, average=0.8)
    return Trainer(Tiny(), plan, run, log=lambda line: None, workers=workers)


VALIDATION = (red_or_blue(20, 999).crops, red_or_blue(20, 999).labels)


def weights(of: Trainer) -> Tensor:
    return torch.cat([p.detach().flatten() for p in (*of.model.parameters(), *of.averaged.parameters())])


def test_it_learns_and_keeps_its_best(tmp_path: Path) -> None:
    one = trainer(tmp_path, 3)
    one.fit(epoch, VALIDATION)
    assert one.best == 1.0
    assert one.history[0]["loss"] > one.history[-1]["loss"]
    best = torch.load(tmp_path / "best.pt", weights_only=True)
    assert set(best) == {"classifier.weight", "classifier.bias"}
    assert not list(tmp_path.glob("*.part"))


def test_a_resumed_run_ends_where_an_unbroken_one_does(tmp_path: Path) -> None:
    unbroken = trainer(tmp_path / "a", 3)
    unbroken.fit(epoch, VALIDATION)

    def killed(number: int) -> Iterator[Batch]:
        for step, batch in enumerate(epoch(number)):
            if number == 1 and step == 5:
                raise KeyboardInterrupt
            yield batch

    with pytest.raises(KeyboardInterrupt):
        trainer(tmp_path / "b", 3).fit(killed, VALIDATION)
    resumed = trainer(tmp_path / "b", 3)
    assert resumed.resume()
    assert resumed.epoch == 1
    resumed.fit(epoch, VALIDATION)
    torch.testing.assert_close(weights(resumed), weights(unbroken), rtol=0, atol=0)
    assert resumed.history == unbroken.history


def test_nothing_to_resume(tmp_path: Path) -> None:
    assert not trainer(tmp_path, 1).resume()


def test_two_workers_take_the_same_steps_as_one(tmp_path: Path) -> None:
    one, two = trainer(tmp_path / "a", 2), trainer(tmp_path / "b", 2, workers=2)
    one.fit(epoch, VALIDATION)
    two.fit(epoch, VALIDATION)
    torch.testing.assert_close(weights(two), weights(one), rtol=1e-4, atol=1e-5)


def test_the_rate_warms_up_and_falls() -> None:
    plan = Plan(2, 50, learning_rate=1.0, warm_up=10)
    rates = [plan.rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[-1] < 0.02
