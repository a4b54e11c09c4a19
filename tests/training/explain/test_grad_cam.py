"""Grad-CAM against networks whose map is known without it, and on every family of the zoo."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch (the train extra)")

from torch import Tensor, nn  # noqa: E402

from unmask.training.explain.grad_cam import ExplainError, grad_cam, scores  # noqa: E402
from unmask.training.explain.overlay import on_crops  # noqa: E402
from unmask.training.zoo.models.base import Backbone, Encoder, ZooModel  # noqa: E402
from unmask.training.zoo.recipe import Recipe, Timm, changed  # noqa: E402
from unmask.training.zoo.registry import build_model, find_recipe, recipe_names  # noqa: E402

SIDE = 32


class Colours(Backbone):
    """The mean red, green and blue of every 8x8 square, 0..1: a map that one can compute by hand."""

    outputs = 3

    def __init__(self) -> None:
        super().__init__()
        self.squares = nn.Conv2d(3, 3, 8, stride=8, groups=3, bias=False)
        nn.init.constant_(self.squares.weight, 1 / (64 * 255))

    def feature_map(self, x: Tensor) -> Tensor:
        return self.squares(x)


def by_hand(weights: tuple[float, float, float], bias: float = 0.0, **settings: object) -> ZooModel:
    recipe = changed(find_recipe("cnn"), {"input": {"height": SIDE, "width": SIDE}, **settings})
    model = ZooModel(Colours(), recipe, ("real", "fake"))
    if not recipe.head.dense:
        nn.init.constant_(model.classifier.bias, bias)
        model.classifier.weight.data = torch.tensor([weights])
    return model.eval()


def squares(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two crops of 4x4 even squares (2, 32, 32, 3), and their colours 0..1 (2, 4, 4, 3)."""
    colours = rng.integers(0, 256, (2, 4, 4, 3)).astype(np.uint8)
    return colours.repeat(8, axis=1).repeat(8, axis=2), colours / 255


def test_the_map_is_the_weighed_sum_of_channels_without_what_is_below_zero() -> None:
    crops, colours = squares(np.random.default_rng(1))
    weights = (2.0, -1.0, 0.5)
    expected = np.maximum(colours @ np.array(weights), 0)
    expected /= expected.max(axis=(1, 2), keepdims=True)
    maps = grad_cam(by_hand(weights), crops)
    assert maps.shape == (2, 4, 4)
    assert maps.dtype == np.float32
    np.testing.assert_allclose(maps, expected, atol=1e-5)
    assert (maps == 0).any()  # this picture has places that speak against it


def test_dense_layers_weigh_channels_by_their_gradient() -> None:
    """relu(r - g) + relu(b - r), of which only the first is awake: the weights are 1, -1 and 0."""
    model = by_hand((0, 0, 0), **{"head.dense": (2,), "head.dropout": 0.0})
    first = model.neck[0]
    first.weight.data, first.bias.data = torch.tensor([[1.0, -1.0, 0.0], [-1.0, 0.0, 1.0]]), torch.zeros(2)
    model.classifier.weight.data = torch.ones(1, 2)
    crops, colours = squares(np.random.default_rng(2))
    crops[..., 0] |= 128
    crops[..., 2] >>= 1
    colours = crops[:, ::8, ::8] / 255
    assert (colours.mean(axis=(1, 2))[:, 0] > colours.mean(axis=(1, 2))[:, 2]).all()
    expected = np.maximum(colours[..., 0] - colours[..., 1], 0)
    expected /= expected.max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(grad_cam(model, crops), expected, atol=1e-5)


def test_where_nothing_speaks_for_manipulation_the_map_is_empty() -> None:
    crops, _ = squares(np.random.default_rng(3))
    model = by_hand((-1.0, -1.0, -1.0), bias=5.0)
    assert not grad_cam(model, crops).any()
    assert (scores(model, crops) > 0).all()


def test_the_frames_of_a_window_are_on_one_scale() -> None:
    crops, _ = squares(np.random.default_rng(4))
    crops[1] //= 2
    sums = crops[:, ::8, ::8].astype(float).sum(axis=3)
    model = by_hand((1.0, 1.0, 1.0), **{"input.frames": 2})
    np.testing.assert_allclose(grad_cam(model, crops, as_window=True), sums / sums.max(), atol=1e-5)
    assert grad_cam(model, crops).max(axis=(1, 2)) == pytest.approx([1.0, 1.0])
    assert scores(model, crops, as_window=True).shape == (1,)


def test_the_network_stays_as_it_was() -> None:
    crops, _ = squares(np.random.default_rng(5))
    model = by_hand((1.0, 0.0, 0.0))
    model.classifier.requires_grad_(False)  # a frozen network can be explained too
    before = [parameter.clone() for parameter in model.parameters()]
    with torch.inference_mode(False), torch.no_grad():
        grad_cam(model, crops)
    assert all(torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))
    assert all(parameter.grad is None for parameter in model.parameters())
    with pytest.raises(ValueError, match="evaluation mode"):
        grad_cam(model.train(), crops)


def families() -> list[str]:
    """One recipe for each kind of network and each backbone, and the temporal ones."""
    found: dict[object, str] = {}
    for name in recipe_names():
        recipe = find_recipe(name)
        network = recipe.network
        found.setdefault((getattr(network, "backbone", network.model_dump_json()), recipe.head.time), name)
    return list(found.values())


def build(recipe: Recipe) -> ZooModel:
    if isinstance(recipe.network, Timm):
        pytest.importorskip("timm", reason="needs timm (the train extra)")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    classes = ("real", "alpha", "beta") if recipe.classes == "manipulation" else ("real", "fake")
    return build_model(recipe, classes).eval()


@pytest.mark.parametrize("name", [name for name in families() if not name.startswith("feed-forward")])
def test_every_family_is_explained(name: str) -> None:
    recipe = find_recipe(name)
    model = build(recipe)
    side = recipe.input.side
    crops = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), dtype=np.uint8)
    maps = grad_cam(model, crops, as_window=recipe.head.time != "mean")
    assert maps.shape[0] == 2
    assert min(maps.shape[1:]) > 1
    assert np.isfinite(maps).all()
    assert ((maps >= 0) & (maps <= 1)).all()
    assert on_crops(maps, model, recipe.input).shape == (2, side, side)
    if model.has_activation and len(model.classes) == 2 and recipe.head.time == "mean":
        # Such a network's logit is the mean of a map that its encoder exports: another way to the same.
        with torch.inference_mode():
            activation = Encoder(model, activation=True)(torch.from_numpy(crops))[2] - model.classifier.bias
        expected = activation.clamp_min(0).numpy()
        most = expected.max(axis=(1, 2), keepdims=True)
        np.testing.assert_allclose(maps, np.divide(expected, most, where=most > 0, out=expected), atol=1e-3)


def test_a_network_without_places_is_refused() -> None:
    model = build(find_recipe("feed-forward-adamw"))
    with pytest.raises(ExplainError, match="no feature map"):
        grad_cam(model, np.zeros((1, 64, 64, 3), np.uint8))


def test_a_map_lies_over_the_pixels_it_is_of() -> None:
    """218 x 178: the network sees the middle columns of the crop."""
    recipe = find_recipe("attribution-cnn")
    model = build(recipe)
    heat = np.zeros((1, 109, 89), np.float32)
    heat[0, 0, 0] = heat[0, 108, 88] = 1.0
    spread = on_crops(heat, model, recipe.input)[0]
    assert spread.shape == (218, 218)
    assert not spread[:, :20].any()
    assert not spread[:, 198:].any()
    assert spread[0, 20] == spread[217, 197] == 1.0


def test_a_map_of_padded_patches_ends_before_the_padding() -> None:
    """A ViT of 16-pixel patches takes 218 x 178 as 224 x 192: its last column is half padding."""
    recipe = find_recipe("attribution-vit")
    model = build(recipe)
    heat = np.zeros((1, 14, 12), np.float32)
    heat[0, :, 11] = 1.0
    spread = on_crops(heat, model, recipe.input)[0]
    strongest = np.flatnonzero(spread[100] > 0.5)
    # Patch 11 covers columns 176 to 191 of which 178 are seen, from column 20 on; linear between centres.
    assert strongest[0] == pytest.approx(20 + 176, abs=1)
    assert strongest[-1] == 197
