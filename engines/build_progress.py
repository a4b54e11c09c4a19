"""Where an engine that builds something for minutes says how far it is.

Engines are opened far from whoever shows progress (``Detector.open`` in a session's thread), so the listener
is registered for the process: the command line draws a bar, the window a line, a test keeps a list.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BuildProgress:
    """``what`` is being built and ``why`` (none there yet, or what differs); ``phase`` is the runtime's own word
    for what it does, ``done`` of ``total`` steps of it; ``share`` 0..1 estimates the whole and never falls.
    The last one of a build has ``finished`` set, also where the build failed."""

    what: str
    why: str
    phase: str
    done: int
    total: int
    share: float
    finished: bool = False


Listener = Callable[[BuildProgress], None]

_guard = threading.Lock()
_listeners: list[Listener] = []


@contextlib.contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Call ``listener`` for every build of this process while inside. It is called from the thread that builds
    or from one of the runtime's own; what it raises ends the build and comes out of ``Engine.open``."""
    with _guard:
        _listeners.append(listener)
    try:
        yield
    finally:
        with _guard:
            _listeners.remove(listener)


def report(progress: BuildProgress) -> None:
    """Tell every listener."""
    with _guard:
        listeners = list(_listeners)
    for listener in listeners:
        listener(progress)
