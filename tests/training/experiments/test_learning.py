"""The comparator, the linear logit and the fine-tuning, in miniature."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch (the train extra)")

from unmask.training.data.batches import Batch  # noqa: E402
from unmask.training.experiments import probe, report  # noqa: E402
from unmask.training.experiments.__main__ import main  # noqa: E402
from unmask.training.experiments.comparator import EMBEDDING, Comparator  # noqa: E402
from unmask.training.experiments.embeddings import Embedded  # noqa: E402
from unmask.training.experiments.finetune import ThriftyTrainer  # noqa: E402
from unmask.training.loop import Plan  # noqa: E402
from unmask.training.models.mobilenet_v2 import MobileNetV2  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def embedded(count: int, seed: int, signal: float) -> Embedded:
    rng = np.random.default_rng(seed)
    fake = rng.random(count) < 0.3
    vectors = rng.normal(5, 3, (count, 6)).astype(np.float32)
    vectors[:, 2] += signal * fake
    groups = np.asarray([f"g{i % 10}" for i in range(count)])
    return Embedded(vectors, fake, groups, groups)


def test_the_linear_logit_finds_the_signal_and_carries_over() -> None:
    weight, bias = probe.fit([embedded(400, 0, 8.0), embedded(300, 1, 8.0)], 0.003)
    assert np.argmax(np.abs(weight)) == 2
    fresh = embedded(400, 2, 8.0)
    values = probe.scores({"fresh": fresh}, weight, bias)["fresh"]
    assert np.mean((values > 0) == fresh.fake) > 0.85
    small, _ = probe.fit([embedded(400, 0, 8.0)], 10.0)
    assert np.abs(small).max() < np.abs(weight).max() / 3


def test_every_part_and_class_weighs_the_same() -> None:
    parts = [embedded(400, 0, 1.0), embedded(40, 1, 1.0)]
    weights = probe.balanced(parts)
    assert weights.mean() == pytest.approx(1)
    assert weights[:400].sum() == pytest.approx(weights[400:].sum())
    assert weights[400:][parts[1].fake].sum() == pytest.approx(weights[400:][~parts[1].fake].sum())


def test_reports_know_clips_and_leave_training_out() -> None:
    sets = {
        "train pool": embedded(40, 0, 9.0),
        "DFDC val": embedded(200, 1, 9.0),
        "clips call": embedded(200, 2, 9.0),
    }
    values = probe.scores(sets, *probe.fit([sets["train pool"]], 0.01))
    rows = report.auroc_rows(sets, values)
    assert set(rows) == {"DFDC val", "clips call", "clips call, per clip"}
    assert rows["clips call, per clip"].value >= rows["clips call"].value > 0.8
    assert 0 <= report.genuine_level(sets, values) < 0.3


def test_the_comparator_sees_where_a_change_is() -> None:
    torch.manual_seed(0)
    model = Comparator(MobileNetV2(), 64, 1.3).eval()
    plain = torch.randint(100, 110, (1, 3, 64, 64), dtype=torch.uint8)
    inner, outer = plain.clone(), plain.clone()
    inner[:, :, 28:36, 28:36] = torch.randint(0, 255, (1, 3, 8, 8), dtype=torch.uint8)
    outer[:, :, :8, :8] = inner[:, :, 28:36, 28:36]
    with torch.inference_mode():
        base, first, second = (model(crop)[0][0] for crop in (plain, inner, outer))
    assert base.shape == (EMBEDDING,)
    # The first twelve numbers are high-pass energies of the face, the next twelve of its surroundings.
    assert (first[:12] > base[:12] + 1).all()
    assert torch.allclose(first[12:24], base[12:24], atol=1e-4)
    assert (second[12:24] > base[12:24] + 1).all()
    assert torch.allclose(second[:12], base[:12], atol=1e-4)


def test_frozen_blocks_stay_and_the_rest_learns(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = MobileNetV2()
    model.features[:4].requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    rng = np.random.default_rng(0)
    crops, labels = (
        rng.integers(0, 255, (8, 32, 32, 3), dtype=np.uint8),
        np.tile([0.0, 1.0], 4).astype(np.float32),
    )
    trainer = ThriftyTrainer(model, Plan(1, 2, 1e-3, warm_up=1), tmp_path, lambda line: None, workers=2)
    trainer.fit(lambda epoch: iter([Batch(crops, labels)] * 2), (crops, labels))
    after = model.state_dict()
    frozen, free = "features.0.1.weight", "classifier.weight"
    assert torch.equal(after[frozen], before[frozen])
    assert not torch.equal(after[free], before[free])
    assert (tmp_path / "best.pt").is_file()


def test_missing_files_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--material", str(tmp_path), "--work", str(tmp_path)]
    assert main([*asked, "pools"]) == 2
    assert capsys.readouterr().err.startswith("error: There is no ")
    assert main([*asked, "probe", "x", "--start", str(tmp_path / "none.pt")]) == 2
    assert "There is no checkpoint" in capsys.readouterr().err
