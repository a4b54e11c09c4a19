"""Keeps one scoring worker at work: notices an engine that does not answer, names it, and puts another in its place."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable

from unmask.engines.errors import UnmaskError
from unmask.realtime.channel import Analysed
from unmask.realtime.detector import Detector
from unmask.realtime.mailbox import Mailbox
from unmask.realtime.scoring import Abandoned, Scoring
from unmask.realtime.seats import Seats
from unmask.realtime.types import Cause

#: An engine that hung is opened again so often within ``_RESTARTS_WITHIN_S``, then no more.
MOST_RESTARTS = 3
_RESTARTS_WITHIN_S = 600.0
_SWAP_WAIT_S = 2.0

Crash = Callable[[Exception, str], None]


class EngineGuard:
    """Runs the scoring in a thread of its own and replaces both where the engine hangs or another is wanted.

    ``reopen`` opens the same detector afresh, on the new thread; without it a hanging engine is waited for.
    ``crashed`` gets what nobody foresaw, with its traceback. ``check`` is called by the watchdog several
    times a second. Detectors that were opened here are closed here; the one given is not.
    """

    def __init__(
        self,
        detector: Detector,
        threshold: float,
        seats: Seats,
        inbox: Mailbox[int, Analysed | None],
        crashed: Crash,
        *,
        hang_after_s: float = 5.0,
        reopen: Callable[[], Detector] | None = None,
    ) -> None:
        self.detector = detector
        self.generation = 0
        self._threshold = threshold
        self._seats, self._inbox, self._crashed = seats, inbox, crashed
        self._hang_after_s, self._reopen = hang_after_s, reopen
        self._lock = threading.RLock()
        self._own: list[Detector] = []
        self._restarts: list[float] = []
        self._reopening: str = ""
        self._reopening_since = 0.0
        self._failed: list[str] = []
        self._worker = self._new_worker(detector)
        self._old_workers: list[Scoring] = []
        self._thread = self._new_thread(self._worker, None)
        seats.engine = detector.provider

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    @property
    def failures(self) -> list[str]:
        """One sentence for each failure of the detector so far."""
        # Without the lock: a window asks, and ``replace`` holds it while the old worker ends. Lists only grow.
        workers = [*self._old_workers, self._worker]
        return list(dict.fromkeys([*self._failed, *(line for worker in workers for line in tuple(worker.failures))]))

    def check(self) -> None:
        """Say that the engine hangs where it does, and begin anew where that is possible."""
        with self._lock:
            since = self._worker.busy_since
            quiet_s = time.monotonic() - since if since else 0.0
            if quiet_s > self._hang_after_s:
                sentence = f"the engine {self.detector.engine_name} has not answered for {quiet_s:.0f} s"
                if self._may_restart():
                    self._begin_anew(sentence)
                elif self._reopen is not None:
                    sentence += f", and was opened again {MOST_RESTARTS} times already: choose another engine"
                self._say(sentence)
            elif self._reopening:
                taken_s = time.monotonic() - self._reopening_since
                self._say(f"{self._reopening}; it is being opened again, so far for {taken_s:.0f} s")

    def replace(self, detector: Detector, threshold: float, reopen: Callable[[], Detector] | None) -> Detector:
        """Let ``detector`` take over between two calls; at once where the old one hangs. Returns the old one."""
        with self._lock:
            old, thread, self.detector = self.detector, self._thread, detector
            self._seats.engine = detector.provider
            self._threshold, self._reopen, self._reopening = threshold, reopen, ""
            self._restarts = []
            self.generation += 1
            self._worker.retire()
            thread.join(_SWAP_WAIT_S)
            if thread.is_alive():
                self._worker.abandon()
                self._seats.end_alarms()
            self._put_to_work(None)
            if old in self._own:
                self._own.remove(old)
            return old

    def retune(self, threshold: float) -> None:
        """Let everything be judged by another threshold, also by workers that come after this one."""
        with self._lock:
            self._threshold = threshold
            self._worker.retune(threshold)

    def join(self, timeout: float) -> bool:
        """Wait for the end of the work (the inbox is closed); ``False`` while it goes on."""
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def close(self) -> None:
        """Close what was opened here. One that is still at work is left alone: it would be freed under its call."""
        if not self._thread.is_alive():
            self._close_own(self.detector)

    def give_up(self) -> None:
        """The session is over and the engine does not answer: what comes of its call may not be said."""
        self._worker.abandon()

    def _close_own(self, detector: Detector) -> None:
        with self._lock:
            if detector in self._own:
                self._own.remove(detector)
                detector.close()

    def _may_restart(self) -> bool:
        now = time.monotonic()
        self._restarts = [at for at in self._restarts if now - at < _RESTARTS_WITHIN_S]
        return self._reopen is not None and len(self._restarts) < MOST_RESTARTS

    def _begin_anew(self, sentence: str) -> None:
        self._restarts.append(time.monotonic())
        self._failed.append(f"{sentence[0].upper()}{sentence[1:]}; it was opened again.")
        self._worker.abandon()
        self._seats.end_alarms()
        self._reopening, self._reopening_since = sentence, time.monotonic()
        self._put_to_work(self._reopen)

    def _put_to_work(self, opening: Callable[[], Detector] | None) -> None:
        self._old_workers = [*self._old_workers[-MOST_RESTARTS:], self._worker]
        self._worker = self._new_worker(self.detector)
        self._thread = self._new_thread(self._worker, opening)
        self._thread.start()

    def _new_worker(self, detector: Detector) -> Scoring:
        return Scoring(detector, self._threshold, self.generation, self._seats, self._inbox)

    def _new_thread(self, worker: Scoring, opening: Callable[[], Detector] | None) -> threading.Thread:
        return threading.Thread(target=self._work, args=(worker, opening), name="unmask-score", daemon=True)

    def _work(self, worker: Scoring, opening: Callable[[], Detector] | None) -> None:
        try:
            if opening is None or self._opened(worker, opening):
                worker.run()
        except Abandoned:
            self._close_own(worker.detector)
        except Exception as error:  # noqa: BLE001 - nobody is above this thread: it is told, with its traceback
            with self._lock:
                current = worker is self._worker
                if not current:
                    self._failed.append(f"The detector that was replaced failed: {error}")
            if current:  # what becomes of one that nobody listens to any more ends nothing
                self._crashed(error, traceback.format_exc())

    def _opened(self, worker: Scoring, opening: Callable[[], Detector]) -> bool:
        """Open the detector for ``worker``; ``False`` where somebody else serves the inbox by now."""
        while True:
            try:
                detector = opening()
                break
            except UnmaskError as error:
                with self._lock:
                    self._failed.append(str(error))
                    if worker is not self._worker:
                        return False
                    if not self._may_restart():
                        raise
                    self._restarts.append(time.monotonic())
        with self._lock:
            if worker is not self._worker:
                detector.close()
                return False
            self._reopening = ""
            worker.detector = self.detector = detector
            self._own.append(detector)
            return True

    def _say(self, sentence: str) -> None:
        for key in self._seats.unfinished:
            self._seats.publish_silent(key, causes=(Cause.DETECTOR_UNAVAILABLE,), message=sentence)
