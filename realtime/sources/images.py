"""A single picture, and a folder of pictures that are the frames of a sequence."""

from __future__ import annotations

import functools
import io
import re
import stat
import time
import warnings
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image as pillow
from PIL import ImageOps

from unmask.engines.errors import SourceError
from unmask.engines.plain_text import plain
from unmask.realtime.sources.base import SourceInfo
from unmask.realtime.sources.decoding import MAX_PIXELS
from unmask.realtime.sources.lifecycle import SourceBase
from unmask.realtime.types import Frame, Image

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".jp2", ".avif"})

#: The only decoders of Pillow that are let near a file, whatever it is called: of the others one starts a program
#: (EPS: Ghostscript), one reads further files, and none is for what a camera or a web page gives.
FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "BMP", "DIB", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF")

#: Files of these formats do not say how many pictures they hold: each would be read to count them.
_COUNTED_BY_READING = {"GIF", "TIFF"}

#: The rate of a folder of frames when nothing else is said.
SEQUENCE_FPS = 25.0

#: Modes in which Pillow holds grey pictures of more than 8 bits.
_DEEP_GREY = {"I;16", "I;16B", "I;16L", "I;16N", "I"}

#: A name in a zip may have tens of thousands of digits, which Python refuses to reckon with.
_MOST_DIGITS = 18


def is_image(name: str) -> bool:
    return Path(name).suffix.lower() in SUFFIXES


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sorts ``frame2`` before ``frame10``; a number that no frame has is text."""
    parts = re.split(r"(\d+)", name.casefold())
    numbers = (part.isdecimal() and len(part) <= _MOST_DIGITS for part in parts)
    return [(0, int(part), "") if number else (1, 0, part) for part, number in zip(parts, numbers, strict=True) if part]


def decode_image(data: Path | bytes, name: str) -> tuple[Image, int | None]:
    """(BGR uint8 (H, W, 3) array that belongs to the caller, number of pictures in the file).

    Turned as its EXIF says; transparency is laid over white, 16 bits are brought down to 8, CMYK and
    grey are converted; of an animation the first picture counts. The number is ``None`` for several of
    which nobody knows how many without reading them all. Raises ``SourceError``.
    """
    name = plain(name)
    try:
        if isinstance(data, Path) and not stat.S_ISREG(data.stat().st_mode):
            raise SourceError(f"{name} is not an ordinary file; give a picture.")  # a pipe would be waited for
        # Pillow warns on standard error of large pictures (their size is checked) and of all that is odd in notes.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pillow.open(io.BytesIO(data) if isinstance(data, bytes) else data, formats=_formats()) as opened:
                return _decoded(opened, name), _pictures(opened)
    except FileNotFoundError:
        raise SourceError(f"{name} does not exist; check the path.") from None
    except PermissionError:
        raise SourceError(f"{name} may not be read; check its permissions.") from None
    except pillow.DecompressionBombError:
        raise SourceError(f"{name} claims to be far too large a picture; it is refused.") from None
    except pillow.UnidentifiedImageError:
        raise SourceError(f"{name} is not a picture that can be read; convert it to JPEG or PNG.") from None
    except SourceError:
        raise
    except Exception as error:  # a dozen decoders, each with errors of its own
        raise SourceError(f"{name} is damaged or cut off ({plain(str(error), 100)}); get it again.") from error


def _decoded(opened: Any, name: str) -> Image:
    width, height = opened.size
    if width * height > MAX_PIXELS:
        raise SourceError(f"{name} has {width}x{height} pixels, which is too large; scale it down first.")
    if opened.mode == "F":
        raise SourceError(f"{name} has floating-point values of no agreed brightness; convert it to PNG.")
    bgr: Any = cv2.cvtColor(_to_rgb(ImageOps.exif_transpose(opened)), cv2.COLOR_RGB2BGR)
    return bgr


@functools.cache
def _formats() -> tuple[str, ...]:
    """Those of ``FORMATS`` that this Pillow has."""
    pillow.init()
    return tuple(name for name in FORMATS if name in pillow.OPEN)


def _pictures(opened: Any) -> int | None:
    """How many there are in an opened file; ``None`` for several that nobody counted."""
    if opened.format in _COUNTED_BY_READING:
        try:
            return None if opened.is_animated else 1
        except Exception:  # noqa: BLE001 - the second is damaged, and the first is what counts
            return None
    return getattr(opened, "n_frames", 1)


def _to_rgb(picture: Any) -> Image:
    if picture.mode in _DEEP_GREY:
        deep = np.asarray(picture).astype(np.uint32)
        grey = (deep >> 8 if deep.max(initial=0) > 255 else deep).clip(0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        ground = pillow.new("RGBA", picture.size, (255, 255, 255, 255))
        picture = pillow.alpha_composite(ground, picture)
    return np.asarray(picture.convert("RGB"))


class ImageSource(SourceBase):
    """One frame, then the end. ``data`` is a path, or the bytes of an image file."""

    def __init__(self, source_id: str, data: Path | bytes, name: str | None = None) -> None:
        super().__init__(source_id)
        self._data = data
        self._name = plain(name or (data.name if isinstance(data, Path) else source_id))
        self._image: Image | None = None

    def _open(self) -> SourceInfo:
        self._image, pictures = decode_image(self._data, self._name)
        height, width = self._image.shape[:2]
        more = "" if pictures == 1 else f", the first of {pictures or 'several'} pictures"
        text = f"{self._name}, {width}x{height}{more}"
        return SourceInfo(self.source_id, "image", text, False, width, height, None, 0.0, 1)

    def _grab(self) -> Frame | None:
        image, self._image = self._image, None
        return None if image is None else self._frame(image, time.monotonic_ns(), 0.0)

    def _free(self) -> None:
        self._image = None


class FolderSource(SourceBase):
    """The pictures that lie directly in a folder, as frames at ``fps``, in natural order of their names.

    Their sizes may differ. A picture that cannot be read is a ``SourceError`` that names it.
    """

    takes = frozenset({"fps"})

    def __init__(self, source_id: str, folder: Path, *, fps: float | None = None) -> None:
        super().__init__(source_id)
        self._folder = folder
        self._fps = fps or SEQUENCE_FPS
        self._paths: list[Path] = []
        self._next = 0

    def _open(self) -> SourceInfo:
        try:
            entries = [path for path in self._folder.iterdir() if path.is_file() and not path.name.startswith(".")]
        except OSError as error:
            raise SourceError(f"{self._folder} cannot be listed ({error.strerror}); check the path.") from error
        self._paths = sorted((path for path in entries if is_image(path.name)), key=lambda path: natural_key(path.name))
        self._next = 0
        if not self._paths:
            raise SourceError(f"{self._folder} holds no pictures; use `unmask scan` for a folder of videos.")
        image, _ = decode_image(self._paths[0], self._paths[0].name)
        height, width = image.shape[:2]
        count = len(self._paths)
        return SourceInfo(
            self.source_id,
            "folder",
            f"{plain(self._folder.name)}, {count} pictures at {self._fps:g} fps, {width}x{height}",
            live=False,
            width=width,
            height=height,
            fps=self._fps,
            duration_s=count / self._fps,
            frame_count=count,
        )

    def _grab(self) -> Frame | None:
        if self._next >= len(self._paths):
            return None
        path, number = self._paths[self._next], self._next
        self._next += 1
        image, _ = decode_image(path, path.name)
        return self._frame(image, time.monotonic_ns(), number / self._fps)

    def _free(self) -> None:
        self._paths = []
