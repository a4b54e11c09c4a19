"""Batches of windows: the same for the same seed, also from the middle of an epoch on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.realtime.types import Image
from unmask.training.data.batches import plain_view, prefetched, training_view
from unmask.training.data.codec import jpeg_round_trip
from unmask.training.data.harsh import harsh_call
from unmask.training.pseudo_clips import make_clip, own_inner
from unmask.training.run.data import RunData, Sample
from unmask.training.zoo.recipe import Augmentation, Clips, Recipe


@dataclass(frozen=True, slots=True)
class ClipBatch:
    """``crops`` uint8 (N, T, side, side, 3) RGB, ``mask`` float32 (N, T), 1 where there is a frame (the
    frames come first), ``labels`` int64 (N,), 0 for real."""

    crops: NDArray[np.uint8]
    mask: NDArray[np.float32]
    labels: NDArray[np.int64]


class Batches:
    """The batches of one run. A sample looks the same in the same epoch however often it is asked for."""

    def __init__(self, data: RunData, recipe: Recipe) -> None:
        self.data, self.recipe = data, recipe
        self.batch = min(recipe.training.batch, len(data.train))

    @property
    def steps(self) -> int:
        """Batches per epoch; what does not fill a batch waits for another epoch's order."""
        return len(self.data.train) // self.batch

    def train(self, epoch: int, start: int = 0) -> Iterator[ClipBatch]:
        """The batches of ``epoch`` from number ``start`` on, made ahead in a thread of their own."""
        return prefetched(lambda: self._train(epoch, start))

    def _train(self, epoch: int, start: int) -> Iterator[ClipBatch]:
        seed = self.recipe.training.seed
        order = np.random.default_rng((seed, epoch)).permutation(len(self.data.train))
        for number in range(start, self.steps):
            chosen = [int(position) for position in order[number * self.batch : (number + 1) * self.batch]]
            how = self.recipe.augmentation, self.recipe.clips
            views = [self._view(self.data.train[p], (seed, epoch, p), *how) for p in chosen]
            yield self._stack(views, [self.data.train[p].label for p in chosen])

    def validation(self) -> Iterator[ClipBatch]:
        """Every validation sample once, in order, not augmented. A still becomes the same clip every time, by
        the recipe's movements and codec, but never by what marks fakes."""
        plain = Augmentation(views="none"), self.recipe.clips.plain
        for start in range(0, len(self.data.validation), self.batch):
            chosen = self.data.validation[start : start + self.batch]
            views = [self._view(sample, (start + row,), *plain) for row, sample in enumerate(chosen)]
            yield self._stack(views, [sample.label for sample in chosen])

    def _view(self, sample: Sample, seed: Sequence[int], augmentation: Augmentation, clips: Clips) -> NDArray[np.uint8]:
        """One window uint8 (frames, side, side, 3), as many frames as there are."""
        images = [np.asarray(self.data.pixels[self.data.row_of[key]]) for key in sample.keys]
        side, frames = self.recipe.input.side, self.recipe.input.frames
        if frames > 1 and len(images) == 1:
            rng = np.random.default_rng(seed)
            still = augmented(images[0], images[0].shape[0], rng, augmentation)
            inner = own_inner(still) if sample.label and clips != clips.plain else None
            clip = make_clip(still, frames, clips, rng, inner=inner)
            return np.stack([plain_view(image, side) for image in clip])
        # A generator of one seed per frame: all frames of a window are mirrored, lit and coded alike.
        return np.stack([augmented(image, side, np.random.default_rng(seed), augmentation) for image in images])

    def _stack(self, views: Sequence[NDArray[np.uint8]], labels: Sequence[int]) -> ClipBatch:
        side, frames = self.recipe.input.side, self.recipe.input.frames
        crops = np.zeros((len(views), frames, side, side, 3), np.uint8)
        mask = np.zeros((len(views), frames), np.float32)
        for row, view in enumerate(views):
            crops[row, : len(view)], mask[row, : len(view)] = view, 1.0
        return ClipBatch(crops, mask, np.asarray(labels, np.int64))


def augmented(image: Image, side: int, rng: np.random.Generator, augmentation: Augmentation) -> Image:
    """A cached RGB crop as the recipe wants it, (side, side, 3)."""
    if augmentation.jpeg is not None and rng.random() < augmentation.jpeg_share:
        low, high = augmentation.jpeg
        image = jpeg_round_trip(image, int(rng.integers(low, high + 1)))
    if augmentation.harsh_share and rng.random() < augmentation.harsh_share:
        image = harsh_call(image, rng)
    if augmentation.views == "call":
        return training_view(image, side, rng)
    if augmentation.views == "mirror" and rng.random() < 0.5:
        image = np.ascontiguousarray(image[:, ::-1])
    return plain_view(image, side)
