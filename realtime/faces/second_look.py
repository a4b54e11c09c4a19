"""A second look at weak detections: the detector runs again on an enlarged cut-out of each."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from unmask.realtime.faces.finder import FaceFinder, stateful
from unmask.realtime.types import FaceBox, Image

_SAME_FACE = 0.3
_SMALLEST_CUTOUT = 8


@dataclass(slots=True)
class SecondLookCounts:
    """Totals since the finder was made. ``unchecked`` are weak faces over the limit of one frame."""

    weak: int = 0
    confirmed: int = 0
    dropped: int = 0
    unchecked: int = 0


class SecondLook:
    """Wraps a finder: faces below ``sure`` confidence, or smaller than ``small_px``, stay only when
    ``verifier`` finds a face in the same place of a square cut-out of ``surroundings`` times the face, at
    least ``confirm_at`` sure (give it a verifier that reports that little).

    A confirmed face keeps its box and landmarks (they fit those of its other frames) and takes the
    larger confidence. At most ``most_per_frame`` cut-outs are looked at, the most confident first; weak
    faces beyond stay as they are: what was not looked at is not dropped.
    ``close`` closes both finders. Used from one thread, like any finder.
    """

    def __init__(
        self,
        finder: FaceFinder,
        verifier: FaceFinder,
        *,
        sure: float = 0.65,
        small_px: float = 0.0,
        confirm_at: float = 0.3,
        surroundings: float = 2.0,
        cutout_px: int = 192,
        most_per_frame: int = 4,
    ) -> None:
        self._finder, self._verifier = stateful(finder), verifier
        self._sure, self._small_px, self._confirm_at = sure, small_px, confirm_at
        self._surroundings, self._cutout_px = surroundings, cutout_px
        self._most_per_frame = most_per_frame
        self.counts = SecondLookCounts()

    @property
    def name(self) -> str:
        return self._finder.name

    @property
    def description(self) -> str:
        return f"{self._finder.description}, second look below {self._sure:.2f}"

    @property
    def check_due(self) -> bool:
        return self._finder.check_due

    def find(self, image: Image) -> list[FaceBox]:
        """Faces in BGR uint8 (H, W, 3), most confident first. Only reads ``image``."""
        return self._checked(image, self._finder.find(image))

    def find_hurried(self, image: Image) -> list[FaceBox]:
        """As ``find``. Weak faces are looked at all the same: whether they are there cannot wait."""
        return self._checked(image, self._finder.find_hurried(image))

    def new_scene(self) -> None:
        self._finder.new_scene()

    def _checked(self, image: Image, faces: list[FaceBox]) -> list[FaceBox]:
        kept: list[FaceBox] = []
        looks = 0
        for face in faces:
            if face.confidence >= self._sure and face.size >= self._small_px:
                kept.append(face)
                continue
            self.counts.weak += 1
            if looks == self._most_per_frame:
                self.counts.unchecked += 1
                kept.append(face)
                continue
            looks += 1
            confidence = self._confidence_close_up(image, face)
            if confidence >= self._confirm_at:
                self.counts.confirmed += 1
                kept.append(replace(face, confidence=max(face.confidence, confidence)))
            else:
                self.counts.dropped += 1
        return sorted(kept, key=lambda face: -face.confidence)

    def close(self) -> None:
        self._finder.close()
        self._verifier.close()

    def _confidence_close_up(self, image: Image, face: FaceBox) -> float:
        """How sure the verifier is of a face in the place of ``face``; 0 where it sees none."""
        height, width = image.shape[:2]
        reach = face.size * self._surroundings / 2
        x, y = face.centre
        left, top = max(0, int(x - reach)), max(0, int(y - reach))
        right, bottom = min(width, int(x + reach) + 1), min(height, int(y + reach) + 1)
        if right - left < _SMALLEST_CUTOUT or bottom - top < _SMALLEST_CUTOUT:
            return 0.0
        scale = self._cutout_px / max(right - left, bottom - top)
        size = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        cutout = cv2.resize(image[top:bottom, left:right], size, interpolation=method)
        across, down = size[0] / (right - left), size[1] / (bottom - top)
        expected = FaceBox(
            (face.x0 - left) * across,
            (face.y0 - top) * down,
            (face.x1 - left) * across,
            (face.y1 - top) * down,
            1.0,
        )
        found = self._verifier.find(np.asarray(cutout, dtype=np.uint8))
        return max((seen.confidence for seen in found if seen.overlap(expected) >= _SAME_FACE), default=0.0)
