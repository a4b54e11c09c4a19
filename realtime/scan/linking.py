"""Who is who from one stretch of a recording to the next, where the tracker cannot follow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unmask.realtime.tracking.appearance import Appearance
from unmask.realtime.types import FaceBox

# Bhattacharyya coefficient (1: the same colours) over which two faces with their surroundings are taken
# for one person wherever they are, and over which it needs the same place too.
_ALIKE_ANYWHERE, _ALIKE_HERE = 0.97, 0.85
_SAME_PLACE = 0.3
_MEMORY = 0.8


@dataclass(slots=True)
class _Person:
    number: int
    track: int
    box: FaceBox
    looks: Appearance | None


class People:
    """Joins the tracks of stretches that lie apart into persons by place and colours.

    Within a stretch the tracker's identities stand. It may err: the report says how many stretches
    there were, and two people who look alike on the same seat are one to it.
    """

    def __init__(self) -> None:
        self._people: list[_Person] = []
        self._by_track: dict[int, _Person] = {}

    def begin_stretch(self) -> None:
        """Forget which track is whom: every track that comes now is new."""
        self._by_track = {}

    def person_of(self, track: int, box: FaceBox, looks: Appearance | None, *, link: bool) -> int:
        """The number of the person behind ``track``, from 1. Without ``link`` a new track is a new person."""
        person = self._by_track.get(track)
        if person is None:
            person = self._find(box, looks) if link else None
            if person is None:
                person = _Person(len(self._people) + 1, track, box, looks)
                self._people.append(person)
            self._by_track[track] = person
        person.track, person.box = track, box
        if looks is not None:
            mixed = looks if person.looks is None else _MEMORY * person.looks + (1 - _MEMORY) * looks
            person.looks = mixed.astype(np.float32)
        return person.number

    def _find(self, box: FaceBox, looks: Appearance | None) -> _Person | None:
        taken = {person.number for person in self._by_track.values()}
        best: tuple[float, _Person] | None = None
        for person in self._people:
            if person.number in taken:
                continue
            alike = float(looks @ person.looks) if looks is not None and person.looks is not None else 0.0
            here = box.overlap(person.box) > _SAME_PLACE
            if (alike > _ALIKE_ANYWHERE or (here and alike > _ALIKE_HERE)) and (best is None or alike > best[0]):
                best = (alike, person)
        return best[1] if best else None
