"""Entries for tests of the history."""

from __future__ import annotations

from unmask.realtime.history.records import Entry, EventRecord, Judging, ScanRecord, SourceAccount
from unmask.realtime.history.store import History
from unmask.realtime.types import Verdict

JUDGING = Judging("toy", "1.0.0", "CPUExecutionProvider", "fp32", 1.0, 0.6, "Alarms start at score 0.60.")


def add_session(
    history: History, title: str = "camera:0", at: float = 1_000_000.0, alarms: int = 0, ended: bool = True
) -> int:
    """A session of 60 s with a face for 30 s, judged for 15; alarms from second 10 on, one a second."""
    verdict = Verdict.SIGNS if alarms else Verdict.NO_SIGNS
    entry = Entry(0, "session", at, title, verdict, (), 0.91 if alarms else None, alarms, "toy 1.0.0")
    account = SourceAccount(title, 60.0, 30.0, 15.0, 12.0, alarms, "ended")
    number = history.put_session(entry, JUDGING, [account], ended_at=at + 60 if ended else None)
    for alarm in range(alarms):
        record = EventRecord(title, 1, 10.0 + alarm, 10.5 + alarm, 0.91, at + 10 + alarm, "toy 1.0.0")
        history.put_event(number, record)
    return number


def add_scan(
    history: History, path: str = "/videos/call.mp4", at: float = 2_000_000.0, verdict: Verdict = Verdict.NO_SIGNS
) -> int:
    causes = ("no_face",) if verdict is Verdict.CANNOT_JUDGE else ()
    score = None if causes else 0.3
    entry = Entry(0, "scan", at, path, verdict, causes, score, 0, "toy 1.0.0")
    finding = {"path": path, "kind": "video", "verdict": verdict.value, "frames_analysed": 40, "faces": []}
    return history.put_scan(ScanRecord(entry, path, "video", 1234, at - 5, JUDGING, finding))
