"""Which faces of a frame are cut out for the detector, and why the others are not."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from unmask.engines.errors import UsageError
from unmask.engines.manifest import Quality
from unmask.realtime.faces.crop import CropSpec, crop_face
from unmask.realtime.looks import NOTHING, Looks, Sight, look_at
from unmask.realtime.quality import assess, box_causes
from unmask.realtime.types import Cause, FaceLook, Frame, Image, TrackedFace

# Frame times are sums of decimals: an exact half must not depend on their last bit.
_EPSILON_S = 1e-6


@dataclass(frozen=True, slots=True)
class CropJob:
    """One crop for the encoder: uint8 (size, size, 3) of track ``track_id`` at ``time_s`` of the source.

    The crop is new and belongs to whoever takes the job; with a ``look``, which shares it, nobody writes to it.
    """

    track_id: int
    time_s: float
    crop: Image
    look: FaceLook | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """The crops that are due, and for each track that cannot be judged now the causes (never empty).

    ``wanted`` is what somebody wants to see of this frame's crops; ``refused`` then has those that were cut and
    did not pass the quality gate, by track.
    """

    jobs: tuple[CropJob, ...]
    causes: Mapping[int, tuple[Cause, ...]]
    wanted: frozenset[Sight] = NOTHING
    refused: Mapping[int, FaceLook] = field(default_factory=dict)


@dataclass(slots=True)
class _Pace:
    """When a track's next crop is due, what stood against it when it was last looked at, and since it failed
    then, from when on it is worth a search again."""

    due_s: float
    causes: tuple[Cause, ...] = ()
    again_s: float = -math.inf
    begun: bool = False


class CropSelector:
    """Samples every track once each ``stride_s`` of the source's timeline. One per source and detector.

    Samples lie on a grid, each taken by the frame nearest to its time, so that the average distance is
    the stride and does not drift with the frame rate; slower sources give every frame. All tracks share
    one grid, so that one search for faces serves them all. A face that fails the quality gate is tried
    again in the next frame. A track that coasts is never cropped; after
    ``lost_after_s`` without a detection its cause is FACE_LOST. Tracks that are ``resting`` are sampled ``rest_s``
    later than a stride, all of them in the same frames. ``looks``: what somebody wants to see; nothing by
    default. Used from one thread.
    """

    def __init__(
        self,
        spec: CropSpec,
        quality: Quality,
        stride_s: float,
        *,
        lost_after_s: float = 0.5,
        looks: Looks | None = None,
    ) -> None:
        if not (math.isfinite(stride_s) and stride_s > 0):
            raise UsageError(f"The stride between two crops must be a time above 0, not {stride_s} s.")
        self._spec, self._quality = spec, quality
        #: These three may be changed between two frames by the thread that selects.
        self.stride_s = stride_s
        self.rest_s = 0.0
        self.resting: frozenset[int] = frozenset()
        self._lost_after_s = lost_after_s
        self._looks = looks or Looks()
        self._paces: dict[int, _Pace] = {}
        self._last_s = math.nan
        self._grid_s = 0.0
        #: A moment at which the samples are to lie; ``None``: a lone face begins a grid where it is first looked at.
        self.anchor_s: float | None = None
        self._company = 0

    def due(self, time_s: float) -> bool:
        """Whether a known face wants to be cropped from the frame at ``time_s``: search it. Changes nothing.

        A face that failed the quality gate, or was not found, is worth one search a stride, though ``select``
        takes it earlier where it is seen anyway.
        """
        step_s = time_s - self._last_s
        early_s = _early_s(step_s, self.stride_s)
        return any(
            time_s >= max(pace.due_s + self._rest_of(track_id), pace.again_s) - early_s
            for track_id, pace in self._paces.items()
        )

    def select(self, frame: Frame, faces: Iterable[TrackedFace]) -> Selection:
        """Crop what is due in ``frame``; ``faces`` are all its live tracks, the others are forgotten.

        A track that is not due keeps the causes of its last look. Only reads the frame.
        """
        step_s, self._last_s = frame.time_s - self._last_s, frame.time_s
        if step_s < 0:  # Another timeline: no old appointment holds.
            self._paces = {}
        early_s = _early_s(step_s, self.stride_s)
        wanted = self._looks.wanted
        jobs: list[CropJob] = []
        refused: dict[int, FaceLook] = {}
        causes: dict[int, tuple[Cause, ...]] = {}
        paces: dict[int, _Pace] = {}
        faces = tuple(faces)
        self._company = len(faces)
        together = self._resting_go(frame.time_s, early_s, faces)
        for face in faces:
            pace = paces[face.track_id] = self._paces.get(face.track_id) or _Pace(frame.time_s)
            rest_s = 0.0 if together else self._rest_of(face.track_id)
            due = frame.time_s >= pace.due_s + rest_s - early_s
            if face.detected and due:
                crop, pace.causes = self._look(frame, face)
                if pace.causes:
                    pace.again_s = self._rejoin(frame.time_s, early_s)
                else:
                    self._advance(pace, frame.time_s, early_s, self._rest_of(face.track_id))
                look = self._kept(frame, face, crop, pace, wanted)
                if crop is not None and not pace.causes:
                    jobs.append(CropJob(face.track_id, frame.time_s, crop, look))
                elif look is not None:
                    refused[face.track_id] = look
            elif not face.detected and due and frame.time_s >= pace.again_s - early_s:
                pace.again_s = self._rejoin(frame.time_s, early_s)  # this frame was searched for it in vain
            lost = not face.detected and frame.time_s - face.last_detected_s > self._lost_after_s
            against = (Cause.FACE_LOST,) if lost else pace.causes
            if against:
                causes[face.track_id] = against
        self._paces = paces
        return Selection(tuple(jobs), MappingProxyType(causes), wanted, MappingProxyType(refused))

    def _rest_of(self, track_id: int) -> float:
        return self.rest_s if track_id in self.resting else 0.0

    def _resting_go(self, time_s: float, early_s: float, faces: Iterable[TrackedFace]) -> bool:
        """Whether the rest of any resting face is over: then those of all are, so that one search serves them."""
        paces = [self._paces.get(face.track_id) for face in faces if face.track_id in self.resting]
        return any(pace is not None and time_s >= pace.due_s + self.rest_s - early_s for pace in paces)

    def _advance(self, pace: _Pace, time_s: float, early_s: float, rest_s: float) -> None:
        """The next point of the grid. A face that is new, or was away or unfit for a stride, joins the others;
        a lone one begins a new grid."""
        joins = not pace.begun or time_s - pace.due_s - rest_s >= self.stride_s
        pace.begun = True
        # One that is taken along before its rest is over has not rested: its grid is the one it was on.
        rested_s = rest_s if time_s >= pace.due_s + rest_s - early_s else 0.0
        pace.due_s = self._rejoin(time_s, early_s) if joins else pace.due_s + rested_s + self.stride_s

    def _rejoin(self, time_s: float, early_s: float) -> float:
        """The next point of the grid after an unscheduled look at ``time_s``; a lone face begins a grid there."""
        stride_s = self.stride_s
        if self.anchor_s is not None:
            self._grid_s = self.anchor_s
        elif self._company <= 1:
            self._grid_s = time_s
            return time_s + stride_s
        # Not so near that the window takes both for one moment; a slow source has no sample to spare.
        soonest_s = time_s + stride_s / 2 + (early_s if early_s < stride_s / 4 else 0.0)
        points = math.ceil((soonest_s - self._grid_s) / stride_s - _EPSILON_S)
        return self._grid_s + points * stride_s

    def _kept(
        self, frame: Frame, face: TrackedFace, crop: Image | None, pace: _Pace, wanted: frozenset[Sight]
    ) -> FaceLook | None:
        if crop is None or not wanted:
            return None
        soon_s = pace.again_s if pace.causes else pace.due_s + self._rest_of(face.track_id)
        return look_at(face.face, crop, self._spec, wanted, (frame.time_s, soon_s), pace.causes)

    def _look(self, frame: Frame, face: TrackedFace) -> tuple[Image | None, tuple[Cause, ...]]:
        """The crop, ``None`` where the box alone is hopeless, and what stands against judging it."""
        causes = box_causes(frame.image, face.face, self._quality)
        if causes:
            return None, causes
        crop = crop_face(frame.image, face.face, self._spec)
        causes = assess(frame.image, face.face, crop, self._quality, self._spec.colour)
        return crop, causes


def _early_s(step_s: float, stride_s: float) -> float:
    """Half a frame: a frame that much before a sample is nearer to it than the next one will be."""
    return min(step_s, stride_s) / 2 + _EPSILON_S if step_s > 0 else _EPSILON_S
