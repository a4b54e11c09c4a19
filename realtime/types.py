"""What flows through the monitor. Everything here is immutable and may be shared between threads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture from a source.

    ``image`` is BGR uint8 (H, W, 3); nobody writes to it after the source handed it out.
    ``captured_at`` is ``time.monotonic_ns()`` right after the grab: frame age is measured from it.
    ``time_s`` is the source's own timeline in seconds: presentation time for files, capture time
    for live sources. Windows and verdicts reckon in it, so a file gives the same answer at any speed.
    ``skipped`` counts the frames since the one before that newer ones replaced in the source's own reader.
    """

    image: Image
    captured_at: int
    time_s: float
    index: int
    source_id: str
    skipped: int = 0

    @property
    def height(self) -> int:
        return self.image.shape[0]

    @property
    def width(self) -> int:
        return self.image.shape[1]


@dataclass(frozen=True, slots=True)
class FaceBox:
    """A face in a picture: corners in pixels (may lie outside it), detector confidence 0..1.

    ``landmarks`` is float32 (5, 2), pixels, in the order of the picture from left to right:
    left eye, right eye, nose tip, left mouth corner, right mouth corner; ``None`` where the
    detector gives none.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    confidence: float
    landmarks: NDArray[np.float32] | None = None

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def size(self) -> float:
        """The longer side in pixels."""
        return max(self.width, self.height)

    @property
    def centre(self) -> tuple[float, float]:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def overlap(self, other: FaceBox) -> float:
        """Intersection over union, 0..1."""
        wide = min(self.x1, other.x1) - max(self.x0, other.x0)
        high = min(self.y1, other.y1) - max(self.y0, other.y0)
        if wide <= 0 or high <= 0:
            return 0.0
        shared = wide * high
        return shared / (self.width * self.height + other.width * other.height - shared)


@dataclass(frozen=True, slots=True)
class TrackedFace:
    """A face with an identity that lasts from frame to frame."""

    track_id: int
    face: FaceBox
    detected: bool
    """False while the track coasts on its prediction through a miss: such a box is drawn, never cropped."""
    first_s: float
    last_detected_s: float


class Verdict(StrEnum):
    SIGNS = "signs_of_manipulation"
    NO_SIGNS = "no_signs_found"
    CANNOT_JUDGE = "cannot_judge"

    @property
    def words(self) -> str:
        return self.value.replace("_", " ")


class Cause(StrEnum):
    """Why the monitor abstains. The value goes into JSON, ``words`` to people."""

    NO_FACE = "no_face"
    FACE_TOO_SMALL = "face_too_small"
    BLURRED = "blurred"
    DARK = "dark"
    OVEREXPOSED = "overexposed"
    TURNED_AWAY = "turned_away"
    COVERED = "covered"
    CUT_OFF = "cut_off"
    TOO_FEW_FRAMES = "too_few_frames"
    FACE_LOST = "face_lost"
    PICTURE_FROZEN = "picture_frozen"
    PICTURE_BLACK = "picture_black"
    SOURCE_STALLED = "source_stalled"
    PAUSED = "paused"
    DETECTOR_UNAVAILABLE = "detector_unavailable"
    FACE_SEARCH_HANGS = "face_search_hangs"
    SERVER_UNREACHABLE = "server_unreachable"
    UNCERTAIN = "uncertain"

    @property
    def words(self) -> str:
        return _CAUSE_WORDS.get(self, self.value.replace("_", " "))


_CAUSE_WORDS = {
    Cause.NO_FACE: "no face in the picture",
    Cause.FACE_TOO_SMALL: "the face is too small",
    Cause.BLURRED: "the face is blurred",
    Cause.DARK: "the face is too dark",
    Cause.OVEREXPOSED: "the face is overexposed",
    Cause.TURNED_AWAY: "the face is turned away",
    Cause.COVERED: "the face is covered",
    Cause.CUT_OFF: "the face is cut off by the edge of the picture",
    Cause.TOO_FEW_FRAMES: "too few frames so far",
    Cause.FACE_LOST: "the face is out of sight",
    Cause.PICTURE_FROZEN: "the picture is frozen",
    Cause.PICTURE_BLACK: "the picture is black",
    Cause.SOURCE_STALLED: "the source sends nothing",
    Cause.PAUSED: "the source is paused",
    Cause.DETECTOR_UNAVAILABLE: "the detector is not available",
    Cause.FACE_SEARCH_HANGS: "the search for faces does not answer",
    Cause.SERVER_UNREACHABLE: "server unreachable",
    Cause.UNCERTAIN: "the score is not clear either way",
}


@dataclass(frozen=True, slots=True)
class Event:
    """One alarm with a start and an end (``None`` while it lasts), in seconds of the source's timeline."""

    track_id: int
    start_s: float
    end_s: float | None
    peak_score: float


@dataclass(frozen=True, slots=True)
class FaceLook:
    """How the detector last saw a face, for people to look at; kept only while somebody does (``Session.looks``).

    It was cut from the frame at ``time_s``; the next look is due at ``due_s``. ``face`` is the box as it was then,
    ``to_crop`` float64 (2, 3) the map from that frame's pixels to those of the crop (centres at whole numbers), which
    is ``size`` pixels wide and high. ``causes`` are why this crop was not scored. ``crop`` uint8 (size, size, 3) in
    the order of ``colour`` is the very array that the encoder got. ``activation`` float32 (rows, columns): what each
    cell of the crop says to the logit, which is their mean; times ``logit_scale`` it is in calibrated log-odds.
    Nobody writes to the arrays. Both are ``None`` where they are not wanted or were not given.
    """

    time_s: float
    due_s: float
    face: FaceBox
    to_crop: NDArray[np.float64]
    size: int
    causes: tuple[Cause, ...] = ()
    crop: Image | None = None
    colour: Literal["rgb", "bgr"] = "rgb"
    activation: NDArray[np.float32] | None = None
    logit_scale: float = 1.0


@dataclass(frozen=True, slots=True)
class FaceState:
    """What the monitor says of one face at one moment.

    ``score`` is the smoothed evidence the verdict rests on, 0..1, ``None`` when there is none;
    it is a calibrated probability only where ``calibrated`` is true.
    ``window_fill`` is the share of the detector's window that holds frames, 0..1. ``evidence`` is what
    the verdict will rest on, also while it is too little to be told to a person: for reckoning only.
    ``judged_s`` is for how many seconds it was judged; it starts at 0 again when the evidence was forgotten.
    ``look`` is ``None`` unless somebody wants to see it; two states that differ in it alone are equal.
    """

    track: TrackedFace
    verdict: Verdict
    causes: tuple[Cause, ...]
    score: float | None
    calibrated: bool
    window_fill: float
    event: Event | None = None
    evidence: float | None = None
    judged_s: float = 0.0
    look: FaceLook | None = field(default=None, compare=False, repr=False)


class SourceState(StrEnum):
    OPENING = "opening"
    RUNNING = "running"
    STALLED = "stalled"
    RECONNECTING = "reconnecting"
    PAUSED = "paused"
    ENDED = "ended"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StageTimes:
    """Monotonic nanoseconds at which a frame left each stage; 0 where it skipped the stage."""

    captured: int
    taken: int = 0
    detected: int = 0
    tracked: int = 0
    cropped: int = 0
    received: int = 0
    """When the scoring thread took the crops."""
    encoded: int = 0
    scored: int = 0
    published: int = 0

    @property
    def age_ms(self) -> float:
        """Milliseconds from the grab to the published verdict."""
        last = self.published or self.scored or self.tracked or self.detected or self.taken or self.captured
        return (last - self.captured) / 1e6


@dataclass(frozen=True, slots=True)
class Counters:
    """Totals of one source since the session began. ``dropped`` counts frames by cause."""

    captured: int = 0
    analysed: int = 0
    scored_crops: int = 0
    reconnects: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Update:
    """An immutable snapshot of one source: what a window, a terminal or a file shows.

    ``frame`` is the analysed frame that the boxes belong to (``None`` before the first).
    ``events`` are all alarms of this source so far, oldest first, so that a sink which missed an
    update misses no alarm. ``message`` is one sentence for a person when something is not as it should be.
    ``lowered`` says in words what is done less often now, to stay within the processor budget.
    """

    source_id: str
    state: SourceState
    verdict: Verdict
    causes: tuple[Cause, ...]
    faces: tuple[FaceState, ...]
    frame: Frame | None
    stages: StageTimes | None
    counters: Counters
    fps: float
    engine: str
    events: tuple[Event, ...] = ()
    message: str = ""
    sequence: int = 0
    lowered: tuple[str, ...] = ()

    @property
    def score(self) -> float | None:
        """The score of the most suspicious face that could be judged."""
        return max(
            (face.score for face in self.faces if face.score is not None and face.verdict != Verdict.CANNOT_JUDGE),
            default=None,
        )
