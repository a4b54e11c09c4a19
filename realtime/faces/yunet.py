"""Faces with YuNet (Wu, Peng and Yu, 2023, "YuNet: A Tiny Millisecond-level Face Detector"), run by
OpenCV from a file."""

from __future__ import annotations

from pathlib import Path

import cv2

from unmask.engines.errors import FaceModelError
from unmask.realtime.faces.boxes import fitted_size, room_for_a_face, sorted_faces
from unmask.realtime.types import FaceBox, Image

_NMS = 0.3
_MOST_CANDIDATES = 500


class YunetFinder:
    """YuNet through ``cv2.FaceDetectorYN``. ``input_size`` is the longer side of the network's input.

    Raises ``FaceModelError`` where OpenCV cannot load the file.
    """

    def __init__(
        self, model: Path, *, input_size: int = 640, min_confidence: float = 0.5, min_face_px: float = 0.0
    ) -> None:
        self._model = model
        self._input_size = input_size
        self._min_face_px = min_face_px
        if not model.is_file():
            raise FaceModelError(f"There is no face model at {model}; give --face-model another path.")
        try:
            self._network: cv2.FaceDetectorYN | None = cv2.FaceDetectorYN.create(
                str(model), "", (input_size, input_size), min_confidence, _NMS, _MOST_CANDIDATES
            )
        except cv2.error as error:
            raise FaceModelError(f"OpenCV cannot load the face model {model}: {error.err}") from error

    @property
    def name(self) -> str:
        return "yunet"

    @property
    def description(self) -> str:
        return f"YuNet, {self._model.name}, input {self._input_size} px, CPU"

    def find(self, image: Image) -> list[FaceBox]:
        """Faces in BGR uint8 (H, W, 3), most confident first, with landmarks. Only reads ``image``."""
        if self._network is None:
            raise FaceModelError(f"The face finder for {self._model.name} is closed; make a new one.")
        height, width = image.shape[:2]
        if not room_for_a_face(width, height, self._input_size):
            return []
        scale = self._input_size / max(height, width)
        across, down = round(width * scale), round(height * scale)
        method = cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR
        small = cv2.resize(image, (across, down), interpolation=method)
        padded_width, padded_height = fitted_size(width, height, self._input_size)
        small = cv2.copyMakeBorder(
            small, 0, padded_height - down, 0, padded_width - across, cv2.BORDER_CONSTANT, value=(0, 0, 0)
        )
        self._network.setInputSize((padded_width, padded_height))
        found = self._network.detect(small)[1]
        if found is None:
            return []
        # A row holds x, y, width, height, five points, confidence. The points begin with the person's
        # right eye, which is the left one in the picture: our order already.
        shrink = width / across, height / down
        corners = found[:, [0, 1, 0, 1]].copy()
        corners[:, 2:] += found[:, 2:4]
        corners *= (*shrink, *shrink)
        landmarks = found[:, 4:14].reshape(-1, 5, 2) * shrink
        return sorted_faces(corners, found[:, 14], landmarks, min_face_px=self._min_face_px)

    def close(self) -> None:
        self._network = None
