"""Small PNG files of what is on the screen."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from window_driver import screen_picture

from unmask.gui.qt import QBuffer, QImage, QIODevice, QWidget

#: A picture of a document should not cost a reader more.
LARGEST_BYTES = 150_000
SMALLEST_PX = 100
_TRIES = (256, 192, 128, 96, 64)
#: Of the colours of a palette, the share of those that stay as they are (the grounds, lines and words of a window),
#: and of those that go to what the others would miss most (a thin line in a colour of its own).
_EXACT_SHARE, _MISSED_SHARE = 0.25, 0.12

Pixels = NDArray[np.uint8]


def shoot(name: str, widget: QWidget | None = None) -> Path:
    """Write what the screen shows (where ``widget`` lies) as ``NAME.png``. Raises ``ValueError`` if it is too large."""
    return save_small(screen_picture(widget), Path(os.environ["UNMASK_PICTURES"]) / f"{name}.png")


def save_small(picture: QImage, path: Path) -> Path:
    """With as many colours as the limit allows. ``ValueError`` too where nothing was on the screen yet."""
    if min(picture.width(), picture.height()) < SMALLEST_PX:
        raise ValueError(f"{path.name} is {picture.width()} x {picture.height()} pixels: the window is not there yet.")
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    picture.save(buffer, "PNG")  # pyright: ignore[reportCallIssue, reportArgumentType]
    whole = np.asarray(Image.open(io.BytesIO(bytes(buffer.data().data()))).convert("RGB"))
    for colours in _TRIES:
        data = io.BytesIO()
        with_palette(whole, colours).save(data, "PNG", optimize=True)
        if data.tell() <= LARGEST_BYTES:
            path.write_bytes(data.getvalue())
            return path
    raise ValueError(f"{path.name} is larger than {LARGEST_BYTES // 1000} kB: show less in it.")


def with_palette(picture: Pixels, colours: int) -> Image.Image:
    """``picture`` (H, W, 3) RGB with so many colours. The commonest stay exact: a method that shares them out by
    itself gives nearly all to the photographs, and tints the window."""
    codes = picture.reshape(-1, 3).astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    found, place, counts = np.unique(codes, return_inverse=True, return_counts=True)
    common = found[np.argsort(-counts, kind="stable")[: round(colours * _EXACT_SHARE)]]
    missed = round(colours * _MISSED_SHARE)
    rest = picture.reshape(-1, 3)[~np.isin(codes, common)]
    palette = _rgb(common)
    if len(rest):
        palette = np.vstack([palette, _shared_out(rest, colours - len(common) - missed)])
        palette = _with_missed(palette, _rgb(found), counts, missed)
    made = Image.fromarray(_nearest(_rgb(found), palette)[0].astype(np.uint8)[place].reshape(picture.shape[:2]), "P")
    made.putpalette(palette.tobytes())
    return made


def _shared_out(pixels: Pixels, colours: int) -> Pixels:
    strip = Image.fromarray(pixels[None], "RGB")
    shared = strip.quantize(colours, Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE)
    return np.array(shared.getpalette(), np.uint8).reshape(-1, 3)[:colours]


def _with_missed(palette: Pixels, found: Pixels, counts: NDArray[np.int64], number: int) -> Pixels:
    """One after the other the colour whose pixels are farthest from what the palette has."""
    far = _nearest(found, palette)[1]
    weight = np.minimum(counts, 40)
    for _ in range(number):
        worst = found[(far * weight).argmax()]
        palette = np.vstack([palette, worst])
        far = np.minimum(far, _nearest(found, worst[None])[1])
    return palette


def _nearest(wanted: Pixels, palette: Pixels) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """For each colour the index of that of ``palette`` which is nearest to it, and the square of how far it is."""
    ours, indices, squares = palette.astype(np.float32), [], []
    for part in np.array_split(wanted.astype(np.float32), max(1, len(wanted) // 20_000)):
        apart = (part**2).sum(1)[:, None] - 2 * part @ ours.T + (ours**2).sum(1)
        indices.append(apart.argmin(1))
        squares.append(apart.min(1))
    return np.concatenate(indices), np.maximum(np.concatenate(squares), 0)


def _rgb(codes: NDArray[np.uint32]) -> Pixels:
    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1).astype(np.uint8)
