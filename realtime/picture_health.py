"""Whether a picture can be judged at all: black and frozen pictures carry nothing to judge."""

from __future__ import annotations

import cv2
import numpy as np

from unmask.realtime.types import Cause, Frame, Image

_SAMPLES = (256, 144)
# Video black is level 16 where nobody expanded it; a mouse pointer or a logo may sit on the black.
_BLACK_LEVEL = 24
_BLACK_SHARE = 0.98
# A camera's noise, a blink or a mouth moves some sample by more than this; a held picture moves none.
_HELD_LEVELS = 2


class PictureHealth:
    """Notices pictures that are black or stand still. One for each source, used from one thread.

    ``frozen_after_s`` is how long the picture may stand still, in seconds of the source's timeline, before
    it counts as frozen: the same frame shown again is no new evidence. ``None`` switches that off, for
    photographs. A perfectly still screen capture of a call is frozen in this sense, too.
    """

    def __init__(self, frozen_after_s: float | None = 1.5) -> None:
        if frozen_after_s is not None and not frozen_after_s > 0:
            raise ValueError(f"frozen_after_s must be above 0 or None, not {frozen_after_s}.")
        self._frozen_after_s = frozen_after_s
        self._anchor: Image | None = None
        self._since_s = 0.0

    def reset(self) -> None:
        """Forget the last picture: the source was opened again."""
        self._anchor = None

    def check(self, frame: Frame) -> tuple[Cause, ...]:
        """The causes that hold for the whole picture, black before frozen. Only reads the frame; 0.1 ms.

        Looks at a grid of 256 x 144 pixels. Frames are compared with the first of the still run,
        not with the one before, so that a slow fade is movement.
        """
        samples = _samples(frame.image)
        causes = [Cause.PICTURE_BLACK] if _is_black(samples) else []
        if self._frozen_after_s is not None and self._stands_still(samples, frame.time_s):
            causes.append(Cause.PICTURE_FROZEN)
        return tuple(causes)

    def _stands_still(self, samples: Image, time_s: float) -> bool:
        held = (
            self._anchor is not None
            and time_s >= self._since_s
            and cv2.norm(self._anchor, samples, cv2.NORM_INF) <= _HELD_LEVELS
        )
        if not held:
            self._anchor, self._since_s = samples, time_s
            return False
        assert self._frozen_after_s is not None
        return time_s - self._since_s >= self._frozen_after_s


def _samples(image: Image) -> Image:
    """A grid of single pixels, uint8 (144, 256, 3): not averaged, so that noise stays visible."""
    return np.asarray(cv2.resize(image, _SAMPLES, interpolation=cv2.INTER_NEAREST), dtype=np.uint8)


def _is_black(samples: Image) -> bool:
    grey = cv2.cvtColor(samples, cv2.COLOR_BGR2GRAY)
    lit = cv2.countNonZero(cv2.threshold(grey, _BLACK_LEVEL, 255, cv2.THRESH_BINARY)[1])
    return lit <= (1 - _BLACK_SHARE) * grey.size
