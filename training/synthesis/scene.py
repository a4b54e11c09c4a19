"""The whole picture of the synthetic call: callers side by side, names, and the mark that says what it is."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from unmask.engines.errors import UsageError
from unmask.realtime.types import Image
from unmask.training.synthesis import people
from unmask.training.synthesis.encode import write_mark
from unmask.training.synthesis.people import Person, PictureFile
from unmask.training.synthesis.pictures import load_picture
from unmask.training.synthesis.swap import SwapSettings
from unmask.training.synthesis.tile import Tile, make_plate, swap_onto
from unmask.training.synthesis.truth import FaceTruth

MARK = "SYNTHETIC demo, made by unmask from still pictures: no footage of a call"
_SURROUND = (34, 30, 28)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sits in a tile, and whose face is laid over theirs in the second half (``None``: nobody's)."""

    name: str
    person: Person
    donor: Person | None = None


@dataclass(frozen=True, slots=True)
class SceneSettings:
    """Size in pixels (even), whole frames a second, number of frames, callers (1, 2 or 4), seed."""

    width: int = 1280
    height: int = 720
    fps: int = 25
    frames: int = 400
    faces: int = 2
    seed: int = 7

    def __post_init__(self) -> None:
        if self.faces not in (1, 2, 4):
            raise UsageError(f"The demo has 1, 2 or 4 faces, not {self.faces}.")
        if self.width % 2 or self.height % 2 or self.height < 180 or self.width < 100 * self.faces:
            raise UsageError(
                f"A demo clip of {self.faces} faces cannot be {self.width}x{self.height}: use even numbers, "
                f"at least {max(180, 100 * self.faces)}x180."
            )
        if self.width > 7680 or self.height > 4320:
            raise UsageError(f"A demo clip of {self.width}x{self.height} is too large: 7680x4320 at most.")
        if not 1 <= self.fps <= 240 or self.frames < 2:
            raise UsageError("A demo clip needs 1 to 240 frames a second and at least two frames.")

    @property
    def swap_from(self) -> int:
        """The first frame with the swapped face: the middle of the clip."""
        return (self.frames + 1) // 2


def callers_of(faces: int) -> tuple[Caller, ...]:
    """Who takes part in a call of ``faces`` people. Caller B is the one who is swapped."""
    swapped = Caller("Caller B", people.SEAT_3, people.SEAT_4)
    if faces == 1:
        return (swapped,)
    pair = (Caller("Caller A", people.ASTRONAUT), swapped)
    if faces == 2:
        return pair
    return (*pair, Caller("Caller C", people.SEAT_6), Caller("Caller D", people.SEAT_1))


class Scene:
    """Draws any frame of the clip. Built once (a second); the same settings give the same pixels."""

    def __init__(self, settings: SceneSettings) -> None:
        """Raises ``PictureError`` when a dependency's picture is missing or changed."""
        self.settings = settings
        self.callers = callers_of(settings.faces)
        pictures: dict[PictureFile, Image] = {}
        for caller in self.callers:
            for person in filter(None, (caller.person, caller.donor)):
                if person.picture not in pictures:
                    pictures[person.picture] = load_picture(person.picture)
        self.credits = tuple(picture.credit for picture in pictures)
        self._corners, size = _layout(settings)
        times = np.arange(settings.frames, dtype=np.float64) / settings.fps
        self._tiles = []
        for number, caller in enumerate(self.callers):
            plate = make_plate(caller.person, pictures[caller.person.picture], size)
            swap = None
            if caller.donor is not None:
                donor = pictures[caller.donor.picture]
                swap = swap_onto(plate, caller.person, caller.donor, donor, SwapSettings())
            self._tiles.append(Tile(plate, swap, times, size, settings.seed * 101 + number))
        self._chrome, self._labels = self._draw_chrome(size)

    def draw(self, index: int, swapped: bool | None = None) -> Image:
        """Frame ``index`` as BGR uint8 (height, width, 3), new. ``swapped`` overrides what the plan says."""
        if swapped is None:
            swapped = index >= self.settings.swap_from
        image = self._chrome.copy()
        for (left, top), tile in zip(self._corners, self._tiles, strict=True):
            width, height = tile.size
            image[top : top + height, left : left + width] = tile.draw(index, swapped)
        for place in self._labels:
            image[place] = self._chrome[place]
        return image

    def truth(self) -> tuple[FaceTruth, ...]:
        """Where every face is in every frame, and when it is swapped."""
        settings = self.settings
        stretch = (settings.swap_from / settings.fps, settings.frames / settings.fps)
        faces = []
        for caller, corner, tile in zip(self.callers, self._corners, self._tiles, strict=True):
            found = [tile.truth(index) for index in range(settings.frames)]
            offset = np.array(corner, dtype=np.float32)
            faces.append(
                FaceTruth(
                    name=caller.name,
                    person=caller.person.name,
                    donor=caller.donor.name if caller.donor else None,
                    swapped=stretch if caller.donor else None,
                    boxes=np.stack([box for box, _ in found]) + np.tile(offset, 2),
                    landmarks=np.stack([landmarks for _, landmarks in found]) + offset,
                )
            )
        return tuple(faces)

    def swap_mask(self, index: int) -> Image:
        """Where the swap may show in frame ``index``: uint8 (height, width)."""
        mask = np.zeros((self.settings.height, self.settings.width), dtype=np.uint8)
        for (left, top), tile in zip(self._corners, self._tiles, strict=True):
            mask[top : top + tile.size[1], left : left + tile.size[0]] = tile.swap_mask(index)
        return mask

    def _draw_chrome(self, size: tuple[int, int]) -> tuple[Image, list[tuple[slice, slice]]]:
        """What the call program draws: surround, names, mark; and where it lies over the callers."""
        settings = self.settings
        image = np.full((settings.height, settings.width, 3), _SURROUND, dtype=np.uint8)
        write_mark(image, MARK, height=max(8, settings.height // 48))
        labels = []
        scale = settings.height / 1000
        for (left, top), caller in zip(self._corners, self.callers, strict=True):
            (wide, high), _ = cv2.getTextSize(caller.name, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
            x, y = left + high, top + size[1] - high
            place = (slice(y - high - high // 2, y + high // 2), slice(x - high // 2, x + wide + high // 2))
            image[place] = (60, 56, 52)
            labels.append(place)
            cv2.putText(image, caller.name, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, (240, 240, 240), 1, cv2.LINE_AA)
        return image, labels


def _layout(settings: SceneSettings) -> tuple[list[tuple[int, int]], tuple[int, int]]:
    """Left top corners of the tiles, in a row, and their size (w, h); below them is room for the mark."""
    gap = max(4, settings.height // 60)
    foot = max(18, settings.height // 18)
    width = (settings.width - gap * (settings.faces + 1)) // settings.faces
    size = (width, settings.height - gap - foot)
    return [(gap + number * (width + gap), gap) for number in range(settings.faces)], size
