"""Which live crop equals the crops of a data set: ``python -m unmask.training.crop_fit --material DATA``.

The crops of a data set were cut by an unknown detector. The distance from the eyes to the mouth ties
them to ours: measured in crops it gives their share of the crop's side, measured in uncut pictures its
share of our detector's box. The quotient is ``crop.margin``. (The detector's box on a cut crop would
not do: it ends where the picture ends, or sees the mirrored border as more face.)
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from unmask.engines.errors import ends_with_a_sentence
from unmask.realtime.faces.finder import FaceFinder
from unmask.realtime.types import FaceBox, Image
from unmask.training.data.dfdc import DataError, iterate_tar, read_index, read_pictures
from unmask.training.data.lfw import central_face


@dataclass(frozen=True, slots=True)
class Proportion:
    """Medians over ``faces`` faces: the eye-mouth distance in units of the reference side (box or crop),
    and how far the reference's centre lies below the middle between eyes and mouth, in the same units."""

    span: float
    below: float
    faces: int


def span_and_middle(face: FaceBox) -> tuple[float, float]:
    """The eye-mouth distance in pixels and the height (y) of the middle between them."""
    assert face.landmarks is not None
    eyes, mouth = face.landmarks[:2].mean(axis=0), face.landmarks[3:].mean(axis=0)
    return float(np.hypot(*(mouth - eyes))), float((eyes[1] + mouth[1]) / 2)


def _faces(pictures: Iterable[Image], finder: FaceFinder) -> Iterator[tuple[Image, FaceBox]]:
    for picture in pictures:
        face = central_face(finder.find(picture), picture.shape[1], picture.shape[0])
        if face is not None and face.landmarks is not None:
            yield picture, face


def of_boxes(pictures: Iterable[Image], finder: FaceFinder) -> Proportion:
    """Of the finder's boxes on uncut pictures."""
    rows = []
    for _, face in _faces(pictures, finder):
        span, middle = span_and_middle(face)
        rows.append((span / face.size, (face.centre[1] - middle) / face.size))
    return _median(rows)


def of_crops(crops: Iterable[Image], finder: FaceFinder) -> Proportion:
    """Of crops that a face fills. A mirrored border of half a side lets the finder see the face whole."""
    rows = []
    borders = (cv2.copyMakeBorder(crop, *[crop.shape[0] // 2] * 4, cv2.BORDER_REFLECT_101) for crop in crops)
    for bordered, face in _faces(borders, finder):
        side = bordered.shape[0] / 2
        span, middle = span_and_middle(face)
        rows.append((span / side, (bordered.shape[0] / 2 - middle) / side))
    return _median(rows)


def _median(rows: Sequence[tuple[float, float]]) -> Proportion:
    if not rows:
        raise DataError("No face was found in these pictures: check the folder and the face model.")
    span, below = np.median(np.asarray(rows), axis=0)
    return Proportion(float(span), float(below), len(rows))


@ends_with_a_sentence
def main(argv: Sequence[str] | None = None) -> None:
    from unmask.realtime.faces.registry import FaceFinderSettings, make_face_finder

    parser = argparse.ArgumentParser(prog="python -m unmask.training.crop_fit", description=__doc__)
    parser.add_argument("--material", type=Path, required=True, help="folder with data/dfdc and data/lfw")
    parser.add_argument("--face-model", type=Path, help="SCRFD file (default: the installed pack)")
    parser.add_argument("--count", type=int, default=400)
    options = parser.parse_args(argv)
    settings = FaceFinderSettings(kind="scrfd", model=options.face_model, input_size=320, refresh_every=1)
    dfdc = options.material / "data" / "dfdc"
    keys = [record.key for record in read_index(dfdc)]
    chosen = np.random.default_rng(0).permutation(keys)[: options.count].tolist()
    finder = make_face_finder(settings, print)
    crops = of_crops((picture for _, picture in read_pictures(dfdc, chosen)), finder)
    tars = sorted((options.material / "data" / "lfw").glob("*.tar"))
    uncut = (picture for tar in tars for _, picture in iterate_tar(tar))
    boxes = of_boxes(islice(uncut, options.count), finder)
    finder.close()
    margin = boxes.span / crops.span
    lower = crops.below - boxes.below / margin
    print(f"eyes to mouth: {crops.span:.3f} of the crop's side ({crops.faces} crops),")
    print(f"{boxes.span:.3f} of the box's longer side ({boxes.faces} pictures): margin {margin:.3f};")
    print(f"the crops' centre lies {lower:.3f} of their side lower than the boxes' centre")


if __name__ == "__main__":
    raise SystemExit(main())
