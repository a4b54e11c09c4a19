"""Does the monitor see its own layer? A pattern is shown for a moment and looked for in what is analysed.

The very frames that the monitor analyses are searched, not a capture made for the purpose: what is found
out holds for them. No Qt in here.
"""

from __future__ import annotations

from enum import Enum

import cv2
import numpy as np

from unmask.realtime.types import Frame, Image

#: BGR, of ``layer.PATTERN_COLOURS``; a display profile may shift what a capture gives.
COLOURS_BGR = ((220, 0, 255), (40, 255, 0))
_TOLERANCE = 40
#: How many pixels of each colour more than before are the pattern: a sliver a pixel high has twenty.
_ENOUGH = 10
#: How long after painting a capture may still show what was there before.
SETTLE_NS = 150_000_000
_FRAMES = 3


class Sight(Enum):
    """What a self-check found out."""

    UNSEEN = "unseen"
    SEEN = "seen"


class SelfCheck:
    """Give it the analysed frames. It counts the colours before the pattern (``ready``), is told when the
    pattern was put on the screen, and answers after three frames that were captured well after that."""

    def __init__(self) -> None:
        self._before = (0, 0)
        self._shown_at: int | None = None
        self._left = _FRAMES
        self.ready = False

    def shown(self, now_ns: int) -> None:
        """The pattern is on the screen since ``now_ns`` (monotonic)."""
        self._shown_at = now_ns

    def take(self, frame: Frame) -> Sight | None:
        """``None`` while it is not known yet. 1080p takes 3 ms."""
        if self._shown_at is None:
            counted = colour_counts(frame.image)
            self._before = (max(self._before[0], counted[0]), max(self._before[1], counted[1]))
            self.ready = True
            return None
        if frame.captured_at < self._shown_at + SETTLE_NS:
            return None
        counted = colour_counts(frame.image)
        if all(now - before >= _ENOUGH for now, before in zip(counted, self._before, strict=True)):
            return Sight.SEEN
        self._left -= 1
        return Sight.UNSEEN if self._left <= 0 else None


def colour_counts(image: Image) -> tuple[int, int]:
    """How many pixels of a BGR picture (H, W, 3) have each of the two colours."""
    counts = []
    for colour in COLOURS_BGR:
        low = np.clip(np.array(colour) - _TOLERANCE, 0, 255).astype(np.uint8)
        high = np.clip(np.array(colour) + _TOLERANCE, 0, 255).astype(np.uint8)
        counts.append(cv2.countNonZero(cv2.inRange(image, low, high)))
    return counts[0], counts[1]
