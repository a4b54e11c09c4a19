"""Grad-CAM: which places of a face spoke for manipulation, to the network."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from unmask.engines.errors import UnmaskError
from unmask.training.zoo.models.base import ZooModel, log_odds
from unmask.training.zoo.models.small import FeedForwardNet


class ExplainError(UnmaskError):
    """A network, or a picture, cannot be explained."""


def grad_cam(model: ZooModel, crops: NDArray[np.uint8], *, as_window: bool = False) -> NDArray[np.float32]:
    """Crops uint8 (N, side, side, 3), RGB -> maps float32 (N, h, w), 0..1, on the grid of the last features.

    Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization",
    ICCV 2017, equations 1 and 2: each channel weighs its mean gradient, and what is left below zero is cut
    off. The score that is explained is the logit of "not real" of each single frame or, ``as_window``, of
    all crops as one window, in the order of time. The features are the last that still have places: those
    behind a transformer's last block are laid out as the grid of their patches.

    A map is divided by its largest value (in a window: by that of all its maps); it is all zero where no
    place spoke for manipulation. ``model`` stays as it is and must be in evaluation mode (``ValueError``).
    Raises ``ExplainError`` for a network without places.
    """
    if model.training:
        raise ValueError("Explain a network in evaluation mode: call model.eval() first.")
    if isinstance(model.backbone, FeedForwardNet):
        raise ExplainError("A feed-forward network has no feature map that keeps places: explain a convolutional one.")
    device = next(model.parameters()).device
    with torch.no_grad():
        features = model.feature_map(torch.from_numpy(crops).to(device).permute(0, 3, 1, 2))
    with torch.enable_grad():
        # Only from the features on: the gradient below them is not asked for.
        features = features.detach().requires_grad_(True)
        embedding = model.neck(model.backbone.pool(features))
        (gradient,) = torch.autograd.grad(_logits(model, embedding, as_window).sum(), features)
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    maps = (weights * features.detach()).sum(dim=1).clamp_min(0.0)
    most = maps.amax(dim=(0, 1, 2) if as_window else (1, 2), keepdim=True)
    return torch.where(most > 0, maps / most, maps).float().cpu().numpy()


def _logits(model: ZooModel, embedding: torch.Tensor, as_window: bool) -> torch.Tensor:
    if not as_window:
        return log_odds(model.judge_frames(embedding))
    return log_odds(model.judge_windows(embedding[None], torch.ones(1, len(embedding), device=embedding.device)))


@torch.no_grad()
def scores(model: ZooModel, crops: NDArray[np.uint8], *, as_window: bool = False) -> NDArray[np.float32]:
    """The logits that ``grad_cam`` explains, not calibrated: float32 (N,), or (1,) for a window."""
    device = next(model.parameters()).device
    embedding = model.embed(torch.from_numpy(crops).to(device).permute(0, 3, 1, 2))
    return _logits(model, embedding, as_window).float().cpu().numpy()
