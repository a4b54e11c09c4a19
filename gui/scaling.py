"""A picture at the size and in the format of the screen, in memory that is used again for the next one."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from unmask.gui.qt import QImage, sip
from unmask.realtime.types import Image


class ScreenPicture:
    """Scales pictures of one place. ``image`` belongs to it: paint it at once, the next ``scale`` writes over it.

    OpenCV takes 1.3 ms of a processor for 1080p in a window of 880 pixels, where Qt takes 4.0 for the same quality;
    fresh memory for every picture, thirty times a second, costs as much as half of the scaling.
    """

    def __init__(self) -> None:
        self._small = self._screen = np.empty((0, 0, 3), np.uint8)
        self.image: QImage | None = None

    def scale(self, pixels: Image, width: int, height: int) -> QImage:
        """BGR uint8 (H, W, 3) as RGB32 of ``width`` by ``height``."""
        if self._screen.shape != (height, width, 4):
            self._small = np.empty((height, width, 3), np.uint8)
            self._screen = np.empty((height, width, 4), np.uint8)
        if pixels.shape[:2] != (height, width):
            pixels = cv2.resize(pixels, (width, height), dst=self._small, interpolation=cv2.INTER_LINEAR)  # pyright: ignore[reportAssignmentType]
        cv2.cvtColor(pixels, cv2.COLOR_BGR2BGRA, dst=self._screen)
        address: Any = sip.voidptr(self._screen.ctypes.data)  # the stubs know bytes only, which would be a copy
        # A new one each time: Qt may keep what it made of an image for as long as that seems to be the same.
        self.image = QImage(address, width, height, self._screen.strides[0], QImage.Format.Format_RGB32)
        self.image.pixels = self._screen  # pyright: ignore[reportAttributeAccessIssue]
        return self.image

    def forget(self) -> None:
        """The next painting scales anew. The memory stays."""
        self.image = None
