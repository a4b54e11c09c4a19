"""Small PNG files of what is on the screen."""

from __future__ import annotations

import io
import os
from pathlib import Path

from PIL import Image
from window_driver import screen_picture

from unmask.gui.qt import QBuffer, QImage, QIODevice, QWidget

#: A picture of a document should not cost a reader more.
LARGEST_BYTES = 150_000
_TRIES = ((256, 1.0), (128, 1.0), (96, 1.0), (128, 0.85), (96, 0.75), (64, 0.66))


def shoot(name: str, widget: QWidget | None = None) -> Path:
    """Write what the screen shows (where ``widget`` lies) as ``NAME.png``. Raises ``ValueError`` if it is too large."""
    return save_small(screen_picture(widget), Path(os.environ["UNMASK_PICTURES"]) / f"{name}.png")


def save_small(picture: QImage, path: Path) -> Path:
    """With as many colours, and as large, as the limit allows."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    picture.save(buffer, "PNG")  # pyright: ignore[reportCallIssue, reportArgumentType]
    whole = Image.open(io.BytesIO(bytes(buffer.data().data()))).convert("RGB")
    for colours, scale in _TRIES:
        size = (round(whole.width * scale), round(whole.height * scale))
        scaled = whole if scale == 1 else whole.resize(size, Image.Resampling.LANCZOS)
        small = scaled.quantize(colours, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        data = io.BytesIO()
        small.save(data, "PNG", optimize=True)
        if data.tell() <= LARGEST_BYTES:
            path.write_bytes(data.getvalue())
            return path
    raise ValueError(f"{path.name} is larger than {LARGEST_BYTES // 1000} kB: show less in it.")
