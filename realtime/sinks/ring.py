"""The last seconds of every source, in memory only: what an alarm looked like. Nothing here touches the disk."""

from __future__ import annotations

import dataclasses
import threading
from collections import deque
from dataclasses import dataclass, field

import cv2

from unmask.engines.errors import UnmaskError
from unmask.realtime.source_status import OVER
from unmask.realtime.types import Event, FaceState, Frame, Image, SourceState, Update, Verdict

#: The longer side of a kept picture in pixels, and its JPEG quality: 20-60 kB each.
LONGEST_SIDE, _QUALITY = 640, 80
#: Most bytes of the rolling pictures and of those of alarms, per source; the oldest go first. Together 48 MiB.
RING_BYTES, PINNED_BYTES = 16 << 20, 32 << 20
#: Most pictures of one alarm. Of a longer alarm every second one is let go, again and again.
MOST_OF_AN_ALARM = 120
#: Seconds around an alarm whose pictures belong to it. An alarm begins after the dwell time: hence so long before.
BEFORE_S, AFTER_S = 4.0, 2.0
# Of sources that are over, the alarms of the latest few are kept.
_MOST_OVER = 8
_SPACING_S = 0.1
_ROUNDING_S = 1e-6


@dataclass(frozen=True, slots=True)
class KeptFrame:
    """An analysed frame, scaled down. ``jpeg`` is a whole JPEG file of ``width`` x ``height`` pixels; the boxes and
    landmarks of ``faces`` are in its pixels. ``captured_at`` is monotonic ns, ``time_s`` the source's timeline."""

    source_id: str
    time_s: float
    captured_at: int
    width: int
    height: int
    jpeg: bytes
    verdict: Verdict
    faces: tuple[FaceState, ...]


class FrameRing:
    """A sink that keeps the last ``seconds`` of each source, at most ten pictures a second of its timeline.

    When an alarm begins, the pictures from ``BEFORE_S`` before it until ``AFTER_S`` after its end are pinned to it:
    they outlast the ring, within ``PINNED_BYTES``, also the end of the session. 0 seconds keep nothing. Any thread
    may read it or change it; encoding (1 ms) happens on the sink's own thread, outside the lock.
    """

    every_update = True

    def __init__(self, seconds: float = 20.0) -> None:
        self._lock = threading.Lock()
        self._sources: dict[str, _Source] = {}
        self._seconds = seconds
        self._cleared = 0

    @property
    def seconds(self) -> float:
        return self._seconds

    def set_seconds(self, seconds: float) -> None:
        """Keep so many from now on. What is older goes at once; with 0 everything does."""
        with self._lock:
            self._seconds = seconds
            for source in self._sources.values():
                source.shorten(seconds)
            if seconds <= 0:
                self._forget_all()

    def clear(self) -> None:
        """Forget every picture now, also that which is being encoded. An alarm that lasts is pinned anew."""
        with self._lock:
            self._forget_all()

    @property
    def size_bytes(self) -> int:
        """The memory that the kept pictures take."""
        with self._lock:
            return sum(source.size_bytes for source in self._sources.values())

    def recent(self, source_id: str) -> tuple[KeptFrame, ...]:
        """The rolling pictures, oldest first."""
        with self._lock:
            source = self._sources.get(source_id)
            return tuple(source.ring) if source is not None else ()

    def frames(self, source_id: str, event: Event) -> tuple[KeptFrame, ...]:
        """The pictures of an alarm, oldest first; empty where none are kept (any more)."""
        with self._lock:
            source = self._sources.get(source_id)
            pin = source.pins.get((event.track_id, event.start_s)) if source is not None else None
            return tuple(pin.frames) if pin is not None else ()

    def take(self, update: Update) -> None:
        with self._lock:
            if self._seconds <= 0:
                return
            cleared = self._cleared
            source = self._sources.setdefault(update.source_id, _Source())
            wanted = source.wants(update)
        kept = _shrunk(update.frame, update) if wanted and update.frame is not None else None
        with self._lock:
            if cleared != self._cleared:
                return
            if kept is not None:
                source.keep(kept, self._seconds)
            source.follow(update.events)
            if update.state in OVER:
                self._close_source(update.source_id, source)

    def close(self) -> None:
        """The pictures of alarms stay readable; they go with this object, or with ``clear``."""

    def _close_source(self, source_id: str, source: _Source) -> None:
        """Nothing can be pinned any more: the rolling pictures have done their duty."""
        source.ring.clear()
        source.ring_bytes, source.over = 0, True
        self._sources[source_id] = self._sources.pop(source_id)
        over = [name for name, other in self._sources.items() if other.over]
        for name in over[:-_MOST_OVER]:
            del self._sources[name]

    def _forget_all(self) -> None:
        self._cleared += 1
        for source in self._sources.values():
            source.forget()


@dataclass(slots=True)
class _Pin:
    """The pictures of one alarm; ``spacing_s`` grows with its length, so that they cover all of it."""

    event: Event
    frames: list[KeptFrame] = field(default_factory=list)
    spacing_s: float = 0.0
    highest: float = 0.0

    @property
    def size_bytes(self) -> int:
        return sum(len(kept.jpeg) for kept in self.frames)

    @property
    def until_s(self) -> float:
        return float("inf") if self.event.end_s is None else self.event.end_s + AFTER_S

    def add(self, kept: KeptFrame) -> None:
        if not self.event.start_s - BEFORE_S <= kept.time_s <= self.until_s:
            return
        score, soon = self._score(kept), self.spacing_s - _ROUNDING_S
        if self.frames and kept.time_s - self.frames[-1].time_s < soon and score <= self.highest:
            return
        self.highest = max(self.highest, score)
        self.frames.append(kept)
        if len(self.frames) > MOST_OF_AN_ALARM:
            self.thin()

    def thin(self) -> None:
        """Let every second picture go, but not that with the highest score, which tells most."""
        highest = max(self.frames, key=self._score)
        self.frames = [kept for number, kept in enumerate(self.frames) if number % 2 == 0 or kept is highest]
        self.spacing_s = max(_SPACING_S, self.spacing_s) * 2

    def _score(self, kept: KeptFrame) -> float:
        return max((face.score or 0.0 for face in kept.faces if face.track.track_id == self.event.track_id), default=0)


class _Source:
    """One source; guarded by the ring's lock."""

    def __init__(self) -> None:
        self.ring: deque[KeptFrame] = deque()
        self.ring_bytes = 0
        self.pins: dict[tuple[int, float], _Pin] = {}
        self.over = False
        self._events: tuple[Event, ...] = ()
        self._sequence = 0
        self._last_s: float | None = None

    @property
    def size_bytes(self) -> int:
        """Pictures that belong to several alarms, or to the ring too, count once."""
        every = {id(kept): len(kept.jpeg) for kept in self.ring}
        for pin in self.pins.values():
            every.update((id(kept), len(kept.jpeg)) for kept in pin.frames)
        return sum(every.values())

    def wants(self, update: Update) -> bool:
        """Whether the update tells of a frame that is new and far enough from the one kept before."""
        if update.frame is None or update.stages is None or update.sequence == self._sequence:
            return False
        if update.state in OVER or update.state is SourceState.PAUSED:
            return False
        self._sequence, time_s = update.sequence, update.frame.time_s
        if self._last_s is not None and 0 <= time_s - self._last_s < _SPACING_S - _ROUNDING_S:
            return False
        if self._last_s is not None and time_s < self._last_s:
            self.ring.clear()  # the timeline began anew: what was before is not "the last seconds"
            self.ring_bytes = 0
        self._last_s, self.over = time_s, False
        return True

    def keep(self, kept: KeptFrame, seconds: float) -> None:
        self.ring.append(kept)
        self.ring_bytes += len(kept.jpeg)
        self.shorten(seconds)
        for pin in self.pins.values():
            pin.add(kept)
        self._let_go_of_the_oldest()

    def shorten(self, seconds: float) -> None:
        while self.ring and (
            self.ring[-1].time_s - self.ring[0].time_s > seconds or self.ring_bytes > RING_BYTES or seconds <= 0
        ):
            self.ring_bytes -= len(self.ring.popleft().jpeg)

    def follow(self, events: tuple[Event, ...]) -> None:
        """Pin what belongs to alarms that are new, and note the end of those that were."""
        if events == self._events:
            return
        before = {(event.track_id, event.start_s) for event in self._events}
        now = {(event.track_id, event.start_s): event for event in events}
        self._events = events
        self.pins = {key: pin for key, pin in self.pins.items() if key in now}
        for key, event in now.items():
            if key in self.pins:
                self.pins[key].event = event
            elif key not in before:  # those that were let go stay so
                pin = self.pins[key] = _Pin(event)
                for kept in self.ring:
                    pin.add(kept)
        self._let_go_of_the_oldest()

    def _let_go_of_the_oldest(self) -> None:
        """The pictures of the oldest alarms; those of the newest are thinned at worst."""
        sizes = {key: pin.size_bytes for key, pin in self.pins.items()}
        total = sum(sizes.values())
        for key in list(self.pins)[:-1]:
            if total <= PINNED_BYTES:
                return
            total -= sizes[key]
            del self.pins[key]
        for pin in self.pins.values():
            while pin.size_bytes > PINNED_BYTES and len(pin.frames) > 2:
                pin.thin()

    def forget(self) -> None:
        self.ring.clear()
        self.ring_bytes = 0
        for pin in self.pins.values():
            pin.frames = []  # an alarm that lasts goes on with what comes


def _shrunk(frame: Frame, update: Update) -> KeptFrame:
    scale = min(1.0, LONGEST_SIDE / max(frame.width, frame.height))
    picture: Image = frame.image
    if scale < 1.0:
        size = (max(1, round(frame.width * scale)), max(1, round(frame.height * scale)))
        # From 1080p this takes 0.3 ms, the mean over areas 2.5 ms, ten times a second; nothing is measured in it.
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)  # pyright: ignore[reportAssignmentType]
    done, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise UnmaskError(
            f"A picture of {frame.source_id} cannot be encoded as JPEG, so no more are kept of alarms: restart Unmask."
        )
    across, down = picture.shape[1] / frame.width, picture.shape[0] / frame.height
    return KeptFrame(
        source_id=update.source_id,
        time_s=frame.time_s,
        captured_at=frame.captured_at,
        width=picture.shape[1],
        height=picture.shape[0],
        jpeg=coded.tobytes(),
        verdict=update.verdict,
        faces=tuple(_scaled(face, across, down) for face in update.faces),
    )


def _scaled(face: FaceState, across: float, down: float) -> FaceState:
    box = face.track.face
    landmarks = box.landmarks
    small = dataclasses.replace(
        box,
        x0=box.x0 * across,
        y0=box.y0 * down,
        x1=box.x1 * across,
        y1=box.y1 * down,
        landmarks=None if landmarks is None else landmarks * (across, down),
    )
    return dataclasses.replace(face, track=dataclasses.replace(face.track, face=small), look=None)
