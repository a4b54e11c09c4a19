"""Heads that read what changes from frame to frame, and those that correct the frames' mean."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch (the train extra)")

from unmask.training.zoo.models.base import WindowHead, ZooModel  # noqa: E402
from unmask.training.zoo.models.temporal import MaskedLstm, changes  # noqa: E402
from unmask.training.zoo.recipe import RecipeError, changed  # noqa: E402
from unmask.training.zoo.registry import build_model, find_recipe  # noqa: E402


def model_of(**settings: object) -> ZooModel:
    torch.manual_seed(0)
    small = {"input.frames": 5, "head.hidden": 4, "head.time": "lstm", **{f"head.{k}": v for k, v in settings.items()}}
    return build_model(changed(find_recipe("feed-forward-sgd"), small)).eval()


def test_a_change_is_reckoned_from_the_last_frame_that_is_there() -> None:
    window = torch.tensor([[[1.0], [9.0], [4.0], [2.0], [2.5]]])
    mask = torch.tensor([[1.0, 0.0, 1.0, 1.0, 1.0]])
    np.testing.assert_allclose(changes(window, mask)[0, :, 0].numpy(), [0, 0, 3, 2, 0.5])
    late = torch.tensor([[0.0, 0.0, 1.0, 1.0, 0.0]])
    np.testing.assert_allclose(changes(window, late)[0, :, 0].numpy(), [0, 0, 0, 2, 0])


@pytest.mark.parametrize("both_ways", [False, True])
def test_missing_frames_do_not_matter_whatever_stands_there(both_ways: bool) -> None:
    torch.manual_seed(0)
    head = MaskedLstm(3, 4, both_ways=both_ways, with_changes=True)
    window, mask = torch.randn(2, 5, 3), torch.tensor([[0.0, 1, 1, 0, 1]] * 2)
    other = window.clone()
    other[:, [0, 3]] = float("nan")
    with torch.no_grad():
        assert torch.equal(head(window, mask), head(other, mask))
        assert torch.isnan(head(window, torch.zeros(2, 5))).all()


def test_a_shake_between_frames_changes_the_state_of_a_head_that_reads_changes() -> None:
    head = MaskedLstm(1, 4, both_ways=False, with_changes=True)
    assert head.onwards.inner.in_features == 2
    assert MaskedLstm(1, 4, both_ways=False).onwards.inner.in_features == 1


def test_a_residual_head_that_says_nothing_leaves_the_mean_of_the_frames() -> None:
    model = model_of(residual=True, changes=True)
    assert model.window_classifier is not None
    torch.nn.init.zeros_(model.window_classifier.weight)
    torch.nn.init.zeros_(model.window_classifier.bias)
    window, mask = torch.randn(3, 5, model.embedding), torch.tensor([[1.0, 0, 1, 1, 0]] * 3)
    window[:, 1] = float("nan")
    with torch.no_grad():
        frames = model.judge_frames(window)[..., 0]
        expected = frames[:, [0, 2, 3]].mean(dim=1)
        torch.testing.assert_close(WindowHead(model)(window, mask), expected)
        assert torch.isnan(WindowHead(model)(window, torch.zeros(3, 5))).all()


def test_a_residual_head_teaches_the_frames_nothing() -> None:
    model = model_of(residual=True)
    model.judge_windows(torch.randn(3, 5, model.embedding), torch.ones(3, 5)).sum().backward()
    assert model.classifier.weight.grad is None
    assert model.window_classifier is not None
    assert model.window_classifier.weight.grad is not None


@pytest.mark.parametrize("name", ["changes", "residual"])
def test_without_an_lstm_there_is_nothing_to_read_or_correct(name: str) -> None:
    with pytest.raises(RecipeError, match="are for an LSTM"):
        model_of(**{name: True, "time": "mean"})
