"""Real faces with their surroundings, found once and kept in one file: what the generators start from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.realtime.faces.crop import CropSpec, crop_face, crop_transform
from unmask.realtime.faces.finder import FaceFinder
from unmask.realtime.types import FaceBox, Image
from unmask.training.data.dfdc import DataError, iterate_tar
from unmask.training.data.lfw import central_face

#: Side of the picture kept of a video frame, and how much of it the face's longer side takes: as in LFW.
CLIP_SIDE = 320
CLIP_MARGIN = 2.4


@dataclass(frozen=True, slots=True, eq=False)
class FaceSet:
    """``pixels`` uint8 (N, S, S, 3) RGB, ``boxes`` float32 (N, 4) x0, y0, x1, y1 and ``landmarks`` float32
    (N, 5, 2) in their pixels; ``groups`` names the person or the clip of each."""

    pixels: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    groups: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.groups)

    def face(self, row: int) -> FaceBox:
        x0, y0, x1, y1 = (float(edge) for edge in self.boxes[row])
        return FaceBox(x0, y0, x1, y1, 1.0, self.landmarks[row])

    def rows(self, keep: Sequence[int]) -> FaceSet:
        """Only the rows ``keep``; the pixels are copied."""
        chosen = np.asarray(keep, np.intp)
        groups = tuple(self.groups[int(row)] for row in chosen)
        return FaceSet(self.pixels[chosen], self.boxes[chosen], self.landmarks[chosen], groups)


def save_faces(path: Path, faces: Iterable[tuple[str, Image, FaceBox]]) -> int:
    """Write ``(group, RGB picture, face with landmarks)``, all pictures of one size; returns how many."""
    rows = list(faces)
    if not rows:
        raise DataError(f"No face was found for {path.name}: check the data folder and the face model.")
    path.parent.mkdir(parents=True, exist_ok=True)
    boxes = [(face.x0, face.y0, face.x1, face.y1) for _, _, face in rows]
    with path.with_suffix(".part").open("wb") as file:
        np.savez(
            file,
            pixels=np.stack([image for _, image, _ in rows]),
            boxes=np.asarray(boxes, np.float32),
            landmarks=np.stack([face.landmarks for _, _, face in rows if face.landmarks is not None]),
            groups=np.asarray([group for group, _, _ in rows]),
        )
    path.with_suffix(".part").rename(path)
    return len(rows)


def load_faces(path: Path) -> FaceSet:
    if not path.is_file():
        raise DataError(f"There is no {path}: run the command 'faces' of unmask.training.experiments first.")
    with np.load(path) as arrays:
        groups = tuple(str(group) for group in arrays["groups"])
        return FaceSet(arrays["pixels"], arrays["boxes"], arrays["landmarks"], groups)


def lfw_faces(folder: Path, finder: FaceFinder) -> Iterator[tuple[str, Image, FaceBox]]:
    """The uncut pictures of the tars in ``folder`` in which the middle face was found."""
    for tar in sorted(folder.glob("*.tar")):
        for name, picture in iterate_tar(tar):
            face = central_face(finder.find(picture), picture.shape[1], picture.shape[0])
            if face is not None and face.landmarks is not None:
                yield name.rsplit("_", 1)[0], np.ascontiguousarray(picture[..., ::-1]), face


def evenly_spaced(clip: Path, each: int) -> Iterator[Image]:
    """``each`` pictures of ``clip``, BGR, evenly spaced and away from both ends; fewer where it cannot be read."""
    video = cv2.VideoCapture(str(clip))
    try:
        count = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
        wanted = set(np.linspace(0, count - 1, each + 2).astype(int)[1:-1].tolist())
        for index in range(count):
            if not video.grab():
                break
            if index not in wanted:
                continue
            ok, picture = video.retrieve()
            if ok:
                yield picture
    finally:
        video.release()


def clip_faces(clips: Sequence[Path], finder: FaceFinder, each: int) -> Iterator[tuple[str, Image, FaceBox]]:
    """``each`` evenly spaced frames of every clip, cut wide round the largest face."""
    for clip in clips:
        for picture in evenly_spaced(clip, each):
            found = _largest(finder.find(picture))
            if found is not None:
                yield (clip.stem, *_wide_cut(picture, found))


def _largest(faces: Sequence[FaceBox]) -> FaceBox | None:
    usable = [face for face in faces if face.landmarks is not None]
    return max(usable, key=lambda face: face.size, default=None)


def _wide_cut(picture: Image, face: FaceBox) -> tuple[Image, FaceBox]:
    """A wide crop, and the face in its pixels."""
    spec = CropSpec(CLIP_SIDE, CLIP_MARGIN)
    matrix = crop_transform(face, spec)
    return crop_face(picture, face, spec), moved_face(face, matrix)


def moved_face(face: FaceBox, matrix: NDArray[np.float64]) -> FaceBox:
    """``face`` under an affine map (2, 3) of pixel centres; a turned box becomes the one of its size."""
    assert face.landmarks is not None
    landmarks = face.landmarks @ matrix[:, :2].T + matrix[:, 2]
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    middle = matrix[:, :2] @ (np.asarray(face.centre) - 0.5) + matrix[:, 2] + 0.5
    half = np.array([face.width, face.height]) * scale / 2
    (x0, y0), (x1, y1) = middle - half, middle + half
    return FaceBox(float(x0), float(y0), float(x1), float(y1), 1.0, landmarks.astype(np.float32))
