"""The measured margin is the true one when a known detector's crops are measured."""

from __future__ import annotations

import numpy as np
import pytest

from unmask.realtime.types import FaceBox, Image
from unmask.training.crop_fit import of_boxes, of_crops
from unmask.training.data.dfdc import DataError


class MarkFinder:
    """Reads the face from a mark: eyes and mouth at fixed places of a box twice the mark's height."""

    name, description = "marks", "a fake"

    def __init__(self, border: int = 0) -> None:
        self.border = border  # mirrored marks lie there, which a real finder would not take for a face

    def find(self, image: Image) -> list[FaceBox]:
        side = image.shape[0]
        inner = np.zeros((side, side), bool)
        inner[self.border : side - self.border, self.border : side - self.border] = True
        ys, xs = np.nonzero((image[..., 0] == 255) & inner)
        if not len(ys):
            return []
        centre_x, eyes, mouth = float(np.median(xs)), float(ys.min()), float(ys.max())
        span = mouth - eyes
        landmarks = np.array([[centre_x, eyes]] * 2 + [[centre_x, (eyes + mouth) / 2]] + [[centre_x, mouth]] * 2)
        middle = (eyes + mouth) / 2
        box = FaceBox(centre_x - span, middle - span, centre_x + span, middle + span, 0.9)
        return [FaceBox(box.x0, box.y0, box.x1, box.y1, 0.9, landmarks.astype(np.float32))]

    def close(self) -> None: ...


def picture(side: int, top: int, span: int) -> Image:
    image = np.zeros((side, side, 3), np.uint8)
    image[top : top + span + 1, side // 2 - 1 : side // 2 + 2] = 255
    return image


def test_margin_and_offset() -> None:
    boxes = of_boxes([picture(200, 80, 40)], MarkFinder())
    assert boxes.span == pytest.approx(0.5)  # 40 px of a box of 80
    assert boxes.below == pytest.approx(0.0)
    # A crop of 100 px whose face spans 50 px would be a box of 100: margin 1; it sits 10 px too high.
    crops = of_crops([picture(100, 35, 50)], MarkFinder(border=50))
    assert crops.span == pytest.approx(0.5, abs=0.01)
    assert crops.below == pytest.approx(-0.1, abs=0.01)
    assert boxes.span / crops.span == pytest.approx(1.0, abs=0.02)


def test_no_face_anywhere_is_said() -> None:
    with pytest.raises(DataError, match="No face was found"):
        of_boxes([np.zeros((50, 50, 3), np.uint8)], MarkFinder())
