"""The loop: it learns, stops, unfreezes, keeps its best, and continues a killed run to the last bit."""

from __future__ import annotations

import csv
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch (the train extra)")

from unmask.training.run.batches import Batches, ClipBatch  # noqa: E402
from unmask.training.run.data import RunData, Sample, load_run_data  # noqa: E402
from unmask.training.run.folder import RunError, RunFolder  # noqa: E402
from unmask.training.run.session import RunOptions, choose_device, run_recipe  # noqa: E402
from unmask.training.zoo.recipe import Recipe, changed, parse_recipe  # noqa: E402
from unmask.training.zoo.registry import build_model, find_recipe  # noqa: E402
from unmask.training.zoo.scores import evaluate  # noqa: E402
from unmask.training.zoo.train import Trainer  # noqa: E402
from unmask.training.zoo.weights import load_trained  # noqa: E402

CPU = torch.device("cpu")
#: Everything whose state a checkpoint has to carry: batch norm, dropout, momentum, averages, a plateau.
FULL = {
    "name": "full",
    "summary": "-",
    "input": {"height": 32, "width": 32, "frames": 3},
    "network": {"kind": "cnn", "channels": [6, 8], "batch_norm": True, "pool": True},
    "head": {"time": "lstm", "hidden": 6, "dropout": 0.4},
    "augmentation": {"views": "call", "jpeg": [10, 50]},
    "loss": {"balance": True},
    "optimiser": {"kind": "adamw", "rate": 0.01, "weight_decay": 0.01},
    "schedule": {"kind": "plateau", "patience": 1, "factor": 0.5},
    "freeze": {"train_last": 2, "stages": [{"epoch": 1, "train_last": 4, "rate": 0.005}]},
    "training": {"epochs": 3, "batch": 4, "average": 0.9},
}


def recipe(**changes: object) -> Recipe:
    return changed(parse_recipe(FULL, "full"), changes) if changes else parse_recipe(FULL, "full")


@pytest.fixture(scope="module")
def data(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> RunData:
    return load_run_data(pictures, recipe(), tmp_path_factory.mktemp("cache"), log=lambda line: None)


def trainer(of: Recipe, batches: Batches, run: Path, **options: int) -> Trainer:
    torch.manual_seed(of.training.seed)
    model = build_model(of, batches.data.classes)
    return Trainer(model, of, batches, RunFolder(run), CPU, lambda line: None, **options)


class Killed(Batches):
    """Breaks off before batch ``step`` of ``epoch``."""

    when: tuple[int, int] = (0, 0)

    def _train(self, epoch: int, start: int) -> Iterator[ClipBatch]:
        for number, batch in enumerate(super()._train(epoch, start), start):
            if (epoch, number) == self.when:
                raise KeyboardInterrupt
            yield batch


def state(of: Trainer) -> list[torch.Tensor]:
    assert of.averaged is not None
    optimiser = [value for entry in of.optimiser.state.values() for value in entry.values()]
    return [*of.model.state_dict().values(), *of.averaged.state_dict().values(), *optimiser]


@pytest.mark.parametrize("when", [(0, 5), (1, 0), (1, 7), (2, 9)], ids=str)
def test_a_killed_run_ends_with_the_bits_of_an_unbroken_one(
    when: tuple[int, int], data: RunData, tmp_path: Path
) -> None:
    of = recipe()
    unbroken = trainer(of, Batches(data, of), tmp_path / "a", checkpoint_every=2)
    unbroken.fit()
    assert unbroken.batches.steps == 10
    killed = Killed(data, of)
    killed.when = when
    with pytest.raises(KeyboardInterrupt):
        trainer(of, killed, tmp_path / "b", checkpoint_every=2).fit()
    torch.manual_seed(12345)  # another process begins with other random numbers
    resumed = trainer(of, Batches(data, of), tmp_path / "b", checkpoint_every=2)
    torch.manual_seed(54321)
    assert resumed.resume()
    assert (resumed.epoch, resumed.in_epoch) == (when[0], when[1] - when[1] % 2)
    resumed.fit()
    for one, other in zip(state(unbroken), state(resumed), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    assert resumed.history == unbroken.history
    best = [torch.load(tmp_path / run / "best.pt", weights_only=True) for run in ("a", "b")]
    assert best[0]["epoch"] == best[1]["epoch"]
    torch.testing.assert_close(best[0]["model"], best[1]["model"], rtol=0, atol=0)


def test_two_runs_of_one_seed_are_equal_and_of_two_seeds_are_not(data: RunData, tmp_path: Path) -> None:
    histories = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        of = recipe(**{"training.epochs": 1, "training.seed": seed})
        one = trainer(of, Batches(data, of), tmp_path / name)
        one.fit()
        histories.append(one.history)
    assert histories[0] == histories[1] != histories[2]


def test_a_finished_run_stays_as_it_is(data: RunData, tmp_path: Path) -> None:
    of = recipe(**{"training.epochs": 1})
    trainer(of, Batches(data, of), tmp_path).fit()
    again = trainer(of, Batches(data, of), tmp_path)
    assert again.resume()
    before = (tmp_path / "last.pt").read_bytes()
    again.fit()
    assert (tmp_path / "last.pt").read_bytes() == before


def test_early_stopping_and_the_plan_of_unfreezing(data: RunData, tmp_path: Path) -> None:
    """At a rate of almost nothing the validation does not get better; each phase brings new patience."""
    stages = [{"epoch": 2, "train_last": 4, "rate": 1e-12}]
    of = recipe(**{"optimiser.rate": 1e-12, "freeze.stages": stages, "training.epochs": 20, "training.early_stop": 2})
    lines: list[str] = []
    torch.manual_seed(0)
    one = Trainer(build_model(of), of, Batches(data, of), RunFolder(tmp_path), CPU, lines.append)
    one.fit()
    assert len(one.history) < 20
    assert one.epoch >= 4
    assert any("the last 2 layers" in line for line in lines)
    assert any("the last 4 layers" in line for line in lines)
    assert any("the run ends here" in line for line in lines)


def test_frozen_layers_do_not_move(data: RunData, tmp_path: Path) -> None:
    of = recipe(**{"freeze": {"train_last": 2, "stages": []}, "training.epochs": 1, "optimiser.weight_decay": 0.5})
    one = trainer(of, Batches(data, of), tmp_path)
    before = {name: value.clone() for name, value in one.model.state_dict().items()}
    one.fit()
    after = one.model.state_dict()
    for name in ("layers.0.weight", "layers.1.weight", "layers.1.running_mean"):
        assert torch.equal(before[f"backbone.{name}"], after[f"backbone.{name}"])
    assert not torch.equal(before["backbone.layers.4.weight"], after["backbone.layers.4.weight"])


def test_a_loss_that_explodes_ends_the_run_with_a_sentence(data: RunData, tmp_path: Path) -> None:
    of = recipe(**{"optimiser.kind": "sgd", "optimiser.rate": 1e30, "optimiser.clip": None, "freeze.stages": []})
    with pytest.raises(RunError, match="lower the recipe's learning rate"):
        trainer(of, Batches(data, of), tmp_path).fit()


def test_the_score_of_frames_leaves_out_missing_ones(data: RunData) -> None:
    of = recipe()
    model = build_model(of)
    crops = np.zeros((2, 3, 32, 32, 3), np.uint8)
    crops[0, :1], crops[1, :2] = 200, 90
    mask = np.array([[1, 0, 0], [1, 1, 0]], np.float32)
    batch = ClipBatch(crops, mask, np.array([1, 0]))
    scores = evaluate(model, [batch], lambda outputs, labels: outputs.mean(), CPU)
    assert scores.frame_auroc in (0.0, 1.0)
    assert sum(map(sum, scores.confusion)) == 2


def test_it_learns_what_can_be_learnt(pictures: Path, tmp_path: Path) -> None:
    """Four tints, told apart; the run folder holds what a person wants to see."""
    content = {
        "name": "tints", "summary": "-", "classes": "manipulation", "input": {"height": 32, "width": 32},
        "network": {"kind": "cnn", "channels": [8], "pool": True}, "augmentation": {"views": "mirror"},
        "loss": {"kind": "cross-entropy"}, "optimiser": {"rate": 0.03},
        "training": {"epochs": 4, "batch": 8, "amp": True},
    }  # fmt: skip
    of = parse_recipe(content, "tints")
    lines: list[str] = []
    result = run_recipe(of, RunOptions(pictures, tmp_path / "run"), lines.append)
    assert result.best_auroc > 0.9
    assert result.history[-1]["loss"] < result.history[0]["loss"]
    assert any("half precision is for CUDA" in line for line in lines)
    run = tmp_path / "run"
    config = json.loads((run / "config.json").read_text())
    assert config["classes"] == ["real", "alpha", "beta", "gamma"]
    with (run / "history.csv").open() as file:
        assert [float(row["loss"]) for row in csv.DictReader(file)] == [row["loss"] for row in result.history]
    matrix = json.loads((run / "confusion.json").read_text())["matrix"]
    assert sum(map(sum, matrix)) == 50
    assert np.trace(np.array(matrix)) > 30
    assert not list(run.glob("*.part"))
    model, _ = load_trained(result.best)
    assert model.classes == ("real", "alpha", "beta", "gamma")
    # The same folder again: nothing is left to do. Other settings: refused, by name.
    assert run_recipe(of, RunOptions(pictures, run), lines.append).history == result.history
    with pytest.raises(RunError, match=r"another recipe\.optimiser\.rate"):
        run_recipe(changed(of, {"optimiser.rate": 0.1}), RunOptions(pictures, run), lines.append)


def test_without_tensorboard_and_matplotlib_a_run_says_so_and_goes_on(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    hidden = ("tensorboard", "matplotlib")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name in hidden else find(name, *rest))
    of = changed(find_recipe("feed-forward-sgd"), {"training.epochs": 2})
    lines: list[str] = []
    run_recipe(of, RunOptions(pictures, tmp_path / "run", subset=16), lines.append)
    assert sum("history.csv only" in line for line in lines) == 1
    assert sum("curves.png and confusion.png are left out" in line for line in lines) == 1
    assert (tmp_path / "run" / "best.pt").is_file()
    assert not (tmp_path / "run" / "curves.png").exists()


def test_tensorboard_gets_a_row_per_epoch(pictures: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs tensorboard")
    of = changed(find_recipe("feed-forward-sgd"), {"training.epochs": 1})
    run_recipe(of, RunOptions(pictures, tmp_path / "run", subset=16), lambda line: None)
    written = list((tmp_path / "run" / "tensorboard").iterdir())
    assert sum(path.stat().st_size for path in written) > 200


def test_cuda_is_not_replaced_by_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    from unmask.engines.errors import UsageError

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == CPU
    with pytest.raises(UsageError, match="no CUDA device"):
        choose_device("cuda")


@pytest.mark.gpu
def test_half_precision_trains_and_resumes_on_cuda(data: RunData, tmp_path: Path) -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs an NVIDIA GPU")
    of = recipe(**{"training.amp": True, "training.epochs": 1})
    cuda = torch.device("cuda")
    one = Trainer(build_model(of), of, Batches(data, of), RunFolder(tmp_path), cuda, lambda line: None)
    one.fit()
    again = Trainer(build_model(of), of, Batches(data, of), RunFolder(tmp_path), cuda, lambda line: None)
    assert again.resume()
    assert again.history == one.history


def test_a_batch_is_never_larger_than_the_data() -> None:
    pixels = np.zeros((2, 224, 224, 3), np.uint8)
    train = (Sample(("a",), 0, "x"), Sample(("b",), 1, "y"))
    tiny = RunData(("real", "fake"), pixels, {"a": 0, "b": 1}, train, train, "-")
    assert [len(batch.labels) for batch in Batches(tiny, recipe()).train(0)] == [2]
