"""What a person reads of an entry, line by line: in the terminal and in the window."""

from __future__ import annotations

from datetime import datetime

from unmask.realtime.history.records import EventRecord, ScanRecord, SessionRecord, SourceAccount
from unmask.realtime.types import Cause
from unmask.realtime.verdict import budget_words


def day_and_time(at: float) -> str:
    """By the clock of this machine."""
    return f"{datetime.fromtimestamp(at):%Y-%m-%d %H:%M:%S}"


def record_lines(record: SessionRecord | ScanRecord, now: float) -> list[str]:
    """Everything but the pictures; what judged comes last. ``now``: seconds since 1970, for what has no end yet."""
    entry = record.entry
    lines = [f"{entry.kind} {entry.entry_id}: {entry.title}", f"{entry.verdict.words}{entry.why}"]
    lines += _scan_lines(record) if isinstance(record, ScanRecord) else _session_lines(record, now)
    judging = record.judging
    how = [judging.engine, judging.precision, budget_words(judging.alarms_per_hour)]
    return [*lines, f"detector {entry.detector} ({', '.join(part for part in how if part)})", judging.backing]


def event_line(event: EventRecord) -> str:
    """One alarm: where, from when to when on the source's timeline, how high, and at what time of day."""
    end = "an end that was not seen" if event.end_s is None else f"{event.end_s:.1f} s"
    return (
        f"alarm: signs of manipulation on face {event.track} of {event.source} from {event.start_s:.1f} s to {end}, "
        f"highest score {event.peak_score:.2f}, seen at {day_and_time(event.at)}"
    )


def coverage_words(judged: float | None) -> str:
    return "no face was seen" if judged is None else f"{judged:.0%} of the face time could be judged"


def _session_lines(record: SessionRecord, now: float) -> list[str]:
    if record.ended_at is not None:
        end = f"ended {day_and_time(record.ended_at)}"
    elif record.broken_off(now):
        end = f"broken off: the last that is known of it is from {day_and_time(record.seen_at)}"
    else:
        end = "still running"
    lines = [f"began {day_and_time(record.entry.at)}, {end}"]
    lines.append(f"{record.watched_s:.1f} s watched; {coverage_words(record.coverage)}")
    lines += [_source_line(source) for source in record.sources]
    return lines + [event_line(event) for event in record.events]


def _source_line(source: SourceAccount) -> str:
    causes = [Cause(value).words for value in source.causes if value in set(Cause)]
    mostly = f"; when it could not be judged, mostly because {' and '.join(causes)}" if causes else ""
    said = f"; {source.message}" if source.message else ""
    alarms = _counted(source.alarms, "alarm")
    return f"{source.source}: {source.watched_s:.1f} s, {alarms}, {coverage_words(source.coverage)}{mostly}{said}"


def _scan_lines(record: ScanRecord) -> list[str]:
    finding = record.finding
    score = "" if record.entry.score is None else f", highest score {record.entry.score:.2f}"
    lines = [
        f"scanned {day_and_time(record.entry.at)}, {_counted(finding.get('frames_analysed', 0), 'frame')}, "
        f"{_counted(len(finding.get('faces', ())), 'face')}{score}"
    ]
    if record.size is not None and record.changed_at is not None:
        lines.append(f"the file then: {record.size} bytes, last changed {day_and_time(record.changed_at)}")
    for face in finding.get("faces", ()):
        number = "" if face["score"] is None else f", score {face['score']:.2f}"
        words = face["verdict"].replace("_", " ")
        lines.append(f"face {face['track']}, {face['first_s']:.1f} to {face['last_s']:.1f} s: {words}{number}")
        lines += [
            f"  alarm from {event['start_s']:.1f} s to {event['end_s'] or record.finding['duration_s'] or 0:.1f} s"
            for event in face["events"]
        ]
    return lines


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
