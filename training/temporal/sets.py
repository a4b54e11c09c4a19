"""The sequences that are learnt from and measured on: pseudo-clips of stills, and frames of genuine clips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.realtime.faces.crop import CropSpec, crop_face
from unmask.realtime.types import Image
from unmask.training.data.batches import whole
from unmask.training.data.dfdc import CropRecord
from unmask.training.experiments.pool import Pool
from unmask.training.experiments.views import mirrored_view, wide_view
from unmask.training.experiments.workshop import Workshop
from unmask.training.pseudo_clips import inner_of_pair, make_clip
from unmask.training.zoo.recipe import Clips

FRAMES, SIZE, MARGIN = 16, 192, 1.4
#: Pool pictures are cut this wide before they move, so that less of the surroundings has to be mirrored.
_WIDE, _SIDE = 1.8, 224
#: What happens to genuine and fake alike, and what a live swapper adds.
PLAIN = Clips()
SWAPPED = Clips(face_jitter=1.0, face_lag_ms=80, face_flicker=1.0)
Window = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Clip:
    """One window to be made: ``make()`` gives uint8 (``FRAMES``, ``SIZE``, ``SIZE``, 3) RGB, always the same."""

    fake: bool
    group: str
    source: str
    make: Callable[[], Window]


def dfdc_clips(shop: Workshop, split: str, count: int, seed: int) -> list[Clip]:
    """``count`` labelled crops of the split, half of them fake, as pseudo-clips with mirrored surroundings."""
    cache, rows = shop.labelled(split)
    order = np.random.default_rng(seed).permutation(len(rows))
    drawn = [rows[int(i)] for i in order]
    halves = ([row for row in drawn if row[1].fake == fake][: count // 2] for fake in (False, True))
    # In turn, so that a smaller count is the beginning of a larger one.
    chosen: list[tuple[int, CropRecord]] = [row for pair in zip(*halves, strict=True) for row in pair]

    def maker(position: int) -> Callable[[], Window]:
        def make() -> Window:
            still = np.asarray(cache.pixels[position])
            clip = make_clip(still, FRAMES, PLAIN, np.random.default_rng((seed, position)))
            return np.stack([mirrored_view(image, SIZE, MARGIN) for image in clip])

        return make

    return [Clip(record.fake, record.group, "DFDC", maker(position)) for position, record in chosen]


def pool_clips(pool: Pool, rows: Sequence[int], seed: int, *, fakes: Sequence[str]) -> list[Clip]:
    """Pseudo-clips of pairs: the genuine half, and the fake half ``still`` on the head or ``moving`` against it
    (jitter, lag, flicker). ``fakes`` gives each row one kind or ``both``; all clips of a pair move and are coded
    alike."""
    found: list[Clip] = []

    def maker(row: int, kind: str) -> Callable[[], Window]:
        def make() -> Window:
            spec = CropSpec(_SIDE, margin=_WIDE, colour="bgr")
            real, fake = (crop_face(half[row], pool.face(row), spec) for half in (pool.real, pool.fake))
            rng = np.random.default_rng((seed, row))
            if kind == "moving":
                clip = make_clip(real, FRAMES, SWAPPED, rng, inner=inner_of_pair(real, fake))
            else:
                clip = make_clip(real if kind == "genuine" else fake, FRAMES, PLAIN, rng)
            return np.stack([_middle(image) for image in clip])

        return make

    for row, kind in zip(rows, fakes, strict=True):
        for name in ("genuine", *(("still", "moving") if kind == "both" else (kind,))):
            found.append(Clip(name != "genuine", pool.groups[row], name, maker(row, name)))
    return found


def _middle(image: Image) -> Image:
    return crop_face(image, whole(image), CropSpec(SIZE, margin=MARGIN / _WIDE, colour="bgr"))


def footage(pool: Pool) -> list[Clip]:
    """The frames of each genuine clip as one window, and the faces painted onto them as another. The frames lie
    far apart, and every frame was painted by itself: real movement, but no live swapper's."""
    found: list[Clip] = []

    def maker(rows: NDArray[np.intp], fake: bool) -> Callable[[], Window]:
        half = pool.fake if fake else pool.real
        return lambda: np.stack([wide_view(half[int(row)], pool.face(int(row)), SIZE, MARGIN) for row in rows])

    for group in sorted(set(pool.groups)):
        rows = np.flatnonzero(np.asarray(pool.groups) == group)[:FRAMES]
        if len(rows) == FRAMES:
            for fake in (False, True):
                found.append(Clip(fake, group, "painted" if fake else "genuine", maker(rows, fake)))
    return found


def _pairs(shop: Workshop, name: str, count: int, seed: int, kinds: Sequence[str]) -> list[Clip]:
    pool = shop.pool(name)
    rows = np.random.default_rng(seed).permutation(len(pool.groups))[:count].tolist()
    return pool_clips(pool, rows, seed, fakes=[kinds[number % len(kinds)] for number in range(len(rows))])


#: Every set by its name; what is learnt from begins with ``train``. Validation people are in no training set.
SETS: dict[str, Callable[[Workshop], list[Clip]]] = {
    "train DFDC": lambda shop: dfdc_clips(shop, "train", 600, 21),
    "DFDC val": lambda shop: dfdc_clips(shop, "val", 800, 22),
    "people": lambda shop: _pairs(shop, "people", 200, 23, ("both",)),
    "train pairs": lambda shop: _pairs(shop, "all", 300, 24, ("moving", "still")),
    "clips": lambda shop: footage(shop.pool("clips")),
    "clips other": lambda shop: footage(shop.pool("other")),
}
