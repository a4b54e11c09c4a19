"""What an epoch consists of, and the batches made from it: the same for the same seed, also when resumed."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from unmask.realtime.faces.crop import CropSpec, crop_face
from unmask.realtime.types import FaceBox, Image
from unmask.training.data.codec import call_like
from unmask.training.data.self_blend import self_blend

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Item:
    """One crop of a cache. ``blend`` says to self-blend it first, which makes it fake."""

    pixels: NDArray[np.uint8]
    position: int
    fake: bool
    blend: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """``crops`` uint8 (N, size, size, 3) RGB and ``labels`` float32 (N,), 1 for fake."""

    crops: NDArray[np.uint8]
    labels: NDArray[np.float32]


def whole(image: Image) -> FaceBox:
    """A box round the whole of an already cut crop."""
    return FaceBox(0.0, 0.0, float(image.shape[1]), float(image.shape[0]), 1.0)


def plain_view(image: Image, size: int) -> Image:
    """A cached RGB crop at the encoder's size, by the live crop function (its ``bgr`` keeps the order)."""
    return crop_face(image, whole(image), CropSpec(size, margin=1.0, colour="bgr"))


def training_view(image: Image, size: int, rng: np.random.Generator) -> Image:
    """A mirrored, moved, zoomed, call-like view of a cached RGB crop at the encoder's size.

    The live box sits about 7 % of the crop higher than the boxes of the data set do, so the view moves
    up more than down. Boxes of one face from two detectors differ by about the zoom range.
    """
    if rng.random() < 0.5:
        image = np.ascontiguousarray(image[:, ::-1])
    image = call_like(image, rng)
    side = image.shape[0] * rng.uniform(0.84, 1.06)
    x = image.shape[0] * (0.5 + rng.uniform(-0.06, 0.06))
    y = image.shape[0] * (0.5 + rng.uniform(-0.11, 0.05))
    box = FaceBox(x - side / 2, y - side / 2, x + side / 2, y + side / 2, 1.0)
    return crop_face(image, box, CropSpec(size, margin=1.0, colour="bgr"))


def epoch_batches(
    items: Sequence[Item], size: int, batch: int, seed: int, epoch: int, *, start: int = 0
) -> Iterator[Batch]:
    """The whole batches of ``epoch`` in a random order that only ``seed`` and ``epoch`` decide."""
    order = np.random.default_rng((seed, epoch)).permutation(len(items))
    for number in range(start, len(items) // batch):
        chosen = order[number * batch : (number + 1) * batch]
        crops = np.empty((batch, size, size, 3), np.uint8)
        labels = np.empty(batch, np.float32)
        for row, position in enumerate(chosen):
            item = items[int(position)]
            rng = np.random.default_rng((seed, epoch, int(position)))
            image = np.asarray(item.pixels[item.position])
            if item.blend:
                image = self_blend(image, rng)
            crops[row] = training_view(image, size, rng)
            labels[row] = float(item.fake or item.blend)
        yield Batch(crops, labels)


def prefetched(make: Callable[[], Iterator[Made]], depth: int = 4) -> Iterator[Made]:
    """Batches of any kind, made in a thread of their own, at most ``depth`` ahead. Its failure is raised here."""
    ready: queue.Queue[Made | BaseException | None] = queue.Queue(depth)
    stop = threading.Event()

    def offer(item: Made | BaseException | None) -> None:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.2)
                return
            except queue.Full:
                continue

    def work() -> None:
        try:
            for batch in make():
                offer(batch)
                if stop.is_set():
                    return
            offer(None)
        except BaseException as error:  # noqa: BLE001 - handed to the consumer, which raises it
            offer(error)

    thread = threading.Thread(target=work, name="unmask-batches", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()
