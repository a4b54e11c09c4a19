"""Work that would make the window stutter, done beside it; what comes of it is handed over on the UI thread."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from unmask.engines.errors import UnmaskError
from unmask.gui.i18n import tr
from unmask.gui.post import post, prepare
from unmask.gui.qt import QObject, sip

Outcome = TypeVar("Outcome")


@dataclass(slots=True)
class _Order:
    """A job and whom to tell. Emptied on the UI thread: were the worker's thread the last to hold a widget, it would
    delete it."""

    job: Callable[[], Any] | None
    done: Callable[[Any], object] | None
    failed: Callable[[str], object] | None
    outcome: object = None
    well: bool = False


class Worker:
    """Does jobs one after another, on a thread that is there only while there are any.

    Make it, and call it, on the UI thread. After ``close``, or once ``owner`` is deleted, nothing is handed over
    any more; a worker with an owner need not be closed, and does not keep it alive.
    """

    def __init__(self, name: str, owner: QObject | None = None) -> None:
        self._name = f"unmask-{name}"
        self._owner = weakref.ref(owner) if owner is not None else None
        self._lock = threading.Lock()
        self._orders: deque[_Order] = deque()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._waiting = 0
        prepare()

    @property
    def busy(self) -> bool:
        """Whether something was asked for whose outcome has not been handed over."""
        return self._waiting > 0

    def do(
        self, job: Callable[[], Outcome], done: Callable[[Outcome], object], failed: Callable[[str], object]
    ) -> None:
        """Run ``job`` beside the window, then ``done`` with what it returned, or ``failed`` with one sentence."""
        if self._closed:
            return
        self._waiting += 1
        with self._lock:
            self._orders.append(_Order(job, done, failed))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def close(self, within_s: float = 5.0) -> list[str]:
        """Finish what was asked for; the thread's name where that takes longer."""
        self._closed = True
        with self._lock:
            thread = self._thread
        if thread is None:
            return []
        thread.join(within_s)
        return [thread.name] if thread.is_alive() else []

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._orders:
                    self._thread = None
                    return
                order = self._orders.popleft()
            _carry_out(order)
            post(lambda order=order: self._hand_over(order))

    def _hand_over(self, order: _Order) -> None:
        self._waiting -= 1
        whom, outcome = order.done if order.well else order.failed, order.outcome
        order.job = order.done = order.failed = order.outcome = None
        if self._closed or whom is None or self._is_owner_gone():
            return
        whom(outcome)  # pyright: ignore[reportArgumentType]  # what failed takes a sentence, and gets one

    def _is_owner_gone(self) -> bool:
        owner = self._owner() if self._owner is not None else None
        return self._owner is not None and (owner is None or sip.isdeleted(owner))


def _carry_out(order: _Order) -> None:
    assert order.job is not None
    try:
        order.outcome = order.job()
        order.well = True
    except (UnmaskError, OSError) as error:
        order.outcome = str(error)
    except Exception as error:  # noqa: BLE001 - a bug, which is told and does not end the program
        order.outcome = tr("{error} (a bug of Unmask; please report it)").format(error=repr(error))
