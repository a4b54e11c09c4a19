"""Batch norm goes in and out without changing what is computed, and twins are learnt from, also after a stop."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coarse_crops import coarse_crops as crops

torch = pytest.importorskip("torch", reason="needs torch (the train extra)")

from unmask.training.data.cache import CropCache  # noqa: E402
from unmask.training.experiments.pool import Pool  # noqa: E402
from unmask.training.loop import Plan, logits_of, to_network  # noqa: E402
from unmask.training.models.mobilenet_v2 import MobileNetV2  # noqa: E402
from unmask.training.twins import mix  # noqa: E402
from unmask.training.twins.__main__ import main  # noqa: E402
from unmask.training.twins.learn import (  # noqa: E402
    TwinBatch,
    TwinPlan,
    TwinTrainer,
    batches,
    finish,
    pool_couple,
    quick_logits,
)  # fmt: skip
from unmask.training.twins.network import LocatingNetwork, recalibrate  # noqa: E402
from unmask.training.twins.pairs import Twin  # noqa: E402
from unmask.training.twins.views import ViewPlan, views_of  # noqa: E402

PLAN = TwinPlan(ViewPlan(64, line=0.0), None, couples=4, pooled=0.25, steps=2, epochs=2)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(3)


def lively() -> MobileNetV2:
    """A network whose logits differ between crops, as a trained one's do."""
    network = MobileNetV2().eval()
    for convolution in network.convolutions():
        torch.nn.init.kaiming_normal_(convolution.weight)
    with torch.no_grad():
        network.classifier.weight.normal_(std=1.0)
    return network


def test_batch_norm_in_and_out_computes_the_same() -> None:
    network = lively()
    before = logits_of(network, crops(12))
    locating = LocatingNetwork(network, to_network(crops(12)))
    within = logits_of(locating, crops(12))
    after = logits_of(locating.folded(), crops(12))
    assert np.ptp(before) > 1e-3
    assert np.abs(within - before).max() < 0.02 * np.ptp(before)
    assert np.abs(after - within).max() < 0.02 * np.ptp(before)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in locating.folded().modules())


def test_folding_takes_what_was_learnt_with_it() -> None:
    locating = LocatingNetwork(lively(), to_network(crops(8)))
    locating.train()
    rate = torch.optim.SGD(locating.parameters(), 0.05)
    for _ in range(3):
        _, logits, local = locating(to_network(crops(8)))
        (logits.mean() + local.mean()).backward()
        rate.step()
    own, folded = logits_of(locating, crops(8)), logits_of(locating.folded(), crops(8))
    assert np.abs(folded - own).max() < 1e-3 * max(1.0, np.abs(own).max())


def test_local_logits_come_in_training_only() -> None:
    locating = LocatingNetwork(lively(), to_network(crops(4)))
    assert [tuple(part.shape) for part in locating.train()(to_network(crops(4)))] == [(4, 1280), (4,), (4, 4, 4)]
    assert [tuple(part.shape) for part in locating.eval()(to_network(crops(4)))] == [(4, 1280), (4,)]


def material() -> tuple[CropCache, list[Twin], Pool]:
    pixels = crops(6, 96)
    for row in (1, 3, 5):
        pixels[row] = pixels[row - 1]
        pixels[row, 30:60, 30:60] //= 3
    twins = [Twin(row, row + 1, row != 4) for row in (0, 2, 4)]
    boxes = np.tile(np.array([20, 20, 70, 70], np.float32), (3, 1))
    names = ("a", "b", "c")
    return CropCache(pixels, tuple("abcdef")), twins, Pool(pixels[::2], pixels[1::2], boxes, names, names)


def test_batches_alternate_real_and_fake_and_repeat() -> None:
    cache, twins, pool = material()
    first, again = (list(batches(cache, twins, pool, PLAN, 0)) for _ in range(2))
    assert len(first) == 2
    for one, other in zip(first, again, strict=True):
        assert one.crops.shape == (8, 64, 64, 3)
        assert one.labels[0::2].max() == 0
        assert one.labels[1::2].min() >= 0.2
        assert np.array_equal(one.crops, other.crops)
        assert one.places[0::2].max() == 0
        assert np.nanmax(one.places[1::2]) > 0.5
    following = next(batches(cache, twins, pool, PLAN, 1))
    assert not np.array_equal(following.crops, first[0].crops)


def test_a_closer_couple_shows_the_same_face_and_nothing_round_it() -> None:
    _, _, pool = material()
    wide, close = pool_couple(pool, 0), pool_couple(pool, 0, closer=True)
    plain = dataclasses.replace(PLAN.view, zoomed=0.0, covered=0.0, mixed=0.0, partly=0.0, light=0.0)
    for margin, same in ((0.8, True), (1.8, False)):
        view = dataclasses.replace(plain, margin=margin)
        seen = [views_of(couple, view, np.random.default_rng(6)).fake.astype(float) for couple in (wide, close)]
        assert bool(np.abs(seen[0] - seen[1]).mean() < 6.0) is same


def train(run: Path, epochs: int, log: list[str]) -> TwinTrainer:
    cache, twins, pool = material()
    torch.manual_seed(5)
    model = LocatingNetwork(lively(), to_network(crops(8)))
    plan = Plan(epochs, PLAN.steps, 1e-3)
    trainer = TwinTrainer(model, plan, run, log.append, workers=1)
    trainer.resume()
    validation = crops(8), np.array([0, 1] * 4, np.float32)
    trainer.fit(lambda epoch: batches(cache, twins, pool, PLAN, epoch), validation)
    return trainer


def test_a_run_learns_keeps_its_best_and_goes_on_after_a_stop(tmp_path: Path) -> None:
    log: list[str] = []
    first = train(tmp_path, 1, log)
    assert (tmp_path / "best.pt").is_file()
    second = train(tmp_path, 2, log)
    assert second.epoch == 2
    assert second.step == 2 * first.step
    assert len(json.loads((tmp_path / "history.json").read_text())["history"]) == 2
    buffers = zip(first.averaged.buffers(), second.averaged.buffers(), strict=True)
    drift = [float((one - other).abs().max()) for one, other in buffers]
    assert max(drift) > 0  # the averaged network follows the statistics too


def test_a_finished_run_is_one_plain_network_of_its_best_epochs(tmp_path: Path) -> None:
    log: list[str] = []
    trainer = train(tmp_path, 2, log)
    validation = crops(8), np.array([0, 1] * 4, np.float32)
    finish(trainer, validation, crops(64), log.append)
    facts = json.loads((tmp_path / "soup.json").read_text())
    assert facts["epochs"] == ["epoch-02"]  # those of the first half are not offered
    plain = MobileNetV2()
    plain.load_state_dict(torch.load(tmp_path / "plain.pt", weights_only=True))
    assert isinstance(trainer.model, LocatingNetwork)
    own = logits_of(trainer.model, crops(8))
    assert np.abs(logits_of(plain, crops(8)) - own).max() < 1e-3 * max(1.0, np.abs(own).max())
    assert facts["validation_auroc_bfloat16"] == trainer.judged(trainer.model, validation)


def test_settled_norms_keep_their_statistics(tmp_path: Path) -> None:
    for settled in (False, True):
        model = LocatingNetwork(lively(), to_network(crops(4)))
        trainer = TwinTrainer(model, Plan(1, 1), tmp_path)
        trainer.settled = settled
        before = [buffer.clone() for buffer in model.buffers() if buffer.is_floating_point()]
        batch = TwinBatch(crops(4), np.ones(4, np.float32), np.zeros((4, 4, 4), np.float32))
        trainer._backward(model, batch, np.arange(4))
        after = [buffer for buffer in model.buffers() if buffer.is_floating_point()]
        assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True)) is settled


def test_recalibrated_norms_have_the_statistics_of_the_crops() -> None:
    model = LocatingNetwork(lively(), to_network(crops(4)))
    recalibrate(model, to_network(crops(64)), batch=32)
    norm = next(module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d))
    seen: list[Any] = []
    hook = norm.register_forward_hook(lambda _module, inputs, _output: seen.append(inputs[0]))
    with torch.no_grad():
        model(to_network(crops(64)))
    hook.remove()
    assert torch.allclose(norm.running_mean, seen[0].mean(dim=(0, 2, 3)), atol=0.02 * float(seen[0].std()))
    assert not norm.training


def test_unknown_places_are_not_learnt_from(tmp_path: Path) -> None:
    known = np.zeros((4, 4, 4), np.float32)
    for places, learns in ((known, True), (np.full_like(known, np.nan), False)):
        model = LocatingNetwork(lively(), to_network(crops(4)))
        trainer = TwinTrainer(model, Plan(1, 1), tmp_path)
        batch = TwinBatch(crops(4), np.array([0, 1, 0, 1], np.float32), places)
        trainer._backward(model, batch, np.arange(4))
        assert model.local.weight.grad is not None
        assert (float(model.local.weight.grad.abs().max()) > 0) is learns


def test_quick_logits_are_those_of_the_loop_but_for_rounding() -> None:
    network = lively()
    slow, quick = logits_of(network, crops(10)), quick_logits(network, crops(10), batch=3)
    assert np.corrcoef(slow, quick)[0, 1] > 0.9


def test_a_start_that_is_missing_is_said_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = ["--material", str(tmp_path), "--work", str(tmp_path), "--crops", str(tmp_path)]
    assert main(["run", *folders, "--start", str(tmp_path / "gone.pt")]) == 2
    said = capsys.readouterr().err
    assert said == f"error: There is no checkpoint at {tmp_path / 'gone.pt'}: give a run's plain.pt or best.pt.\n"
    assert not (tmp_path / "run").exists()


def test_a_network_mixed_with_itself_computes_much_the_same() -> None:
    network, shown = lively(), crops(64)
    mixture = mix.mixed([network, network], to_network(shown))
    assert np.corrcoef(logits_of(network, shown), logits_of(mixture, shown))[0, 1] > 0.95


def test_a_mixture_has_the_mean_of_the_weights() -> None:
    networks = [lively(), lively()]
    mixture = mix.mixed(networks, to_network(crops(64)))
    middle = (networks[0].classifier.weight + networks[1].classifier.weight) / 2
    assert torch.allclose(mixture.classifier.weight, middle)


def test_what_cannot_be_mixed_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = ["--material", str(tmp_path), "--work", str(tmp_path), "--crops", str(tmp_path)]
    assert mix.main(["mixture", "gone", "too", *folders]) == 2
    assert f"There is no checkpoint at {tmp_path / 'gone' / 'plain.pt'}" in capsys.readouterr().err
    (tmp_path / "lone").mkdir()
    torch.save(lively().state_dict(), tmp_path / "lone" / "plain.pt")
    assert mix.main(["mixture", "lone", *folders]) == 2
    assert "two runs at least" in capsys.readouterr().err
    assert not (tmp_path / "mixture").exists()
