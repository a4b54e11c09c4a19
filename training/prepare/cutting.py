"""From one opened video or picture to encoded crops and their rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import cv2
import numpy as np

from unmask.engines.errors import SourceError, UsageError
from unmask.realtime.faces.crop import CropSpec, crop_face
from unmask.realtime.faces.finder import FaceFinder
from unmask.realtime.types import FaceBox, Image
from unmask.training.prepare.index import face_in_crop, numbers, share_inside
from unmask.training.prepare.items import SourceItem
from unmask.training.prepare.media import Media, even_moments

# Of faces nearly as large as the largest the most central one is meant: sizes jitter, places do not.
_ABOUT_AS_LARGE = 0.75


@dataclass(frozen=True, slots=True)
class ClipSettings:
    """One array per video besides the crops: ``frames`` faces, ``size`` pixels, RGB, channels first."""

    frames: int = 10
    size: int = 224
    margin: float = 1.3
    dtype: Literal["uint8", "float32"] = "uint8"


@dataclass(frozen=True, slots=True)
class CutSettings:
    """``frames`` per video; ``faces`` of each frame; the crop's ``margin`` and ``size`` as in ``CropSpec``;
    faces whose longer side is below ``min_face`` pixels are left out. Raises ``UsageError``.
    """

    frames: int = 10
    faces: Literal["largest", "all"] = "largest"
    margin: float = 1.6
    size: int = 320
    format: Literal["jpg", "png"] = "jpg"
    quality: int = 95
    min_face: float = 64.0
    clips: ClipSettings | None = None

    def __post_init__(self) -> None:
        if self.frames < 1 or not 16 <= self.size <= 2048 or not 1 <= self.margin <= 4:
            raise UsageError("Give 1 frame or more, a --size from 16 to 2048 and a --margin from 1 to 4.")
        if not 1 <= self.quality <= 100:
            raise UsageError(f"The JPEG quality goes from 1 to 100, not {self.quality}.")
        if self.clips and (self.clips.frames < 1 or self.clips.frames > self.frames):
            raise UsageError(
                f"--npz takes {self.clips.frames} frames of a video, but only {self.frames} are looked at: "
                "raise --frames, best above it, since not every frame shows a face."
            )

    @property
    def spec(self) -> CropSpec:
        return CropSpec(self.size, self.margin, "none", "bgr")


@dataclass(frozen=True, slots=True)
class Cut:
    """A crop: the file's name and bytes, and its row but for what the whole data set decides."""

    name: str
    data: bytes
    row: dict[str, Any]


@dataclass(slots=True)
class Cuts:
    """What came of one item. ``counts``: frames looked at, without a face, with too small ones, with several
    faces, damaged. ``clip`` holds RGB crops for the array form, with ``clip_times``.
    """

    cuts: list[Cut] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    clip: list[Image] = field(default_factory=list)
    clip_times: list[float] = field(default_factory=list)
    broken: str = ""


COUNTS = ("frames", "without_face", "too_small", "several_faces", "damaged")


def cut_media(
    item: SourceItem,
    key: str,
    media: Media,
    finder: FaceFinder,
    settings: CutSettings,
    between: Callable[[], None],
) -> Cuts:
    """Crops of evenly spaced frames. ``between`` is called before each frame, and may raise to stop.

    A file that breaks off gives what it held, and ``broken`` says how it ended.
    """
    result = Cuts()
    single = item.kind == "image"
    moments = [0.0] if single else even_moments(media.duration_s, settings.frames)
    between()
    try:
        for number, (time_s, image) in enumerate(media.frames_at(moments)):
            result.counts["frames"] += 1
            _cut_frame(result, f"{key}-{number:03d}", image, time_s, finder.find(image), settings)
            between()
    except (SourceError, OSError) as error:
        result.broken = str(error)
    result.counts["damaged"] = media.damaged
    return result


def _cut_frame(
    result: Cuts, key: str, image: Image, time_s: float, found: Sequence[FaceBox], settings: CutSettings
) -> None:
    faces = [face for face in found if face.size >= settings.min_face]
    counts = result.counts
    counts["without_face"] += not found
    counts["too_small"] += bool(found) and not faces
    counts["several_faces"] += len(faces) > 1
    if not faces:
        return
    height, width = image.shape[:2]
    main = main_face(faces, width, height)
    for place, face in enumerate([main] if settings.faces == "largest" else by_size(faces)):
        name = f"{key}-{place}"
        side = round(face.size * settings.margin)
        inside = share_inside(face, settings.margin, width, height)
        stored = face_in_crop(face, settings.spec)
        row = {
            "key": name,
            "source_width": side,
            "source_height": side,
            "frame_time_s": f"{time_s:.6f}",
            "face_confidence": f"{face.confidence:.3f}",
            "faces_in_frame": len(found),
            "inside": f"{inside:.3f}",
            "margin": f"{settings.margin:g}",
            "box": numbers((stored.x0, stored.y0, stored.x1, stored.y1)),
            "landmarks": "" if stored.landmarks is None else numbers(stored.landmarks.ravel().tolist()),
        }
        data = encode(crop_face(image, face, settings.spec), settings)
        result.cuts.append(Cut(f"{name}.{settings.format}", data, row))
    if settings.clips:
        spec = CropSpec(settings.clips.size, settings.clips.margin, "none", "rgb")
        result.clip.append(crop_face(image, main, spec))
        result.clip_times.append(time_s)


def main_face(faces: Sequence[FaceBox], width: int, height: int) -> FaceBox:
    """The largest face; among those nearly as large, the one nearest to the middle of the picture."""
    largest = max(face.size for face in faces)
    large = [face for face in faces if face.size >= _ABOUT_AS_LARGE * largest]
    return min(large, key=lambda face: math.hypot(face.centre[0] - width / 2, face.centre[1] - height / 2))


def by_size(faces: Sequence[FaceBox]) -> list[FaceBox]:
    return sorted(faces, key=lambda face: (-face.size, face.x0, face.y0))


def encode(crop: Image, settings: CutSettings) -> bytes:
    """JPEG keeps the full resolution of the colours, so that a crop loses as little as its quality says."""
    options = [cv2.IMWRITE_JPEG_QUALITY, settings.quality]
    options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    done, data = cv2.imencode(f".{settings.format}", crop, options if settings.format == "jpg" else [])
    assert done
    return data.tobytes()


def clip_array(crops: Sequence[Image], settings: ClipSettings) -> np.ndarray | None:
    """(frames, 3, size, size) of crops spread evenly over those there are; ``None`` where there are too few."""
    if len(crops) < settings.frames:
        return None
    chosen = [crops[int((place + 0.5) * len(crops) / settings.frames)] for place in range(settings.frames)]
    array = np.stack(chosen).transpose(0, 3, 1, 2)
    return array.astype(np.float32) / 255 if settings.dtype == "float32" else np.ascontiguousarray(array)
