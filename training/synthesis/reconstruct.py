"""Small autoencoders that render a face anew, as live swappers do: their decoders leave their own texture.

Convolutional encoder and decoder, trained on real faces cut upright by their landmarks, with an absolute
loss, a loss on the differences of neighbouring pixels, and a perceptual loss (Johnson et al., "Perceptual
Losses for Real-Time Style Transfer", ECCV 2016) on early MobileNetV2 features, both for sharpness.
``repaint`` lays the result back.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unmask.realtime.types import Image
from unmask.training.data.dfdc import DataError
from unmask.training.synthesis.repaint import upright

Upsampling = Literal["shuffle", "bilinear"]


@dataclass(frozen=True, slots=True)
class AutoencoderSettings:
    """``side`` of the rendered face in pixels, ``code`` channels kept at side / 2**depth, ``width`` of the
    first layer, and how the decoder enlarges: pixel shuffle (Shi et al. 2016) or bilinear."""

    side: int = 112
    code: int = 8
    width: int = 24
    depth: int = 3
    upsampling: Upsampling = "shuffle"


class _Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(nn.functional.leaky_relu(self.first(nn.functional.leaky_relu(x, 0.1)), 0.1))


class FaceAutoencoder(nn.Module):
    """RGB faces (N, 3, side, side) in 0..1 -> the same faces rendered anew."""

    def __init__(self, settings: AutoencoderSettings) -> None:
        super().__init__()
        self.settings = settings
        widths = [settings.width * 2**level for level in range(settings.depth)]
        down: list[nn.Module] = []
        for inputs, outputs in zip([3, *widths[:-1]], widths, strict=True):
            down += [nn.Conv2d(inputs, outputs, 4, 2, 1), nn.LeakyReLU(0.1)]
        self.encoder = nn.Sequential(*down, _Block(widths[-1]), nn.Conv2d(widths[-1], settings.code, 1))
        up: list[nn.Module] = [nn.Conv2d(settings.code, widths[-1], 3, padding=1)]
        for inputs, outputs in zip(widths[::-1], [*widths[-2::-1], settings.width], strict=True):
            up += [_Block(inputs), *_enlarging(inputs, outputs, settings.upsampling), nn.LeakyReLU(0.1)]
        self.decoder = nn.Sequential(*up, nn.Conv2d(settings.width, 3, 3, padding=1))

    def forward(self, faces: Tensor, noise: float = 0.0) -> Tensor:
        """``noise`` is the spread of what is added to the code, in units of the code's own spread."""
        code = self.encoder(faces * 2 - 1)
        if noise:
            code = code + noise * code.detach().std() * torch.randn_like(code)
        return torch.sigmoid(self.decoder(code))


def _enlarging(inputs: int, outputs: int, how: Upsampling) -> list[nn.Module]:
    if how == "shuffle":
        return [nn.Conv2d(inputs, outputs * 4, 3, padding=1), nn.PixelShuffle(2)]
    return [nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(inputs, outputs, 3, padding=1)]


def cut_upright(images: Sequence[Image], landmarks: NDArray[np.float32], side: int) -> NDArray[np.uint8]:
    """The faces of RGB pictures as the autoencoder sees them: uint8 (N, side, side, 3)."""
    cuts = [
        cv2.warpAffine(image, upright(points, side), (side, side), borderMode=cv2.BORDER_REFLECT_101)
        for image, points in zip(images, landmarks, strict=True)
    ]
    return np.stack(cuts).astype(np.uint8, copy=False)


def difference_loss(made: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute error of the differences of neighbouring pixels, down and across."""
    rows = (made.diff(dim=2) - wanted.diff(dim=2)).abs().mean()
    return rows + (made.diff(dim=3) - wanted.diff(dim=3)).abs().mean()


def fit(
    model: FaceAutoencoder,
    faces: NDArray[np.uint8],
    features: nn.Module,
    *,
    steps: int,
    batch: int = 16,
    rate: float = 1e-3,
    seed: int = 0,
    log: Callable[[str], None] = print,
) -> None:
    """Train on upright ``faces`` (N, side, side, 3). ``features`` maps (N, 3, side, side) in -1..1 to a
    feature map and is not changed."""
    rng = np.random.default_rng(seed)
    optimizer = torch.optim.Adam(model.parameters(), rate, betas=(0.5, 0.99))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    features.requires_grad_(False).eval()
    losses: list[float] = []
    for step in range(steps):
        rows = faces[rng.integers(0, len(faces), batch)]
        if rng.random() < 0.5:
            rows = rows[:, :, ::-1]
        wanted = torch.from_numpy(np.ascontiguousarray(rows)).permute(0, 3, 1, 2).float() / 255
        with torch.autocast("cpu", torch.bfloat16):
            made = model(wanted, noise=0.05).float()
            seen = (features(made * 2 - 1) - features(wanted * 2 - 1)).float().abs().mean()
        loss = (made - wanted).abs().mean() + 2.0 * difference_loss(made, wanted) + 0.15 * seen
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
        if (step + 1) % 100 == 0:
            log(f"  step {step + 1}/{steps}: loss {np.mean(losses[-100:]):.4f}")


@torch.inference_mode()
def render(model: FaceAutoencoder, face: Image, noise: float = 0.0) -> Image:
    """One upright face uint8 (side, side, 3), rendered anew."""
    wanted = torch.from_numpy(np.ascontiguousarray(face)).permute(2, 0, 1)[None].float() / 255
    made = model(wanted, noise)[0].permute(1, 2, 0).numpy()
    return np.rint(made * 255).astype(np.uint8)


def save_autoencoder(model: FaceAutoencoder, path: Path) -> None:
    beside = path.with_suffix(".part")
    torch.save({"settings": asdict(model.settings), "weights": model.state_dict()}, beside)
    os.replace(beside, path)


def load_autoencoder(path: Path) -> FaceAutoencoder:
    if not path.is_file():
        raise DataError(f"There is no autoencoder at {path}: train it first.")
    state = torch.load(path, weights_only=True)
    model = FaceAutoencoder(AutoencoderSettings(**state["settings"]))
    model.load_state_dict(state["weights"])
    return model.eval()
