"""Which labelled crops are twins, where two twins differ, and fakes that keep a part of their real twin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.realtime.types import Image
from unmask.training.data.cache import CropCache
from unmask.training.data.dfdc import CropRecord

#: A brightness, in grey levels, that is added before differences are taken relative to it: so that the noise of
#: a dark picture is no change.
_DARK = 32.0
#: A relative difference over this one is a change.
_CHANGE = 0.10
#: The outermost ring of a crop, as a share of its side: mostly hair and background, which a swap leaves alone.
_RING = 0.07


@dataclass(frozen=True, slots=True)
class Twin:
    """Rows of a crop cache. ``aligned`` says that both show the same frame through the same box, so that a place
    which differs was manipulated."""

    real: int
    fake: int
    aligned: bool


def difference(real: Image, fake: Image) -> NDArray[np.float32]:
    """How much two RGB uint8 pictures (S, S, 3) differ, relative to their brightness: (S / 2, S / 2)."""
    half = (real.shape[1] // 2, real.shape[0] // 2)
    one, other = (
        cv2.GaussianBlur(cv2.resize(image, half, interpolation=cv2.INTER_AREA), (5, 5), 1.0) for image in (real, fake)
    )
    largest = cv2.absdiff(one, other).max(axis=2).astype(np.float32)
    return largest / (cv2.cvtColor(one, cv2.COLOR_RGB2GRAY).astype(np.float32) + _DARK)


def changed(real: Image, fake: Image) -> NDArray[np.float32]:
    """1 where an aligned twin was changed, 0 where it was left alone, soft between: float32 (S / 2, S / 2)."""
    hard = (difference(real, fake) > _CHANGE).astype(np.uint8)
    closed = cv2.morphologyEx(hard, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    return np.asarray(cv2.blur(closed.astype(np.float32), (5, 5)), np.float32)


def is_aligned(real: Image, fake: Image) -> bool:
    """Whether the ring round the face is the same in both."""
    ring = max(1, round(_RING * real.shape[0]))
    found = difference(real, fake)
    found[ring:-ring, ring:-ring] = np.nan
    return float(np.nanmean(found < _CHANGE, where=~np.isnan(found))) > 0.75


def is_untouched(real: Image, fake: Image) -> bool:
    """Whether an aligned twin shows no change at all: a labelled fake in which another face was swapped."""
    return float((difference(real, fake) > _CHANGE).mean()) < 0.002


def find_twins(cache: CropCache, records: Sequence[tuple[int, CropRecord]]) -> list[Twin]:
    """A twin for every fake whose original is among ``records``; those that were left untouched are left out."""
    rows = {record.key: row for row, record in records if not record.fake}
    twins = []
    for row, record in records:
        if not record.fake or record.original not in rows:
            continue
        real, fake = (np.asarray(cache.pixels[place]) for place in (rows[record.original], row))
        aligned = is_aligned(real, fake)
        if not (aligned and is_untouched(real, fake)):
            twins.append(Twin(rows[record.original], row, aligned))
    return twins


def partly(real: Image, fake: Image, rng: np.random.Generator) -> Image:
    """An aligned fake of which only a random part is kept: what lies on the other side of a soft line, or outside
    of a soft oval, is its real twin."""
    side = real.shape[0]
    ys, xs = np.mgrid[0:side, 0:side].astype(np.float32) / side
    x, y = rng.uniform(0.3, 0.7, 2)
    if rng.random() < 0.5:
        angle = rng.uniform(0, 2 * np.pi)
        distance = (xs - x) * np.cos(angle) + (ys - y) * np.sin(angle)
    else:
        across, down = rng.uniform(0.15, 0.4, 2)
        distance = (1 - np.hypot((xs - x) / across, (ys - y) / down)) * min(across, down)
    share = np.clip(distance / rng.uniform(0.02, 0.1) + 0.5, 0, 1)[..., None]
    return (fake * share + real * (1 - share) + 0.5).astype(np.uint8)
