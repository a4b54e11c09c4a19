"""Teachers see a crop as they learnt to, their word counts as told, and a pupil comes nearer to them."""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import pytest
from coarse_crops import coarse_crops as crops

torch = pytest.importorskip("torch", reason="needs torch (the train extra)")

from unmask.training.data.dfdc import DataError  # noqa: E402
from unmask.training.experiments.views import TIGHT, mirrored_view  # noqa: E402
from unmask.training.loop import Plan, logits_of, to_network  # noqa: E402
from unmask.training.models.mobilenet_v2 import MobileNetV2  # noqa: E402
from unmask.training.twins.__main__ import main  # noqa: E402
from unmask.training.twins.learn import TwinBatch, TwinTrainer  # noqa: E402
from unmask.training.twins.network import LocatingNetwork  # noqa: E402
from unmask.training.twins.teachers import TeacherPlan, Teachers, as_seen  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(4)


def saved(path: Path, bias: float) -> Path:
    """A network that says ``bias`` of everything."""
    network = MobileNetV2()
    with torch.no_grad():
        network.classifier.weight.zero_()
        network.classifier.bias.fill_(bias)
    torch.save(network.state_dict(), path)
    return path


@pytest.mark.parametrize(("size", "margin"), [(160, 1.25), (160, 1.0), (192, 1.75), (128, 0.8)])
def test_a_teacher_sees_what_the_live_crop_would_have_shown_it(size: int, margin: float) -> None:
    picture = cv2.GaussianBlur(crops(1, 224)[0], (0, 0), 6)  # two ways of shrinking differ in sharp detail
    shown = mirrored_view(picture, 192, TIGHT)
    wanted = mirrored_view(picture, size, margin * TIGHT).astype(float)
    got = as_seen(to_network(shown[None]), size, margin)[0].permute(1, 2, 0).numpy()
    assert got.shape == wanted.shape
    assert np.abs(got - wanted).mean() < 3.0
    if margin != 1.0:
        assert np.abs(cv2.resize(shown, (size, size)) - wanted).mean() > 12.0


def test_a_crop_of_the_same_kind_is_left_as_it_is() -> None:
    shown = to_network(crops(2))
    assert torch.equal(as_seen(shown, 64, 1.0), shown.float())


def test_teachers_count_as_told(tmp_path: Path) -> None:
    plans = [TeacherPlan(saved(tmp_path / "a.pt", 3.0), 64, 1.0, 2.0),
             TeacherPlan(saved(tmp_path / "b.pt", -3.0), 32, 1.5, 1.0)]  # fmt: skip
    said = Teachers(plans, 1.0, tmp_path)(to_network(crops(3)))
    assert said.tolist() == pytest.approx([1.0, 1.0, 1.0])


def test_a_pupil_follows_its_teacher_against_the_labels(tmp_path: Path) -> None:
    path = saved(tmp_path / "sure.pt", 4.0)
    said = []
    for taught in (0.0, 1.0):
        torch.manual_seed(5)
        model = LocatingNetwork(MobileNetV2(), to_network(crops(8)))
        trainer = TwinTrainer(model, Plan(1, 8, 1e-3, warm_up=0), tmp_path / str(taught))
        trainer.teachers, trainer.taught = Teachers([TeacherPlan(path, 64, 1.0, 1.0)], 1.0, tmp_path), taught
        genuine = TwinBatch(crops(8), np.zeros(8, np.float32), np.zeros((8, 4, 4), np.float32))
        for _ in range(8):
            trainer._one_step(genuine)
        said.append(float(logits_of(model.eval(), crops(8)).mean()))
    assert said[0] < 0 < said[1]


@pytest.mark.parametrize("text", ["net.pt", "net.pt,160,1.0", "net.pt,x,1.0,1", "net.pt,160,1.0,0", "net.pt,0,1,1"])
def test_a_wrong_teacher_is_said_in_one_sentence(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    folders = ["--material", "m", "--work", "w", "--crops", "c"]
    with pytest.raises(SystemExit):
        main(["run", *folders, "--teacher", text])
    assert f"{text!r} is no teacher: give PATH,SIZE,MARGIN,WEIGHT" in capsys.readouterr().err


def test_a_path_may_have_commas() -> None:
    assert TeacherPlan.parse("a,b/net.pt,192,1.75,2") == TeacherPlan(Path("a,b/net.pt"), 192, 1.75, 2.0)
    with pytest.raises(argparse.ArgumentTypeError):
        TeacherPlan.parse("")


def test_a_teacher_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no checkpoint at"):
        Teachers([TeacherPlan(tmp_path / "gone.pt", 64, 1.0, 1.0)], 1.0, tmp_path)
