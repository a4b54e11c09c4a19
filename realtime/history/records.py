"""What the history holds, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from unmask.engines.errors import UnmaskError
from unmask.realtime.annotate import because
from unmask.realtime.types import Cause, Verdict

Kind = Literal["session", "scan"]

#: A session of which nothing was heard for so long, and that has no end, was broken off.
_SILENT_S = 30.0


class HistoryError(UnmaskError):
    """The history cannot be read or written; the monitor itself goes on."""


class DamagedEntry(HistoryError):
    """One entry of the history cannot be understood; the others can."""


@dataclass(frozen=True, slots=True)
class Judging:
    """What judged: the detector, the runtime that really ran, the threshold and the footage behind it."""

    detector: str
    version: str = ""
    engine: str = ""
    precision: str = ""
    alarms_per_hour: float = 1.0
    threshold: float = 0.5
    backing: str = ""


@dataclass(frozen=True, slots=True)
class SourceAccount:
    """One source of a session. Seconds are those of its own timeline while it ran.

    ``face_s`` is face time: two faces for one second are two. ``judged_s`` is the part of it that could be
    judged, ``no_signs_s`` how long the verdict on the picture was "no signs found". ``alarms`` counts events.
    """

    source: str
    watched_s: float = 0.0
    face_s: float = 0.0
    judged_s: float = 0.0
    no_signs_s: float = 0.0
    alarms: int = 0
    state: str = ""
    message: str = ""
    causes: tuple[str, ...] = ()

    @property
    def coverage(self) -> float | None:
        """The share of the face time that could be judged; ``None`` where there was no face."""
        return self.judged_s / self.face_s if self.face_s > 0 else None


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An alarm: ``start_s`` and ``end_s`` (``None``: no end was seen) on the source's timeline, ``at`` when it
    was first seen (seconds since 1970, UTC). ``event_id`` is 0 until it is stored."""

    source: str
    track: int
    start_s: float
    end_s: float | None
    peak_score: float
    at: float
    detector: str = ""
    event_id: int = 0
    pictures: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the list. ``at`` is when it began, seconds since 1970, UTC; ``title`` what was looked at;
    ``note`` why it cannot be judged; ``score`` the highest of it."""

    entry_id: int
    kind: Kind
    at: float
    title: str
    verdict: Verdict
    causes: tuple[str, ...]
    score: float | None
    alarms: int
    detector: str
    note: str = ""

    @property
    def why(self) -> str:
        """What to say after the verdict: why it cannot be judged, and what went wrong; may be empty."""
        known = [Cause(value) for value in self.causes if value in set(Cause)]
        reason = because(known) if self.verdict is Verdict.CANNOT_JUDGE else ""
        return f"{reason}; {self.note}" if reason and self.note else reason or (f": {self.note}" if self.note else "")


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A session as it is stored. ``ended_at`` is ``None`` where no end was written: it runs, or was broken off;
    ``seen_at`` is when it last wrote."""

    entry: Entry
    ended_at: float | None
    seen_at: float
    judging: Judging
    sources: tuple[SourceAccount, ...]
    events: tuple[EventRecord, ...]

    @property
    def watched_s(self) -> float:
        return sum(source.watched_s for source in self.sources)

    @property
    def coverage(self) -> float | None:
        """The share of all face time that could be judged; ``None`` where there was no face."""
        face_s = sum(source.face_s for source in self.sources)
        return sum(source.judged_s for source in self.sources) / face_s if face_s > 0 else None

    def broken_off(self, now: float) -> bool:
        """Whether it ended without a word: killed, or the machine went down."""
        return self.ended_at is None and now - self.seen_at > _SILENT_S


@dataclass(frozen=True, slots=True)
class ScanRecord:
    """A scanned item as it is stored. ``size`` and ``changed_at`` tell whether the file is still the same one
    (``None`` for what is no file). ``finding`` is its part of the JSON report."""

    entry: Entry
    path: str
    item_kind: str
    size: int | None
    changed_at: float | None
    judging: Judging
    finding: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Query:
    """Which entries. ``text`` is looked for in titles, detectors, causes and messages, every word of it, in any
    case; ``since`` and ``until`` are seconds since 1970, ``until`` excluded."""

    text: str = ""
    since: float | None = None
    until: float | None = None
    verdict: Verdict | None = None
    kind: Kind | None = None
