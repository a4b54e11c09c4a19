"""The capture thread's work: read one source, keep its clock, bring it back when it dies."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from unmask.engines.errors import SourceError
from unmask.realtime.mailbox import Mailbox
from unmask.realtime.source_status import SourceStatus
from unmask.realtime.sources.base import FrameSource, SourceInfo
from unmask.realtime.types import Frame, SourceState

#: The slot a frame lies in between capture and detection: there is one.
FRAME_SLOT = "frame"
_PAUSE_POLL_S = 0.05
# A stream that was held up may bring what it owes in a burst; what leaps further than this is another timeline.
_LONGEST_LEAP_S = 2.0
_SHORTEST_STEP_S = 1e-6


@dataclass(frozen=True, slots=True)
class ReconnectPolicy:
    """Wait ``first_wait_s``, doubling up to ``longest_wait_s``; give up ``give_up_after_s`` after the last frame
    (before there was one: after the source was first open)."""

    first_wait_s: float = 0.5
    longest_wait_s: float = 5.0
    give_up_after_s: float = 120.0


class Capture:
    """Reads frames from a source into a mailbox until the source ends, fails for good, or ``stop`` is set.

    A live source (or a file that is paced) never waits for the analysis: the newest frame replaces
    an older one that was not taken. A file waits. Every (re)opening makes a fresh source, so that
    nothing of a broken connection survives. A finite source is never opened again: it would begin anew.

    While it is paused a live source is closed (a camera's lamp goes out); a finite one is held where it is.
    ``openings`` counts how often the source was opened, resuming included.
    """

    def __init__(
        self,
        make_source: Callable[[], FrameSource],
        status: SourceStatus,
        mailbox: Mailbox[str, Frame],
        stop: threading.Event,
        *,
        pace: bool = False,
        policy: ReconnectPolicy | None = None,
    ) -> None:
        self._make_source = make_source
        self._status = status
        self._mailbox = mailbox
        self._stop = stop
        self._pace = pace
        self._policy = policy or ReconnectPolicy()
        self._source: FrameSource | None = None
        self._restart = threading.Event()
        self._paused = threading.Event()
        self._closed_for_pause = threading.Event()
        self._resumed_at = 0
        self.openings = 0
        self._began_at = time.monotonic_ns()
        self._first_opened_at = 0
        self._live = False

    def run(self) -> None:
        """The whole life of the source; returns when it is over. Closes the mailbox at the end."""
        wait_s = self._policy.first_wait_s
        try:
            while not self._stop.is_set():
                self._rest()
                frames_before = self._status.view().counters.captured
                try:
                    self._read_until_end()
                    if self._was_paused:
                        continue
                    self._status.move(SourceState.ENDED)
                    return
                except SourceError as error:
                    if self._stop.is_set():
                        break  # what a source says that is closed while it works is no failure
                    if self._was_paused:
                        continue
                    if not self._may_retry(error):
                        self._status.move(SourceState.FAILED, str(error))
                        return
                    self._status.move(SourceState.RECONNECTING, str(error))
                if self._status.view().counters.captured > frames_before:
                    wait_s = self._policy.first_wait_s
                self._stop.wait(wait_s)
                wait_s = min(2 * wait_s, self._policy.longest_wait_s)
                self._status.move(SourceState.OPENING)
            self._status.move(SourceState.ENDED)
        finally:
            self._mailbox.close()

    def interrupt(self) -> None:
        """Make a blocked read return: for stopping. Any thread may call it."""
        source = self._source
        if source is not None:
            # The capture thread closes it as well, and reports what goes wrong then.
            with contextlib.suppress(Exception):
                source.close()

    def restart(self) -> None:
        """Close the source and open it anew: for a source that sends nothing any more. Returns at once, also
        where the driver takes its time to close."""
        self._restart.set()
        threading.Thread(target=self.interrupt, name=f"unmask-restart-{self._status.source_id}", daemon=True).start()

    def pause(self) -> None:
        """Close a live source, or hold a finite one, until ``resume``. Returns at once, from any thread."""
        self._paused.set()
        if self._status.move(SourceState.PAUSED) and self._live:
            self._closed_for_pause.set()
            threading.Thread(target=self.interrupt, name=f"unmask-pause-{self._status.source_id}", daemon=True).start()

    def resume(self) -> None:
        """Open the source again, or read on."""
        if self._paused.is_set():
            self._resumed_at = time.monotonic_ns()
            self._status.move(SourceState.OPENING)
            self._paused.clear()

    @property
    def _was_paused(self) -> bool:
        """Whether the source was closed for a pause, also for one that is over by now."""
        return not self._stop.is_set() and self._live and (self._paused.is_set() or self._closed_for_pause.is_set())

    def _rest(self) -> None:
        while self._paused.is_set() and not self._stop.wait(_PAUSE_POLL_S):
            pass

    def _may_retry(self, error: SourceError) -> bool:
        # A source that never opened is a wrong address or a missing device: say so at once.
        if not error.retryable or not self._live:
            return False
        heard_at = max(self._status.view().last_frame_at or self._first_opened_at, self._resumed_at)
        quiet_s = (time.monotonic_ns() - heard_at) / 1e9
        return quiet_s < self._policy.give_up_after_s

    def _read_until_end(self) -> None:
        self._restart.clear()
        self._closed_for_pause.clear()
        source = self._source = self._make_source()
        try:
            if self._stop.is_set():
                return
            info = source.open()
            self._status.opened(info)
            self._first_opened_at = self._first_opened_at or time.monotonic_ns()
            self._live = info.live
            self.openings += 1
            self._pump(source, info)
        finally:
            source.close()
            self._source = None

    def _pump(self, source: FrameSource, info: SourceInfo) -> None:
        latest_wins = info.live or self._pace
        clock = _LiveClock(self._began_at) if info.live else None
        pacer = _Pacer(self._stop) if self._pace and not info.live else None
        while not self._stop.is_set():
            if self._paused.is_set() and not info.live:
                self._rest()
                pacer = _Pacer(self._stop) if pacer is not None else None
                continue
            if self._was_paused:
                return
            frame = source.read()
            if frame is None:
                if self._stop.is_set() or self._was_paused:
                    return
                if self._restart.is_set():
                    raise SourceError(f"{info.description} sent nothing and is opened again.", retryable=True)
                if info.live:
                    raise SourceError(f"{info.description} ended.", retryable=True)
                return
            if clock is not None:
                frame = clock.rebase(frame)
            elif pacer is not None:
                frame = pacer.wait_for(frame)
            if self._was_paused:
                return  # grabbed while somebody asked to see nothing any more
            self._status.frame_captured(frame.captured_at, frame.skipped)
            if self._mailbox.put(FRAME_SLOT, frame, wait=not latest_wins) is not None and not self._stop.is_set():
                self._status.drop("detection busy")


class _LiveClock:
    """Puts the timeline of a source that was reopened behind what came before, instead of at zero again.

    A timeline that stops, goes back or leaps ahead goes on by the clock of this machine: in a stopped one no
    verdict would ever grow old.
    """

    def __init__(self, began_at: int) -> None:
        self._began_at = began_at
        self._offset_s: float | None = None
        self._last: Frame | None = None

    def rebase(self, frame: Frame) -> Frame:
        if self._offset_s is None:
            self._offset_s = (frame.captured_at - self._began_at) / 1e9 - frame.time_s
        time_s, last = frame.time_s + self._offset_s, self._last
        if last is not None:
            passed_s = (frame.captured_at - last.captured_at) / 1e9
            if not 0 < time_s - last.time_s <= passed_s + _LONGEST_LEAP_S:
                time_s = last.time_s + max(passed_s, _SHORTEST_STEP_S)
                self._offset_s = time_s - frame.time_s
        self._last = dataclasses.replace(frame, time_s=time_s)
        return self._last


class _Pacer:
    """Holds each frame of a file back until its presentation time, as if it came from a camera."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._zero: float | None = None

    def wait_for(self, frame: Frame) -> Frame:
        now = time.monotonic()
        if self._zero is None:
            self._zero = now - frame.time_s
        due = self._zero + frame.time_s
        if due > now:
            self._stop.wait(due - now)
        return dataclasses.replace(frame, captured_at=time.monotonic_ns())
