"""A thread that always grabs, and hands out only the newest picture.

Drivers and network buffers queue. Whoever reads them at his own pace sees ever older pictures, so a
thread of its own empties them as fast as they fill. The same thread serves finite sources over the
network, where nothing may be dropped: there it waits until the picture was taken.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Condition, Thread
from typing import Generic, Protocol, TypeVar

from unmask.engines.errors import SourceError

Item = TypeVar("Item")
ItemOut = TypeVar("ItemOut", covariant=True)

#: How long ``stop`` waits for the thread. One that is stuck in a driver frees the device when it wakes.
_JOIN_S = 0.3


class Grabber(Protocol[ItemOut]):
    """A device that the thread owns: it alone opens, grabs and frees it."""

    @property
    def live(self) -> bool:
        """True: only the newest item counts. False: every item is handed out."""
        ...

    def grab(self) -> tuple[ItemOut, int] | None:
        """The next item and the ``time.monotonic_ns()`` of its grab; ``None`` at the end."""
        ...

    def free(self) -> None: ...


class LatestReader(Generic[Item]):
    """Owns the thread. ``opener`` runs on it too: a driver may block for seconds on opening."""

    def __init__(self, name: str, opener: Callable[[], Grabber[Item]]) -> None:
        self._opener = opener
        self._changed = Condition()
        self._grabber: Grabber[Item] | None = None
        self._slot: tuple[Item, int] | None = None
        self._error: BaseException | None = None
        self._ended = False
        self._stopped = False
        self.dropped = 0
        self._told = 0
        self._thread = Thread(target=self._run, name=f"grab {name}", daemon=True)

    def start(self, timeout_s: float) -> Grabber[Item] | None:
        """Open the device; ``None`` when ``stop`` came first.

        Raises what the opener raised, or ``TimeoutError`` after ``timeout_s``.
        """
        if self._stopped:
            return None
        self._thread.start()
        with self._changed:
            done = self._changed.wait_for(lambda: self._stopped or self._ended or self._grabber is not None, timeout_s)
            if self._stopped:
                return None
            if self._grabber is not None:
                # Opened, even if it has failed since: ``take`` gives what came before and then the error.
                return self._grabber
            if self._error is not None:
                raise self._error
            assert not done, "the thread ends with a device or an error"
            raise TimeoutError

    def take(self, timeout_s: float) -> tuple[Item, int] | None:
        """The newest item not yet taken, waiting for it; ``None`` at the end or after ``stop``.

        Raises what ``grab`` raised, or ``TimeoutError`` when nothing came for ``timeout_s``.
        """
        with self._changed:
            come = self._changed.wait_for(lambda: self._stopped or self._ended or self._slot is not None, timeout_s)
            if self._stopped:
                return None
            if self._slot is not None:
                item, self._slot = self._slot, None
                self._changed.notify_all()
                return item
            if self._error is not None:
                raise self._error
            if not come:
                raise TimeoutError
            return None

    def newly_dropped(self) -> int:
        """How many items were replaced before anybody took them, since this was last asked."""
        with self._changed:
            new, self._told = self.dropped - self._told, self.dropped
            return new

    def signal(self) -> None:
        """End every wait at once, without waiting for the thread."""
        with self._changed:
            self._stopped = True
            self._slot = None
            self._changed.notify_all()

    def stop(self) -> None:
        self.signal()
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)

    @property
    def stopped(self) -> bool:
        """For a grabber, which may be searching for an item for a long time."""
        return self._stopped

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        grabber: Grabber[Item] | None = None
        error: BaseException | None = None
        try:
            grabber = self._opener()
            with self._changed:
                self._grabber = grabber
                self._changed.notify_all()
            self._pump(grabber)
        except BaseException as caught:  # noqa: BLE001 - handed to the reading thread, which raises it
            error = caught
        finally:
            if grabber is not None:
                grabber.free()
            with self._changed:
                self._error = error
                self._ended = True
                self._changed.notify_all()

    def _pump(self, grabber: Grabber[Item]) -> None:
        while not self._stopped:
            item = grabber.grab()
            if item is None:
                return
            with self._changed:
                if not grabber.live:
                    self._changed.wait_for(lambda: self._stopped or self._slot is None)
                elif self._slot is not None:
                    self.dropped += 1
                if self._stopped:
                    return
                self._slot = item
                self._changed.notify_all()


def silent(source_id: str, timeout_s: float) -> SourceError:
    """The error for a source that is open but sends nothing."""
    return SourceError(
        f"{source_id} sent no picture for {timeout_s:g} s; check that it is switched on and connected.",
        retryable=True,
    )
