"""The colours of the heat map: even steps to the eye, and told apart with every kind of colour blindness.

From blue (against signs) to yellow (for signs) on a straight line in OKLab (Ottosson 2020), whose distances are those
that the eye sees. Lightness only ever grows, as in cividis (Nuñez et al. 2018, 10.1371/journal.pone.0199239), so that
the direction can be read without colours too. What says nothing is transparent.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

AGAINST, FOR = (31, 95, 208), (255, 229, 69)
STEPS = 256
#: The share of the picture that the strongest colour hides: the face below stays recognisable.
MOST_ALPHA = 0.72

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


@cache
def ramp() -> NDArray[np.uint8]:
    """Red, green and blue (STEPS, 3) from wholly against signs to wholly for them. Not to be written to."""
    ends = oklab(np.array([AGAINST, FOR], np.uint8))
    shares = np.linspace(0.0, 1.0, STEPS)[:, np.newaxis]
    colours = _to_rgb(ends[0] * (1 - shares) + ends[1] * shares)
    colours.flags.writeable = False
    return colours


@cache
def premultiplied() -> NDArray[np.uint32]:
    """``ramp`` with its alpha, as the words 0xAARRGGBB of Qt's ARGB32_Premultiplied: uint32 (STEPS,)."""
    alpha = np.abs(np.linspace(-1.0, 1.0, STEPS)) * MOST_ALPHA
    bytes_ = np.empty((STEPS, 4), np.uint32)
    bytes_[:, :3] = np.round(ramp() * alpha[:, np.newaxis])
    bytes_[:, 3] = np.round(255 * alpha)
    red, green, blue, clear = bytes_.T
    words = (clear << 24 | red << 16 | green << 8 | blue).astype(np.uint32)
    words.flags.writeable = False
    return words


def oklab(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    """sRGB uint8 (..., 3) as OKLab: lightness 0..1, green to red, blue to yellow."""
    value = rgb.astype(np.float64) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T


def _to_rgb(lab: NDArray[np.float64]) -> NDArray[np.uint8]:
    linear = (lab @ np.linalg.inv(_TO_LAB).T) ** 3 @ np.linalg.inv(_TO_LMS).T
    linear = np.clip(linear, 0.0, 1.0)
    value = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(255 * value).astype(np.uint8)
