"""The seam between the monitor and whatever shows or keeps what it says."""

from __future__ import annotations

from typing import Protocol

from unmask.realtime.types import Update


class Sink(Protocol):
    """Takes updates at its own pace, on a thread of its own; it never slows the monitor.

    The session hands it the newest update (a sink that must see every one, such as a recorder of
    a file, says so with ``every_update``; then a finite source waits for it, a live one never does).
    A sink that raises is closed, and its failure is reported in the session's summary.
    """

    every_update: bool

    def take(self, update: Update) -> None: ...

    def close(self) -> None:
        """Finish what was begun: after this, files are complete and playable."""
        ...
