"""What calls do to a picture besides what ``codec.call_like`` does: VP9, beauty filter, filmed screen, little light.

Strengths are drawn anew for every picture; the rows of ``training.degrade``, which measure robustness, are single
fixed ones.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from unmask.realtime.types import Image
from unmask.training import degrade
from unmask.training.data import codec


def harsh_call(image: Image, rng: np.random.Generator) -> Image:
    """A square RGB uint8 picture after one of four things, drawn by ``rng``; the same size, a new array."""
    return KINDS[list(KINDS)[int(rng.integers(len(KINDS)))]](image, rng)


def _vp9(image: Image, rng: np.random.Generator) -> Image:
    side = image.shape[0]
    small = codec.downscale(image, max(32, int(side * rng.uniform(0.5, 1.0)) // 2 * 2))
    steps = rng.integers(-2, 3, size=(2, 2))
    shots = [np.roll(small, (int(dy), int(dx)), axis=(0, 1)) for dy, dx in steps]
    return codec.upscale(codec.vp9_round_trip([*shots, small], int(rng.integers(28, 54)))[-1], side)


def _beauty(image: Image, rng: np.random.Generator) -> Image:
    return degrade.beautified(image, image.shape[0] / 224, rng.uniform(0.3, 0.95))


def _screen(image: Image, rng: np.random.Generator) -> Image:
    filmed = degrade.filmed(image, degrade.Screen.drawn(rng), rng)
    return codec.jpeg_round_trip(filmed, int(rng.integers(60, 96)))


def _dark(image: Image, rng: np.random.Generator) -> Image:
    return degrade.little_light(image, rng.uniform(0.3, 0.8), rng.uniform(1.0, 4.0), rng)


KINDS: dict[str, Callable[[Image, np.random.Generator], Image]] = {
    "vp9": _vp9,
    "beauty filter": _beauty,
    "filmed screen": _screen,
    "little light": _dark,
}
