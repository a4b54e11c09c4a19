"""From a run of ``unmask train run`` to a package, for every kind of network in the zoo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch (the train extra)")
pytest.importorskip("onnxscript", reason="needs onnxscript (the train extra)")

import small_zoo  # noqa: E402

from unmask.engines.errors import UnmaskError, UsageError  # noqa: E402
from unmask.engines.package import DetectorPackage, load_package  # noqa: E402
from unmask.engines.registry import open_engine  # noqa: E402
from unmask.engines.verify import verify_package  # noqa: E402
from unmask.export import exporter, gate, onnx_export  # noqa: E402
from unmask.export.card import card  # noqa: E402
from unmask.export.exporter import ExportOptions, export_checkpoint  # noqa: E402
from unmask.export.package_writer import ExportError  # noqa: E402
from unmask.training.data.dfdc import DataError  # noqa: E402
from unmask.training.zoo.models.base import Encoder, WindowHead, ZooModel  # noqa: E402

CNN = {"kind": "cnn", "channels": [8], "batch_norm": True}
FOUR = ("real", "a", "b", "c")
PLAIN = {"classes": "binary"}
SEVERAL = {"classes": "manipulation", "loss": {"kind": "cross-entropy"}}

#: Name -> (network, other settings, classes, whether it has an activation map).
FAMILIES: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[str, ...], bool]] = {
    "feed-forward": ({"kind": "feed-forward", "hidden": 8}, PLAIN, ("real", "fake"), False),
    "cnn": (CNN, PLAIN, ("real", "fake"), True),
    "cnn, dense": (CNN, {"head": {"dense": [6, 5]}}, ("real", "fake"), False),
    "cnn, mean of frames": (CNN, {"frames": 5}, ("real", "fake"), True),
    "cnn, lstm": (CNN, {"frames": 4, "head": {"time": "lstm", "hidden": 6}}, ("real", "fake"), True),
    "cnn, bilstm, several": (
        CNN, {"frames": 3, "head": {"time": "bilstm", "hidden": 6}, **SEVERAL}, FOUR, True,
    ),
    "c5, attention, several": ({"kind": "c5", "channels": [8] * 5, "attention": 2}, SEVERAL, FOUR, True),
    "mobilenet-v2": ({"kind": "mobilenet-v2"}, PLAIN, ("real", "fake"), True),
    "efficientnet": ({"kind": "timm", "backbone": "test_efficientnet"}, PLAIN, ("real", "fake"), True),
    "vit": ({"kind": "timm", "backbone": "vit_tiny_patch16_224"}, PLAIN, ("real", "fake"), True),
}  # fmt: skip


def asked(tmp_path: Path, **more: Any) -> ExportOptions:
    return ExportOptions(checkpoint=tmp_path / "run", out=tmp_path / "small", **more)


def quiet(line: str) -> None:
    assert line


def said_by_torch(model: ZooModel, crops: np.ndarray, window: np.ndarray, mask: np.ndarray) -> list[np.ndarray]:
    with torch.inference_mode():
        embedding, logit = Encoder(model)(torch.from_numpy(crops))
        judged = WindowHead(model)(torch.from_numpy(window), torch.from_numpy(mask))
    return [embedding.numpy(), logit.numpy(), judged.numpy()]


def said_by_package(
    package: DetectorPackage, crops: np.ndarray, window: np.ndarray, mask: np.ndarray
) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
    with open_engine("ort-cpu", package.encoder_path) as encoder, open_engine("ort-cpu", package.head_path) as head:
        found = encoder.infer({"crops": crops})
        judged = head.infer({"window": window, "mask": mask})["logit"]
    return [found["embedding"], found["logit"], judged], found


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_becomes_a_package_that_says_what_torch_says(name: str, tmp_path: Path) -> None:
    network, more, classes, has_map = FAMILIES[name]
    if network["kind"] == "timm":
        pytest.importorskip("timm", reason="needs timm (the train extra)")
    model = small_zoo.write_run(tmp_path / "run", small_zoo.recipe(network, **more), classes)
    package, refused = export_checkpoint(asked(tmp_path), quiet)
    assert refused == ()
    manifest = load_package(package.folder).manifest
    assert verify_package(package.folder, "ort-cpu").batch_difference < 1e-4
    temporal = more.get("head", {}).get("time", "mean") != "mean"
    assert manifest.single_image is not temporal
    assert manifest.window.length == more.get("frames", 16)
    assert (manifest.activation is not None) is has_map

    rng = np.random.default_rng(1)
    crops = rng.integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    window = rng.normal(size=(6, manifest.window.length, manifest.embedding)).astype(np.float32)
    mask = (rng.random(window.shape[:2]) < 0.6).astype(np.float32)
    mask[:, 1] = 1
    wanted = said_by_torch(model, crops, window, mask)
    found, outputs = said_by_package(package, crops, window, mask)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4, rtol=1e-4)
    if has_map and len(classes) == 2:
        np.testing.assert_allclose(outputs["activation"].mean(axis=(1, 2)), outputs["logit"], atol=1e-4)


def test_without_labelled_crops_nothing_is_claimed(tmp_path: Path) -> None:
    small_zoo.write_run(tmp_path / "run", small_zoo.recipe(CNN))
    lines: list[str] = []
    package, _ = export_checkpoint(asked(tmp_path), lines.append)
    manifest = package.manifest
    assert manifest.calibration.method == "none"
    assert [threshold.proven_per_hour for threshold in manifest.thresholds] == [None] * 3
    assert all("not set for a false-alarm rate" in threshold.footage for threshold in manifest.thresholds)
    assert manifest.provenance.metrics == ()
    assert "no probability" in manifest.provenance.limits[0]
    assert manifest.provenance.licence == manifest.provenance.data[0] == "not stated by whoever exported it"
    assert manifest.provenance.trained_with == "unmask train run small (validation AUROC 0.7500 after epoch 2)"
    assert any("no calibration" in line for line in lines)
    assert any("parity with the network" in line for line in lines)
    text = (package.folder / "README.md").read_text()
    assert text == card(manifest)
    assert "Nothing was measured." in text
    assert "its score is no probability" in text


@pytest.mark.parametrize("boxes", [False, True])
def test_labelled_crops_calibrate_and_measure_it(boxes: bool, tmp_path: Path) -> None:
    small_zoo.write_run(tmp_path / "run", small_zoo.recipe(CNN))
    data = small_zoo.write_data(tmp_path / "crops", boxes=boxes)
    margin = None if boxes else 1.2
    package, _ = export_checkpoint(asked(tmp_path, data=data, margin=margin, licence="CC0"), quiet)
    manifest = package.manifest
    assert manifest.calibration.method == "platt"
    assert manifest.calibration.fitted_on == "48 crops of 12 identity groups: crops, split val"
    assert manifest.crop.margin == (1.3 if boxes else 1.2)
    assert all("24 genuine validation crops" in threshold.footage for threshold in manifest.thresholds)
    assert all(threshold.score >= 0.5 and threshold.footage_hours == 0 for threshold in manifest.thresholds)
    metrics = {metric.name: metric for metric in manifest.provenance.metrics}
    assert metrics["AUROC"].value > 0.8
    assert metrics["AUROC"].units == 12
    assert metrics["AUROC"].command.startswith("unmask export RUN --out small --version 0.1.0 --data CROPS")
    assert "ECE" not in metrics, "calibration would be judged on what it was fitted to"
    assert str(tmp_path) not in (package.folder / "detector.json").read_text()


def test_a_temporal_network_is_calibrated_on_windows(tmp_path: Path) -> None:
    head = {"time": "lstm", "hidden": 6}
    small_zoo.write_run(tmp_path / "run", small_zoo.recipe(CNN, frames=4, head=head))
    data = small_zoo.write_data(tmp_path / "crops", boxes=True)
    package, _ = export_checkpoint(asked(tmp_path, data=data), quiet)
    assert package.manifest.calibration.fitted_on == "12 windows of 12 identity groups: crops, split val"
    with pytest.raises(DataError, match=r"No video of .* has 5 crops"):
        export_checkpoint(asked(tmp_path, data=data, frames=8, min_frames=5, replace=True), quiet)


def test_an_npz_of_crops_will_do(tmp_path: Path) -> None:
    small_zoo.write_run(tmp_path / "run", small_zoo.recipe(CNN))
    labels = np.arange(40) % 2
    crops = np.stack([small_zoo.crop_picture(label - 0.5, n)[..., ::-1] for n, label in enumerate(labels)])
    path = tmp_path / "crops.npz"
    np.savez(path, crops=crops, labels=labels, groups=[f"g{n // 4}" for n in range(40)])
    package, _ = export_checkpoint(asked(tmp_path, data=path, margin=1.0), quiet)
    assert package.manifest.calibration.fitted_on == "40 crops of 10 identity groups: crops.npz"


def test_a_shorter_window_is_calibrated_as_it_will_be_judged(tmp_path: Path) -> None:
    lstm = small_zoo.recipe(CNN, frames=4, head={"time": "lstm", "hidden": 6})
    small_zoo.write_run(tmp_path / "run", lstm)
    data = small_zoo.write_data(tmp_path / "crops", boxes=True)
    package, _ = export_checkpoint(asked(tmp_path, data=data, frames=3, stride_ms=200), quiet)
    manifest = package.manifest
    assert manifest.window.length == 3
    assert manifest.calibration.fitted_on.startswith("12 windows of 12 identity groups")
    assert any("live they are 200 ms apart" in limit for limit in manifest.provenance.limits)


def test_arrays_do_not_say_how_far_they_reach(tmp_path: Path) -> None:
    made = small_zoo.recipe(CNN, frames=4)
    arrays = made.model_copy(update={"input": made.input.model_copy(update={"arrays": True})})
    small_zoo.write_run(tmp_path / "run", arrays)
    with pytest.raises(ExportError, match="give --margin, what `unmask train prepare --npz` cut them with"):
        export_checkpoint(asked(tmp_path), quiet)
    assert export_checkpoint(asked(tmp_path, margin=1.5), quiet)[0].manifest.crop.margin == 1.5


def test_other_precisions_are_let_in_by_the_gate_or_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "LEAST_SPEED", 1000.0)
    small_zoo.write_run(tmp_path / "run", small_zoo.recipe(CNN))
    data = small_zoo.write_data(tmp_path / "crops", boxes=True)
    package, refused = export_checkpoint(asked(tmp_path, data=data, precisions=("fp32", "fp16", "int8")), quiet)
    variants = load_package(package.folder).manifest.files.variants
    assert list(variants) == ["fp16"]
    assert variants["fp16"].gate.against.startswith("the network in torch")
    assert variants["fp16"].gate.command.endswith("--precision fp32,fp16,int8")
    (sentence,) = refused
    assert sentence.startswith("int8 is left out, because")
    assert not (package.folder / "encoder_int8.onnx").exists()
    assert "## Precisions" in (package.folder / "README.md").read_text()


def test_a_narrower_picture_has_no_map_over_the_crop(tmp_path: Path) -> None:
    narrow = small_zoo.recipe(CNN).model_copy(update={"input": small_zoo.recipe(CNN).input.model_copy()})
    content = narrow.model_dump()
    content["input"]["height"], content["input"]["width"] = 40, 32
    small_zoo.write_run(tmp_path / "run", small_zoo.parse_recipe(content, "narrow"))
    package, _ = export_checkpoint(asked(tmp_path), quiet)
    assert package.manifest.activation is None
    assert package.manifest.input.size == 40


def test_an_old_package_is_only_replaced_when_asked(tmp_path: Path) -> None:
    small_zoo.write_run(tmp_path / "run", small_zoo.recipe(CNN))
    export_checkpoint(asked(tmp_path), quiet)
    with pytest.raises(ExportError, match="is there already: give another folder, or --replace"):
        export_checkpoint(asked(tmp_path), quiet)
    package, _ = export_checkpoint(asked(tmp_path, replace=True, version="2.0.0"), quiet)
    assert package.manifest.version == "2.0.0"
    other = tmp_path / "mine"
    other.mkdir()
    with pytest.raises(ExportError, match="no detector package, so it is not replaced"):
        export_checkpoint(ExportOptions(tmp_path / "run", other, replace=True), quiet)


def test_a_file_that_says_something_else_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_zoo.write_run(tmp_path / "run", small_zoo.recipe(CNN))
    truthful = onnx_export.export_graphs

    def of_another(network: onnx_export.Network, name: str, version: str) -> onnx_export.Graphs:
        bias = network.encoder.get_parameter("model.classifier.bias")
        with torch.no_grad():
            bias.add_(0.01)
            try:
                return truthful(network, name, version)
            finally:
                bias.sub_(0.01)

    monkeypatch.setattr(onnx_export, "export_graphs", of_another)
    with pytest.raises(ExportError, match="exported encoder's logit differs"):
        export_checkpoint(asked(tmp_path), quiet)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(
    ("more", "error", "complaint"),
    [
        ({"name": "Big Name"}, ExportError, "is no name for a detector"),
        ({"version": "1"}, ExportError, "is no version"),
        ({"precisions": ("fp16",)}, ExportError, "always holds the FP32 encoder"),
        ({"precisions": ("fp32", "int8")}, ExportError, "give them with --data"),
        ({"frames": 4, "min_frames": 5}, ExportError, "cannot need 5 of them"),
        ({"margin": 9.0, "data": Path("read too late")}, ExportError, r"No package can be written so: margin"),
        ({"data": Path("absent.npz"), "margin": 1.0}, DataError, "no npz file with crops, labels"),
        ({"data": Path("absent")}, UsageError, "give --margin"),
    ],
)
def test_what_cannot_work_is_said_in_a_sentence(
    more: dict[str, Any], error: type[UnmaskError], complaint: str, tmp_path: Path
) -> None:
    small_zoo.write_run(tmp_path / "run", small_zoo.recipe(CNN))
    with pytest.raises(error, match=complaint):
        export_checkpoint(asked(tmp_path, **more), quiet)
    assert not (tmp_path / "small").exists()


def test_a_network_that_tells_them_apart_the_wrong_way_round_is_not_calibrated(tmp_path: Path) -> None:
    small_zoo.write_run(tmp_path / "run", small_zoo.recipe(CNN))
    labels = np.arange(40) % 2
    crops = np.stack([small_zoo.crop_picture(0.5 - label, n)[..., ::-1] for n, label in enumerate(labels)])
    np.savez(tmp_path / "crops.npz", crops=crops, labels=labels, groups=labels + 2 * (np.arange(40) // 4))
    with pytest.raises(ExportError, match=r"Higher logits do not mean fake .* give other data, or none"):
        export_checkpoint(asked(tmp_path, data=tmp_path / "crops.npz", margin=1.0), quiet)
    assert not (tmp_path / "small").exists()


def test_without_torch_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = exporter.require_libraries.__globals__["importlib"].util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *rest: None if name == "onnxscript" else find(name))
    with pytest.raises(ExportError, match=r"needs onnxscript.*pip install 'unmask\[train\]'"):
        export_checkpoint(asked(tmp_path), quiet)
