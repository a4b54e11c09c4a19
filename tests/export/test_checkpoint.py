"""What a run left behind is read without running code in it, and anything else is refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs torch (the train extra)")
pytest.importorskip("onnxscript", reason="needs onnxscript (the train extra)")

import small_zoo  # noqa: E402

from unmask.engines.errors import UnmaskError  # noqa: E402
from unmask.export.checkpoint import FRAMES, read_checkpoint, zoo_network  # noqa: E402

CNN = {"kind": "cnn", "channels": [8]}


@pytest.mark.parametrize("what", ["", "best.pt"])
def test_a_run_is_read_by_its_folder_or_its_best_network(what: str, tmp_path: Path) -> None:
    model = small_zoo.write_run(tmp_path / "run", small_zoo.recipe(CNN))
    trained = read_checkpoint(tmp_path / "run" / what)
    assert trained.recipe.name == "small"
    assert trained.validated == "validation AUROC 0.7500 after epoch 2"
    assert not trained.temporal
    assert torch.equal(trained.model.classifier.weight, model.classifier.weight)
    assert zoo_network(trained).length == FRAMES
    assert zoo_network(trained, 5).length == 5


def test_without_a_history_nothing_is_said_of_it(tmp_path: Path) -> None:
    small_zoo.write_run(tmp_path / "run", small_zoo.recipe(CNN))
    (tmp_path / "run" / "history.json").write_text("{")
    assert read_checkpoint(tmp_path / "run").validated == ""


def _damage(name: str, run: Path) -> None:
    best = run / "best.pt"
    match name:
        case "missing":
            best.unlink()
        case "cut off":
            best.write_bytes(best.read_bytes()[:3000])
        case "weights alone":
            torch.save(torch.load(best)["model"], best)
        case "a list":
            torch.save([1, 2], best)
        case "going on":
            torch.save({"optimiser": {}, "model": {}}, best)
        case "classes":
            torch.save(torch.load(best) | {"classes": ["fake", "real"]}, best)
        case "another network":
            torch.save(torch.load(best) | {"model": {}}, best)
        case "no recipe":
            torch.save(torch.load(best) | {"recipe": {"name": "x"}}, best)
        case "no numbers":
            content = torch.load(best)
            content["model"]["classifier.bias"].fill_(float("nan"))
            torch.save(content, best)
        case "code":
            torch.save({"recipe": Path.cwd, "model": {}, "classes": []}, best)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("missing", "There is no trained network at"),
        ("cut off", "no checkpoint that can be read safely"),
        ("weights alone", "weights without a recipe"),
        ("a list", "no trained network of `unmask train run`"),
        ("going on", "give the best.pt beside it"),
        ("classes", "Classes start with real"),
        ("another network", "no trained network of the zoo"),
        ("no recipe", "is no recipe: "),
        ("no numbers", "weights that are no numbers"),
        ("code", r"no checkpoint that can be read safely \(UnpicklingError\)"),
    ],
)
def test_what_is_no_checkpoint_is_refused(name: str, complaint: str, tmp_path: Path) -> None:
    small_zoo.write_run(tmp_path / "run", small_zoo.recipe(CNN))
    _damage(name, tmp_path / "run")
    with pytest.raises(UnmaskError, match=complaint) as caught:
        read_checkpoint(tmp_path / "run")
    assert "\n" not in str(caught.value)
