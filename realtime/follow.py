"""From a frame to its faces with their identities: health, cuts, detection and tracking in one call."""

from __future__ import annotations

import time
from dataclasses import dataclass

from unmask.engines.errors import UsageError
from unmask.realtime.faces.finder import FaceFinder
from unmask.realtime.picture_health import PictureHealth
from unmask.realtime.tracking.appearance import describe
from unmask.realtime.tracking.cuts import CutFinder
from unmask.realtime.tracking.tracker import Tracker
from unmask.realtime.types import Cause, Frame, TrackedFace


@dataclass(frozen=True, slots=True)
class Followed:
    """The faces of one frame, and why the picture as a whole cannot be judged (black, frozen).

    ``detected_ns`` and ``tracked_ns`` are ``time.monotonic_ns()`` after those stages, for ``StageTimes``;
    ``detected_ns`` is 0 where no detector ran.
    """

    faces: tuple[TrackedFace, ...]
    causes: tuple[Cause, ...]
    detected_ns: int
    tracked_ns: int


class FaceFollower:
    """Follows the faces of one source. Used from one thread; it owns neither the finder nor its closing.

    ``detect_every`` n > 1 searches every n-th frame only and predicts the boxes between; a predicted face
    has ``detected`` false and is never cropped, so n divides the rate at which a face can be scored.
    """

    def __init__(self, finder: FaceFinder, tracker: Tracker, health: PictureHealth, *, detect_every: int = 1) -> None:
        if detect_every < 1:
            raise UsageError(f"Faces must be searched every 1 or more frames, not every {detect_every}.")
        self._finder, self._tracker, self._health = finder, tracker, health
        self._cuts = CutFinder()
        self._detect_every = detect_every
        self._wait = 0

    def reset(self) -> None:
        """The source was opened again: end every track, forget the last picture."""
        self._tracker.reset()
        self._health.reset()
        self._cuts.reset()
        self._wait = 0

    def follow(self, frame: Frame) -> Followed:
        """Find and name the faces of ``frame``. What the finder raises comes through.

        A black picture is not searched: the tracks coast, so that a blackout shorter than their patience
        costs no identity. A cut ends every track: the same spot shows somebody else.
        """
        causes = self._health.check(frame)
        detected_ns = 0
        if Cause.PICTURE_BLACK in causes:
            faces = self._tracker.coast(frame.time_s)
        else:
            if self._cuts.cut(frame.image):
                self._tracker.reset()
                self._wait = 0
            if self._wait:
                faces = self._tracker.coast(frame.time_s)
            else:
                found = self._finder.find(frame.image)
                detected_ns = time.monotonic_ns()
                looks = [describe(frame.image, face) for face in found]
                faces = self._tracker.update(found, frame.time_s, looks)
            self._wait = (self._wait + 1) % self._detect_every
        return Followed(faces, causes, detected_ns, time.monotonic_ns())
