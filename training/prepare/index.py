"""``index.csv``: a row per crop, with what is needed to cut any smaller crop out of it again."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unmask.realtime.faces.crop import CropSpec, crop_face
from unmask.realtime.types import FaceBox, Image
from unmask.training.data.dfdc import CropRecord, DataError, read_index

BASE_COLUMNS = ("key", "label", "original", "source_width", "source_height", "identity_group", "split")
COLUMNS = (
    *BASE_COLUMNS,
    "manipulation",
    "dataset",
    "video",
    "source_video",
    "frame_time_s",
    "face_confidence",
    "faces_in_frame",
    "inside",
    "margin",
    "box",
    "landmarks",
)
"""Beyond the first seven: ``video`` joins the crops of one video (``original`` names such a one);
``source_video`` is its path in the data set; ``faces_in_frame`` counts the faces that were found there;
``inside`` is the share of the crop that lay in the picture; ``margin`` as in ``CropSpec``; ``box`` (4 numbers)
and ``landmarks`` (10, x and y in turn, or nothing) are pixels of the crop as in ``FaceBox``, separated by
spaces. ``source_width`` and ``source_height`` are the pixels of the picture that the crop was cut from."""


@dataclass(frozen=True, slots=True)
class PreparedCrop:
    """A row of an index. ``face`` is ``None`` in an index that has no boxes: such crops are taken as tight.

    ``video`` is the crop's own key where the index names no videos (one crop each).
    """

    record: CropRecord
    manipulation: str
    dataset: str
    video: str
    time_s: float
    margin: float
    face: FaceBox | None


def read_prepared(folder: Path) -> list[PreparedCrop]:
    """The rows of ``folder/index.csv``: one written by ``unmask train prepare``, or one with only the seven
    first columns. Pictures come from ``training.data.dfdc.read_pictures``. Raises ``DataError``.
    """
    path = folder / "index.csv"
    records = read_index(folder)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    try:
        return [_prepared(record, row) for record, row in zip(records, rows, strict=True)]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} holds something that is no number, or lacks a column ({error}): prepare the data again."
        ) from None


def _prepared(record: CropRecord, row: Mapping[str, str]) -> PreparedCrop:
    return PreparedCrop(
        record,
        row.get("manipulation", ""),
        row.get("dataset", ""),
        row.get("video") or record.key,
        _number(row.get("frame_time_s") or 0),
        _number(row.get("margin") or 1),
        _face(row),
    )


def _face(row: Mapping[str, str]) -> FaceBox | None:
    if not row.get("box"):
        return None
    corners = [_number(number) for number in row["box"].split()]
    points = [_number(number) for number in (row.get("landmarks") or "").split()]
    if len(corners) != 4 or len(points) not in (0, 10):
        raise ValueError(f"a box or landmarks of {row['key']}")
    landmarks = np.array(points, np.float32).reshape(5, 2) if points else None
    x0, y0, x1, y1 = corners
    return FaceBox(x0, y0, x1, y1, _number(row["face_confidence"]), landmarks)


def _number(value: str | float) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not finite")
    return number


def recrop(image: Image, crop: PreparedCrop, spec: CropSpec) -> Image:
    """The crop that ``spec`` asks for, out of the prepared one (BGR uint8): as ``crop_face`` on the picture,
    but for being sampled twice and, in JPEG shards, for their loss.

    Raises ``DataError`` where ``spec`` wants more margin than was kept (turned crops reach up to 1.41 times
    as far, and mirror what is missing), or the index has no box.
    """
    if crop.face is None:
        raise DataError(f"The crop {crop.record.key} comes without a face box, so no other crop can be cut from it.")
    if spec.margin > crop.margin + 1e-6:
        raise DataError(
            f"The crop {crop.record.key} was kept with margin {crop.margin:g}, less than {spec.margin:g}: "
            "prepare the data again with a larger --margin."
        )
    return crop_face(image, crop.face, spec)


def face_in_crop(face: FaceBox, spec: CropSpec) -> FaceBox:
    """``face`` of the picture in pixels of the crop that ``spec`` (align "none") cuts round it."""
    scale = spec.size / (face.size * spec.margin)
    (x, y), middle = face.centre, spec.size / 2
    landmarks = None
    if face.landmarks is not None:
        landmarks = ((face.landmarks - np.array([x, y])) * scale + middle).astype(np.float32)
    wide, high = scale * face.width / 2, scale * face.height / 2
    return FaceBox(middle - wide, middle - high, middle + wide, middle + high, face.confidence, landmarks)


def share_inside(face: FaceBox, margin: float, width: int, height: int) -> float:
    """How much of the square that is cut round ``face`` lies in a picture of that size, 0..1."""
    reach = face.size * margin / 2
    x, y = face.centre
    wide = min(width, x + reach) - max(0.0, x - reach)
    high = min(height, y + reach) - max(0.0, y - reach)
    return max(0.0, wide) * max(0.0, high) / (2 * reach) ** 2


def numbers(values: Iterable[float]) -> str:
    return " ".join(f"{value:.2f}" for value in values)


def index_lines(rows: Iterable[Mapping[str, object]]) -> Iterator[bytes]:
    """The lines of ``index.csv`` for rows that have every column; a large set is never held whole."""
    text = io.StringIO()
    writer: csv.DictWriter[str] = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    yield text.getvalue().encode()
    for row in rows:
        text.seek(0)
        text.truncate()
        writer.writerow(row)
        yield text.getvalue().encode()


def keys_of_videos(crops: Iterable[PreparedCrop]) -> Iterator[tuple[str, list[PreparedCrop]]]:
    """``(video, its crops in order of time)``, videos in the order of the index."""
    videos: dict[str, list[PreparedCrop]] = {}
    for crop in crops:
        videos.setdefault(crop.video, []).append(crop)
    for video, own in videos.items():
        yield video, sorted(own, key=lambda crop: crop.time_s)
