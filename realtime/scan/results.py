"""What a scan found, and its JSON form (version 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from unmask.realtime.annotate import because
from unmask.realtime.types import Cause, Event, Image, Verdict

VERSION = 1
Timeline = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class DetectorFinding:
    """What one detector says of one face.

    ``score`` is the highest evidence that lasted for the detector's dwell time, ``None`` where the face
    could not be judged; ``timeline`` the evidence at each analysed moment, [(seconds, 0..1)].
    """

    detector: str
    verdict: Verdict
    causes: tuple[Cause, ...]
    score: float | None
    threshold: float
    calibrated: bool
    timeline: Timeline
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class FaceFinding:
    """One person's face in one item. ``frames`` counts the analysed frames it was detected in.

    ``crops`` are the most suspicious moments as (seconds, score, BGR picture); empty unless asked for.
    """

    track: int
    first_s: float
    last_s: float
    frames: int
    verdict: Verdict
    causes: tuple[Cause, ...]
    score: float | None
    timeline: Timeline
    detectors: tuple[DetectorFinding, ...]
    crops: tuple[tuple[float, float, Image], ...] = ()

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "track": self.track,
            "first_s": round(self.first_s, 3),
            "last_s": round(self.last_s, 3),
            "frames": self.frames,
            "score": _rounded(self.score),
            "verdict": self.verdict.value,
            "causes": [cause.value for cause in self.causes],
            "timeline": [[round(time_s, 3), _rounded(score)] for time_s, score in self.timeline],
            "events": [
                {
                    "start_s": round(event.start_s, 3),
                    "end_s": _rounded(event.end_s),
                    "peak_score": _rounded(event.peak_score),
                }
                for finding in self.detectors
                for event in finding.events
            ],
        }
        if len(self.detectors) > 1:
            found["detectors"] = [
                {
                    "name": finding.detector,
                    "score": _rounded(finding.score),
                    "verdict": finding.verdict.value,
                    "causes": [cause.value for cause in finding.causes],
                    "timeline": [[round(time_s, 3), _rounded(score)] for time_s, score in finding.timeline],
                }
                for finding in self.detectors
            ]
        return found


@dataclass(frozen=True, slots=True)
class ItemFinding:
    """One file, picture or address. With an ``error`` it could not be read, or only up to a point: then
    ``frames_analysed`` is above 0, and the rest holds for what could be read.

    ``face_share`` is the share of the analysed frames in which a face was detected; ``size`` the
    picture's (width, height); ``stretches`` into how many parts the analysed time falls.
    """

    path: str
    kind: str
    duration_s: float | None
    frames_analysed: int
    verdict: Verdict
    causes: tuple[Cause, ...]
    score: float | None
    faces: tuple[FaceFinding, ...]
    face_share: float = 0.0
    size: tuple[int, int] | None = None
    stretches: int = 1
    error: str = ""

    @property
    def why(self) -> str:
        """What to say after the verdict: the error, and why it cannot be judged; may be empty."""
        because_of = because(self.causes) if self.verdict is Verdict.CANNOT_JUDGE else ""
        return because_of + (f"{';' if self.frames_analysed else ':'} {self.error}" if self.error else "")

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "path": self.path,
            "kind": self.kind,
            "duration_s": None if self.duration_s is None else round(self.duration_s, 3),
            "frames_analysed": self.frames_analysed,
            "verdict": self.verdict.value,
            "score": _rounded(self.score),
            "causes": [cause.value for cause in self.causes],
            "faces": [face.as_json() for face in self.faces],
            "face_share": round(self.face_share, 4),
            "stretches": self.stretches,
        }
        if self.size is not None:
            found["width"], found["height"] = self.size
        if self.error:
            found["error"] = self.error
        return found


def unreadable(path: str, kind: str, error: str) -> ItemFinding:
    """The item of which nothing could be read."""
    return ItemFinding(path, kind, None, 0, Verdict.CANNOT_JUDGE, (), None, (), error=error)


def as_json(items: Sequence[ItemFinding], header: dict[str, Any]) -> dict[str, Any]:
    """The whole report; ``header`` holds ``detector`` and the settings."""
    return {"version": VERSION, **header, "items": [item.as_json() for item in items]}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4)
