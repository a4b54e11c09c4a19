"""What a session saw, for the summary at its end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from unmask.realtime.annotate import because
from unmask.realtime.types import Cause, Event, Update, Verdict


class TallySink:
    """Counts, per source, the seconds each verdict on the picture lasted, the faces and the alarms."""

    every_update = True

    def __init__(self) -> None:
        self._seconds: dict[str, dict[Verdict, float]] = defaultdict(lambda: defaultdict(float))
        self._causes: dict[str, dict[tuple[Cause, ...], float]] = defaultdict(lambda: defaultdict(float))
        self._faces: dict[str, int] = defaultdict(int)
        self._highest_track: dict[str, int] = defaultdict(int)
        self._newest: dict[str, Update] = {}

    def take(self, update: Update) -> None:
        source = update.source_id
        before = self._newest.get(source)
        if before is not None and before.frame is not None and update.frame is not None:
            spent = max(0.0, update.frame.time_s - before.frame.time_s)
            self._seconds[source][update.verdict] += spent
            if update.verdict is Verdict.CANNOT_JUDGE:
                self._causes[source][update.causes] += spent
        # Track numbers rise and are never used again: the highest one seen tells which are new.
        tracks = [face.track.track_id for face in update.faces]
        self._faces[source] += sum(track > self._highest_track[source] for track in tracks)
        self._highest_track[source] = max([self._highest_track[source], *tracks])
        self._newest[source] = update

    def close(self) -> None:
        """Nothing to finish: the tally stays readable."""

    def lines(self, source_id: str) -> list[str]:
        """The summary of one source, a sentence a line."""
        newest = self._newest.get(source_id)
        if newest is None or newest.frame is None:
            reason = f": {newest.message}" if newest is not None and newest.message else ""
            return [f"{source_id}: cannot judge, because no picture came{reason}"]
        counters = newest.counters
        dropped = ", ".join(f"{number} ({cause})" for cause, number in counters.dropped.items()) or "none"
        number = self._faces[source_id]
        return [
            f"{source_id}: {number} face{'s' * (number != 1)} followed, {counters.analysed} frames analysed, "
            f"dropped: {dropped}, reconnects: {counters.reconnects}",
            *self._verdict_lines(source_id),
            *event_lines(newest.events),
        ]

    def _verdict_lines(self, source_id: str) -> list[str]:
        lines = []
        for verdict, seconds in sorted(self._seconds[source_id].items(), key=lambda item: -item[1]):
            causes = self._causes[source_id]
            main_cause = max(causes, key=lambda which: causes[which]) if verdict is Verdict.CANNOT_JUDGE else ()
            lines.append(
                f"  {seconds:6.1f} s  {verdict.words}{because(main_cause).replace('because', 'mostly because')}"
            )
        return lines


def event_lines(events: Sequence[Event]) -> list[str]:
    """One line per alarm."""
    lines = []
    for event in events:
        end = "the end" if event.end_s is None else f"{event.end_s:.1f} s"
        lines.append(
            f"  alarm: signs of manipulation on face {event.track_id} from {event.start_s:.1f} s to {end}, "
            f"highest score {event.peak_score:.2f}"
        )
    return lines
