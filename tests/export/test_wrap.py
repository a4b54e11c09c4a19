from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper, version_converter
from toy_classifier import ONE, SIZE, THREE, TWO, toy_classifier, toy_scores

from unmask.engines.errors import UnmaskError
from unmask.engines.manifest import poisson_upper
from unmask.engines.options import EngineOptions
from unmask.engines.registry import open_engine
from unmask.engines.verify import verify_package
from unmask.export import wrap_probe
from unmask.export.wrap import WrapOptions, Wrapped, wrap

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
PLAIN = {"range": "0-1"}


@pytest.fixture
def crops() -> NDArray[np.uint8]:
    return np.random.default_rng(5).integers(0, 256, (5, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Wrapped]:
    def wrapped(model: onnx.ModelProto, **given: object) -> Wrapped:
        path = tmp_path / "theirs.onnx"
        onnx.save(model, path)
        options = replace(WrapOptions(path, tmp_path / "wrapped", replace=True), **given)  # pyright: ignore[reportArgumentType]
        return wrap(options, lambda line: None)

    return wrapped


def logits(wrapped: Wrapped, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
    """What live would see: a window of one frame through encoder and head."""
    package = wrapped.package
    length = package.manifest.window.length
    with open_engine("ort-cpu", package.encoder_path, EngineOptions()) as engine:
        encoded = engine.infer({"crops": crops})
    windows = np.zeros((len(crops), length, package.manifest.embedding), np.float32)
    masks = np.zeros((len(crops), length), np.float32)
    windows[:, 0], masks[:, 0] = encoded["embedding"], 1.0
    with open_engine("ort-cpu", package.head_path, EngineOptions()) as engine:
        judged = engine.infer({"window": windows, "mask": masks})["logit"]
    assert np.array_equal(judged, encoded["logit"])
    return judged.astype(np.float64)


def origins(wrapped: Wrapped) -> dict[str, tuple[str, str]]:
    return {choice.name: (choice.value, choice.origin) for choice in wrapped.choices}


def log_odds(scores: NDArray[np.float64], fake: list[int]) -> NDArray[np.float64]:
    rest = [one for one in range(scores.shape[1]) if one not in fake]
    return np.log(np.exp(scores[:, fake]).sum(axis=1)) - np.log(np.exp(scores[:, rest]).sum(axis=1))


@pytest.mark.parametrize(
    ("weights", "last", "given", "expected"),
    [
        (ONE, "", {}, lambda s: s[:, 0]),
        (ONE, "", {"real_class": (0,)}, lambda s: -s[:, 0]),
        (ONE, "Sigmoid", {}, lambda s: s[:, 0]),
        (ONE, "Sigmoid", {"real_class": (0,)}, lambda s: -s[:, 0]),
        (TWO, "", {}, lambda s: s[:, 1] - s[:, 0]),
        (TWO, "", {"fake_class": (0,)}, lambda s: s[:, 0] - s[:, 1]),
        (TWO, "Softmax", {}, lambda s: s[:, 1] - s[:, 0]),
        (TWO, "LogSoftmax", {}, lambda s: s[:, 1] - s[:, 0]),
        (TWO, "Sigmoid", {"fake_class": (1,)}, lambda s: s[:, 1]),
        (TWO, "Sigmoid", {"real_class": (0,)}, lambda s: s[:, 1]),
        (THREE, "", {"fake_class": (1,)}, lambda s: log_odds(s, [1])),
        (THREE, "Softmax", {"fake_class": (1, 2)}, lambda s: log_odds(s, [1, 2])),
        (THREE, "Softmax", {"real_class": (2,)}, lambda s: log_odds(s, [0, 1])),
    ],
)
def test_every_kind_of_answer_becomes_one_logit(make, crops, weights, last, given, expected) -> None:
    wrapped = make(toy_classifier(weights, last=last), **PLAIN, **given)
    assert logits(wrapped, crops) == pytest.approx(expected(toy_scores(crops, weights)), abs=1e-4)


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ({}, IMAGENET),
        ({"range": "0-1"}, {}),
        ({"range": "-1-1"}, {"divisor": 127.5, "offset": 1.0}),
        ({"range": "0-255"}, {"divisor": 1.0}),
        ({"range": "0-255", "mean": (104.0, 117.0, 123.0), "std": (1.0, 1.0, 2.0)},
         {"divisor": 1.0, "mean": (104.0, 117.0, 123.0), "std": (1.0, 1.0, 2.0)}),
        (IMAGENET, IMAGENET),
    ],
)  # fmt: skip
@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_every_way_to_feed(make, crops, layout, given, known) -> None:
    scores = toy_scores(crops, **known)
    wrapped = make(toy_classifier(layout=layout), **given)
    assert logits(wrapped, crops) == pytest.approx(scores[:, 1] - scores[:, 0], rel=1e-4, abs=1e-4)
    assert origins(wrapped)["layout"] == (layout, "probed")


@pytest.mark.parametrize("dtype", ["float16", "double"])
def test_other_number_types(make, crops, dtype) -> None:
    scores = toy_scores(crops)
    wrapped = make(toy_classifier(dtype=dtype), **PLAIN)
    near = 5e-3 if dtype == "float16" else 1e-5
    assert logits(wrapped, crops) == pytest.approx(scores[:, 1] - scores[:, 0], abs=near)


def test_bytes_are_fed_as_they_are(make, crops) -> None:
    model = toy_classifier()
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    model.graph.node[0].input[0] = "pixels"
    model.graph.node.insert(0, helper.make_node("Cast", ["input"], ["pixels"], to=TensorProto.FLOAT))
    scores = toy_scores(crops, divisor=1.0)
    assert logits(make(model), crops) == pytest.approx(scores[:, 1] - scores[:, 0], rel=1e-5)
    with pytest.raises(UnmaskError, match="takes bytes: leave out --range"):
        make(model, range="0-1")


@pytest.mark.parametrize("opset", [8, 9, 11, 13, 17, 18, 21, 22, 23])
def test_operator_sets_are_brought_into_range(make, crops, opset) -> None:
    wrapped = make(toy_classifier(opset=opset, last="" if opset < 13 else "Softmax"), **PLAIN)
    scores = toy_scores(crops)
    assert logits(wrapped, crops) == pytest.approx(scores[:, 1] - scores[:, 0], abs=1e-4)
    found = onnx.load(wrapped.package.encoder_path).opset_import[0].version
    assert found == min(max(opset, 13), 21)
    assert ("graph" in origins(wrapped)) == (found != opset)


@pytest.mark.parametrize("flatten", [[1, 3], [1, -1], [-1, 3], None])
def test_a_fixed_batch_is_opened(make, crops, flatten) -> None:
    wrapped = make(toy_classifier(batch=1, flatten=flatten), **PLAIN)
    scores = toy_scores(crops)
    assert logits(wrapped, crops) == pytest.approx(scores[:, 1] - scores[:, 0], abs=1e-4)
    assert verify_package(wrapped.package.folder).batch_difference < 1e-4


def test_a_batch_that_is_built_in_is_refused(make) -> None:
    model = toy_classifier(batch=1)
    # As in some transformers: something of one row is joined to every picture.
    model.graph.initializer.append(numpy_helper.from_array(np.ones((1, 2), np.float32), "token"))
    model.graph.node[-1].output[0] = "plain"
    model.graph.node.append(helper.make_node("Concat", ["plain", "token"], ["output"], axis=1))
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 4
    with pytest.raises(UnmaskError, match=r"cannot take another number of pictures than 1 .*dynamic batch axis\."):
        make(model, fake_class=(1,), **PLAIN)


def test_pictures_that_change_each_other_are_refused(make) -> None:
    model = toy_classifier()
    model.graph.node[-1].output[0] = "plain"
    model.graph.node.append(helper.make_node("ReduceMean", ["plain"], ["all"], axes=[0], keepdims=1))
    model.graph.node.append(helper.make_node("Sub", ["plain", "all"], ["output"]))
    with pytest.raises(UnmaskError, match="answers otherwise when pictures share a batch"):
        make(model, **PLAIN)


def test_what_is_probed_given_and_assumed_is_told(make) -> None:
    wrapped = make(toy_classifier(last="Softmax"))
    found = origins(wrapped)
    assert {name: found[name][1] for name in found} == {
        "model": "given", "layout": "probed", "size": "probed", "output": "probed", "classes": "probed",
        "activation": "probed", "pixels": "assumed", "colour": "assumed", "fake": "assumed", "batch": "probed",
        "embedding": "assumed", "calibration": "assumed", "margin": "assumed", "threshold": "assumed",
        "licence": "assumed",
    }  # fmt: skip
    manifest = wrapped.package.manifest
    for choice in wrapped.choices:
        assert choice.value in manifest.exported_with[f"wrap.{choice.name}"]
        if choice.origin == "assumed":
            assert f"Assumed, not checked: {choice.name} {choice.value}." in manifest.provenance.limits
    card = (wrapped.package.folder / "README.md").read_text()
    assert "Pixels: 0-1, mean 0.485,0.456,0.406 and std 0.229,0.224,0.225 of ImageNet (assumed" in card
    given = make(toy_classifier(last="Softmax"), colour="bgr", fake_class=(0,), margin=1.6, licence="MIT", **PLAIN)
    assert {name for name, (_, origin) in origins(given).items() if origin == "given"} == {
        "model", "pixels", "colour", "fake", "margin", "licence",
    }  # fmt: skip
    assert (given.package.manifest.input.colour, given.package.manifest.crop.margin) == ("bgr", 1.6)
    assert given.package.manifest.fake_class == 0


def test_probabilities_that_only_the_numbers_suggest_are_an_assumption(make) -> None:
    model = toy_classifier(last="Softmax")
    model.graph.node[-1].output[0] = "soft"
    model.graph.initializer.append(numpy_helper.from_array(np.array(1.0, np.float32), "one"))
    model.graph.node.append(helper.make_node("Mul", ["soft", "one"], ["output"]))
    assert origins(make(model))["activation"] == ("softmax", "assumed")
    assert origins(make(model, activation="softmax"))["activation"] == ("softmax", "given")


def test_nothing_is_proven(make) -> None:
    manifest = make(toy_classifier()).package.manifest
    (threshold,) = manifest.thresholds
    assert threshold.proven_per_hour is None
    assert poisson_upper(0) > 0  # what a proof would have needed
    assert (threshold.score, threshold.footage) == (0.9, "none: set by hand, nothing is proven")
    assert manifest.calibration.method == "none"
    assert manifest.provenance.metrics == ()
    assert manifest.provenance.licence == "not stated"


def test_an_inner_value_is_handed_out_beside_the_logit(make, crops) -> None:
    wrapped = make(toy_classifier(), embedding="mean", window=4, **PLAIN)
    assert wrapped.package.manifest.embedding == 4
    with open_engine("ort-cpu", wrapped.package.encoder_path, EngineOptions()) as engine:
        encoded = engine.infer({"crops": crops})
    assert np.array_equal(encoded["embedding"][:, 0], encoded["logit"])
    assert encoded["embedding"][:, 1:] == pytest.approx(crops.mean(axis=(1, 2)) / 255, abs=1e-4)
    assert len(logits(wrapped, crops)) == 5


def test_the_head_is_the_mean_over_the_frames_that_are_there(make) -> None:
    wrapped = make(toy_classifier(), window=4)
    windows = np.array([[[1.0], [3.0], [50.0], [70.0]]], np.float32)
    with open_engine("ort-cpu", wrapped.package.head_path, EngineOptions()) as engine:
        half = engine.infer({"window": windows, "mask": np.array([[1, 1, 0, 0]], np.float32)})["logit"]
        none = engine.infer({"window": windows, "mask": np.zeros((1, 4), np.float32)})["logit"]
    assert half.tolist() == [2.0]
    assert np.isnan(none).all()


def test_names_that_the_package_uses_too(make, crops) -> None:
    scores = toy_scores(crops)
    wrapped = make(toy_classifier(names=("crops", "logit")), **PLAIN)
    assert logits(wrapped, crops) == pytest.approx(scores[:, 1] - scores[:, 0], abs=1e-4)


def test_weights_in_branches_keep_their_names(make, crops) -> None:
    model = toy_classifier()
    model.graph.node[-1].output[0] = "plain"
    branch = helper.make_graph(
        [helper.make_node("Identity", ["plain"], ["kept"])], "b", [], [helper.make_tensor_value_info("kept", 1, None)]
    )
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    model.graph.node.append(helper.make_node("If", ["yes"], ["output"], then_branch=branch, else_branch=branch))
    scores = toy_scores(crops)
    assert logits(make(model, **PLAIN), crops) == pytest.approx(scores[:, 1] - scores[:, 0], abs=1e-4)


def test_a_conversion_that_computes_something_else_is_noticed(make, monkeypatch) -> None:
    def wrong(model: onnx.ModelProto, version: int) -> onnx.ModelProto:
        return toy_classifier(TWO * 2, opset=version)

    monkeypatch.setattr(version_converter, "convert_version", wrong)
    with pytest.raises(UnmaskError, match="computes something else once its operator set is converted"):
        make(toy_classifier(opset=11))


def test_a_wrap_that_computes_something_else_is_noticed(make, monkeypatch) -> None:
    real = wrap_probe.prepared
    monkeypatch.setattr(wrap_probe, "prepared", lambda crops, pre: real(crops, pre) * np.float32(3))
    with pytest.raises(UnmaskError, match="differs from the model itself by"):
        make(toy_classifier())


def test_a_refused_wrap_leaves_the_old_package(make) -> None:
    first = make(toy_classifier())
    before = {path.name: path.read_bytes() for path in first.package.folder.iterdir()}
    with pytest.raises(UnmaskError, match="no class 7"):
        make(toy_classifier(), fake_class=(7,))
    assert {path.name: path.read_bytes() for path in first.package.folder.iterdir()} == before


def test_only_an_old_package_is_replaced_and_only_when_asked(make, tmp_path) -> None:
    make(toy_classifier())
    with pytest.raises(UnmaskError, match="is there already: give another folder, or --replace"):
        make(toy_classifier(), replace=False)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_text("mine")
    for out in ("photos", "photos/a.jpg", "photos/a.jpg/below"):
        with pytest.raises(UnmaskError, match="give another"):
            make(toy_classifier(), out=tmp_path / out)
    assert [path.read_text() for path in (tmp_path / "photos").iterdir()] == ["mine"]


def test_the_range_of_mean_and_std_is_never_taken_for_given(make) -> None:
    wrapped = make(toy_classifier(), mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    assert origins(wrapped)["pixels"] == ("0-1, mean 0.5,0.5,0.5 and std 0.5,0.5,0.5", "assumed")
    given = make(toy_classifier(), mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), range="0-1")
    assert origins(given)["pixels"][1] == "given"
    with pytest.raises(UnmaskError, match="say with --range which one they are of"):
        make(toy_classifier(), mean=(127.5,) * 3, std=(127.5,) * 3)
    with pytest.raises(UnmaskError, match="not all numbers"):
        make(toy_classifier(), mean=(0.5, float("nan"), 0.5), std=(1.0,) * 3)
