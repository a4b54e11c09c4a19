"""Faces with the cascades that OpenCV bundles (Viola and Jones, 2001; profile and frontal trees by
Lienhart): nothing to download, and a poor substitute. It says so in its description."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np

from unmask.engines.errors import FaceModelError
from unmask.realtime.faces.boxes import sorted_faces
from unmask.realtime.types import FaceBox, Image

FRONTAL = "haarcascade_frontalface_alt2.xml"
PROFILE = "haarcascade_profileface.xml"

# 1.1 and 4 neighbours found three faces in a hundred more, took a third more time and saw false ones.
_SCALE_STEP = 1.15
_MIN_NEIGHBOURS = 5
_SMALLEST = 24
_LONGEST_SIDE = 480
# Profiles are looked for twice, and only where no frontal face was: at two thirds of the size.
_PROFILE_SHRINK = 2 / 3

# The margin over the last stage's threshold at which a box is as likely false as true, and how fast
# the confidence rises from there.
_EVEN_MARGIN = 1.3
_STEEPNESS = 1.5

# Crops are cut in units of the box, and a detector knows the crops that SCRFD's boxes gave it. On the
# same faces (150 pictures of LFW) the frontal cascade's square is 0.86 of the longer side of SCRFD's box;
# the profile one's is near enough.
_FRONTAL_GROW = 1.15


@dataclass(frozen=True, slots=True)
class _Cascade:
    classifier: cv2.CascadeClassifier
    threshold: float
    grow: float


class CascadeFinder:
    """OpenCV's frontal cascade; where it finds nothing, the profile one, on the picture and its mirror.

    No landmarks. ``confidence`` is the logistic of the weight by which a box passes the cascade's last
    stage, 0.5 where false boxes begin to prevail: it orders boxes and is no probability.
    Raises ``FaceModelError`` where this OpenCV comes without cascades.
    """

    def __init__(self, *, min_confidence: float = 0.5, min_face_px: float = 0.0) -> None:
        self._min_confidence = min_confidence
        self._min_face_px = min_face_px
        self._frontal = _load(FRONTAL, _FRONTAL_GROW)
        self._profile = _load(PROFILE, 1.0)

    @property
    def name(self) -> str:
        return "cascade"

    @property
    def description(self) -> str:
        return "OpenCV cascade, offline fallback: misses turned and small faces, gives no landmarks"

    def find(self, image: Image) -> list[FaceBox]:
        """Faces in BGR uint8 (H, W, 3), most confident first. Only reads ``image``."""
        scale = min(1.0, _LONGEST_SIDE / max(image.shape[:2]))
        if min(image.shape[:2]) * scale < _SMALLEST:
            return []
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        if scale < 1:
            grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        grey = cv2.equalizeHist(grey)
        boxes, confidences = _detect(self._frontal, grey)
        if not len(boxes):
            boxes, confidences = self._profiles(grey)
        sure = confidences >= self._min_confidence
        corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1) / scale
        return sorted_faces(corners[sure], confidences[sure], min_face_px=self._min_face_px)

    def close(self) -> None:
        """Nothing is held that needs closing."""

    def _profiles(self, grey: Any) -> tuple[np.ndarray, np.ndarray]:
        """Faces turned to either side: the cascade knows one, the mirror shows it the other."""
        grey = cv2.resize(grey, None, fx=_PROFILE_SHRINK, fy=_PROFILE_SHRINK, interpolation=cv2.INTER_AREA)
        boxes, confidences = _detect(self._profile, grey)
        mirrored, more = _detect(self._profile, cv2.flip(grey, 1))
        mirrored[:, 0] = grey.shape[1] - mirrored[:, 0] - mirrored[:, 2]
        fresh = np.array([not _touches(box, boxes) for box in mirrored], dtype=bool)
        boxes = np.concatenate([boxes, mirrored[fresh]]) / _PROFILE_SHRINK
        return boxes, np.concatenate([confidences, more[fresh]])


def _load(file_name: str, grow: float) -> _Cascade:
    path = Path(cv2.data.haarcascades) / file_name
    if not path.is_file():
        raise FaceModelError(
            f"This OpenCV comes without {file_name}; install opencv-python 4 or give --face-model PATH."
        )
    stages = ElementTree.parse(path).getroot().iter("stageThreshold")  # noqa: S314 - a file of OpenCV's own
    threshold = [float(stage.text or "nan") for stage in stages][-1]
    return _Cascade(cv2.CascadeClassifier(str(path)), threshold, grow)


def _detect(cascade: _Cascade, grey: Any) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (N, 4) as x, y, width, height, and confidences (N,)."""
    boxes, _, weights = cascade.classifier.detectMultiScale3(
        grey, _SCALE_STEP, _MIN_NEIGHBOURS, 0, (_SMALLEST, _SMALLEST), outputRejectLevels=True
    )
    boxes = np.array(boxes, dtype=np.float64).reshape(-1, 4)
    boxes[:, :2] -= boxes[:, 2:] * (cascade.grow - 1) / 2
    boxes[:, 2:] *= cascade.grow
    margins = np.array(weights, dtype=np.float64).ravel() - cascade.threshold
    confidences = [1 / (1 + math.exp(-_STEEPNESS * (margin - _EVEN_MARGIN))) for margin in margins]
    return boxes, np.array(confidences, dtype=np.float64)


def _touches(box: np.ndarray, others: np.ndarray) -> bool:
    return any(
        min(box[0] + box[2], other[0] + other[2]) > max(box[0], other[0])
        and min(box[1] + box[3], other[1] + other[3]) > max(box[1], other[1])
        for other in others
    )
