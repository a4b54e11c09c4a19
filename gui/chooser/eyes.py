"""Small pictures of sources, for the thumbnails. No Qt; used from one thread each."""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np

from unmask.engines.errors import SourceError
from unmask.gui.i18n import tr
from unmask.realtime.sources.base import FrameSource
from unmask.realtime.sources.registry import SourceOptions, make_source
from unmask.realtime.types import Image

#: The most that a thumbnail needs, on a screen with two device pixels to a logical one.
_WIDEST, _HIGHEST = 448, 252
_CAMERA_WITHIN_S = 5.0
# No pacing: whoever looks does so at a pace of his own.
_UNPACED_FPS = 1000.0


class Eye(Protocol):
    """Looks at one source, from one thread. ``close`` may be called from any, and ends a ``look`` that waits."""

    def look(self) -> Image:
        """BGR uint8, at most 448x252, nobody else's. ``UnmaskError`` where there is no picture; looking again may
        help then."""
        ...

    def close(self) -> None: ...


class SourceEye:
    """Opens the source that ``spec`` means at the first look, and again after a failure."""

    def __init__(self, spec: str) -> None:
        camera = spec.startswith("camera")
        options = SourceOptions(timeout_s=_CAMERA_WITHIN_S) if camera else SourceOptions(fps=_UNPACED_FPS)
        self._source: FrameSource = make_source(spec, options)
        self._open = False

    def look(self) -> Image:
        if not self._open:
            self._source.open()
            self._open = True
        try:
            frame = self._source.read()
        except BaseException:
            self._open = False
            raise
        if frame is None:
            self._open = False
            raise SourceError(tr("There is no picture any more; press F5 to look again."))
        return shrunk(frame.image)

    def close(self) -> None:
        self._source.close()


def shrunk(image: Image) -> Image:
    """The whole picture, small enough for a thumbnail; a new array in any case."""
    height, width = image.shape[:2]
    scale = min(_WIDEST / width, _HIGHEST / height)
    if scale >= 1:
        return image.copy()
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
