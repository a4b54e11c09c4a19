"""Heat maps over faces, as pictures that say what they are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from unmask.realtime.types import Image
from unmask.training.zoo.models.base import ZooModel
from unmask.training.zoo.models.timm_backbone import TimmBackbone
from unmask.training.zoo.recipe import Input

WORDS = "where the model looked, not evidence"
_LEAST_SIDE = 320
_BAND = 54
_STRONGEST = 0.6


def on_crops(maps: NDArray[np.float32], model: ZooModel, seen: Input) -> NDArray[np.float32]:
    """Maps (N, h, w) -> (N, side, side): each place over the pixels it stands for, zero beyond what the
    network sees of a crop. Bilinear, as coarse as the network's features are."""
    height, width = _covered(model, seen)
    top, left = (seen.side - seen.height) // 2, (seen.side - seen.width) // 2
    result = np.zeros((len(maps), seen.side, seen.side), np.float32)
    for row, one in enumerate(maps):
        spread = cv2.resize(one, (width, height), interpolation=cv2.INTER_LINEAR)
        result[row, top : top + seen.height, left : left + seen.width] = spread[: seen.height, : seen.width]
    return result


def _covered(model: ZooModel, seen: Input) -> tuple[int, int]:
    """Height and width of the picture below the map: transformers take whole patches, padded at the end."""
    backbone = model.backbone
    if not isinstance(backbone, TimmBackbone) or backbone.patches is None:
        return seen.height, seen.width
    down, across = backbone.net.patch_embed.patch_size
    return backbone.patches[0] * int(down), backbone.patches[1] * int(across)


def overlay(crop: Image, heat: NDArray[np.float32], caption: str) -> Image:
    """``crop`` (side, side, 3) RGB beside itself under ``heat`` (side, side), 0..1, and the words below.

    RGB uint8; at least 320 pixels a side, since the words must be readable.
    """
    side = max(_LEAST_SIDE, crop.shape[0])
    face = cv2.resize(crop, (side, side), interpolation=cv2.INTER_CUBIC)
    strength = np.clip(cv2.resize(heat, (side, side), interpolation=cv2.INTER_LINEAR), 0.0, 1.0)
    colours = cv2.applyColorMap((255 * strength).astype(np.uint8), cv2.COLORMAP_INFERNO)[:, :, ::-1]
    # Weak places stay the face itself, so that the colours never hide what was looked at.
    share = (_STRONGEST * strength)[:, :, None]
    under_heat = (face * (1 - share) + colours * share).astype(np.uint8)
    picture = Pictures.new("RGB", (2 * side, side + _BAND), "white")
    picture.paste(Pictures.fromarray(face), (0, 0))
    picture.paste(Pictures.fromarray(under_heat), (side, 0))
    draw = ImageDraw.Draw(picture)
    draw.text((8, side + 4), WORDS, fill="black", font=ImageFont.load_default(20))
    draw.text((8, side + 31), caption, fill=(70, 70, 70), font=ImageFont.load_default(14))
    return np.asarray(picture)


def write_overlay(path: Path, picture: Image, about: Mapping[str, str]) -> None:
    """``picture`` (RGB) as PNG with the words, and what ``about`` tells, among its text chunks."""
    info = PngInfo()
    for key, value in {"Description": WORDS, "Software": "Unmask", **about}.items():
        info.add_itxt(key, value)
    Pictures.fromarray(picture).save(path, format="PNG", pnginfo=info)
