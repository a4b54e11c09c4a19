"""Train an autoencoder of the reconstructions on real faces of people who are not held out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from unmask.training.experiments.faces import FaceSet
from unmask.training.models.mobilenet_v2 import MobileNetV2, load_imagenet
from unmask.training.synthesis.reconstruct import (
    AutoencoderSettings,
    FaceAutoencoder,
    cut_upright,
    fit,
    save_autoencoder,
)

#: How many blocks of MobileNetV2 the perceptual loss looks through.
BLOCKS = 3


def train_autoencoder(
    faces: FaceSet,
    weights: Path,
    out: Path,
    settings: AutoencoderSettings,
    *,
    steps: int,
    log: Callable[[str], None] = print,
) -> None:
    """Write an autoencoder of ``faces`` to ``out``; ``weights`` are MobileNetV2's for the perceptual loss."""
    torch.manual_seed(0)
    network = MobileNetV2()
    load_imagenet(network, weights)
    model = FaceAutoencoder(settings).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    cut = cut_upright(list(faces.pixels), faces.landmarks, settings.side)
    fit(model, cut, network.features[:BLOCKS], steps=steps, rate=2e-3, log=log)
    save_autoencoder(model, out)
