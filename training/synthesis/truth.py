"""What is known about a synthetic clip: who is where in each frame, who is swapped, and when."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.engines.errors import UnmaskError
from unmask.realtime.types import FaceBox
from unmask.training.synthesis.encode import STATEMENT, atomically

TRUTH_VERSION = 1


class TruthError(UnmaskError):
    """The truth beside a synthetic clip is missing, damaged, or belongs to another clip."""


@dataclass(frozen=True, slots=True, eq=False)
class FaceTruth:
    """One face of the clip.

    ``swapped`` is the stretch [start_s, end_s) in which ``donor``'s face is laid over it, ``None`` where
    it stays as it is. ``boxes`` float32 (frames, 4) x0, y0, x1, y1 and ``landmarks`` float32
    (frames, 5, 2) are in pixels of the video.
    """

    name: str
    person: str
    donor: str | None
    swapped: tuple[float, float] | None
    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]

    def swapped_at(self, time_s: float) -> bool:
        return self.swapped is not None and self.swapped[0] <= time_s < self.swapped[1]

    def face(self, index: int) -> FaceBox:
        """The face of frame ``index`` as a detector that makes no mistakes would give it."""
        x0, y0, x1, y1 = (float(edge) for edge in self.boxes[index])
        return FaceBox(x0, y0, x1, y1, confidence=1.0, landmarks=self.landmarks[index])


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """All that is known about one clip. ``video_sha256`` ties it to the file it was written with."""

    width: int
    height: int
    fps: int
    frames: int
    seed: int
    faces: tuple[FaceTruth, ...]
    credits: tuple[str, ...]
    generator: str
    video_sha256: str
    statement: str = STATEMENT

    @property
    def seconds(self) -> float:
        return self.frames / self.fps


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def truth_path(clip: Path) -> Path:
    """Where the truth of ``clip`` lies: beside it, ``clip.mp4`` -> ``clip.truth.json``."""
    return clip.with_suffix(".truth.json")


def save_truth(truth: Truth, clip: Path) -> Path:
    """Write ``truth`` beside ``clip``, all or nothing; returns its path. Coordinates keep 1/100 pixel."""
    path = truth_path(clip)
    data = {name: getattr(truth, name) for name in Truth.__slots__ if name != "faces"}
    data["version"] = TRUTH_VERSION
    data["faces"] = [
        {
            "name": face.name,
            "person": face.person,
            "donor": face.donor,
            "swapped": face.swapped,
            "boxes": _rounded(face.boxes),
            "landmarks": _rounded(face.landmarks),
        }
        for face in truth.faces
    ]
    with atomically(path) as temporary:
        temporary.write_text(json.dumps(data), encoding="utf-8")
    return path


def load_truth(clip: Path) -> Truth:
    """Read the truth beside ``clip`` and check that it belongs to it.

    Raises ``TruthError`` when it is missing, cannot be understood, or the clip's SHA-256 differs.
    """
    path = truth_path(clip)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        version = data.pop("version")
        faces = tuple(_face(face, data["frames"]) for face in data.pop("faces"))
        fields: dict[str, Any] = {**data, "credits": tuple(data["credits"])}
        truth = Truth(faces=faces, **fields)
        same = version == TRUTH_VERSION and file_sha256(clip) == truth.video_sha256
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise TruthError(f"The truth of {clip} cannot be read ({path.name}): make the clip again.") from error
    if not same:
        raise TruthError(f"{path.name} does not belong to {clip}, one of them was changed: make the clip again.")
    return truth


def _rounded(values: NDArray[np.float32]) -> list[object]:
    return np.round(values.astype(np.float64), 2).tolist()


def _face(data: dict[str, object], frames: int) -> FaceTruth:
    swapped = data["swapped"]
    return FaceTruth(
        name=str(data["name"]),
        person=str(data["person"]),
        donor=None if data["donor"] is None else str(data["donor"]),
        swapped=None if swapped is None else (float(swapped[0]), float(swapped[1])),  # type: ignore[index]
        boxes=np.array(data["boxes"], dtype=np.float32).reshape(frames, 4),
        landmarks=np.array(data["landmarks"], dtype=np.float32).reshape(frames, 5, 2),
    )
