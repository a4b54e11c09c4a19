"""Which faces of a frame are cut out for the detector, and why the others are not."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from unmask.engines.errors import UsageError
from unmask.engines.manifest import Quality
from unmask.realtime.faces.crop import CropSpec, crop_face
from unmask.realtime.quality import assess, box_causes
from unmask.realtime.types import Cause, Frame, Image, TrackedFace

# Frame times are sums of decimals: an exact half must not depend on their last bit.
_EPSILON_S = 1e-6


@dataclass(frozen=True, slots=True)
class CropJob:
    """One crop for the encoder: uint8 (size, size, 3) of track ``track_id`` at ``time_s`` of the source.

    The crop is new and belongs to whoever takes the job.
    """

    track_id: int
    time_s: float
    crop: Image


@dataclass(frozen=True, slots=True)
class Selection:
    """The crops that are due, and for each track that cannot be judged now the causes (never empty)."""

    jobs: tuple[CropJob, ...]
    causes: Mapping[int, tuple[Cause, ...]]


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
    ``lost_after_s`` without a detection its cause is FACE_LOST. Used from one thread.
    """

    def __init__(self, spec: CropSpec, quality: Quality, stride_s: float, *, lost_after_s: float = 0.5) -> None:
        if not (math.isfinite(stride_s) and stride_s > 0):
            raise UsageError(f"The stride between two crops must be a time above 0, not {stride_s} s.")
        self._spec, self._quality = spec, quality
        #: May be changed between two frames by the thread that selects.
        self.stride_s = stride_s
        self._lost_after_s = lost_after_s
        self._paces: dict[int, _Pace] = {}
        self._last_s = math.nan
        self._grid_s = 0.0
        self._company = 0

    def due(self, time_s: float) -> bool:
        """Whether a known face wants to be cropped from the frame at ``time_s``: search it. Changes nothing.

        A face that failed the quality gate, or was not found, is worth one search a stride, though ``select``
        takes it earlier where it is seen anyway.
        """
        step_s = time_s - self._last_s
        early_s = _early_s(step_s, self.stride_s)
        return any(time_s >= max(pace.due_s, pace.again_s) - early_s for pace in self._paces.values())

    def select(self, frame: Frame, faces: Iterable[TrackedFace]) -> Selection:
        """Crop what is due in ``frame``; ``faces`` are all its live tracks, the others are forgotten.

        A track that is not due keeps the causes of its last look. Only reads the frame.
        """
        step_s, self._last_s = frame.time_s - self._last_s, frame.time_s
        if step_s < 0:  # Another timeline: no old appointment holds.
            self._paces = {}
        early_s = _early_s(step_s, self.stride_s)
        jobs: list[CropJob] = []
        causes: dict[int, tuple[Cause, ...]] = {}
        paces: dict[int, _Pace] = {}
        faces = tuple(faces)
        self._company = len(faces)
        for face in faces:
            pace = paces[face.track_id] = self._paces.get(face.track_id) or _Pace(frame.time_s)
            if face.detected and frame.time_s >= pace.due_s - early_s:
                crop, pace.causes = self._look(frame, face)
                if crop is None:
                    pace.again_s = self._rejoin(frame.time_s, early_s)
                else:
                    jobs.append(CropJob(face.track_id, frame.time_s, crop))
                    self._advance(pace, frame.time_s, early_s)
            elif not face.detected and frame.time_s >= max(pace.due_s, pace.again_s) - early_s:
                pace.again_s = self._rejoin(frame.time_s, early_s)  # this frame was searched for it in vain
            lost = not face.detected and frame.time_s - face.last_detected_s > self._lost_after_s
            against = (Cause.FACE_LOST,) if lost else pace.causes
            if against:
                causes[face.track_id] = against
        self._paces = paces
        return Selection(tuple(jobs), MappingProxyType(causes))

    def _advance(self, pace: _Pace, time_s: float, early_s: float) -> None:
        """The next point of the grid. A face that is new, or was away or unfit for a stride, joins the others;
        a lone one begins a new grid."""
        joins = not pace.begun or time_s - pace.due_s >= self.stride_s
        pace.begun = True
        pace.due_s = self._rejoin(time_s, early_s) if joins else pace.due_s + self.stride_s

    def _rejoin(self, time_s: float, early_s: float) -> float:
        """The next point of the grid after an unscheduled look at ``time_s``; a lone face begins a grid there."""
        stride_s = self.stride_s
        if self._company <= 1:
            self._grid_s = time_s
            return time_s + stride_s
        # Not so near that the window takes both for one moment; a slow source has no sample to spare.
        soonest_s = time_s + stride_s / 2 + (early_s if early_s < stride_s / 4 else 0.0)
        points = math.ceil((soonest_s - self._grid_s) / stride_s - _EPSILON_S)
        return self._grid_s + points * stride_s

    def _look(self, frame: Frame, face: TrackedFace) -> tuple[Image | None, tuple[Cause, ...]]:
        causes = box_causes(frame.image, face.face, self._quality)
        if causes:
            return None, causes
        crop = crop_face(frame.image, face.face, self._spec)
        causes = assess(frame.image, face.face, crop, self._quality, self._spec.colour)
        return (None if causes else crop), causes


def _early_s(step_s: float, stride_s: float) -> float:
    """Half a frame: a frame that much before a sample is nearer to it than the next one will be."""
    return min(step_s, stride_s) / 2 + _EPSILON_S if step_s > 0 else _EPSILON_S
