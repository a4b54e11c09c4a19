"""A monitoring session: sources, one scoring thread for all of them, sinks, a watchdog."""

from __future__ import annotations

import dataclasses
import itertools
import math
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from unmask.engines.errors import UnmaskError, UsageError
from unmask.realtime.budget import Step, require_cores
from unmask.realtime.channel import Analysed, Channel, Cutting
from unmask.realtime.detector import Detector
from unmask.realtime.engine_guard import EngineGuard
from unmask.realtime.looks import Looks
from unmask.realtime.mailbox import Mailbox
from unmask.realtime.metrics.clocks import Flow
from unmask.realtime.need import Needs
from unmask.realtime.newest import Newest
from unmask.realtime.plans import SessionSettings, SourcePlan
from unmask.realtime.roster import Roster
from unmask.realtime.saving import Saving
from unmask.realtime.seats import Seats
from unmask.realtime.selection import CropSelector
from unmask.realtime.sinks.base import Sink
from unmask.realtime.sinks.runners import SinkRunners
from unmask.realtime.types import Cause, Update
from unmask.realtime.verdict import threshold_for
from unmask.realtime.watchdog import Watchdog

# Completing a recording takes milliseconds; on a choking disk it is still worth more than a fast exit.
_SINKS_GRACE_S = 5.0
# The watchdog looks at the engine again so soon while the last frames are scored.
_LOOK_S = 0.1

__all__ = ["Session", "SessionSettings", "SourcePlan"]


class Session:
    """Watches sources until they end or ``stop`` is called. Use it as a context manager.

    ``detector`` must be open; the session uses it from one thread and does not close it. ``reopen`` opens
    the same one afresh: with it an engine that hangs is replaced (a few times), without it only named.
    Sources and the detector may be changed while it runs, from one thread. Raises ``UsageError`` when the
    detector has no threshold for the false-alarm budget, or two sources one name.
    """

    def __init__(
        self,
        sources: Sequence[SourcePlan],
        detector: Detector,
        settings: SessionSettings | None = None,
        sinks: Sequence[Sink] = (),
        *,
        reopen: Callable[[], Detector] | None = None,
    ) -> None:
        names = [plan.source_id for plan in sources]
        if len(set(names)) < len(names):
            raise UsageError(f"There are two sources of one name among {', '.join(names)}: name each differently.")
        self.settings = settings or SessionSettings()
        self.threshold = threshold_for(detector.manifest, self.settings.alarms_per_hour)
        self._saving = Saving(self.settings.cpu_budget, detector.manifest.window)
        #: What somebody wants to see of how faces are judged: ``session.looks.wanted = frozenset({"crops"})``.
        self.looks = Looks()
        self._inbox: Mailbox[int, Analysed | None] = Mailbox()
        self._sinks = SinkRunners(sinks)
        self._newest = Newest(self._sinks.put)
        self._seats = Seats(self._newest.put)
        self._guard = EngineGuard(
            detector,
            self.threshold.score,
            self._seats,
            self._inbox,
            self._scoring_failed,
            hang_after_s=self.settings.hang_after_s,
            reopen=reopen,
        )
        self._keys = itertools.count(1)
        self._roster = Roster()
        for plan in sources:
            self._roster.add(self._new_channel(plan))
        self._watchdog = Watchdog(
            self,
            stall_after_s=self.settings.stall_after_s,
            restart_after_s=self.settings.restart_after_s,
            alarms_end_after_s=self.settings.alarms_end_after_s,
            hang_after_s=self.settings.hang_after_s,
            stays=self.settings.stays,
        )
        self._started = False
        # So that no source is added whose frames nobody would take any more.
        self._ending = threading.Lock()
        #: After ``stop``: the names of the threads that did not end in time.
        self.left: list[str] = []

    @property
    def detector(self) -> Detector:
        """The one that is at work now."""
        return self._guard.detector

    @property
    def channels(self) -> Sequence[Channel]:
        """The sources as they are now."""
        return self._roster.channels

    def start(self) -> None:
        self._started = True
        self._sinks.start()
        for channel in self.channels:
            channel.start()
        self._guard.start()
        # After the channels: the watchdog takes one that has not begun for one that is over.
        self._watchdog.start()

    def updates(self) -> dict[str, Update]:
        """The newest update of every source that has one, by source id. Cheap: call it from a timer."""
        return self._newest.updates()

    def flow(self) -> Flow:
        """What lies between the stages now, and which sources are real time: for the metrics."""
        channels, depths = self.channels, self._sinks.waiting()
        for channel in channels:
            depths["detection", channel.source_id] = channel.waiting
            depths["scoring", channel.source_id] = int(self._inbox.holds(channel.key))
        real_time = frozenset(channel.source_id for channel in channels if channel.real_time)
        return Flow(depths, self._sinks.dropped(), real_time, tuple(self._sinks.failures))

    def wait(self, timeout: float | None = None) -> bool:
        """Block until every source is over and everything of it was scored; ``False`` on timeout, or when
        somebody else stops the session meanwhile."""
        self._watchdog.ended.wait(timeout)
        return self._watchdog.over.is_set()

    @property
    def ended(self) -> bool:
        """Whether nothing more will come: every source is over, or somebody stopped the session."""
        return self._watchdog.ended.is_set()

    def pause(self, source_id: str | None = None) -> None:
        """Close this source, or all of them, until ``resume``; a file is held where it is. Returns at once."""
        for channel in self._roster.named(source_id):
            channel.capture.pause()
            self._seats.publish_silent(channel.key, alarms_are_over=True)

    def resume(self, source_id: str | None = None) -> None:
        """Open what was paused again. What was not is left as it is."""
        for channel in self._roster.named(source_id):
            channel.capture.resume()

    def add_source(self, plan: SourcePlan) -> None:
        """Watch one more source. Raises ``UsageError`` for a name that is watched already, or when all is over."""
        self._roster.require_free(plan.source_id)
        with self._ending:
            if self._inbox.closed or self._watchdog.stopping.is_set():
                raise UsageError("The session is over: begin another one.")
            channel = self._new_channel(plan)
            if self._started:
                channel.start()
            self._roster.add(channel)

    def remove_source(self, source_id: str, within_s: float = 1.0) -> list[str]:
        """Stop watching ``source_id``; its last word goes to the sinks. The session goes on, also without sources
        until ``stop``. Returns the names of threads that did not end in time; they can say nothing any more."""
        (channel,) = self._roster.named(source_id)
        self._watchdog.stay()
        self._roster.drop(channel)
        channel.request_stop()
        busy = channel.join(time.monotonic() + within_s)
        self._roster.remember(channel)
        self._seats.finish(channel.key)
        self._seats.remove(channel.key)
        self._newest.forget(source_id)
        return busy

    def replace_source(self, old_id: str, plan: SourcePlan) -> list[str]:
        """``remove_source`` and ``add_source`` in one. Raises ``UsageError`` before anything is changed."""
        self._roster.require_free(plan.source_id, besides=old_id)
        busy = self.remove_source(old_id)
        self.add_source(plan)
        return busy

    def replace_detector(self, detector: Detector, *, reopen: Callable[[], Detector] | None = None) -> Detector:
        """Let the open ``detector`` take over between two calls; all windows and verdicts begin anew.

        Returns the old one, to be closed by who opened it (where it hangs, closing may have to wait for ever).
        Raises ``UsageError``, and changes nothing, when it has no threshold for the false-alarm budget.
        """
        threshold = threshold_for(detector.manifest, self.settings.alarms_per_hour)
        old = self._guard.replace(detector, threshold.score, reopen)
        self.threshold = threshold
        self._saving.change(self.settings.cpu_budget, detector.manifest.window, self._cut_anew)
        return old

    def set_alarms_per_hour(self, alarms_per_hour: float) -> None:
        """Judge by the threshold for that false-alarm budget; verdicts begin anew, alarms that are on end.

        Raises ``UsageError``, and changes nothing, when the detector has no threshold for it.
        """
        self.threshold = threshold_for(self.detector.manifest, alarms_per_hour)
        self.settings = dataclasses.replace(self.settings, alarms_per_hour=alarms_per_hour)
        self._guard.retune(self.threshold.score)

    def set_cpu_budget(self, cores: float | None) -> None:
        """Stay within so many ``cores`` from now on; ``None`` does everything again. Raises ``UsageError``, and
        changes nothing, for what is no number above 0."""
        if cores is not None:
            require_cores(cores)
        self.settings = dataclasses.replace(self.settings, cpu_budget=cores)
        self._saving.change(cores, self.detector.manifest.window, self._cut_anew)

    def add_sink(self, sink: Sink) -> None:
        """Hand every update from now on to ``sink`` too. Any thread may call it. Raises ``UsageError`` when the
        session is over."""
        self._sinks.add(sink)

    def remove_sink(self, sink: Sink, within_s: float = _SINKS_GRACE_S) -> list[str]:
        """Let ``sink`` complete its files and forget it; blocks meanwhile. Its thread's name if it did not in time.
        A failure of it stays among the session's."""
        return self._sinks.remove(sink, within_s)

    def stop(self, within_s: float = 1.0) -> list[str]:
        """End everything and complete the sinks' files. Returns the names of threads that did not end in
        time (a camera driver that hangs); they are daemons and hold nothing that must be saved."""
        deadline = time.monotonic() + within_s
        self._watchdog.stopping.set()
        for channel in self.channels:
            channel.request_stop()
        self._inbox.close()
        self._sinks.hurry()
        busy = [name for channel in self.channels for name in channel.join(deadline)]
        if not self._guard.join(max(0.05, deadline - time.monotonic())):
            busy.append("unmask-score")
            self._guard.give_up()
            for key in self._seats.unfinished:
                self._seats.finish(key)
        busy += self._watchdog.join(max(0.05, deadline - time.monotonic()))
        busy += self._sinks.stop(_SINKS_GRACE_S)
        self._guard.close()
        self.left = busy
        return busy

    @property
    def failures(self) -> list[str]:
        """One sentence for every source, sink or stage that failed."""
        return self._roster.failures + self._guard.failures + self._sinks.failures

    @property
    def tracebacks(self) -> list[str]:
        """What went wrong without anybody having foreseen it: for ``--debug``."""
        return self._roster.tracebacks

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def silent(self, channel: Channel, *, alarms_are_over: bool) -> None:
        self._seats.publish_silent(channel.key, alarms_are_over=alarms_are_over)

    def hanging(self, channel: Channel, seconds: float) -> None:
        sentence = f"the search for faces in {channel.source_id} has not answered for {seconds:.0f} s"
        self._seats.publish_silent(
            channel.key, causes=(Cause.FACE_SEARCH_HANGS,), message=sentence, alarms_are_over=True
        )

    def unwatched(self, error: Exception, trace: str) -> None:
        self._end_all(f"The watchdog failed: {error} (a bug of Unmask; please report it)", trace)

    def look_after(self) -> None:
        """The engine, and the processor budget."""
        self._guard.check()
        self._saving.look(self._do)

    def conclude(self) -> bool:
        with self._ending:
            if not all(channel.finished for channel in self.channels):
                return False  # one was added since the watchdog looked
            self._inbox.close()
        if not self._guard.join(_LOOK_S):
            return False
        self._sinks.drain()
        return True

    def _do(self, step: Step, lowered: tuple[str, ...]) -> None:
        self._seats.lowered = lowered
        for channel in self.channels:
            channel.do(step)

    def _cut_anew(self) -> None:
        self._seats.lowered = ()
        for channel in self.channels:
            channel.cutting = self._new_cutting()

    def _new_channel(self, plan: SourcePlan) -> Channel:
        channel = Channel(
            next(self._keys),
            plan.source_id,
            plan.make,
            plan.finder,
            self._new_cutting(),
            self._inbox,
            self._sinks.wait_for_room,
            pace=self.settings.pace if plan.pace is None else plan.pace,
            policy=self.settings.reconnect,
        )
        self._seats.add(channel.key, plan.source_id, channel.status)
        return channel

    def _new_cutting(self) -> Cutting:
        manifest = self.detector.manifest
        step = self._saving.step
        selector = CropSelector(self.detector.crop_spec, manifest.quality, step.stride_s, looks=self.looks)
        need = self.settings.need
        needs = Needs(need, manifest.window) if need is not None else None
        return Cutting(selector, self._guard.generation, step, self.settings.cpu_budget or math.inf, needs)

    def _scoring_failed(self, error: Exception, trace: str) -> None:
        """Without the scoring thread nothing can be said any more: its failure ends every source."""
        bug = "" if isinstance(error, UnmaskError) else " (a bug of Unmask; please report it)"
        self._end_all(f"The scoring failed: {error}{bug}", trace)

    def _end_all(self, sentence: str, trace: str) -> None:
        unfinished = self._seats.unfinished
        for channel in self.channels:
            if channel.key in unfinished:
                channel.fail(sentence, trace)
        self._inbox.close()
        for key in unfinished:
            self._seats.finish(key)
