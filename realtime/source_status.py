"""The state of one source: legal transitions under a lock, counters, and when the last frame came."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass

from unmask.realtime.sources.addresses import without_passwords
from unmask.realtime.sources.base import SourceInfo
from unmask.realtime.types import Counters, SourceState

_S = SourceState
_LEGAL: dict[SourceState, frozenset[SourceState]] = {
    _S.OPENING: frozenset({_S.RUNNING, _S.RECONNECTING, _S.PAUSED, _S.ENDED, _S.FAILED}),
    _S.RUNNING: frozenset({_S.STALLED, _S.RECONNECTING, _S.PAUSED, _S.ENDED, _S.FAILED}),
    _S.STALLED: frozenset({_S.RUNNING, _S.RECONNECTING, _S.PAUSED, _S.ENDED, _S.FAILED}),
    _S.RECONNECTING: frozenset({_S.OPENING, _S.PAUSED, _S.ENDED, _S.FAILED}),
    # What a source says that is closed for a pause is no failure: nothing but a resume or the end leads on.
    _S.PAUSED: frozenset({_S.OPENING, _S.ENDED, _S.FAILED}),
    _S.ENDED: frozenset({_S.FAILED}),
    _S.FAILED: frozenset(),
}
OVER = frozenset({_S.ENDED, _S.FAILED})


@dataclass(frozen=True, slots=True)
class StatusView:
    """One consistent look at a source's status. ``last_frame_at`` is monotonic ns, 0 before the first."""

    state: SourceState
    message: str
    info: SourceInfo | None
    last_frame_at: int
    counters: Counters


class SourceStatus:
    """Written by the threads of one source, read by anybody."""

    def __init__(self, source_id: str) -> None:
        self.source_id = source_id
        self._lock = threading.Lock()
        self._state = SourceState.OPENING
        self._message = ""
        self._info: SourceInfo | None = None
        self._last_frame_at = 0
        self._totals: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._failure = ""

    def move(self, state: SourceState, message: str = "") -> bool:
        """Go to ``state``; ``False`` where that is not legal from here (a late thread, a second end)."""
        with self._lock:
            if state not in _LEGAL[self._state]:
                return False
            if state is SourceState.RECONNECTING:
                self._totals["reconnects"] += 1
            self._state, self._message = state, without_passwords(message)
            return True

    def opened(self, info: SourceInfo) -> None:
        with self._lock:
            self._info = info

    def frame_captured(self, at: int, skipped: int = 0) -> None:
        """A frame came at ``at`` (monotonic ns): a stalled source runs again. ``skipped`` came before it, and
        the source's own reader replaced them: they were captured, and dropped."""
        with self._lock:
            self._last_frame_at = at
            self._totals["captured"] += 1 + skipped
            if skipped:
                self._dropped["capture busy"] += skipped
            if self._state in (SourceState.OPENING, SourceState.STALLED):
                self._state, self._message = SourceState.RUNNING, ""

    def count(self, what: str, number: int = 1) -> None:
        """Add to a total: ``analysed`` or ``scored_crops``."""
        with self._lock:
            self._totals[what] += number

    def drop(self, cause: str) -> None:
        with self._lock:
            self._dropped[cause] += 1

    def failed_with(self, trace: str) -> None:
        """Keep the traceback of an unforeseen failure for ``--debug`` and the summary."""
        with self._lock:
            self._failure = without_passwords(trace)

    @property
    def failure(self) -> str:
        with self._lock:
            return self._failure

    def view(self) -> StatusView:
        with self._lock:
            counters = Counters(
                captured=self._totals["captured"],
                analysed=self._totals["analysed"],
                scored_crops=self._totals["scored_crops"],
                reconnects=self._totals["reconnects"],
                dropped=dict(self._dropped),
            )
            return StatusView(self._state, self._message, self._info, self._last_frame_at, counters)
