"""The interface that every network shares, and the parts that are easy to get wrong."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs torch (the train extra)")

from torch import nn  # noqa: E402

from unmask.training.zoo.models.attention import SelfAttention  # noqa: E402
from unmask.training.zoo.models.base import Encoder, WindowHead, ZooModel, log_odds  # noqa: E402
from unmask.training.zoo.models.temporal import MaskedLstm, _Direction  # noqa: E402
from unmask.training.zoo.recipe import Recipe, Timm, changed, parse_recipe  # noqa: E402
from unmask.training.zoo.registry import build_model, find_recipe, recipe_names  # noqa: E402

FOUR = ("real", "a", "b", "c")


def tiny(**extra: object) -> Recipe:
    content = {
        "name": "tiny",
        "summary": "-",
        "input": {"height": 32, "width": 32},
        "network": {"kind": "cnn", "channels": [6]},
    }
    return changed(parse_recipe(content, "tiny"), extra) if extra else parse_recipe(content, "tiny")


def built(recipe: Recipe, classes: tuple[str, ...] = ("real", "fake")) -> ZooModel:
    torch.manual_seed(0)
    return build_model(recipe, classes).eval()


def crops(count: int, side: int) -> torch.Tensor:
    return torch.randint(0, 256, (count, side, side, 3), dtype=torch.uint8)


@pytest.mark.parametrize("name", [name for name in recipe_names() if not name.endswith(("-20", "-30"))])
def test_every_network_speaks_the_interface(name: str) -> None:
    """At the recipe's picture size, one crop at a time and a short window."""
    recipe = find_recipe(name)
    if isinstance(recipe.network, Timm):
        pytest.importorskip("timm", reason="needs timm (the train extra)")
    model = built(recipe, FOUR if recipe.classes == "manipulation" else ("real", "fake"))
    with torch.inference_mode():
        found = Encoder(model, activation=model.has_activation)(crops(1, model.side))
        window = found[0][None].expand(1, 3, -1)
        mask = torch.tensor([[1.0, 1.0, 0.0]])
        judged = WindowHead(model)(window, mask)
    assert found[0].shape == (1, model.embedding)
    assert found[1].shape == judged.shape == (1,)
    if recipe.head.time == "mean":
        # Frames that say the same say the same together.
        torch.testing.assert_close(judged, found[1], rtol=1e-4, atol=1e-5)
    if model.has_activation and recipe.classes == "binary":
        torch.testing.assert_close(found[2].mean(dim=(1, 2)), found[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", [name for name in recipe_names() if name.endswith(("-20", "-30"))])
def test_long_windows_are_judged(name: str) -> None:
    """From random embeddings: the frames' network is that of the recipe with 10 frames."""
    pytest.importorskip("timm", reason="needs timm (the train extra)")
    model = built(find_recipe(name))
    assert model.frames == int(name[-2:])
    window = torch.randn(2, model.frames, model.embedding)
    mask = torch.ones(2, model.frames)
    mask[1, 5:] = 0
    with torch.inference_mode():
        logits = WindowHead(model)(window, mask)
        short = WindowHead(model)(window[1:, :5], mask[1:, :5])
    assert logits.shape == (2,)
    torch.testing.assert_close(logits[1:], short)


def test_the_score_of_several_classes_is_what_is_left_of_real() -> None:
    outputs = torch.tensor([[2.0, 0.5, -1.0, 0.0], [-3.0, 1.0, 1.0, 1.0]])
    torch.testing.assert_close(torch.sigmoid(log_odds(outputs)), 1 - torch.softmax(outputs, dim=1)[:, 0])
    assert log_odds(torch.tensor([[0.7]])).item() == pytest.approx(0.7)


def test_the_first_class_must_be_real() -> None:
    with pytest.raises(ValueError, match="start with real"):
        build_model(tiny(), ("fake", "real"))


def test_a_narrow_picture_is_the_middle_of_the_crop() -> None:
    model = built(tiny(**{"input.width": 40, "input.height": 64}))
    crop = crops(1, 64)
    outside = crop.clone()
    outside[:, :, :12] = 0
    outside[:, :, 52:] = 255
    inside = crop.clone()
    inside[:, :, 12] = 255 - inside[:, :, 12]
    first, same, other = (Encoder(model)(picture)[1] for picture in (crop, outside, inside))
    assert first.item() == same.item()
    assert first.item() != other.item()


def test_dense_layers_end_in_the_embedding() -> None:
    model = built(tiny(**{"head.dense": [16, 8], "head.dropout": 0.5}))
    assert model.embedding == 8
    assert Encoder(model)(crops(2, 32))[0].shape == (2, 8)
    assert not model.has_activation
    with pytest.raises(ValueError, match="no sum over places"):
        Encoder(model, activation=True)


@pytest.mark.parametrize("time", ["mean", "lstm", "bilstm"])
@pytest.mark.parametrize("classes", [("real", "fake"), FOUR])
def test_training_and_the_two_exported_halves_agree(time: str, classes: tuple[str, ...]) -> None:
    recipe = tiny(**{"input.frames": 4, "head.time": time, "head.hidden": 5})
    model = built(recipe, classes)
    pictures = crops(8, 32)
    mask = torch.tensor([[1.0, 1, 1, 1], [1, 1, 0, 0]])
    with torch.inference_mode():
        windows, frames = model(pictures.view(2, 4, 32, 32, 3).permute(0, 1, 4, 2, 3), mask)
        embedding, logit = Encoder(model)(pictures)
        judged = WindowHead(model)(embedding.view(2, 4, -1), mask)
    torch.testing.assert_close(log_odds(windows), judged)
    torch.testing.assert_close(log_odds(frames).flatten(), logit)


@pytest.mark.parametrize("time", ["mean", "lstm", "bilstm"])
def test_frames_that_are_missing_do_not_count_and_none_give_no_number(time: str) -> None:
    model = built(tiny(**{"input.frames": 4, "head.time": time}))
    window = torch.randn(3, 4, model.embedding)
    mask = torch.tensor([[1.0, 1, 0, 1], [0, 1, 1, 0], [0, 0, 0, 0]])
    other = torch.where(mask[..., None] > 0, window, torch.randn_like(window))
    head = WindowHead(model)
    with torch.inference_mode():
        first, second = head(window, mask), head(other, mask)
    assert first[0].item() == second[0].item()
    assert first[1].item() == second[1].item()
    assert torch.isnan(first[2])


def test_the_lstm_is_the_usual_one() -> None:
    """Against torch's own, with the same weights; and a gap is as if the frame had never been."""
    torch.manual_seed(0)
    ours, theirs = _Direction(3, 4), nn.LSTM(3, 4, batch_first=True)
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(ours.inner.weight)
        theirs.weight_hh_l0.copy_(ours.recurrent.weight)
        theirs.bias_ih_l0.copy_(ours.inner.bias)
        theirs.bias_hh_l0.zero_()
    window = torch.randn(2, 5, 3)
    expected = theirs(window)[1][0][0]
    torch.testing.assert_close(ours(window, torch.ones(2, 5), range(5)), expected)
    gap = torch.tensor([[1.0, 0, 1, 1, 0]] * 2)
    torch.testing.assert_close(ours(window, gap, range(5)), ours(window[:, [0, 2, 3]], torch.ones(2, 3), range(3)))


def test_reading_both_ways_reads_the_reverse_too() -> None:
    torch.manual_seed(0)
    lstm = MaskedLstm(3, 4, both_ways=True)
    assert lstm.outputs == 8
    assert lstm.backwards is not None
    window, mask = torch.randn(1, 5, 3), torch.ones(1, 5)
    backwards = lstm.backwards(window.flip(1), mask, range(5))
    torch.testing.assert_close(lstm(window, mask)[:, 4:], backwards)


def test_attention_starts_as_if_it_were_not_there_and_then_mixes_places() -> None:
    torch.manual_seed(0)
    layer, x = SelfAttention(16), torch.randn(1, 16, 3, 3)
    torch.testing.assert_close(layer(x), x)
    with torch.no_grad():
        layer.gate.fill_(1.0)
    moved = x.clone()
    moved[..., 2, 2] += 1.0
    assert not torch.equal(layer(moved)[..., 0, 0], layer(x)[..., 0, 0])


def test_the_export_traces_both_halves() -> None:
    """Through ONNX and back, a temporal network of several classes."""
    pytest.importorskip("onnxscript", reason="needs onnxscript (the train extra)")
    import onnxruntime

    model = built(tiny(**{"input.frames": 3, "head.time": "bilstm", "head.hidden": 4}), FOUR)
    window, mask = torch.randn(2, 3, model.embedding), torch.tensor([[1.0, 1, 1], [1, 0, 1]])
    batch = {0: torch.export.Dim("batch", min=1)}
    pictures = crops(2, 32)
    for module, inputs, names in (
        (Encoder(model, activation=True), (pictures,), ["crops"]),
        (WindowHead(model), (window, mask), ["window", "mask"]),
    ):
        program = torch.onnx.export(
            module.eval(),
            inputs,
            input_names=names,
            dynamic_shapes=(batch,) * len(names),
            dynamo=True,
            verbose=False,
        )
        assert program is not None
        session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
        got = session.run(None, {name: value.numpy() for name, value in zip(names, inputs, strict=True)})
        expected = module(*inputs)
        for one, other in zip(got, expected if isinstance(expected, tuple) else (expected,), strict=True):
            torch.testing.assert_close(torch.from_numpy(one), other.detach(), rtol=1e-4, atol=1e-4)
