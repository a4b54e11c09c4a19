"""Recipe files and the registry: what needs no torch."""

from __future__ import annotations

from pathlib import Path

import pytest

from unmask.training.zoo.recipe import RecipeError, changed, merged, read_recipe
from unmask.training.zoo.registry import (
    BUILDERS,
    RECIPES,
    TrainingUnavailable,
    find_recipe,
    needs,
    recipe_names,
    require,
)

MINIMAL = """
name = "mine"
summary = "a test"
[input]
height = 64
width = 64
[network]
kind = "cnn"
channels = [8]
"""
STAGE = "[[freeze.stages]]\nepoch = 3\ntrain_last = 1\nrate = 1e-5\n"


def write(folder: Path, text: str, name: str = "mine") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_that_ships_is_valid_and_named_like_its_file(name: str) -> None:
    recipe = find_recipe(name)
    assert recipe.name == name
    assert recipe.summary
    assert recipe.network.kind in BUILDERS


def test_what_the_documents_trained_is_there() -> None:
    find = find_recipe
    assert find("feed-forward-adamw").optimiser.weight_decay == 0.01
    assert find("feed-forward-sgd").optimiser.kind == "sgd"
    assert find("cnn").network.channels == (64, 128, 256)  # type: ignore[union-attr]
    assert find("cnn-batch-norm").head.dropout == 0.5
    tuned = find("cnn-tuned").network.model_dump()
    assert (tuned["channels"], tuned["kernel"]) == ((64, 128, 512), 5)
    assert [find(f"c5-attention-{n}").network.attention for n in (1, 2)] == [1, 2]  # type: ignore[union-attr]
    assert find("efficientnet-b0").input.side == 128
    dense = find("resnet50-dense")
    assert dense.head.dense == (256, 128)
    assert dense.freeze.train_last == 0
    assert {stage.rate for stage in dense.freeze.stages} == {1e-5}
    assert (dense.training.early_stop, dense.schedule.kind) == (5, "plateau")
    for family in ("efficientnet-b0-lstm", "resnext50-lstm", "xception-bilstm", "swin-mean"):
        assert [find(f"{family}-{n}").input.frames for n in (10, 20, 30)] == [10, 20, 30]
    assert find("xception-last18").freeze.train_last == 18
    assert find("xception-last18-jpeg").augmentation.jpeg == (10, 50)
    focal = find("xception-last18-focal").loss
    assert (focal.kind, focal.alpha, focal.gamma) == ("focal", 0.25, 2.0)
    for name in ("efficientnet", "resnet50", "vit", "cnn"):
        recipe = find(f"attribution-{name}")
        assert (recipe.input.height, recipe.input.width, recipe.classes) == (218, 178, "manipulation")


def test_extends_takes_over_what_it_does_not_change(tmp_path: Path) -> None:
    write(tmp_path, MINIMAL)
    path = write(tmp_path, 'extends = "mine"\nname = "other"\n[network]\nkernel = 5\n', "other")
    recipe = read_recipe(path)
    assert recipe.name == "other"
    assert recipe.network.model_dump() == {
        "kind": "cnn", "channels": (8,), "kernel": 5, "batch_norm": False, "pool": False,
    }  # fmt: skip


def test_a_circle_of_extends_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="extends too many"):
        read_recipe(write(tmp_path, 'extends = "mine"\n'))


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("[training]\nepoch = 3", "training.epoch: Extra inputs"),
        ('classes = "manipulation"', "several classes need the loss"),
        ('[loss]\nkind = "cross-entropy"', "the loss is bce or focal"),
        ('[head]\ntime = "lstm"', "at least 2 frames"),
        ("[augmentation]\njpeg = [50, 10]", "from the lower to the higher"),
        (STAGE + STAGE, "different epochs"),
        ("[clips]\nmotion = 2.0", "clips and arrays are for windows"),
        ("[clips]\ncrf = [40, 20]", "clips: crf goes from the lower"),
        ('[clips]\ncodec = "av1"', "clips.codec: Input should be"),
        ("nonsense", "no readable TOML"),
    ],
)  # fmt: skip
def test_a_bad_recipe_is_named_in_a_sentence(line: str, complaint: str, tmp_path: Path) -> None:
    path = write(tmp_path, (line + "\n" + MINIMAL) if line.startswith("classes") else MINIMAL + line)
    with pytest.raises(RecipeError, match=complaint) as caught:
        read_recipe(path)
    assert "mine.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wrong_name_gets_a_guess() -> None:
    with pytest.raises(RecipeError, match="did you mean mobilenet-v2"):
        find_recipe("mobilenet-v3")
    with pytest.raises(RecipeError, match="--list"):
        find_recipe("qqq")
    with pytest.raises(RecipeError, match="no recipe file"):
        find_recipe(str(RECIPES / "absent.toml"))


def test_single_settings_can_be_changed() -> None:
    recipe = changed(find_recipe("cnn"), {"optimiser.rate": 0.5, "training.batch": 3})
    assert (recipe.optimiser.rate, recipe.optimiser.kind, recipe.training.batch) == (0.5, "adam", 3)
    with pytest.raises(RecipeError, match=r"cnn with optimiser.rat "):
        changed(find_recipe("cnn"), {"optimiser.rat": 1})


def test_merging_leaves_the_base_alone() -> None:
    base = {"a": {"b": 1, "c": 2}, "d": [1]}
    assert merged(base, {"a": {"b": 3}, "d": [2]}) == {"a": {"b": 3, "c": 2}, "d": [2]}
    assert base == {"a": {"b": 1, "c": 2}, "d": [1]}


def test_a_missing_library_is_named_with_its_remedy() -> None:
    with pytest.raises(TrainingUnavailable, match=r"needs no_such_library.*pip install 'unmask\[train\]'"):
        require("no_such_library")
    assert needs(find_recipe("cnn")) == ("torch",)
    assert needs(find_recipe("resnet18")) == ("torch", "timm")
