"""A generated face and the mark that says so, in memory and in the files it is written to."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.realtime.types import Image
from unmask.training.synthesis.encode import TITLE, atomically

_KEYWORD = b"Comment"


@dataclass(frozen=True, slots=True, eq=False)
class Generated:
    """``image`` uint8 (H, W, 3) RGB; ``mask`` float32 (H, W) in 0..1 says where it was changed and how much;
    ``generator`` names what made it, for example ``self-blend``."""

    image: Image
    mask: NDArray[np.float32]
    generator: str

    @property
    def mark(self) -> str:
        return f"{TITLE}, {self.generator}"


def save_png(path: Path, generated: Generated) -> None:
    """Write the picture as a PNG whose text chunk holds the mark."""
    _, data = cv2.imencode(".png", generated.image[..., ::-1])
    png = data.tobytes()
    body = _KEYWORD + b"\0" + generated.mark.encode("latin-1", "replace")
    chunk = struct.pack(">I", len(body)) + b"tEXt" + body + struct.pack(">I", zlib.crc32(b"tEXt" + body))
    # The header chunk (8 bytes of signature, 25 of header) comes first, then text may follow.
    with atomically(path) as temporary:
        temporary.write_bytes(png[:33] + chunk + png[33:])


def read_mark(path: Path) -> str | None:
    """The mark of a PNG that ``save_png`` wrote, ``None`` where there is none."""
    png = path.read_bytes()
    at = png.find(b"tEXt" + _KEYWORD + b"\0")
    if at < 4:
        return None
    (length,) = struct.unpack(">I", png[at - 4 : at])
    return png[at + 4 + len(_KEYWORD) + 1 : at + 4 + length].decode("latin-1")
