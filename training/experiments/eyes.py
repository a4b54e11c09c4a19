"""Landmarks of pictures that were cut without any, so that crops can be turned until the eyes are level."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.realtime.faces.finder import FaceFinder
from unmask.realtime.types import Image
from unmask.training.data.dfdc import DataError

Eyes = NDArray[np.float32]
"""Five landmarks (5, 2) in the pixels of a picture; NaN where no face was found."""

#: The finder wants some room round a face, which tight crops lack.
_ROOM = 0.4


def find_eyes(pictures: Iterable[Image], finder: FaceFinder) -> NDArray[np.float32]:
    """Landmarks float32 (N, 5, 2) of the largest face in each RGB picture, NaN where there is none."""
    rows = []
    for picture in pictures:
        room = round(_ROOM * picture.shape[0])
        wide = cv2.copyMakeBorder(picture[..., ::-1], room, room, room, room, cv2.BORDER_REPLICATE)
        face = max(finder.find(wide), key=lambda found: found.size, default=None)
        landmarks = None if face is None else face.landmarks
        rows.append(np.full((5, 2), np.nan) if landmarks is None else landmarks - room)
    return np.asarray(rows, np.float32).reshape(-1, 5, 2)


def save_eyes(path: Path, landmarks: NDArray[np.float32]) -> None:
    with path.with_suffix(".part").open("wb") as file:
        np.save(file, landmarks)
    path.with_suffix(".part").rename(path)


def load_eyes(path: Path, count: int) -> NDArray[np.float32]:
    """Raises ``DataError`` where there are none, or those of other pictures."""
    if not path.is_file():
        raise DataError(f"There is no {path}: run the command 'eyes' of unmask.training.experiments first.")
    landmarks = np.load(path, allow_pickle=False)
    if landmarks.shape != (count, 5, 2):
        raise DataError(f"{path} belongs to {len(landmarks)} pictures, not to these {count}: run 'eyes' again.")
    return landmarks


def known(landmarks: NDArray[np.float32] | None, row: int) -> Eyes | None:
    """The landmarks of one picture, ``None`` where they are not wanted or were not found."""
    if landmarks is None or np.isnan(landmarks[row]).any():
        return None
    return landmarks[row]
