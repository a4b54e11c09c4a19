"""A short synthetic call of two people whose pictures are free: for pictures of the window and for its tests.

Caller A is scikit-image's astronaut (NASA, public domain), caller B matplotlib's Grace Hopper (US Navy, public
domain). Caller B gets caller A's face from the middle on, and then also a magenta tag under the chin: the tag is
what ``stand_in`` reacts to, so that an alarm comes on every machine and nobody takes it for the work of a detector.
What is written bears the marks that every generated clip of the project bears.

As a program: ``python free_call.py CLIP.mp4``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from unmask.realtime.types import Image
from unmask.training.synthesis.encode import encode_clip, write_mark
from unmask.training.synthesis.face_region import outline
from unmask.training.synthesis.people import ASTRONAUT, Person, PictureFile, points
from unmask.training.synthesis.pictures import load_picture
from unmask.training.synthesis.swap import SwapSettings
from unmask.training.synthesis.tile import Tile, make_plate, swap_onto

MARK = "SYNTHETIC, made by unmask from two public-domain photographs: no footage of a call"
MAGENTA = (255, 0, 255)
NAMES = ("Caller A", "Caller B")
_SURROUND, _PLATE, _INK = (34, 30, 28), (60, 56, 52), (240, 240, 240)

HOPPER_PICTURE = PictureFile(
    name="Grace Hopper",
    package="matplotlib",
    distribution="matplotlib",
    path="mpl-data/sample_data/grace_hopper.jpg",
    sha256="a8ca6d734765703b09728ab47fe59f473d93ae3967fc24c7c0288c3c7adb7130",
    width=512,
    height=600,
    credit="Grace Hopper: US Navy, public domain, sample picture of matplotlib",
)
#: Found once with SCRFD 2.5G and a GrabCut, as those of ``training/synthesis/people.py``.
HOPPER = Person(
    name="Grace Hopper",
    picture=HOPPER_PICTURE,
    box=(178.5, 124.5, 350.3, 332.6),
    landmarks=((223.4, 193.8), (305.6, 190.6), (267.3, 239.0), (236.4, 278.7), (301.1, 275.7)),
    outline=points(
        """218,30 214,43 199,48 181,64 174,85 156,102 145,102 146,168 151,181 155,183 153,211 161,228 170,261
        167,280 174,288 194,298 195,320 183,333 165,344 121,360 80,368 61,380 47,390 37,415 28,440 26,459 17,526
        11,599 511,599 511,434 505,431 492,393 461,376 422,366 365,342 330,313 330,300 336,288 339,269 352,268
        361,262 369,225 373,190 371,135 369,103 365,89 352,86 349,73 335,56 313,44 302,43 281,27 249,23 237,25
        229,30"""
    ),
)


@dataclass(frozen=True, slots=True)
class CallSettings:
    """Size in pixels (even), frames a second, length; the swap begins in the middle."""

    width: int = 1280
    height: int = 720
    fps: int = 15
    seconds: float = 12.0
    seed: int = 11

    @property
    def frames(self) -> int:
        return round(self.fps * self.seconds)

    @property
    def swapped_from_s(self) -> float:
        return self.seconds / 2


class FreeCall:
    """Draws any frame of the call. Built in a second."""

    def __init__(self, settings: CallSettings) -> None:
        self.settings = settings
        gap, foot = max(4, settings.height // 60), max(18, settings.height // 18)
        self._size = ((settings.width - 3 * gap) // 2, settings.height - gap - foot)
        self._corners = [(gap + number * (self._size[0] + gap), gap) for number in range(2)]
        times = np.arange(settings.frames, dtype=np.float64) / settings.fps
        people = (_with_contour(ASTRONAUT), _with_contour(HOPPER))
        pictures = [load_picture(person.picture) for person in people]
        plates = [make_plate(*pair, self._size) for pair in zip(people, pictures, strict=True)]
        swap = swap_onto(plates[1], people[1], people[0], pictures[0], SwapSettings())
        self._tiles = [
            Tile(plate, layer, times, self._size, settings.seed * 101 + number)
            for number, (plate, layer) in enumerate(zip(plates, (None, swap), strict=True))
        ]

    def draw(self, index: int) -> Image:
        """Frame ``index`` as BGR uint8 (height, width, 3), new."""
        settings = self.settings
        swapped = index >= settings.swapped_from_s * settings.fps
        image = np.full((settings.height, settings.width, 3), _SURROUND, np.uint8)
        for number, ((left, top), tile) in enumerate(zip(self._corners, self._tiles, strict=True)):
            place = image[top : top + self._size[1], left : left + self._size[0]]
            place[:] = tile.draw(index, swapped)
            if swapped and number == 1:
                _tag(place, tile.truth(index)[0])
            _name(place, NAMES[number])
        write_mark(image, MARK, height=max(8, settings.height // 48))
        return image

    def frames(self) -> Iterator[Image]:
        for index in range(self.settings.frames):
            yield self.draw(index)


def write_free_call(path: Path, settings: CallSettings | None = None) -> CallSettings:
    """Write the clip to ``path`` (.mp4): a second or two for 640x360, half a minute for ten seconds of 720p."""
    settings = settings or CallSettings()
    encode_clip(path, FreeCall(settings).frames(), size=(settings.width, settings.height), fps=settings.fps)
    return settings


def _with_contour(person: Person) -> Person:
    """With an oval round the face, from the brows to the chin: the hat stays."""
    polygon = outline(np.array(person.landmarks, np.float32), "full", 12)
    return replace(person, contour=tuple((float(x), float(y)) for x, y in polygon))


def _tag(tile: Image, box: np.ndarray) -> None:
    """The plate that says SWAPPED, under the chin: within every finder's crop, and outside of the face."""
    x0, _, x1, y1 = box.tolist()
    wide, middle = 0.62 * (x1 - x0), (x0 + x1) / 2
    high, top = 0.16 * wide, y1 - 0.02 * (x1 - x0)
    corners = (round(middle - wide / 2), round(top)), (round(middle + wide / 2), round(top + 1.9 * high))
    cv2.rectangle(tile, *corners, MAGENTA, cv2.FILLED)
    scale = wide / cv2.getTextSize("SWAPPED", cv2.FONT_HERSHEY_SIMPLEX, 1.0, 1)[0][0] * 0.86
    baseline = round(top + 1.4 * high)
    place = (round(middle - 0.43 * wide), baseline)
    cv2.putText(tile, "SWAPPED", place, cv2.FONT_HERSHEY_SIMPLEX, scale, (40, 0, 40), max(1, round(scale * 2)))


def _name(tile: Image, name: str) -> None:
    scale = tile.shape[0] / 1000
    (wide, high), _ = cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    x, y = high, tile.shape[0] - high
    cv2.rectangle(tile, (x - high // 2, y - high - high // 2), (x + wide + high // 2, y + high // 2), _PLATE, -1)
    cv2.putText(tile, name, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, _INK, 1, cv2.LINE_AA)


if __name__ == "__main__":
    write_free_call(Path(sys.argv[1]))
