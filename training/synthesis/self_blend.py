"""Self-blended images with masks shaped by landmarks: a real face blended with its own altered copy.

After Shiohara and Yamasaki, "Detecting Deepfakes with Self-Blended Images" (CVPR 2022, section 3): source
and target are the same picture, one of the two is altered in colour and frequency, the source is moved and
resampled a little, and a bent, softened mask mixes them at a random ratio. The code is our own; five
landmarks shape the mask where the paper has 81.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.realtime.types import Image
from unmask.training.data.codec import jpeg_round_trip
from unmask.training.synthesis.face_region import axes, random_mask
from unmask.training.synthesis.marked import Generated

#: Ratios at which source and target are mixed inside of the mask (paper, section 3.2).
RATIOS = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)


def other_colours(image: Image, rng: np.random.Generator) -> Image:
    """RGB shifted, or hue, saturation and value, or brightness and contrast."""
    choice = rng.integers(3)
    if choice == 0:
        return np.clip(image + rng.uniform(-20, 20, 3), 0, 255).astype(np.uint8)
    if choice == 1:
        tone = cv2.cvtColor(image, cv2.COLOR_RGB2HSV).astype(np.float32)
        tone[..., 0] = (tone[..., 0] + rng.uniform(-5, 5)) % 180
        tone[..., 1:] = np.clip(tone[..., 1:] * rng.uniform(0.8, 1.2, 2).astype(np.float32), 0, 255)
        return cv2.cvtColor(tone.astype(np.uint8), cv2.COLOR_HSV2RGB).astype(np.uint8, copy=False)
    mean = image.mean()
    changed = (image - mean) * rng.uniform(0.8, 1.2) + mean + rng.uniform(-25, 25)
    return np.clip(changed, 0, 255).astype(np.uint8)


def other_frequencies(image: Image, rng: np.random.Generator) -> Image:
    """Less resolution (by several kernels), blur, sharpening, or JPEG."""
    height, width = image.shape[:2]
    choice = rng.random()
    if choice < 0.5:
        share = rng.uniform(0.3, 0.85)
        kernel = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)[int(rng.integers(3))]
        small = cv2.resize(image, (int(width * share), int(height * share)), interpolation=cv2.INTER_AREA)
        return cv2.resize(small, (width, height), interpolation=kernel).astype(np.uint8, copy=False)
    if choice < 0.7:
        return cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.8)).astype(np.uint8, copy=False)
    if choice < 0.9:
        soft = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.6, 2.0))
        amount = rng.uniform(0.3, 1.2)
        return cv2.addWeighted(image, 1 + amount, soft, -amount, 0).astype(np.uint8, copy=False)
    return jpeg_round_trip(image, int(rng.integers(40, 90)))


def altered(image: Image, rng: np.random.Generator) -> Image:
    """``image`` with other colours, other frequencies, or both; never as it was."""
    choice = rng.random()
    if choice < 0.75:
        image = other_colours(image, rng)
    if choice > 0.3:
        image = other_frequencies(image, rng)
    return image


def moved(image: Image, landmarks: NDArray[np.float32], rng: np.random.Generator) -> Image:
    """Shifted, scaled and turned by a little about the face: landmarks of the parts no longer fit exactly."""
    height, width = image.shape[:2]
    eyes, _, down = axes(landmarks)
    long = float(np.hypot(*down))
    centre = eyes + 0.5 * down
    matrix = cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), rng.uniform(-3, 3), rng.uniform(0.95, 1.05))
    matrix[:, 2] += rng.uniform(-0.07, 0.07, 2) * long
    return cv2.warpAffine(
        image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    ).astype(np.uint8, copy=False)


def self_blend(image: Image, landmarks: NDArray[np.float32], rng: np.random.Generator) -> Generated:
    """A real RGB uint8 picture blended with its altered copy where the face with ``landmarks`` (5, 2) is."""
    mask = random_mask(landmarks, (image.shape[0], image.shape[1]), rng)
    mask *= float(rng.choice(RATIOS))
    source, target = (altered(image, rng), image) if rng.random() < 0.5 else (image, altered(image, rng))
    source = moved(source, landmarks, rng)
    weight = mask[..., None]
    mixed = target + (source.astype(np.float32) - target) * weight
    return Generated(np.clip(np.rint(mixed), 0, 255).astype(np.uint8), mask, "self-blend")
