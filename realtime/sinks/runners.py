"""All the sinks of a session, each behind its runner; they may come and go while it runs."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from unmask.engines.errors import UsageError
from unmask.realtime.sinks.base import Sink
from unmask.realtime.sinks.runner import SinkRunner
from unmask.realtime.types import Update


class SinkRunners:
    """Hands updates to every sink. Any thread may call; ``put`` and ``wait_for_room`` see a whole list."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._lock = threading.Lock()
        self._runners: tuple[SinkRunner, ...] = tuple(SinkRunner(sink) for sink in sinks)
        self._started = self._stopped = False
        self._past_failures: list[str] = []

    def start(self) -> None:
        with self._lock:
            self._started = True
            for runner in self._runners:
                runner.start()

    def add(self, sink: Sink) -> None:
        """Feed ``sink`` from now on. Raises ``UsageError`` when the session is over."""
        with self._lock:
            if self._stopped:
                raise UsageError("The session is over: there is nothing to hand over any more.")
            runner = SinkRunner(sink)
            if self._started:
                runner.start()
            self._runners = (*self._runners, runner)

    def remove(self, sink: Sink, within_s: float) -> list[str]:
        """Let ``sink`` take what it was given, close it, and forget it: its files are complete then. Blocks.

        The name of its thread where it did not end in time. Nothing happens for a sink that is not (any more) here.
        """
        with self._lock:
            found = [runner for runner in self._runners if runner.sink is sink]
            self._runners = tuple(runner for runner in self._runners if runner.sink is not sink)
        busy = [name for runner in found for name in runner.stop(within_s)]
        self._past_failures += [runner.failure for runner in found if runner.failure]
        return busy

    def put(self, update: Update, *, lossless: bool) -> None:
        for runner in self._runners:
            runner.put(update, lossless=lossless)

    def wait_for_room(self) -> None:
        for runner in self._runners:
            runner.wait_for_room()

    def hurry(self) -> None:
        for runner in self._runners:
            runner.hurry()

    def drain(self) -> None:
        for runner in self._runners:
            runner.drain()

    def stop(self, within_s: float) -> list[str]:
        """End all of them; each has ``within_s`` to complete its files. The names of threads that did not end."""
        with self._lock:
            self._stopped = True
            runners = self._runners
        return [name for runner in runners for name in runner.stop(within_s)]

    @property
    def failures(self) -> list[str]:
        """One sentence for each that failed, those that were removed since included."""
        return [*self._past_failures, *(runner.failure for runner in self._runners if runner.failure)]

    def waiting(self) -> dict[tuple[str, str], int]:
        """("sink", its name) -> how many updates it has not taken yet."""
        found: dict[tuple[str, str], int] = {}
        for runner in self._runners:
            found["sink", runner.name] = found.get(("sink", runner.name), 0) + runner.waiting
        return found

    def dropped(self) -> dict[str, int]:
        """By name, how many updates were lost because the sink was too slow."""
        found: dict[str, int] = {}
        for runner in self._runners:
            found[runner.name] = found.get(runner.name, 0) + runner.dropped
        return found
