"""From a frame to its faces with their identities: health, cuts, detection and tracking in one call."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass

from unmask.realtime.cadence import Cadence, Reason
from unmask.realtime.faces.finder import FaceFinder, stateful
from unmask.realtime.picture_health import PictureHealth
from unmask.realtime.tracking.appearance import describe
from unmask.realtime.tracking.cuts import CutFinder
from unmask.realtime.tracking.tracker import Tracker
from unmask.realtime.types import Cause, Frame, TrackedFace


@dataclass(frozen=True, slots=True)
class Followed:
    """The faces of one frame, and why the picture as a whole cannot be judged (black, frozen).

    ``detected_ns`` and ``tracked_ns`` are ``time.monotonic_ns()`` after those stages, for ``StageTimes``;
    ``detected_ns`` is 0 where no detector ran. ``glimpsed``: a face was found, too seldom so far to be followed.
    """

    faces: tuple[TrackedFace, ...]
    causes: tuple[Cause, ...]
    detected_ns: int
    tracked_ns: int
    glimpsed: bool = False


class FaceFollower:
    """Follows the faces of one source. Used from one thread; it owns neither the finder nor its closing.

    With a ``cadence`` only the frames it asks for are searched and the boxes between are predicted; a
    predicted face has ``detected`` false and is never cropped. Without one every frame is searched.
    ``searches`` counts the searched frames by reason.
    """

    def __init__(
        self, finder: FaceFinder, tracker: Tracker, health: PictureHealth, *, cadence: Cadence | None = None
    ) -> None:
        self._finder, self._tracker, self._health = stateful(finder), tracker, health
        self._cuts = CutFinder()
        self._cadence = cadence
        self._shape: tuple[int, ...] = ()
        self.searches: Counter[Reason] = Counter()

    def reset(self) -> None:
        """The source was opened again: end every track, forget the last picture."""
        self._tracker.reset()
        self._health.reset()
        self._cuts.reset()
        if self._cadence is not None:
            self._cadence.reset()

    def follow(self, frame: Frame, *, crop_due: bool = True, load: float = 0.0) -> Followed:
        """Find and name the faces of ``frame``. What the finder raises comes through.

        ``crop_due`` and ``load`` are for the cadence (``Cadence.search``). A black picture is not searched:
        the tracks coast, so that a blackout shorter than their patience costs no identity. A cut ends every
        track: the same spot shows somebody else. So does another size of the picture, in which it is no more
        the same spot.
        """
        if frame.image.shape != self._shape:
            self.reset()
            self._shape = frame.image.shape
        causes = self._health.check(frame)
        detected_ns = 0
        if Cause.PICTURE_BLACK in causes:
            faces = self._tracker.coast(frame.time_s)
        else:
            cut = self._cuts.cut(frame.image)
            if cut:
                self._tracker.reset()
                self._finder.new_scene()
            # Nothing is cropped from a picture that cannot be judged.
            reason = self._reason(frame.time_s, cut, crop_due and not causes, load)
            if reason is not None or self._cadence is None:
                # A score waits for these faces: whatever can wait is left to a frame between two samples.
                find = self._finder.find_hurried if reason is Reason.CROP_DUE else self._finder.find
                found = find(frame.image)
                detected_ns = time.monotonic_ns()
                looks = [describe(frame.image, face) for face in found]
                faces = self._tracker.update(found, frame.time_s, looks)
            else:
                faces = self._tracker.coast(frame.time_s)
        return Followed(faces, causes, detected_ns, time.monotonic_ns(), self._tracker.unconfirmed)

    def _reason(self, time_s: float, cut: bool, crop_due: bool, load: float) -> Reason | None:
        """Why this frame is searched; ``None`` also without a cadence, when all are."""
        if self._cadence is None:
            return None
        outlook = self._tracker.outlook(time_s)
        check_due = self._finder.check_due
        reason = self._cadence.search(time_s, outlook, cut=cut, crop_due=crop_due, check_due=check_due, load=load)
        if reason is not None:
            self.searches[reason] += 1
        return reason
