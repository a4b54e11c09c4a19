"""What a webcam adds to a scene: exposure and colour that drift, a light that moves, and sensor noise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from unmask.realtime.types import Image
from unmask.training.synthesis.motion import Floats, smooth_path

_BANK_MARGIN = 64


@dataclass(frozen=True, slots=True)
class SensorSettings:
    """Light and noise. ``exposure``, ``warmth`` and ``sweep`` are relative changes.

    The noise's standard deviation in grey levels is ``sqrt(read_noise^2 + shot_noise^2 * level / 255)``.
    ``swap_noise`` is the share of the noise that shows on a swapped face: a swap is laid over the
    camera's picture, and what generates it smooths the noise away.
    """

    brightness: float = 0.95
    exposure: float = 0.10
    warmth: float = 0.04
    sweep: float = 0.12
    read_noise: float = 1.2
    shot_noise: float = 3.2
    swap_noise: float = 0.3


class Sensor:
    """The camera of one caller: takes the scene in and gives the picture out. For one thread at a time."""

    def __init__(
        self, rng: np.random.Generator, times: Floats, size: tuple[int, int], settings: SensorSettings
    ) -> None:
        """Draws light for the moments ``times`` (s) and noise for pictures of ``size`` (w, h).

        The noise is drawn once, larger than the picture, and cut at another place for each frame:
        drawing is the slow part.
        """
        self._settings, self._size = settings, size
        self._exposure = settings.brightness * (1 + smooth_path(rng, times, settings.exposure, 7.0))
        self._warmth = smooth_path(rng, times, settings.warmth, 11.0)
        self._slope = smooth_path(rng, times, settings.sweep, 8.0)
        shape = (size[1] + _BANK_MARGIN, size[0] + _BANK_MARGIN, 3)
        self._bank = rng.standard_normal(shape, dtype=np.float32)
        levels = np.arange(256, dtype=np.float64) / 255
        variance = settings.read_noise**2 + settings.shot_noise**2 * levels
        self._spread_of = np.sqrt(variance).astype(np.float32)
        right = np.linspace(0, 1, size[0], dtype=np.float32)
        self._right = np.tile(right, (size[1], 1))
        self._left = 1 - self._right
        # Kept between frames: asking the system for megabytes again and again costs a fifth of the time.
        self._spread = np.empty((size[1], size[0], 3), dtype=np.float32)

    def take(self, image: Image, index: int, rng: np.random.Generator, swapped: Image | None = None) -> Image:
        """Frame ``index`` of the scene ``image`` (BGR uint8 (h, w, 3)) as the camera gives it, new.

        ``swapped`` uint8 (h, w) tells where a swapped face covers the camera's picture; ``rng`` places
        the noise. Shot noise grows with the square root of the light, read noise is always there (Foi
        et al. 2008, "Practical Poissonian-Gaussian Noise Modeling").
        """
        lit = self._light_up(image, index)
        spread = cv2.LUT(lit, self._spread_of, dst=self._spread)
        if swapped is not None:
            left, top, width, height = cv2.boundingRect(swapped)
            place = (slice(top, top + height), slice(left, left + width))
            covered = swapped[place].astype(np.float32)[..., None] / 255
            spread[place] *= 1 - (1 - self._settings.swap_noise) * covered
        top, left = rng.integers(0, _BANK_MARGIN, 2)
        noise = self._bank[top : top + self._size[1], left : left + self._size[0]]
        noise = cv2.multiply(noise, spread, dst=spread)
        return cv2.add(lit, noise, dtype=cv2.CV_8U).astype(np.uint8, copy=False)

    def _light_up(self, image: Image, index: int) -> Image:
        """Two pictures, lit as on the left and as on the right rim, mixed across: tables are quick."""
        warmth = self._warmth[index]
        tint = self._exposure[index] * np.array([1 - warmth, 1, 1 + warmth])
        levels = np.arange(256, dtype=np.float64)[:, None, None] * tint
        sides = []
        for side in (-1, 1):
            table = np.clip(np.rint(levels * (1 + side * self._slope[index])), 0, 255).astype(np.uint8)
            sides.append(cv2.LUT(image, table))
        return cv2.blendLinear(sides[0], sides[1], self._left, self._right).astype(np.uint8, copy=False)
