"""Every family of the zoo the whole way, on 200 small made pictures: train, checkpoint, export, evaluate.

One recipe stands for its family, at a small picture size; `tests/training/zoo/test_recipes_run.py` takes every recipe
at its own size through two steps, and `python -m unmask.training.zoo.smoke_runs` at its own size through 200 pictures.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from labelled_crops import MadeCrop, write_crops

torch = pytest.importorskip("torch", reason="needs torch (the train extra)")
pytest.importorskip("onnxscript", reason="needs onnxscript (the train extra)")

from unmask.cli.main import main  # noqa: E402
from unmask.engines.package import load_package  # noqa: E402
from unmask.training.zoo.recipe import Recipe, Timm, changed  # noqa: E402
from unmask.training.zoo.registry import find_recipe, recipe_names  # noqa: E402
from unmask.training.zoo.weights import load_trained  # noqa: E402

#: Networks of up to 24 million weights learn and are exported here; on a busy machine that takes a while.
pytestmark = pytest.mark.timeout(600)

#: The recipe that stands for its family -> what it needs besides ``SMALL`` to learn in a few steps.
FAMILIES: dict[str, dict[str, object]] = {
    "feed-forward-sgd": {},
    "cnn-tuned": {},
    "c5-attention-2": {},
    "mobilenet-v2": {"optimiser.rate": 1e-3},
    "mobilenet-v2-lstm-16": {"optimiser.rate": 5e-3},
    "resnet18": {},
    "resnet50-dense": {},
    "resnext50-lstm-10": {"optimiser.rate": 1e-3},
    "efficientnet-b0": {"optimiser.rate": 1e-3},
    "efficientnet-b0-lstm-10": {"optimiser.rate": 1e-3},
    "efficientnet-b3-gradual": {},
    "xception-last18-focal": {"optimiser.rate": 1e-3},
    "xception-bilstm-10": {"optimiser.rate": 1e-3},
    "swin-mean-10": {"optimiser.rate": 1e-3},
    "attribution-cnn": {},
    "attribution-vit": {"optimiser.rate": 1e-3},
}
SIDE, EPOCHS, BATCH, FRAMES = 32, 2, 16, 4
TRAIN, HELD = 20, 8
METHODS = ("alpha", "beta", "gamma")


def family(name: str) -> tuple[str, str]:
    """What is built: the network, and how it looks at time."""
    recipe = find_recipe(name)
    return getattr(recipe.network, "backbone", recipe.network.kind), recipe.head.time


def test_every_recipe_has_its_family_here() -> None:
    assert {family(name) for name in recipe_names()} == {family(name) for name in FAMILIES}
    assert {find_recipe(name).classes for name in FAMILIES} == {"binary", "manipulation"}


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 pictures to learn from, of 20 people with a genuine and a fake video each; red ones are fake."""
    rng = np.random.default_rng(0)
    made: list[MadeCrop] = []
    for person in range(TRAIN + HELD):
        split = "train" if person < TRAIN else "val"
        for fake in (False, True):
            for frame in range(5):
                redness = float(np.clip((0.7 if fake else -0.7) + rng.normal(0, 0.1), -1, 1))
                made.append(
                    MadeCrop(f"p{person}-{int(fake)}-{frame}", fake, redness, f"person-{person}", split,
                             f"v{person}-{int(fake)}", METHODS[person % 3] if fake else "", float(frame))
                )  # fmt: skip
    assert sum(crop.split == "train" for crop in made) == 200
    return write_crops(tmp_path_factory.mktemp("families") / "crops", made)


def small(name: str) -> dict[str, object]:
    recipe = find_recipe(name)
    tall = recipe.input.height > recipe.input.width
    changes: dict[str, object] = {
        "training.epochs": EPOCHS,
        "training.batch": BATCH,
        "schedule.warm_up": 0,
        "input.height": SIDE + 8 if tall else SIDE,
        "input.width": SIDE,
        "input.frames": min(FRAMES, recipe.input.frames),
    }
    return changes | FAMILIES[name]


def run(*words: object) -> int:
    return main([str(word) for word in words])


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_from_pictures_to_a_measured_package(name: str, crops: Path, tmp_path: Path) -> None:
    recipe: Recipe = changed(find_recipe(name), small(name))
    if isinstance(recipe.network, Timm):
        pytest.importorskip("timm", reason="needs timm (the train extra)")
    torch.set_num_threads(1)
    folder, package, report = tmp_path / "run", tmp_path / "made", tmp_path / "report"
    settings = [word for key, value in small(name).items() for word in ("--set", f"{key}={value}")]
    assert run("train", "run", name, "--data", crops, "--out", folder, "--device", "cpu", *settings) == 0
    model, again = load_trained(folder / "best.pt")
    assert again == recipe
    history = json.loads((folder / "history.json").read_text())
    assert len(history) == EPOCHS
    assert max(row["validation_auroc"] for row in history) > 0.8, "red from blue"

    assert run("export", folder, "--out", package, "--data", crops, "--margin", 1.3, "--most", 60) == 0
    manifest = load_package(package).manifest
    assert manifest.input.size == model.side == recipe.input.side
    assert manifest.calibration.method == "platt"
    assert manifest.single_image is (recipe.head.time == "mean")

    words = ["--robustness", 4, "--rounds", 20, "--no-plots", "--most", 80]
    assert run("train", "evaluate", package, crops, *words, "--out", report) == 0
    (data,) = json.loads((report / "evaluation.json").read_text())["runs"][0]["data"]
    found = data["per_video"]
    assert found["auroc"]["value"] > 0.8
    assert found["coverage"]["value"] > 0.5
    assert data["counts"]["videos"] == 2 * HELD
