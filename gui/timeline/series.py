"""What was said of each face over time, in bounded memory. No Qt in here."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.realtime.types import Cause, Event, FaceState, Update, Verdict

#: Seconds that are kept as they came. What is older is thinned to extremes of stretches that grow with time.
FULL_S = 600.0
#: Most moments of one face: 18 bytes each, 288 KiB. Most faces of one source; the one silent the longest goes.
MOST_POINTS, MOST_FACES = 16_384, 32
_BUCKET_S = 1.0

_VERDICTS, _CAUSES = tuple(Verdict), tuple(Cause)
_ABSTAINED = _VERDICTS.index(Verdict.CANNOT_JUDGE)
#: ``score`` is NaN where there is none; ``cause`` is one more than its index, 0 for none.
POINT = np.dtype([("time_s", "f8"), ("score", "f4"), ("verdict", "u1"), ("cause", "u1")])
Points = NDArray[np.void]


@dataclass(frozen=True, slots=True)
class Moment:
    """What was said of a face at one time. Without a score there is a gap."""

    time_s: float
    score: float | None
    threshold: float | None
    verdict: Verdict
    cause: Cause | None


class FaceSeries:
    """One face. ``number`` counts the faces of the source from 0; ``lane`` is the row that it is drawn in."""

    def __init__(self, track_id: int, number: int, lane: int) -> None:
        self.track_id = track_id
        self.number = number
        self.lane = lane
        self._points: Points = np.zeros(256, POINT)
        self._count = 0
        self.last_s = 0.0
        # What was said last, and whether it was said before that too: kept here, for numpy is slow with single items.
        self._said: tuple[float | None, Verdict, Cause | None] | None = None
        self._repeats = False
        self._bucket_s, self._full_s = _BUCKET_S, FULL_S

    def __len__(self) -> int:
        return self._count

    @property
    def first_s(self) -> float:
        return float(self._points[0]["time_s"])

    def add(self, time_s: float, score: float | None, verdict: Verdict, cause: Cause | None) -> None:
        """Times rise; one that does not is left out. What only repeats makes the last stretch longer."""
        if self._count and time_s <= self.last_s:
            return
        said = (score, verdict, cause)
        if said == self._said and self._repeats:
            self._points["time_s"][self._count - 1] = self.last_s = time_s
            return
        self._repeats, self._said = said == self._said, said
        if self._count == len(self._points):
            self._make_room()
        code = 0 if cause is None else _CAUSES.index(cause) + 1
        self._points[self._count] = (time_s, np.nan if score is None else score, _VERDICTS.index(verdict), code)
        self.last_s = time_s
        self._count += 1

    def between(self, begin_s: float, end_s: float) -> Points:
        """A copy of the moments of that time, and one on either side of it, so that a line goes to the edge."""
        times = self._points["time_s"][: self._count]
        first, last = np.searchsorted(times, (begin_s, end_s))
        return self._points[max(0, first - 1) : min(self._count, last + 1)].copy()

    def index_at(self, time_s: float) -> Any:
        """The last point that is not after ``time_s``; ``None`` before the first and after the last."""
        if not self._count or not self.first_s <= time_s <= self.last_s:
            return None
        return self._points[int(np.searchsorted(self._points["time_s"][: self._count], time_s, "right")) - 1]

    def _make_room(self) -> None:
        """Grow, or thin what is old: first by little, then by more, at last what is recent too."""
        if len(self._points) < MOST_POINTS:
            self._points = np.concatenate([self._points, np.zeros(len(self._points), POINT)])
            return
        while self._count > MOST_POINTS * 3 // 4:
            points = self._points[: self._count]
            cut = int(np.searchsorted(points["time_s"], self.last_s - self._full_s))
            kept = np.concatenate([thinned(points[:cut], self._bucket_s), points[cut:]])
            self._points[: len(kept)] = kept
            self._count = len(kept)
            if self._count > MOST_POINTS * 3 // 4:
                self._bucket_s *= 2
                self._full_s = self._full_s if cut > self._count // 2 else self._full_s / 2


def thinned(points: Points, bucket_s: float) -> Points:
    """Of every ``bucket_s`` seconds the lowest and the highest score, the first gap, and the last moment."""
    if not len(points):
        return points
    buckets = np.floor(points["time_s"] / bucket_s)
    score, gap = points["score"], np.isnan(points["score"])
    begins = np.concatenate([[True], buckets[1:] != buckets[:-1]])
    ends = np.concatenate([begins[1:], [True]])
    keep = ends.copy()
    for filled in (np.where(gap, np.inf, score), np.where(gap, np.inf, -score), ~gap):
        keep[np.lexsort((filled, buckets))[begins]] = True
    return points[keep]


class SourceSeries:
    """The faces, alarms and thresholds of one source, fed with its updates."""

    def __init__(self) -> None:
        self.faces: dict[int, FaceSeries] = {}
        self.events: tuple[Event, ...] = ()
        self.thresholds: list[tuple[float, float]] = []
        self.first_s: float | None = None
        self.last_s = 0.0
        self.calibrated = False
        self.verdict = Verdict.CANNOT_JUDGE
        self.causes: tuple[Cause, ...] = ()
        self._present: frozenset[int] = frozenset()
        self._seen = 0
        self._said: tuple[object, ...] = ()

    def take(self, update: Update) -> bool:
        """Whether there was anything new in it."""
        time_s = update.frame.time_s if update.frame is not None else None
        said = (update.sequence, update.state, update.verdict, update.causes, update.events, time_s)
        if said == self._said:
            return False
        self._said = said
        self.events, self.verdict, self.causes = update.events, update.verdict, update.causes
        if time_s is not None:
            if self.first_s is None or time_s < self.last_s - 1.0:
                self._begin(time_s)
            self.last_s = max(self.last_s, time_s)
            self._take_faces(update, time_s)
        return True

    def set_threshold(self, threshold: float) -> bool:
        """It holds from now on; what was before was judged by the one before. Whether it is another one."""
        if self.thresholds and self.thresholds[-1][1] == threshold:
            return False
        begin_s = self.last_s if self.thresholds else float("-inf")
        self.thresholds = [*(one for one in self.thresholds if one[0] < begin_s), (begin_s, threshold)]
        return True

    def threshold_at(self, time_s: float) -> float | None:
        held = bisect_right(self.thresholds, time_s, key=lambda one: one[0])
        return self.thresholds[held - 1][1] if held else None

    def moment_at(self, track_id: int, time_s: float) -> Moment | None:
        """What was said of the face then; ``None`` where nothing was."""
        face = self.faces.get(track_id)
        point = face.index_at(time_s) if face is not None else None
        if point is None:
            return None
        score = None if np.isnan(point["score"]) else float(point["score"])
        cause = _CAUSES[point["cause"] - 1] if point["cause"] else None
        return Moment(time_s, score, self.threshold_at(time_s), _VERDICTS[point["verdict"]], cause)

    def lane_of(self, event: Event) -> int:
        face = self.faces.get(event.track_id)
        return face.lane if face is not None else 0

    def _begin(self, time_s: float) -> None:
        """The timeline began, or began anew: what was before cannot stand on the same axis."""
        self.faces, self._present = {}, frozenset()
        self.thresholds = [(float("-inf"), self.thresholds[-1][1])] if self.thresholds else []
        self.first_s = self.last_s = time_s

    def _take_faces(self, update: Update, time_s: float) -> None:
        present = {face.track.track_id: face for face in update.faces}
        taken: set[int] = set()
        for track_id, state in present.items():
            series = self.faces.get(track_id)
            if series is None or series.lane in taken:
                series = self._place(track_id, series, taken, present)
            taken.add(series.lane)
            series.add(time_s, state.score, state.verdict, _cause_of(state))
            self.calibrated = state.calibrated
        lost = update.causes[0] if update.causes and not update.faces else Cause.FACE_LOST
        for track_id in self._present - present.keys():
            if (series := self.faces.get(track_id)) is not None:
                series.add(max(time_s, series.last_s + 1e-3), None, Verdict.CANNOT_JUDGE, lost)
        self._present = frozenset(present)

    def _place(
        self, track_id: int, series: FaceSeries | None, taken: set[int], present: dict[int, FaceState]
    ) -> FaceSeries:
        """Give a face the first free lane: whoever comes back under a new number goes on where it was."""
        taken = taken | {self.faces[other].lane for other in present if other in self.faces and other != track_id}
        lane = next(lane for lane in range(len(taken) + 1) if lane not in taken)
        if series is None:
            series = self.faces[track_id] = FaceSeries(track_id, self._seen, lane)
            self._seen += 1
            if len(self.faces) > MOST_FACES:
                old = [face for face in self.faces.values() if face.track_id not in present and len(face)]
                if old:
                    del self.faces[min(old, key=lambda face: face.last_s).track_id]
        series.lane = lane
        return series


def _cause_of(face: FaceState) -> Cause | None:
    return face.causes[0] if face.causes else None


def abstained(points: Points) -> NDArray[np.bool_]:
    """Where the monitor could not judge; also where it had a score that was clear neither way."""
    return points["verdict"] == _ABSTAINED


def gap_spans(points: Points) -> list[tuple[float, float, Cause | None]]:
    """From when to when it could not judge: each from its first moment to the first that could be judged, and the
    cause that the last moment before that has."""
    silent = abstained(points)
    if not silent.any():
        return []
    edges = np.flatnonzero(np.diff(silent.astype(np.int8), prepend=0, append=0))
    last = len(points) - 1
    times = points["time_s"]
    causes = [_CAUSES[code - 1] if code else None for code in points["cause"][edges[1::2] - 1]]
    starts, ends = times[edges[::2]], times[np.minimum(edges[1::2], last)]
    return list(zip(starts.tolist(), ends.tolist(), causes, strict=True))
