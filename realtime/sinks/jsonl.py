"""What happened, as JSON lines: one object per change, flushed at once, never a picture."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from unmask.engines.errors import UsageError
from unmask.realtime.metrics.clocks import Clocks
from unmask.realtime.metrics.words import record
from unmask.realtime.types import Event, FaceState, SourceState, Update, Verdict

FORMAT = 1
#: Seconds of the source's timeline between two ``status`` lines.
STATUS_EVERY_S = 5.0


class JsonLinesSink:
    """Appends to ``path``: a ``session`` line first, then ``state``, ``verdict``, ``face``, ``event`` lines
    whenever one changes, a ``status`` line every five seconds, and ``end``.

    With ``clocks`` (where to ask for them) the status line holds those of the last ten seconds, and a
    ``trouble`` line says what of the monitor is not as it should be, and when that is over.

    An existing file is continued. Events have a start line when they begin, so a session that is
    killed has said so. Raises ``UsageError`` when ``path`` cannot be written.
    """

    every_update = True

    def __init__(self, path: Path, header: Mapping[str, Any], clocks: Callable[[], Clocks] | None = None) -> None:
        try:
            # A file name need not be Unicode; its stray bytes become JSON's own escapes.
            self._file = path.open("a", encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise UsageError(
                f"Cannot write {path}: {error.strerror}. Give --jsonl a file in a folder you own."
            ) from None
        self._clocks = clocks
        self._said: dict[str, dict[object, object]] = {}
        self._status_at: dict[str, float] = {}
        self._troubled: set[str] = set()
        self._write("session", format=FORMAT, **header)

    def take(self, update: Update) -> None:
        source = update.source_id
        time_s = round(update.frame.time_s, 3) if update.frame is not None else None
        if self._changed(source, "state", update.state):
            self._write("state", source=source, time_s=time_s, state=update.state, message=update.message)
        if self._changed(source, "verdict", (update.verdict, update.causes)):
            self._write(
                "verdict",
                source=source,
                time_s=time_s,
                verdict=update.verdict,
                causes=list(update.causes),
                score=_rounded(update.score),
            )
        for face in update.faces:
            self._take_face(source, time_s, face)
        self._take_events(source, update.events)
        clocks = self._clocks() if self._clocks is not None else None
        if clocks is not None:
            self._take_troubles(time_s, update, clocks)
        self._take_status(source, time_s, update, clocks)
        self._forget_the_gone(update)

    def _take_face(self, source: str, time_s: float | None, face: FaceState) -> None:
        track = face.track.track_id
        if self._changed(source, track, (face.verdict, face.causes)):
            box = face.track.face
            self._write(
                "face",
                source=source,
                time_s=time_s,
                track=track,
                verdict=face.verdict,
                causes=list(face.causes),
                score=_rounded(face.score),
                calibrated=face.calibrated,
                box=[round(value, 1) for value in (box.x0, box.y0, box.x1, box.y1)],
            )

    def _take_events(self, source: str, events: Sequence[Event]) -> None:
        for event in events:
            facts = {"source": source, "track": event.track_id, "start_s": round(event.start_s, 3)}
            if self._changed(source, ("event", event.track_id, event.start_s), "start"):
                self._write("event", phase="start", **facts)
            if event.end_s is not None and self._changed(source, ("end", event.track_id, event.start_s), "end"):
                self._write(
                    "event",
                    phase="end",
                    **facts,
                    end_s=_rounded(event.end_s),
                    peak_score=_rounded(event.peak_score),
                )

    def _take_troubles(self, time_s: float | None, update: Update, clocks: Clocks) -> None:
        source = update.source_id
        if (told := clocks.sources.get(source)) is None:
            return
        # What does not run has no troubles but its state.
        running = update.state is SourceState.RUNNING
        troubles = tuple(sorted(told.troubles)) if running else ()
        if self._changed(source, "troubles", troubles) and (troubles or source in self._troubled):
            self._troubled.add(source)
            self._write(
                "trouble",
                source=source,
                time_s=time_s,
                troubles=list(troubles),
                messages=list(told.remarks) if troubles else [],
            )

    def _take_status(self, source: str, time_s: float | None, update: Update, clocks: Clocks | None) -> None:
        over = update.state in (SourceState.ENDED, SourceState.FAILED)
        if time_s is None or (not over and time_s - self._status_at.get(source, -STATUS_EVERY_S) < STATUS_EVERY_S):
            return
        self._status_at[source] = time_s
        self._write(
            "status",
            source=source,
            time_s=time_s,
            fps=round(update.fps, 1),
            frame_age_ms=round(update.stages.age_ms, 1) if update.stages else None,
            captured=update.counters.captured,
            analysed=update.counters.analysed,
            scored_crops=update.counters.scored_crops,
            reconnects=update.counters.reconnects,
            dropped=dict(update.counters.dropped),
            faces=len(update.faces),
            judged=sum(face.verdict is not Verdict.CANNOT_JUDGE for face in update.faces),
            **({"clocks": record(clocks, source)} if clocks is not None else {}),
        )

    def _changed(self, source: str, what: object, value: object) -> bool:
        said = self._said.setdefault(source, {})
        if said.get(what) == value:
            return False
        said[what] = value
        return True

    def _forget_the_gone(self, update: Update) -> None:
        """Keep nothing of faces and alarms that are in no update any more: a call may last for days."""
        present = {"state", "verdict", "troubles", *(face.track.track_id for face in update.faces)}
        for event in update.events:
            present |= {("event", event.track_id, event.start_s), ("end", event.track_id, event.start_s)}
        said = self._said[update.source_id]
        for what in [what for what in said if what not in present]:
            del said[what]

    def _write(self, kind: str, **fields: Any) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._file.write(json.dumps({"type": kind, "at": at, **fields}, ensure_ascii=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        if not self._file.closed:
            self._write("end")
            self._file.close()


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4)
