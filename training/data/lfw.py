"""Real faces with their surroundings (Labeled Faces in the Wild): one picture per person, in one tar."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from unmask.realtime.faces.crop import CropSpec, crop_face
from unmask.realtime.faces.finder import FaceFinder
from unmask.realtime.types import FaceBox, Image
from unmask.training.data.dfdc import DataError, iterate_tar


def central_face(faces: list[FaceBox], width: int, height: int) -> FaceBox | None:
    """The face nearest to the middle of the picture: the data set centres the person it names."""

    def distance(face: FaceBox) -> float:
        x, y = face.centre
        return (x - width / 2) ** 2 + (y - height / 2) ** 2

    return min(faces, key=distance, default=None)


def cut_faces(folder: Path, finder: FaceFinder, spec: CropSpec) -> Iterator[tuple[str, Image]]:
    """``(person, crop uint8 (size, size, 3))`` of every picture of the tars in ``folder`` that shows a face.

    Raises ``DataError`` when there is no tar.
    """
    tars = sorted(folder.glob("*.tar"))
    if not tars:
        raise DataError(f"There is no tar of pictures in {folder}: give the folder that holds the LFW tar.")
    for tar in tars:
        for name, picture in iterate_tar(tar):
            face = central_face(finder.find(picture), picture.shape[1], picture.shape[0])
            if face is not None:
                yield name.rsplit("_", 1)[0], crop_face(picture, face, spec)
