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
    """When a track's next crop is due, and what stood against it when it was last looked at."""

    due_s: float
    causes: tuple[Cause, ...] = ()


class CropSelector:
    """Samples every track once each ``stride_s`` of the source's timeline. One per source and detector.

    Samples lie on a grid, each taken by the frame nearest to its time, so that the average distance is
    the stride and does not drift with the frame rate; slower sources give every frame. A face that fails
    the quality gate is tried again in the next frame. A track that coasts is never cropped; after
    ``lost_after_s`` without a detection its cause is FACE_LOST. Used from one thread.
    """

    def __init__(self, spec: CropSpec, quality: Quality, stride_s: float, *, lost_after_s: float = 0.5) -> None:
        if not (math.isfinite(stride_s) and stride_s > 0):
            raise UsageError(f"The stride between two crops must be a time above 0, not {stride_s} s.")
        self._spec, self._quality, self._stride_s = spec, quality, stride_s
        self._lost_after_s = lost_after_s
        self._paces: dict[int, _Pace] = {}
        self._last_s = math.nan

    def select(self, frame: Frame, faces: Iterable[TrackedFace]) -> Selection:
        """Crop what is due in ``frame``; ``faces`` are all its live tracks, the others are forgotten.

        A track that is not due keeps the causes of its last look. Only reads the frame.
        """
        early_s = self._early_s(frame.time_s)
        jobs: list[CropJob] = []
        causes: dict[int, tuple[Cause, ...]] = {}
        paces: dict[int, _Pace] = {}
        for face in faces:
            pace = paces[face.track_id] = self._paces.get(face.track_id) or _Pace(frame.time_s)
            if face.detected and frame.time_s >= pace.due_s - early_s:
                crop, pace.causes = self._look(frame, face)
                if crop is not None:
                    jobs.append(CropJob(face.track_id, frame.time_s, crop))
                    self._advance(pace, frame.time_s)
            lost = not face.detected and frame.time_s - face.last_detected_s > self._lost_after_s
            against = (Cause.FACE_LOST,) if lost else pace.causes
            if against:
                causes[face.track_id] = against
        self._paces = paces
        return Selection(tuple(jobs), MappingProxyType(causes))

    def _early_s(self, time_s: float) -> float:
        """Half a frame: a frame that much before a sample is nearer to it than the next one will be."""
        step_s, self._last_s = time_s - self._last_s, time_s
        if step_s < 0:  # Another timeline: no old appointment holds.
            self._paces = {}
        return min(step_s, self._stride_s) / 2 + _EPSILON_S if step_s > 0 else _EPSILON_S

    def _advance(self, pace: _Pace, time_s: float) -> None:
        """The next point of the grid; a face that was away or unfit for a stride begins a new grid."""
        late_s = time_s - pace.due_s
        pace.due_s = (time_s if late_s >= self._stride_s else pace.due_s) + self._stride_s

    def _look(self, frame: Frame, face: TrackedFace) -> tuple[Image | None, tuple[Cause, ...]]:
        causes = box_causes(frame.image, face.face, self._quality)
        if causes:
            return None, causes
        crop = crop_face(frame.image, face.face, self._spec)
        causes = assess(frame.image, face.face, crop, self._quality, self._spec.colour)
        return (None if causes else crop), causes
