"""A thread per sink, so that a slow disk or terminal never slows the monitor."""

from __future__ import annotations

import threading
from collections import deque

from unmask.engines.errors import UnmaskError
from unmask.realtime.sinks.base import Sink
from unmask.realtime.types import Update

#: A sink that wants every update may lag this far behind; beyond it a live source drops its oldest.
BACKLOG = 8


class SinkRunner:
    """Feeds one sink from its own thread and reports how it fared.

    A sink with ``every_update`` gets all of a finite source's updates, and of a live source the newest that
    fit the backlog beside them. Any other sink gets the newest per source. ``put`` never waits: whoever reads
    a finite source calls ``wait_for_room`` before each frame, so that little is on its way when it is full.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._waiting: deque[tuple[Update, bool]] = deque()  # the update, and whether it may not be lost
        self._changed = threading.Condition()
        self._closing = False
        self._hurried = False
        self._busy = False
        self.dropped = 0
        self.failure = ""
        self._thread = threading.Thread(target=self._run, name=f"unmask-sink-{type(sink).__name__}", daemon=True)

    @property
    def name(self) -> str:
        return type(self._sink).__name__

    @property
    def sink(self) -> Sink:
        return self._sink

    @property
    def waiting(self) -> int:
        """How many updates the sink has not taken yet."""
        with self._changed:
            return len(self._waiting)

    def start(self) -> None:
        self._thread.start()

    def put(self, update: Update, *, lossless: bool) -> None:
        """Hand over ``update``; with ``lossless`` a sink with ``every_update`` is sure to get it."""
        with self._changed:
            if not self._sink.every_update:
                self._waiting = deque(old for old in self._waiting if old[0].source_id != update.source_id)
            if self._closing or self.failure:
                return
            keep = lossless and self._sink.every_update
            if len(self._waiting) >= BACKLOG and not self._drop_one() and not keep:
                self.dropped += 1
                return
            # Beyond the backlog goes only what was on its way already, a few of each finite source.
            self._waiting.append((update, keep))
            self._changed.notify_all()

    def _drop_one(self) -> bool:
        """Drop the oldest update that may be lost; ``False`` where there is none."""
        for index, (_, keep) in enumerate(self._waiting):
            if not keep:
                del self._waiting[index]
                self.dropped += 1
                return True
        return False

    def wait_for_room(self) -> None:
        """Block while the backlog is full of what must not be lost."""
        with self._changed:
            self._changed.wait_for(
                lambda: sum(keep for _, keep in self._waiting) < BACKLOG or self._hurried or self._closing
            )

    def hurry(self) -> None:
        """The session stops: nobody may wait for this sink any more."""
        with self._changed:
            self._hurried = True
            self._changed.notify_all()

    def drain(self, timeout: float = 30.0) -> bool:
        """Wait until the sink has taken everything that was handed over."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, timeout)

    def stop(self, timeout: float) -> list[str]:
        """Let the sink take what it was given and complete its files; the thread's name if it is still at it."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.ident is None:
            self._close_sink()
            return []
        self._thread.join(timeout)
        if not self._thread.is_alive():
            return []
        if not self.failure:
            self.failure = f"{self.name} did not end within {timeout:g} s: what it writes may be incomplete"
        return [self._thread.name]

    def _next(self) -> Update | None:
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting or self._closing)
            if not self._waiting:
                return None
            self._busy = True
            return self._waiting.popleft()[0]

    def _run(self) -> None:
        while (update := self._next()) is not None:
            if self.failure:
                continue
            try:
                self._sink.take(update)
            except Exception as error:  # noqa: BLE001 - a sink may be anybody's: its failure is named, the others go on
                self._fail(error)
        self._close_sink()

    def _close_sink(self) -> None:
        try:
            self._sink.close()
        except Exception as error:  # noqa: BLE001 - see above
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        """Keep the first failure; what follows from it would only hide it."""
        if not self.failure:
            self.failure = f"{type(self._sink).__name__} stopped: {_words_of(error)}"


def _words_of(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror is not None:
        return f"{error.filename}: {error.strerror}" if error.filename is not None else error.strerror
    return str(error) if isinstance(error, UnmaskError | OSError) else f"{type(error).__name__}: {error}"
