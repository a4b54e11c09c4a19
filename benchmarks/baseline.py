"""The plain loop, as tutorials write it: what the monitor is measured against.

Read a frame with OpenCV, find faces in it, cut the largest one out, keep the last crops, give all of them
to the network, draw the number, next frame: in one thread, with ONNX Runtime as it comes. Kept fair: it
uses the very same weights, crop, detector input size and calibration, keeps the moments that the
detector's manifest asks for, prepares each crop once, and computes the same scores.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.engines.errors import SourceError
from unmask.engines.manifest import Manifest
from unmask.realtime.faces.crop import CropSpec, crop_face
from unmask.realtime.types import FaceBox, Image

Find = Callable[[Image], list[FaceBox]]
#: From a crop to what is kept of it, and from all that is kept to the logit of the window.
Prepare = Callable[[Image], Any]
Judge = Callable[[list[Any]], float]


@dataclass(slots=True)
class LoopRun:
    """``logits`` by frame index, of the frames that added a crop; ``boxes`` of every frame's faces."""

    frames: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    logits: dict[int, float] = field(default_factory=dict)
    boxes: dict[int, tuple[FaceBox, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlainLoop:
    """``begin`` is the first frame that may give a crop (the monitor waits for a second detection, and both
    must fill the same windows). ``every_frame`` judges the window after each frame, as tutorials do; without
    it only after a new crop."""

    path: Path
    find: Find
    prepare: Prepare
    judge: Judge
    manifest: Manifest
    spec: CropSpec
    begin: int = 0
    every_frame: bool = True

    def run(self) -> LoopRun:
        """The whole clip. Raises ``SourceError`` where OpenCV cannot read it."""
        capture = cv2.VideoCapture(str(self.path))
        if not capture.isOpened():
            raise SourceError(f"OpenCV cannot open {self.path} as a video: give another clip.")
        found = LoopRun()
        wall, cpu = time.monotonic(), time.process_time()
        try:
            self._all_frames(capture, found)
        finally:
            capture.release()
        found.wall_s, found.cpu_s = time.monotonic() - wall, time.process_time() - cpu
        return found

    def _all_frames(self, capture: cv2.VideoCapture, found: LoopRun) -> None:
        step_s = 1.0 / (capture.get(cv2.CAP_PROP_FPS) or 25.0)
        window: deque[Any] = deque(maxlen=self.manifest.window.length)
        stride_s = self.manifest.window.stride_ms / 1000
        due_s = self.begin * step_s
        logit = math.nan
        while True:
            ok, picture = capture.read()
            if not ok:
                return
            index, found.frames = found.frames, found.frames + 1
            image = np.asarray(picture, dtype=np.uint8)
            faces = self.find(image)
            found.boxes[index] = tuple(faces)
            fresh = False
            if faces:
                face = max(faces, key=lambda one: one.size)
                # A crop for each moment of the stride, from the frame that is nearest to it.
                if index * step_s >= due_s - min(step_s, stride_s) / 2 - 1e-6:
                    window.append(self.prepare(crop_face(image, face, self.spec)))
                    due_s += stride_s
                    fresh = True
                if window and (fresh or self.every_frame):
                    logit = self.judge(list(window))
                if fresh:
                    found.logits[index] = logit
            draw(image, faces, self.probability(logit))

    def probability(self, logit: float) -> float:
        calibration = self.manifest.calibration
        return 0.5 * (1 + math.tanh(0.5 * (calibration.scale * logit + calibration.bias)))


def draw(image: Image, faces: list[FaceBox], score: float) -> None:
    """A box and the number for each face, into the picture."""
    for face in faces:
        corners = (round(face.x0), round(face.y0)), (round(face.x1), round(face.y1))
        cv2.rectangle(image, *corners, (0, 94, 213), 2)
        cv2.putText(image, f"{score:.2f}", corners[0], cv2.FONT_HERSHEY_SIMPLEX, 0.8, (0, 94, 213), 2)


def laid_out(embeddings: NDArray[np.float32], manifest: Manifest) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """``embeddings`` (n, D) as the head wants them: window (1, T, D) with zeros behind, and mask (1, T)."""
    window = np.zeros((1, manifest.window.length, manifest.embedding), np.float32)
    mask = np.zeros((1, manifest.window.length), np.float32)
    window[0, : len(embeddings)] = embeddings
    mask[0, : len(embeddings)] = 1.0
    return window, mask
