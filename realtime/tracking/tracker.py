"""Stable identities: which face of this picture is which face of the pictures before."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unmask.engines.errors import UsageError
from unmask.realtime.cadence import Outlook
from unmask.realtime.tracking.appearance import Appearance
from unmask.realtime.tracking.association import assign, pair_costs
from unmask.realtime.tracking.motion import BoxMotion
from unmask.realtime.types import FaceBox, TrackedFace

# How fast a track's picture of a face follows the face: light and pose change within seconds.
_LOOKS_MEMORY = 0.8


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """When a track begins and ends. Seconds are those of the source's timeline.

    A track is shown after ``birth_hits`` detections, none further than ``birth_within_s`` from the one
    before (1 for pictures that are seconds apart). It coasts on its prediction for ``max_coast_s`` and
    then ends. A pause of the whole source over ``max_gap_s`` ends every track: whoever sits there
    afterwards may be somebody else. Detections under ``strong_confidence`` extend tracks, never begin one.
    A detection that overlaps a stronger one by ``duplicate_overlap`` is the same face found twice.
    """

    birth_hits: int = 2
    birth_within_s: float = 0.6
    max_coast_s: float = 1.5
    max_gap_s: float = 2.0
    strong_confidence: float = 0.5
    duplicate_overlap: float = 0.6

    def __post_init__(self) -> None:
        if self.birth_hits < 1:
            raise UsageError(f"A track needs at least one detection to begin; birth_hits is {self.birth_hits}.")
        for name in ("birth_within_s", "max_coast_s", "max_gap_s"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise UsageError(f"The tracker's {name} must be a number of seconds above 0.")


class _Track:
    """One identity: its motion, its looks, and when it was seen."""

    __slots__ = ("face", "first_s", "hits", "last_s", "looks", "motion", "track_id")

    def __init__(self, face: FaceBox, looks: Appearance | None, time_s: float) -> None:
        self.motion = BoxMotion(face, time_s)
        self.face, self.looks = face, looks
        self.first_s = self.last_s = time_s
        self.hits = 1
        self.track_id = 0  # 0 until it is confirmed

    def seen(self, face: FaceBox, looks: Appearance | None, time_s: float) -> None:
        self.motion.correct(face, time_s)
        self.face, self.last_s = face, time_s
        self.hits += 1
        if looks is None:
            return
        if self.looks is not None:
            mixed = _LOOKS_MEMORY * self.looks + (1 - _LOOKS_MEMORY) * looks
            looks = (mixed / np.linalg.norm(mixed)).astype(np.float32)
        self.looks = looks

    def shown(self, time_s: float, detected: bool) -> TrackedFace:
        """The detector's own box when it was detected (crops must match training's), else the prediction."""
        face = self.face
        if not detected:
            x0, y0, x1, y1 = self.motion.at(time_s)
            face = FaceBox(x0, y0, x1, y1, face.confidence)
        return TrackedFace(self.track_id, face, detected, self.first_s, self.last_s)


class Tracker:
    """Gives every face an identity that lasts through misses, crossings and uneven frame times.

    Kalman-predicted boxes meet the detections in one optimal assignment whose cost is overlap, distance,
    size and, where given, appearance; strong detections choose first, then weak ones may extend what is
    left (Zhang et al., ByteTrack, 2022, section 3). Numbers start at 1 and are never used again. When
    time runs backwards or pauses for too long all tracks end, and the faces after it get new numbers.

    Why no library: the maintained permissive ones are fast enough (six faces on two cores, median of an
    update: ``trackers`` 2.6.1, Apache-2.0, 0.24 ms ByteTrack and 0.38 ms OC-SORT; ``norfair`` 2.3.0, BSD,
    0.48 ms; ``motpy`` 0.0.10, MIT, 0.37 ms; this one 0.13, with appearance 0.21) and equally good where
    two people cross, but too heavy: the first adds supervision, matplotlib and ten more packages, some
    65 MB and a second of import time; the second holds numpy below 2; the third rested since 2021. Others
    need torch or are AGPL.

    Used from one thread.
    """

    def __init__(self, settings: TrackerSettings | None = None) -> None:
        self._settings = settings or TrackerSettings()
        self._tracks: list[_Track] = []
        self._numbers = itertools.count(1)
        self._time_s = self._searched_s = -math.inf

    def reset(self) -> None:
        """End every track. The numbers go on."""
        self._tracks = []

    @property
    def unconfirmed(self) -> bool:
        """Whether a face was found that is no track yet: too seldom so far."""
        return any(not track.track_id for track in self._tracks)

    def coast(self, time_s: float) -> tuple[TrackedFace, ...]:
        """The tracks at ``time_s`` in a frame that nobody searched for faces: predictions only."""
        self._advance(time_s)
        return self._shown(time_s, set())

    def outlook(self, time_s: float) -> Outlook:
        """What is to be expected of a frame at ``time_s``, which nobody searched yet. Changes nothing."""
        confirmed = [track for track in self._tracks if track.track_id]
        missed = [track for track in confirmed if track.last_s < self._searched_s]
        return Outlook(
            tracks=len(confirmed),
            speed=max((track.motion.pace for track in confirmed), default=0.0),
            confidence=min((track.face.confidence for track in confirmed), default=1.0),
            missing_s=min((time_s - track.last_s for track in missed), default=math.inf),
            unconfirmed=len(confirmed) < len(self._tracks),
        )

    def update(
        self, faces: Sequence[FaceBox], time_s: float, looks: Sequence[Appearance | None] | None = None
    ) -> tuple[TrackedFace, ...]:
        """Take in the faces found at ``time_s`` and return the confirmed tracks, oldest first.

        ``looks`` holds one ``appearance.describe`` for each face, or is left out. Tracks whose face was
        not found coast: ``detected`` is false and the box is the prediction, without landmarks. Boxes
        that are not finite or have no area are left aside. Raises ``ValueError`` when ``looks`` has
        another length than ``faces``, or ``time_s`` is not finite.
        """
        if looks is not None and len(looks) != len(faces):
            raise ValueError(f"{len(faces)} faces came with {len(looks)} appearances.")
        self._advance(time_s)
        self._searched_s = time_s
        found = self._distinct(list(zip(faces, looks or [None] * len(faces), strict=True)))
        strong = [pair for pair in found if pair[0].confidence >= self._settings.strong_confidence]
        weak = [pair for pair in found if pair[0].confidence < self._settings.strong_confidence]
        seen: set[int] = set()
        confirmed = [track for track in self._tracks if track.track_id]
        left, strong = self._extend(confirmed, strong, time_s, seen)
        self._extend(left, weak, time_s, seen)
        _, strong = self._extend([track for track in self._tracks if not track.track_id], strong, time_s, seen)
        for face, look in strong:
            track = _Track(face, look, time_s)
            self._tracks.append(track)
            seen.add(id(track))
        for track in self._tracks:
            if not track.track_id and track.hits >= self._settings.birth_hits:
                track.track_id = next(self._numbers)
        return self._shown(time_s, seen)

    def _advance(self, time_s: float) -> None:
        """Move on to ``time_s`` and end what is over."""
        if not math.isfinite(time_s):
            raise ValueError(f"The time of a frame must be finite, not {time_s}.")
        if time_s < self._time_s or time_s - self._time_s > self._settings.max_gap_s:
            self._tracks = []
        self._time_s = time_s
        limits = (self._settings.birth_within_s, self._settings.max_coast_s)
        self._tracks = [track for track in self._tracks if time_s - track.last_s <= limits[track.track_id > 0]]

    def _distinct(self, found: list[tuple[FaceBox, Appearance | None]]) -> list[tuple[FaceBox, Appearance | None]]:
        """Usable boxes, the most confident first, each face once."""
        kept: list[tuple[FaceBox, Appearance | None]] = []
        for pair in sorted(found, key=lambda pair: -pair[0].confidence):
            face = pair[0]
            usable = math.isfinite(face.width * face.height) and face.width > 0 and face.height > 0
            if usable and not any(self._same_face(face, other) for other, _ in kept):
                kept.append(pair)
        return kept

    def _same_face(self, face: FaceBox, other: FaceBox) -> bool:
        return face.overlap(other) >= self._settings.duplicate_overlap

    def _extend(
        self,
        tracks: list[_Track],
        found: list[tuple[FaceBox, Appearance | None]],
        time_s: float,
        seen: set[int],
    ) -> tuple[list[_Track], list[tuple[FaceBox, Appearance | None]]]:
        """Give ``tracks`` the detections that are theirs; what is left of both. ``seen`` gets their ids."""
        if not tracks or not found:
            return tracks, found
        predicted = np.array([track.motion.at(time_s) for track in tracks])
        unseen_s = np.array([time_s - track.last_s for track in tracks])
        boxes = np.array([(face.x0, face.y0, face.x1, face.y1) for face, _ in found])
        costs = pair_costs(predicted, unseen_s, [track.looks for track in tracks], boxes, [look for _, look in found])
        pairs = assign(costs)
        for row, column in pairs:
            tracks[row].seen(*found[column], time_s)
            seen.add(id(tracks[row]))
        rows, columns = {row for row, _ in pairs}, {column for _, column in pairs}
        return (
            [track for row, track in enumerate(tracks) if row not in rows],
            [pair for column, pair in enumerate(found) if column not in columns],
        )

    def _shown(self, time_s: float, seen: set[int]) -> tuple[TrackedFace, ...]:
        confirmed = sorted((track for track in self._tracks if track.track_id), key=lambda track: track.track_id)
        return tuple(track.shown(time_s, id(track) in seen) for track in confirmed)
