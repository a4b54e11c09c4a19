"""Hand-over between threads without queues: one slot per sender, so nothing can grow."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


class Mailbox(Generic[K, T]):
    """One slot per key, any number of senders, one taker.

    A live sender replaces what still lies in its slot (*latest wins*) and is told so, because it
    counts the drop. A sender that must lose nothing waits until its slot is empty.
    """

    def __init__(self) -> None:
        self._slots: dict[K, T] = {}
        self._changed = threading.Condition()
        self._closed = False

    def put(self, key: K, item: T, *, wait: bool, merge: Callable[[T, T], T] | None = None) -> T | None:
        """Leave ``item``. Returns the item that it replaced, ``None`` where the slot was empty.

        With ``wait`` it blocks while the slot is full, and then replaces nothing. What ``merge(replaced, item)``
        makes of the two is left in place of ``item`` where it replaces one. After ``close`` the item is handed
        back: it was not accepted.
        """
        with self._changed:
            if wait:
                self._changed.wait_for(lambda: self._closed or key not in self._slots)
            if self._closed:
                return item
            replaced = self._slots.pop(key, None)
            self._slots[key] = item if merge is None or replaced is None else merge(replaced, item)
            self._changed.notify_all()
            return replaced

    def take(self, timeout: float | None = None) -> dict[K, T] | None:
        """Empty all slots, oldest first. Blocks until there is something.

        An empty dict means that ``timeout`` seconds passed; ``None`` that the mailbox is closed and empty.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or bool(self._slots), timeout)
            if not self._slots:
                return None if self._closed else {}
            taken, self._slots = self._slots, {}
            self._changed.notify_all()
            return taken

    def holds(self, key: K) -> bool:
        """Whether something lies in the slot of ``key`` now."""
        with self._changed:
            return key in self._slots

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """Accept nothing more and wake everybody. What already lies here can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
