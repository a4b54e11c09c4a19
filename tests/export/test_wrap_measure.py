from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from toy_classifier import ONE, SIZE, THREE, TWO, toy_classifier, two_pictures_of_colour

from unmask.cli import export_wrap
from unmask.engines.errors import UnmaskError
from unmask.export.wrap import WrapOptions, wrap
from unmask.training.evaluate import auroc


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """Folders ``real`` and ``fake``: fake is the redder one."""
    for name, crops in zip(("real", "fake"), two_pictures_of_colour(20), strict=True):
        (tmp_path / name).mkdir()
        for index, crop in enumerate(crops):
            cv2.imwrite(str(tmp_path / name / f"{index:02}.png"), crop[..., ::-1])
    return tmp_path


def options(folder: Path, model: onnx.ModelProto, **given: object) -> WrapOptions:
    onnx.save(model, folder / "theirs.onnx")
    given = {"real": folder / "real", "fake": folder / "fake", "replace": True, **given}
    return WrapOptions(folder / "theirs.onnx", folder / "wrapped", **given)  # pyright: ignore[reportArgumentType]


def test_the_fake_class_is_measured(faces: Path) -> None:
    for weights, fake in ((TWO, 1), (TWO[::-1], 0), (THREE, 1)):
        given = options(faces, toy_classifier(weights), range="0-1", colour="rgb")
        said: list[str] = []
        wrapped = wrap(given, said.append)
        assert wrapped.package.manifest.fake_class == fake
        assert wrapped.candidates[0].auroc > 0.9
        found = {choice.name: choice.origin for choice in wrapped.choices}
        assert (found["fake"], found["pixels"], found["colour"]) == ("measured", "given", "given")
        assert sum("AUROC" in line and line.startswith("  ") for line in said) == len(weights)


def test_the_direction_of_one_number_is_measured(faces: Path) -> None:
    wrapped = wrap(options(faces, toy_classifier(-ONE), range="0-1", colour="rgb"), lambda line: None)
    assert wrapped.candidates[0].readout.real == (0,)
    assert wrapped.candidates[0].auroc == pytest.approx(1 - wrapped.candidates[1].auroc)


def test_the_colour_is_measured(faces: Path) -> None:
    given = options(faces, toy_classifier(TWO[:, ::-1]), range="0-1", fake_class=(1,))
    assert wrap(given, lambda line: None).package.manifest.input.colour == "bgr"


def test_a_tie_is_never_decided(faces: Path) -> None:
    # Linear in the pixels: every range ranks the same, and a swap of red and blue swaps the classes.
    said: list[str] = []
    with pytest.raises(UnmaskError) as caught:
        wrap(options(faces, toy_classifier()), said.append)
    message = str(caught.value)
    assert "20 genuine and 20 fake pictures of the user's cannot tell" in message
    for name in ("--range", "--colour", "--fake-class"):
        assert name in message
    assert sum(line.startswith("  AUROC") for line in said) == 16
    assert not (faces / "wrapped").exists()


def test_chance_decides_nothing(faces: Path) -> None:
    blind = toy_classifier(np.array([[0.0, 1.0, 0.0], [0.0, -1.0, 0.0]]))
    with pytest.raises(UnmaskError, match=r"may be chance: give more pictures, or give --fake-class\.$"):
        wrap(options(faces, blind, range="0-1", colour="rgb"), lambda line: None)


def test_many_classes_are_not_tried(faces: Path) -> None:
    many = toy_classifier(np.random.default_rng(0).normal(size=(30, 3)))
    with pytest.raises(UnmaskError, match="30 classes: say with --fake-class"):
        wrap(options(faces, many, range="0-1", colour="rgb"), lambda line: None)


def test_too_few_or_broken_pictures(faces: Path) -> None:
    (faces / "real" / "00.png").write_bytes(b"no picture")
    with pytest.raises(UnmaskError, match=r"00\.png cannot be read"):
        wrap(options(faces, toy_classifier()), lambda line: None)
    for path in sorted((faces / "fake").iterdir())[9:]:
        path.unlink()
    (faces / "real" / "00.png").unlink()
    with pytest.raises(UnmaskError, match="holds 9 pictures: at least 10"):
        wrap(options(faces, toy_classifier()), lambda line: None)


def test_calibration_is_platt_on_the_users_own(faces: Path) -> None:
    given = options(faces, toy_classifier(), real=None, fake=None, calibrate=faces, range="0-1", fake_class=(1,))
    manifest = wrap(given, lambda line: None).package.manifest
    assert manifest.calibration.method == "platt"
    assert manifest.calibration.fitted_on.startswith("20 genuine and 20 fake pictures of the user's, not known")
    same = wrap(options(faces, toy_classifier(), calibrate=faces, range="0-1", colour="rgb"), lambda line: None)
    assert same.package.manifest.calibration.fitted_on.endswith("; the same pictures chose how it is read")
    turned = options(faces, toy_classifier(), real=None, fake=None, calibrate=faces, range="0-1", fake_class=(0,))
    with pytest.raises(UnmaskError, match=r"Higher logits do not mean fake.*give other data, or none"):
        wrap(turned, lambda line: None)


def test_the_command(faces: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import argparse

    onnx.save(toy_classifier(last="Softmax"), faces / "theirs.onnx")
    parser = argparse.ArgumentParser()
    export_wrap.add_arguments(parser)
    words = ["--range=-1-1", "--fake-class", "1", "--licence", "MIT", "--mean", "0,0,0", "--std", "1,1,1"]
    with pytest.raises(SystemExit):
        parser.parse_args([str(faces / "theirs.onnx"), "--out", "x", "--mean", "1,b,3"])
    assert "'1,b,3' is not a list of numbers" in capsys.readouterr().err
    args = parser.parse_args([str(faces / "theirs.onnx"), "--out", str(faces / "mine"), *words])
    assert export_wrap.run(args) == 0
    out = capsys.readouterr().out
    assert "activation: softmax (probed: Softmax is its last operator)" in out
    assert "assumed, so check them: colour, embedding, calibration, margin, threshold" in out
    manifest = json.loads((faces / "mine" / "detector.json").read_text())
    assert (manifest["name"], manifest["provenance"]["licence"]) == ("mine", "MIT")


def test_the_inside_of_our_own_detector_scores_as_the_package_does(faces: Path) -> None:
    """The shipped encoder without its normalisation, wrapped again: the reverse of an export."""
    from unmask.engines.options import EngineOptions
    from unmask.engines.package import find_package, load_package
    from unmask.engines.registry import open_engine

    ours = load_package(find_package("unmask-lite"))
    inside = onnx.load(ours.encoder_path)
    kinds = [node.op_type for node in inside.graph.node[:4]]
    assert kinds == ["Transpose", "Cast", "Div", "Sub"]
    size, fed = ours.manifest.input.size, inside.graph.node[3].output[0]
    del inside.graph.node[:4]
    inside.graph.input[0].CopyFrom(onnx.helper.make_tensor_value_info(fed, 1, ["batch", 3, size, size]))
    del inside.graph.value_info[:]
    given = options(faces, inside, real=None, fake=None, output="logit", range="-1-1", activation="logit", size=None)
    wrapped = wrap(given, lambda line: None).package
    crops = np.random.default_rng(1).integers(0, 256, (3, size, size, 3), dtype=np.uint8)
    logits = []
    for path in (ours.encoder_path, wrapped.encoder_path):
        with open_engine("ort-cpu", path, EngineOptions()) as engine:
            logits.append(engine.infer({"crops": crops})["logit"])
    assert np.array_equal(logits[0], logits[1])


def test_auroc_of_the_pictures_is_what_it_seems() -> None:
    real, fake = two_pictures_of_colour(20)
    redness = np.concatenate([real, fake]).astype(float).mean(axis=(1, 2)) @ np.array([1.0, 0.0, -1.0])
    assert auroc(np.repeat([0, 1], 20), redness) > 0.9
    assert real.shape == (20, SIZE, SIZE, 3)
