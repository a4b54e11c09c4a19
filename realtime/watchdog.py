"""The watchdog of a session: notices silence, which nobody else does when no frame comes."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Sequence
from typing import Protocol

from unmask.realtime.channel import Channel
from unmask.realtime.source_status import OVER
from unmask.realtime.types import SourceState

PERIOD_S = 0.25


class Watched(Protocol):
    """What the watchdog sees of a session."""

    @property
    def channels(self) -> Sequence[Channel]: ...

    def hanging(self, channel: Channel, seconds: float) -> None:
        """Say that the search for faces in one picture of a source goes on for so long."""
        ...

    def silent(self, channel: Channel, *, alarms_are_over: bool) -> None:
        """Say how a source is that sends no frames now."""
        ...

    def look_after(self) -> None:
        """Whatever else has to be looked after several times a second."""
        ...

    def unwatched(self, error: Exception, trace: str) -> None:
        """The watchdog itself failed, and ends with this call: nothing may go on that nobody looks after."""
        ...

    def conclude(self) -> bool:
        """Every source is over: let the rest be scored and taken; ``False`` where that takes longer."""
        ...


class Watchdog:
    """A thread that looks at every source four times a second, and ends the session when all are over.

    ``stay``: from now on the session goes on without sources too, until it is stopped; with ``stays`` also with
    sources that are all over.
    """

    def __init__(
        self,
        session: Watched,
        *,
        stall_after_s: float,
        restart_after_s: float,
        alarms_end_after_s: float,
        hang_after_s: float,
        stays: bool = False,
    ) -> None:
        self._session = session
        self._stall_after_s, self._restart_after_s = stall_after_s, restart_after_s
        self._alarms_end_after_s = alarms_end_after_s
        self._hang_after_s = hang_after_s
        self._restarted_at: dict[int, float] = {}
        self._away_since: dict[int, float] = {}
        self._stays = self._always_stays = stays
        self.stopping = threading.Event()
        self.over = threading.Event()
        #: Also after ``stopping``: nobody may wait for ``over`` any more.
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="unmask-watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stay(self) -> None:
        self._stays = True

    def join(self, timeout: float) -> list[str]:
        """Wait for its end; its name where it goes on."""
        if self._thread.ident is None:
            return []
        self._thread.join(timeout)
        return [self._thread.name] if self._thread.is_alive() else []

    def _run(self) -> None:
        try:
            self._watch()
        except Exception as error:  # noqa: BLE001 - nobody is above this thread: it ends the session and is told
            self._session.unwatched(error, traceback.format_exc())
            self.over.set()
        finally:
            self.ended.set()

    def _watch(self) -> None:
        while not self.stopping.wait(PERIOD_S):
            channels = self._session.channels
            for channel in channels:
                self._look_at(channel)
            self._session.look_after()
            finished = all(channel.finished for channel in channels) and not (self._stays and not channels)
            if finished and not self._always_stays and self._session.conclude():
                self.over.set()
                return

    def _look_at(self, channel: Channel) -> None:
        view = channel.status.view()
        now = time.monotonic()
        quiet_s = (time.monotonic_ns() - view.last_frame_at) / 1e9
        live = view.info is not None and view.info.live
        if live and view.state in (SourceState.RUNNING, SourceState.STALLED):
            if quiet_s > self._stall_after_s:
                channel.status.move(SourceState.STALLED, f"{channel.source_id} has sent nothing for {quiet_s:.0f} s.")
            since_restart = now - self._restarted_at.get(channel.key, 0.0)
            if min(quiet_s, since_restart) > self._restart_after_s:
                self._restarted_at[channel.key] = now
                channel.capture.restart()
        searching_since = channel.searching_since
        if searching_since and now - searching_since > self._hang_after_s:
            # Also where the source is over: its last picture holds up the end.
            self._session.hanging(channel, now - searching_since)
            return
        if view.state is SourceState.RUNNING or view.state in OVER:
            self._away_since.pop(channel.key, None)
            return
        # Nobody else speaks for a source without frames; a source that is over has had its last word.
        away_s = now - self._away_since.setdefault(channel.key, now)
        self._session.silent(channel, alarms_are_over=away_s > self._alarms_end_after_s)
