"""From any thread to the UI thread, without touching an object that may be gone by then."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from unmask.gui.qt import QObject, Qt, pyqtSignal


def connect_queued(signal: Any, slot: Callable[..., object]) -> None:
    """Have ``slot`` called when the event loop of its thread comes round, also where the signal is emitted on that
    very thread. (PyQt's stubs do not know of any kind of connection but the usual one.)"""
    signal.connect(slot, Qt.ConnectionType.QueuedConnection)


class _Post(QObject):
    posted = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        connect_queued(self.posted, _call)


def _call(what: Callable[[], object]) -> None:
    what()


@cache  # one for the whole process: a thread must never find it deleted
def _post_box() -> _Post:
    return _Post()


def post(what: Callable[[], object]) -> None:
    """Call ``what`` on the UI thread, in the order of posting, when its event loop comes round. Any thread may post.

    A thread that emits the signal of a widget crashes the process where the widget is deleted at that moment, and
    no check beforehand prevents it; so ``what`` itself looks whether those it is for are there (``sip.isdeleted``).
    """
    _post_box().posted.emit(what)


def prepare() -> None:
    """Make the post box; call it on the UI thread before any other thread posts."""
    _post_box()
