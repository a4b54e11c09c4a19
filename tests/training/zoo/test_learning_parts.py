"""Losses, optimisers, schedules, patience, and which layers learn."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs torch (the train extra)")

from torch import nn  # noqa: E402

from unmask.training.zoo.freezing import layers, phase_of, phases, set_trainable, to_training  # noqa: E402
from unmask.training.zoo.losses import class_weights, make_loss  # noqa: E402
from unmask.training.zoo.optimisers import Patience, Rates, make_optimiser  # noqa: E402
from unmask.training.zoo.recipe import Loss, Optimiser, Schedule, changed  # noqa: E402
from unmask.training.zoo.registry import build_model, find_recipe  # noqa: E402


def test_plain_loss_is_the_usual_one() -> None:
    outputs, labels = torch.tensor([[2.0], [-1.0]]), torch.tensor([1, 0])
    expected = nn.functional.binary_cross_entropy(torch.sigmoid(outputs[:, 0]), labels.float())
    assert make_loss(Loss())(outputs, labels).item() == pytest.approx(expected.item())


def test_smoothing_moves_the_target() -> None:
    loss = make_loss(Loss(smoothing=0.1))
    logits = torch.linspace(-6, 6, 2401)
    values = [loss(logit.view(1, 1), torch.tensor([1])).item() for logit in logits]
    best = logits[values.index(min(values))].item()
    assert 1 / (1 + math.exp(-best)) == pytest.approx(0.95, abs=1e-3)


def test_focal_loss_by_hand() -> None:
    spec = Loss(kind="focal", alpha=0.25, gamma=2.0)
    p = 1 / (1 + math.exp(-0.4))
    fake = make_loss(spec)(torch.tensor([[0.4]]), torch.tensor([1])).item()
    real = make_loss(spec)(torch.tensor([[0.4]]), torch.tensor([0])).item()
    assert fake == pytest.approx(-0.25 * (1 - p) ** 2 * math.log(p), rel=1e-5)
    assert real == pytest.approx(-0.75 * p**2 * math.log(1 - p), rel=1e-5)


def test_focal_loss_of_two_logits_is_that_of_their_difference() -> None:
    loss = make_loss(Loss(kind="focal"))
    two, one = torch.tensor([[0.3, 1.1], [0.2, -0.5]]), torch.tensor([[0.8], [-0.7]])
    labels = torch.tensor([1, 0])
    assert loss(two, labels).item() == pytest.approx(loss(one, labels).item(), rel=1e-5)


def test_rare_classes_weigh_more() -> None:
    weights = class_weights([0, 0, 0, 1], 2)
    torch.testing.assert_close(weights, torch.tensor([4 / 6, 2.0]))
    outputs, labels = torch.zeros(4, 3), torch.tensor([0, 0, 0, 1])
    loss = make_loss(Loss(kind="cross-entropy"), torch.tensor([4 / 6, 2.0, 9.0]))
    assert loss(outputs, labels).item() == pytest.approx(math.log(3), rel=1e-5)
    with pytest.raises(ValueError, match="Class 1 has no examples"):
        class_weights([0, 2], 3)


@pytest.mark.parametrize("kind", ["adamw", "adam", "sgd", "adagrad"])
def test_every_optimiser_goes_downhill(kind: str) -> None:
    point = nn.Parameter(torch.tensor([3.0]))
    optimiser = make_optimiser(Optimiser(kind=kind, rate=0.1), [point])  # type: ignore[arg-type]
    for _ in range(50):
        optimiser.zero_grad()
        (point**2).sum().backward()
        optimiser.step()
    assert abs(point.item()) < 2.0


def test_rates_warm_up_and_follow_their_schedule() -> None:
    cosine = Rates(Schedule(kind="cosine", warm_up=10), 1.0, epochs=4, steps_per_epoch=25)
    values = [cosine.at(step) for step in range(100)]
    assert values[:10] == pytest.approx([(n + 1) / 10 for n in range(10)])
    assert values[10:] == sorted(values[10:], reverse=True)
    assert values[-1] == pytest.approx(0.01, abs=0.005)
    step = Rates(Schedule(kind="step", every=2, factor=0.5), 1.0, epochs=6, steps_per_epoch=10)
    assert [step.at(epoch * 10) for epoch in range(6)] == [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    constant = Rates(Schedule(kind="constant"), 0.3, epochs=6, steps_per_epoch=10)
    assert constant.at(59) == 0.3


def test_a_plateau_lowers_the_rate_and_survives_a_restart() -> None:
    spec = Schedule(kind="plateau", patience=2, factor=0.1)
    rates = Rates(spec, 1.0, epochs=10, steps_per_epoch=1)
    seen = []
    for loss in (1.0, 0.9, 0.95, 0.95, 0.95, 0.95):
        rates.end_epoch(loss)
        seen.append(rates.at(0))
    assert seen == pytest.approx([1.0, 1.0, 1.0, 0.1, 0.1, 0.01])
    again = Rates(spec, 7.0, epochs=10, steps_per_epoch=1)
    again.restore(rates.state())
    assert again.at(0) == rates.at(0)
    again.restart(2.0)
    assert again.at(0) == 2.0


def test_patience_counts_and_takes_no_nan() -> None:
    patience = Patience(higher=True)
    assert [patience.see(value) for value in (math.nan, 0.5, 0.5, 0.6)] == [False, True, False, True]
    assert patience.waited == 0
    patience.see(0.1)
    other = Patience(higher=True)
    other.restore(patience.state())
    assert (other.best, other.waited) == (0.6, 1)


def test_the_last_layers_learn_and_whatever_is_behind_the_backbone() -> None:
    model = build_model(find_recipe("cnn-batch-norm"))
    names = [type(layer).__name__ for layer in layers(model.backbone)]
    assert names == ["Conv2d", "BatchNorm2d"] * 3
    set_trainable(model, 2)
    learning = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert learning == {
        "backbone.layers.8.weight", "backbone.layers.9.weight", "backbone.layers.9.bias",
        "classifier.weight", "classifier.bias",
    }  # fmt: skip
    set_trainable(model, None)
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_a_frozen_batch_norm_keeps_its_statistics() -> None:
    model = build_model(find_recipe("cnn-batch-norm"))
    set_trainable(model, 2)
    to_training(model)
    norms = [part for part in layers(model.backbone) if isinstance(part, nn.BatchNorm2d)]
    assert [norm.training for norm in norms] == [False, False, True]


def test_the_plan_of_a_gradual_unfreezing() -> None:
    plan = phases(find_recipe("resnet50-dense"))
    assert [(phase.epoch, phase.train_last) for phase in plan] == [(0, 0), (5, 20), (10, 60)]
    assert [phase_of(plan, epoch).rate for epoch in (0, 4, 5, 9, 10, 29)] == [
        1e-3,
        1e-3,
        1e-5,
        1e-5,
        1e-5,
        1e-5,
    ]
    whole = changed(find_recipe("cnn"), {"freeze.stages": [{"epoch": 0, "train_last": 1, "rate": 0.1}]})
    assert [(phase.epoch, phase.train_last) for phase in phases(whole)] == [(0, 1)]


def test_xceptions_last_18_layers_are_its_exit() -> None:
    pytest.importorskip("timm", reason="needs timm (the train extra)")
    model = build_model(find_recipe("xception-last18"))
    set_trainable(model, 18)
    learning = [name for name, parameter in model.backbone.named_parameters() if parameter.requires_grad]
    assert all(
        name.startswith(("net.block12.", "net.conv3", "net.conv4", "net.bn3", "net.bn4", "net.block11."))
        for name in learning
    )
    assert any(name.startswith("net.block12.") for name in learning)


def test_the_smoke_table_shows_what_a_batch_by_heart_costs(tmp_path: Path) -> None:
    from unmask.training.zoo.smoke import main

    assert main(["feed-forward-sgd", "attribution-cnn", "--most", "2", "--out", str(tmp_path / "S.md")]) == 0
    rows = [line.split(" | ") for line in (tmp_path / "S.md").read_text().splitlines() if line.startswith("| ")]
    assert [row[0] for row in rows[1:]] == ["| feed-forward-sgd", "| attribution-cnn"]
    assert rows[1][1:6] == ["64 x 64", "2 x 1", "1.57", "1.57", "2"]
    assert float(rows[1][7]) > float(rows[1][8].rstrip(" |"))
