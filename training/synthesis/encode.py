"""Writes frames as real H.264 with the marks that say what they are, all or nothing."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2

from unmask.engines.errors import UsageError
from unmask.realtime.types import Image

TITLE = "SYNTHETIC: made by unmask"
STATEMENT = (
    "synthetic: made by unmask from still pictures; nobody in it moved, spoke or was filmed so, "
    "and it is no footage of a call"
)


@dataclass(frozen=True, slots=True)
class EncodeSettings:
    """libx264 as a call program would run it: no B-frames, no look-ahead.

    ``crf`` is the constant quality, unless ``bit_rate`` (bits per second) is given. One thread keeps the
    file the same on every run.
    """

    crf: int = 23
    bit_rate: int | None = None
    preset: str = "veryfast"
    key_every: int = 50
    threads: int = 1


@contextlib.contextmanager
def atomically(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that replaces it on success and is deleted on any failure.

    Raises ``UsageError`` where the folder is missing or cannot be written.
    """
    if not path.parent.is_dir():
        raise UsageError(f"The folder {path.parent} does not exist: create it or choose another one.")
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"The folder {path.parent} cannot be written to: choose another one.")
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(6)}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def encode_clip(
    path: Path,
    frames: Iterable[Image],
    *,
    size: tuple[int, int],
    fps: int,
    settings: EncodeSettings | None = None,
) -> None:
    """Write ``frames`` (BGR uint8 of ``size`` (w, h)) to ``path`` as H.264, yuv420p, ``fps`` a second.

    The container's title and comment say that it is synthetic. The file appears under its name only
    when it is complete: an interruption leaves nothing behind.
    """
    settings = settings or EncodeSettings()
    path = Path(path)
    if path.suffix.lower() not in (".mp4", ".mkv", ".mov"):
        raise UsageError(f"A clip is written as .mp4, .mkv or .mov, not as {path.name}: rename it.")
    with atomically(path) as temporary, av.open(str(temporary), "w") as container:
        container.metadata["title"] = TITLE
        container.metadata["comment"] = STATEMENT
        stream = container.add_stream("libx264", rate=fps, options=_options(settings))
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.thread_count = settings.threads
        if settings.bit_rate is not None:
            stream.bit_rate = settings.bit_rate
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        container.mux(stream.encode(None))


def _options(settings: EncodeSettings) -> dict[str, str]:
    options = {
        "preset": settings.preset,
        "tune": "zerolatency",
        "g": str(settings.key_every),
        # The converter uses the BT.601 matrix; unsaid, players would guess BT.709 from the size.
        "x264-params": "colormatrix=smpte170m:range=tv",
    }
    if settings.bit_rate is None:
        options["crf"] = str(settings.crf)
    return options


def write_mark(image: Image, text: str, *, height: int) -> None:
    """Write ``text`` into the bottom right corner of ``image`` (BGR uint8, changed in place).

    ``height`` is the height of the letters in pixels; a text too wide for the picture gets smaller ones.
    """
    face, tall, wide = cv2.FONT_HERSHEY_SIMPLEX, height / 22, image.shape[1]
    text_width = cv2.getTextSize(text, face, tall, 1)[0][0]
    tall *= min(1.0, 0.94 * wide / text_width)
    text_width, below = cv2.getTextSize(text, face, tall, 1)[0][0], max(2, height // 2)
    place = (wide - text_width - below, image.shape[0] - below)
    cv2.putText(image, text, place, face, tall, (235, 235, 235), 1, cv2.LINE_AA)
