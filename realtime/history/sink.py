"""Writes a session into the history while it runs: what a kill leaves behind is what was known until then."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Sequence

import cv2

from unmask.realtime.history.accounts import Accounts
from unmask.realtime.history.records import Entry, EventRecord, Judging
from unmask.realtime.history.store import History
from unmask.realtime.types import Event, FaceState, Image, Update, Verdict

#: Seconds between two writes while nothing happens; what happens is written at once.
WRITE_EVERY_S = 5.0
#: An alarm keeps so many pictures: its first, and each that scored clearly higher than the one before.
_MOST_PICTURES = 4
_CLEARLY = 0.05
_PICTURE_PX = 160
_MARGIN = 0.25
_JPEG_QUALITY = 85

_Key = tuple[str, int, float]


class HistorySink:
    """Records one session. It owns ``history`` and closes it.

    The session's row is there from the beginning. Raises ``HistoryError`` where it cannot be written, also later
    (a full disk): the session then names that once, and goes on without. Where a person deletes the entry while
    the session runs, a new one begins there: with the alarms that are on, without those that were over.

    ``keep_pictures``: whether small pictures of an alarm's face may be kept; may be changed at any time.
    """

    every_update = True

    def __init__(
        self, history: History, judging: Judging, sources: Sequence[str], *, keep_pictures: bool = False
    ) -> None:
        self.keep_pictures = keep_pictures
        self._history = history
        self._lock = threading.Lock()
        self._judging = judging
        self._detectors = [_named(judging)]
        self._sources = list(sources)
        self._accounts = Accounts()
        self._alarms: dict[_Key, _Alarm] = {}
        self._highest: float | None = None
        self._states: dict[str, object] = {}
        self._began = time.time()
        self._number = 0
        self._written_at = float("-inf")
        self._write()

    @property
    def entry_id(self) -> int:
        """The number of the session's entry."""
        return self._number

    def describe(self, judging: Judging) -> None:
        """Another detector, engine or threshold is at work from now on. Any thread may say so."""
        with self._lock:
            self._judging = judging
            if self._detectors[-1] != _named(judging):
                self._detectors.append(_named(judging))

    def take(self, update: Update) -> None:
        if update.source_id not in self._sources:
            self._sources.append(update.source_id)
        self._accounts.take(update)
        happened = self._states.get(update.source_id) != update.state
        self._states[update.source_id] = update.state
        for event in update.events:
            happened |= self._take_event(update, event)
        if self.keep_pictures:
            for face in update.faces:
                self._take_picture(update, face)
        self._forget_the_gone(update)
        if happened or time.monotonic() - self._written_at >= WRITE_EVERY_S:
            self._write()

    def close(self) -> None:
        try:
            self._write(time.time())
        finally:
            self._history.close()

    def _take_event(self, update: Update, event: Event) -> bool:
        """Whether it began or ended just now."""
        key = (update.source_id, event.track_id, event.start_s)
        alarm = self._alarms.get(key)
        if alarm is None:
            alarm = self._alarms[key] = _Alarm(event, time.time(), self._detectors[-1])
            self._accounts.count_alarm(update.source_id)
            began = True
        else:
            began = False
        if not began and event == alarm.event:
            return False
        ended = event.end_s is not None and alarm.event.end_s is None
        alarm.event = event
        self._highest = max(event.peak_score, self._highest or 0.0)
        if (began or ended) and not alarm.forgotten:
            # 0 where the entry was deleted: the write that follows begins another, and puts the alarm into it.
            alarm.number = self._put(update.source_id, alarm)
            alarm.over = event.end_s is not None and alarm.number != 0
        alarm.stale = not (began or ended)
        return began or ended

    def _put(self, source: str, alarm: _Alarm) -> int:
        event = alarm.event
        record = EventRecord(
            source, event.track_id, event.start_s, event.end_s, event.peak_score, alarm.at, alarm.detector
        )
        return self._history.put_event(self._number, record)

    def _take_picture(self, update: Update, face: FaceState) -> None:
        if face.event is None or update.frame is None or not face.track.detected:
            return
        alarm = self._alarms.get((update.source_id, face.event.track_id, face.event.start_s))
        score = face.evidence if face.evidence is not None else face.score
        if alarm is None or not alarm.number or score is None or alarm.pictures >= _MOST_PICTURES:
            return
        if alarm.pictures and score < alarm.pictured_score + _CLEARLY:
            return
        jpeg = face_jpeg(update.frame.image, face)
        if jpeg is not None:
            self._history.put_picture(alarm.number, update.frame.time_s, score, jpeg)
            alarm.pictures += 1
            alarm.pictured_score = score

    def _forget_the_gone(self, update: Update) -> None:
        """Keep nothing of alarms that no update speaks of any more: a call may last for days."""
        present = {(update.source_id, event.track_id, event.start_s) for event in update.events}
        gone = [key for key in self._alarms if key[0] == update.source_id and key not in present]
        for key in gone:
            if self._alarms[key].event.end_s is not None:
                del self._alarms[key]

    def _write(self, ended_at: float | None = None) -> None:
        with self._lock:
            judging, detector = self._judging, ", then ".join(self._detectors)
        for (source, _, _), alarm in self._alarms.items():
            if alarm.stale and alarm.number:
                self._put(source, alarm)
                alarm.stale = False
        number = self._history.put_session(self._entry(detector), judging, self._accounts.all(), ended_at=ended_at)
        if number == 0:
            self._forget_what_is_over()
            anew = dataclasses.replace(self._entry(detector), entry_id=0)
            number = self._history.put_session(anew, judging, self._accounts.all(), ended_at=ended_at)
        began_anew, self._number = self._number not in (0, number), number
        for (source, _, _), alarm in self._alarms.items():
            if began_anew and not alarm.forgotten:
                alarm.number = self._put(source, alarm)
        self._written_at = time.monotonic()

    def _forget_what_is_over(self) -> None:
        """The entry was deleted: of what was in it only the alarms that are on go into the new one."""
        self._began, self._highest = time.time(), None
        self._accounts.forget()
        for (source, _, _), alarm in self._alarms.items():
            alarm.number, alarm.pictures = 0, 0
            alarm.forgotten = alarm.over
            if not alarm.forgotten:
                self._accounts.count_alarm(source)
                self._highest = max(alarm.event.peak_score, self._highest or 0.0)

    def _entry(self, detector: str) -> Entry:
        accounts = self._accounts.all()
        alarms = sum(account.alarms for account in accounts)
        causes: tuple[str, ...] = ()
        if alarms:
            verdict = Verdict.SIGNS
        elif any(account.no_signs_s > 0 for account in accounts):
            verdict = Verdict.NO_SIGNS
        else:
            verdict = Verdict.CANNOT_JUDGE
            causes = tuple(dict.fromkeys(cause for account in accounts for cause in account.causes))
        notes = [account.message for account in accounts if account.state == "failed" and account.message]
        return Entry(
            self._number,
            "session",
            self._began,
            ", ".join(self._sources),
            verdict,
            causes,
            self._highest,
            alarms,
            detector,
            " ".join(dict.fromkeys(notes)),
        )


class _Alarm:
    """What is known of one alarm; ``number`` is 0 and it is ``forgotten`` where it was deleted."""

    __slots__ = ("at", "detector", "event", "forgotten", "number", "over", "pictured_score", "pictures", "stale")

    def __init__(self, event: Event, at: float, detector: str) -> None:
        self.event, self.at, self.detector = event, at, detector
        self.number, self.pictures, self.pictured_score = 0, 0, 0.0
        self.stale = self.forgotten = self.over = False  # ``over``: its end is in the file


def face_jpeg(image: Image, face: FaceState) -> bytes | None:
    """The face with a margin, at most 160 px a side, as JPEG; ``None`` where its box lies outside the picture."""
    box = face.track.face
    margin = _MARGIN * box.size
    left, top = max(0, round(box.x0 - margin)), max(0, round(box.y0 - margin))
    right, bottom = round(box.x1 + margin), round(box.y1 + margin)
    crop = image[top : max(top, bottom), left : max(left, right)]
    if crop.size == 0:
        return None
    scale = min(1.0, _PICTURE_PX / max(crop.shape[:2]))
    if scale < 1.0:
        size = (max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale)))
        crop = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return data.tobytes() if done else None


def _named(judging: Judging) -> str:
    return f"{judging.detector} {judging.version}".strip()
