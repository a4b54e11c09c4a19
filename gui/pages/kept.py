"""What Unmask keeps about a person, each with where, for how long, how much, and how it is deleted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from unmask.gui.i18n import tr
from unmask.gui.settings.preferences import Preferences
from unmask.realtime.history.store import History
from unmask.realtime.sinks.ring import FrameRing


class Kept(Protocol):
    """``how_much`` and ``delete`` may take a moment and are called on a thread of their own, where they may raise
    ``UnmaskError`` or ``OSError``; what must be done on the UI thread afterwards is ``deleted``."""

    name: str
    what: str

    def where(self) -> str: ...

    def how_long(self) -> str: ...

    def how_much(self) -> str: ...

    def delete(self) -> None: ...

    def deleted(self) -> None: ...


class KeptRing:
    """The latest pictures, in memory."""

    def __init__(self, ring: FrameRing) -> None:
        self._ring = ring
        self.name = tr("Latest pictures")
        self.what = tr("What was watched just now, and the frames of the alarms so far, small.")

    def where(self) -> str:
        return tr("In memory only, never in a file")

    def how_long(self) -> str:
        return tr("{seconds} seconds; those of alarms until Unmask is closed").format(seconds=f"{self._ring.seconds:g}")

    def how_much(self) -> str:
        return size_words(self._ring.size_bytes)

    def delete(self) -> None:
        self._ring.clear()

    def deleted(self) -> None:
        pass


class KeptHistory:
    """The history's file. ``path`` is asked for its size without opening it; ``open_history`` opens it to delete."""

    def __init__(self, path: Path, preferences: Preferences, open_history: Callable[[], History] | None = None) -> None:
        self._path, self._preferences = path, preferences
        self._open = open_history or (lambda: History(path))
        self.name = tr("History")
        self.what = tr("What was found and when, in words and numbers; pictures of alarms only if you allowed them.")

    def where(self) -> str:
        return str(self._path)

    def how_long(self) -> str:
        if not self._preferences.value("privacy/history"):
            return tr("Nothing new is kept: the history is switched off")
        return tr("{days} days").format(days=self._preferences.value("privacy/history_days"))

    def how_much(self) -> str:
        """The database and the log beside it."""
        return size_words(sum(path.stat().st_size for path in self._path.parent.glob(self._path.name + "*")))

    def delete(self) -> None:
        if self._path.exists():
            with self._open() as history:
                history.delete_all()

    def deleted(self) -> None:
        pass


class KeptSettings:
    """The file of settings."""

    def __init__(self, preferences: Preferences) -> None:
        self._preferences = preferences
        self.name = tr("Settings")
        self.what = tr("What you set, and the sources that you watched last.")

    def where(self) -> str:
        return str(self._preferences.path)

    def how_long(self) -> str:
        return tr("Until you delete them")

    def how_much(self) -> str:
        path = self._preferences.path
        return size_words(path.stat().st_size if path.exists() else 0)

    def delete(self) -> None:
        self._preferences.path.unlink(missing_ok=True)

    def deleted(self) -> None:
        self._preferences.forget()


def size_words(number: int) -> str:
    """``1.5 MB``: thousands, as file managers count."""
    if number < 1000:
        return tr("nothing") if number == 0 else tr("{number} bytes").format(number=number)
    size, unit = number / 1000, "kB"
    for larger in ("MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.3g} {unit}"
