"""A monitoring session: sources, one scoring thread for all of them, sinks, a watchdog."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from unmask.engines.errors import UsageError
from unmask.realtime.capture import ReconnectPolicy
from unmask.realtime.channel import Analysed, Channel
from unmask.realtime.detector import Detector
from unmask.realtime.faces.finder import FaceFinder
from unmask.realtime.judge import FaceJudge
from unmask.realtime.mailbox import Mailbox
from unmask.realtime.scoring import Scoring
from unmask.realtime.selection import CropSelector
from unmask.realtime.sinks.base import Sink
from unmask.realtime.sinks.runner import SinkRunner
from unmask.realtime.source_status import OVER
from unmask.realtime.sources.base import FrameSource
from unmask.realtime.types import SourceState, Update
from unmask.realtime.verdict import threshold_for

_WATCHDOG_PERIOD_S = 0.25
# Completing a recording takes milliseconds; on a choking disk it is still worth more than a fast exit.
_SINKS_GRACE_S = 5.0


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """One source to watch. ``make`` builds it (unopened); it is called again for every reconnect.
    ``finder`` is this source's own: the session closes it."""

    source_id: str
    make: Callable[[], FrameSource]
    finder: FaceFinder


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """``alarms_per_hour`` is the false-alarm budget; ``pace`` plays files at their own speed;
    a live source that sends nothing is called stalled after ``stall_after_s`` and opened again
    after ``restart_after_s``."""

    alarms_per_hour: float = 1.0
    pace: bool = False
    stall_after_s: float = 2.0
    restart_after_s: float = 8.0
    reconnect: ReconnectPolicy | None = None


class Session:
    """Watches sources until they end or ``stop`` is called. Use it as a context manager.

    ``detector`` must be open; the session uses it from one thread and does not close it. Raises
    ``UsageError`` when the detector has no threshold for the false-alarm budget, or two sources one name.
    """

    def __init__(
        self,
        sources: Sequence[SourcePlan],
        detector: Detector,
        settings: SessionSettings | None = None,
        sinks: Sequence[Sink] = (),
    ) -> None:
        names = [plan.source_id for plan in sources]
        if len(set(names)) < len(names):
            raise UsageError(f"There are two sources of one name among {', '.join(names)}: name each differently.")
        self.settings = settings or SessionSettings()
        self.detector = detector
        manifest = detector.manifest
        self.threshold = threshold_for(manifest, self.settings.alarms_per_hour)
        self._inbox: Mailbox[str, Analysed | None] = Mailbox()
        self._stopping = threading.Event()
        self._restarted_at: dict[str, float] = {}
        self._runners = [SinkRunner(sink) for sink in sinks]
        self.channels = [
            Channel(
                plan.source_id,
                plan.make,
                plan.finder,
                CropSelector(detector.crop_spec, manifest.quality, manifest.window.stride_ms / 1000),
                self._inbox,
                self._wait_for_sinks,
                pace=self.settings.pace,
                policy=self.settings.reconnect,
            )
            for plan in sources
        ]
        judges = {channel.source_id: FaceJudge(detector, self.threshold.score) for channel in self.channels}
        statuses = {channel.source_id: channel.status for channel in self.channels}
        self.scoring = Scoring(detector, judges, statuses, self._inbox, self._hand_out)
        self._newest: dict[str, Update] = {}
        self._newest_lock = threading.Lock()
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._score, name="unmask-score", daemon=True),
            threading.Thread(target=self._watch, name="unmask-watchdog", daemon=True),
        ]

    def start(self) -> None:
        for runner in self._runners:
            runner.start()
        for channel in self.channels:
            channel.start()
        # After the channels: the watchdog takes one that has not begun for one that is over.
        for thread in self._threads:
            thread.start()

    def updates(self) -> dict[str, Update]:
        """The newest update of every source that has one, by source id. Cheap: call it from a timer."""
        with self._newest_lock:
            return dict(self._newest)

    def wait(self, timeout: float | None = None) -> bool:
        """Block until every source is over and everything of it was scored; ``False`` on timeout."""
        return self._over.wait(timeout)

    def stop(self, within_s: float = 1.0) -> list[str]:
        """End everything and complete the sinks' files. Returns the names of threads that did not end in
        time (a camera driver that hangs); they are daemons and hold nothing that must be saved."""
        deadline = time.monotonic() + within_s
        self._stopping.set()
        for channel in self.channels:
            channel.request_stop()
        self._inbox.close()
        for runner in self._runners:
            runner.hurry()
        busy = [name for channel in self.channels for name in channel.join(deadline)]
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.05, deadline - time.monotonic()))
                busy += [thread.name] if thread.is_alive() else []
        for runner in self._runners:
            busy += runner.stop(_SINKS_GRACE_S)
        return busy

    @property
    def failures(self) -> list[str]:
        """One sentence for every source, sink or stage that failed."""
        views = [channel.status.view() for channel in self.channels]
        failed = list(dict.fromkeys(view.message for view in views if view.state is SourceState.FAILED))
        return failed + self.scoring.failures + [runner.failure for runner in self._runners if runner.failure]

    @property
    def tracebacks(self) -> list[str]:
        """What went wrong without anybody having foreseen it: for ``--debug``."""
        return list(dict.fromkeys(channel.status.failure for channel in self.channels if channel.status.failure))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _hand_out(self, update: Update, *, lossless: bool) -> None:
        with self._newest_lock:
            self._newest[update.source_id] = update
        for runner in self._runners:
            runner.put(update, lossless=lossless)

    def _wait_for_sinks(self) -> None:
        for runner in self._runners:
            runner.wait_for_room()

    def _score(self) -> None:
        """The scoring thread. Without it nothing can be said any more: its failure ends every source."""
        try:
            self.scoring.run()
        except Exception as error:
            trace = traceback.format_exc()
            for channel in self.channels:
                if channel.source_id in self.scoring.unfinished:
                    channel.fail(f"The scoring failed: {error} (a bug of Unmask; please report it)", trace)
            self._inbox.close()
            self.scoring.finish()

    def _watch(self) -> None:
        """Notice sources that fall silent and sources that are over; nobody else looks when no frame comes."""
        while not self._stopping.wait(_WATCHDOG_PERIOD_S):
            for channel in self.channels:
                self._watch_channel(channel)
            if all(channel.finished for channel in self.channels):
                self._inbox.close()
                self._threads[0].join()
                for runner in self._runners:
                    runner.drain()
                self._over.set()
                return

    def _watch_channel(self, channel: Channel) -> None:
        view = channel.status.view()
        quiet_s = (time.monotonic_ns() - view.last_frame_at) / 1e9
        live = view.info is not None and view.info.live
        if live and view.state in (SourceState.RUNNING, SourceState.STALLED):
            if quiet_s > self.settings.stall_after_s:
                channel.status.move(SourceState.STALLED, f"{channel.source_id} has sent nothing for {quiet_s:.0f} s.")
            since_restart = time.monotonic() - self._restarted_at.get(channel.source_id, 0.0)
            if min(quiet_s, since_restart) > self.settings.restart_after_s:
                self._restarted_at[channel.source_id] = time.monotonic()
                channel.capture.restart()
        if view.state is not SourceState.RUNNING and view.state not in OVER:
            # Nobody else speaks for a source without frames; a source that is over has had its last word.
            self.scoring.publish_status(channel.source_id)
