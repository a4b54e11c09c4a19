"""Starting weights from files: what fits is taken, what does not is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch (the train extra)")

from unmask.training.zoo.models.base import ZooModel  # noqa: E402
from unmask.training.zoo.registry import build_model, find_recipe  # noqa: E402
from unmask.training.zoo.weights import (  # noqa: E402
    WeightsError,
    load_init,
    load_trained,
    read_weights,
    trained_state,
)


def network(name: str = "cnn-batch-norm", seed: int = 0) -> ZooModel:
    torch.manual_seed(seed)
    return build_model(find_recipe(name))


def same(one: ZooModel, other: ZooModel) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_a_file_of_the_whole_network(tmp_path: Path) -> None:
    one, other = network(seed=0), network(seed=1)
    assert not same(one, other)
    torch.save({"averaged": one.state_dict(), "model": other.state_dict()}, tmp_path / "w.pt")
    report = load_init(other, tmp_path / "w.pt")
    assert same(one, other)
    assert report.fresh == report.missing == report.unexpected == ()


@pytest.mark.parametrize("kind", ["npz", "safetensors"])
def test_other_kinds_of_file(kind: str, tmp_path: Path) -> None:
    one, other = network(seed=0), network(seed=1)
    backbone = {name: tensor for name, tensor in one.backbone.state_dict().items() if tensor.dtype == torch.float32}
    path = tmp_path / f"w.{kind}"
    if kind == "npz":
        np.savez(path, **{name: tensor.numpy() for name, tensor in backbone.items()})
    else:
        safetensors = pytest.importorskip("safetensors.torch", reason="needs safetensors")
        safetensors.save_file(backbone, path)
    report = load_init(other, path)
    assert report.fresh == ("classifier.weight", "classifier.bias")
    name = "backbone.layers.0.weight"
    torch.testing.assert_close(other.state_dict()[name], one.state_dict()[name])


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    model = network()
    state = dict(model.state_dict())
    state["surplus.weight"] = torch.zeros(3)
    state["backbone.layers.0.weight"] = torch.zeros(2, 2)
    del state["backbone.layers.1.bias"]
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match="does not fit") as caught:
        load_init(model, tmp_path / "w.pth")
    message = str(caught.value)
    for part in (
        "surplus.weight",
        "backbone.layers.1.bias",
        "(2, 2) instead of (64, 3, 3, 3)",
        "--init-partial",
    ):
        assert part in message
    report = load_init(network(seed=1), tmp_path / "w.pth", partial=True)
    assert report.unexpected == ("surplus.weight",)
    assert set(report.missing) == {"backbone.layers.0.weight", "backbone.layers.1.bias"}


def test_a_refused_file_changes_nothing(tmp_path: Path) -> None:
    model, before = network(), network()
    torch.save({"classifier.weight": torch.ones(1, 256)}, tmp_path / "w.pt")
    with pytest.raises(WeightsError):
        load_init(model, tmp_path / "w.pt")
    assert same(model, before)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("absent.pt", None, "There are no weights"),
        ("a.bin", b"x", "no known kind"),
        ("a.pt", b"not a checkpoint", "no readable weights"),
        ("a.npz", b"not an archive", "no readable weights"),
    ],
)
def test_a_file_that_cannot_be_read(name: str, content: bytes | None, complaint: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=complaint):
        read_weights(tmp_path / name)


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    torch.save({"x": Path("anything")}, tmp_path / "w.pt")
    with pytest.raises(WeightsError, match="no readable weights"):
        read_weights(tmp_path / "w.pt")


def test_a_file_saved_from_timm_fits_but_for_its_classifier(tmp_path: Path) -> None:
    timm = pytest.importorskip("timm", reason="needs timm (the train extra)")
    theirs = timm.create_model("resnet18", pretrained=False)
    torch.save(theirs.state_dict(), tmp_path / "w.pth")
    model = network("resnet18")
    report = load_init(model, tmp_path / "w.pth")
    assert report.left_out == ("fc.weight", "fc.bias")
    assert set(report.fresh) == {"classifier.weight", "classifier.bias"}
    torch.testing.assert_close(model.state_dict()["backbone.net.conv1.weight"], theirs.conv1.weight)


def test_position_embeddings_of_a_vit_are_resampled_and_said_to_be(tmp_path: Path) -> None:
    timm = pytest.importorskip("timm", reason="needs timm (the train extra)")
    torch.save(timm.create_model("vit_small_patch16_224", pretrained=False).state_dict(), tmp_path / "w.pth")
    report = load_init(build_model(find_recipe("attribution-vit"), ("real", "a", "b")), tmp_path / "w.pth")
    assert report.resized == ("backbone.net.pos_embed",)
    assert "1 resized" in report.sentence()


def test_the_given_weights_of_mobilenet(shared: Path) -> None:
    path = shared / "models" / "mobilenet_v2_imagenet.npz"
    if not path.is_file():
        pytest.skip("needs ../shared/models/mobilenet_v2_imagenet.npz, which is absent")
    model = network("mobilenet-v2")
    assert load_init(model, path).loaded == 104
    with np.load(path) as arrays:
        first = model.state_dict()["backbone.features.0.1.weight"].numpy()
        np.testing.assert_array_equal(first, arrays["00.w"])


def test_weights_of_the_first_detector_fit_the_zoos_mobilenet(tmp_path: Path) -> None:
    from unmask.training.models.mobilenet_v2 import MobileNetV2

    theirs = MobileNetV2().eval()
    torch.save(theirs.state_dict(), tmp_path / "best.pt")
    model = network("mobilenet-v2", seed=1).eval()
    assert load_init(model, tmp_path / "best.pt").fresh == ()
    crops = torch.randint(0, 256, (1, 3, 160, 160), dtype=torch.uint8)
    with torch.inference_mode():
        embedding = model.embed(crops)
        torch.testing.assert_close(model.judge_frames(embedding)[:, 0], theirs(crops)[1])


def test_a_trained_network_comes_back(tmp_path: Path) -> None:
    recipe = find_recipe("attribution-cnn")
    model = build_model(recipe, ("real", "x", "y"))
    torch.save(trained_state(model, recipe), tmp_path / "best.pt")
    again, read = load_trained(tmp_path / "best.pt")
    assert same(model, again)
    assert (read, again.classes, again.training) == (recipe, ("real", "x", "y"), False)
    with pytest.raises(WeightsError, match="no trained network"):
        load_trained(tmp_path / "absent.pt")
    torch.save({"model": {}}, tmp_path / "other.pt")
    with pytest.raises(WeightsError, match="no trained network of the zoo"):
        load_trained(tmp_path / "other.pt")
