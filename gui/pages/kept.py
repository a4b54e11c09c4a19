"""What Unmask keeps about a person, each with where, for how long, how much, and how it is deleted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from unmask.gui.chooser.chosen import MOST as MOST_SOURCES
from unmask.gui.chooser.chosen import forget, recent
from unmask.gui.i18n import tr
from unmask.gui.settings.preferences import Preferences
from unmask.gui.settings.store import broken_name
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
        """The database, the log beside it, and damaged ones that were set aside."""
        return size_words(sum(path.stat().st_size for path in self._path.parent.glob(self._path.name + "*")))

    def delete(self) -> None:
        if self._path.exists():
            with self._open() as history:
                history.delete_all()
        for path in self._path.parent.glob(self._path.name + ".broken*"):
            path.unlink(missing_ok=True)

    def deleted(self) -> None:
        pass


class KeptPictures:
    """The pictures of alarms in the history's file; switching them off for the future leaves those that are there."""

    def __init__(self, path: Path, preferences: Preferences) -> None:
        self._path, self._preferences = path, preferences
        self.name = tr("Pictures in the history")
        self.what = tr("Small pictures of faces during alarms, if you allow them below.")

    def where(self) -> str:
        return tr("In the history's file")

    def how_long(self) -> str:
        if not self._preferences.value("privacy/history") or not self._preferences.value("privacy/pictures"):
            return tr("No new ones are kept; those that are there stay with their entry until you delete them")
        return tr("As long as their entry in the history")

    def how_much(self) -> str:
        if not self._path.exists():
            return size_words(0)
        with History(self._path) as history:
            number, size = history.pictures_kept()
            return history.notice or (tr("{number} of them, {size}").format(number=number, size=size_words(size)))

    def delete(self) -> None:
        if self._path.exists():
            with History(self._path) as history:
                history.delete_pictures()

    def deleted(self) -> None:
        pass


class KeptSources:
    """What the chooser offers as watched before. It lies in the settings, but is about what a person did."""

    def __init__(self, preferences: Preferences) -> None:
        self._preferences = preferences
        self.name = tr("Sources watched before")
        self.what = tr("Names of cameras, windows, files and addresses, so that you can choose them again.")

    def where(self) -> str:
        return str(self._preferences.path)

    def how_long(self) -> str:
        if not self._preferences.value("privacy/history"):
            return tr("No new ones are kept: the history is switched off")
        return tr("The latest {number}, until you delete them").format(number=MOST_SOURCES)

    def how_much(self) -> str:
        number = len(recent(self._preferences))
        return tr("{number} of them").format(number=number) if number else tr("nothing")

    def delete(self) -> None:
        """On the UI thread, in ``deleted``: that is where the settings are changed."""

    def deleted(self) -> None:
        forget(self._preferences, recent(self._preferences))
        self._preferences.save()


class KeptSettings:
    """The file of settings, and a broken one that was set aside."""

    def __init__(self, preferences: Preferences) -> None:
        self._preferences = preferences
        self.name = tr("Settings")
        self.what = tr("What you set, the places of the windows, and the sources that you watched last.")

    def where(self) -> str:
        return str(self._preferences.path)

    def how_long(self) -> str:
        return tr("Until you delete them")

    def how_much(self) -> str:
        return size_words(sum(path.stat().st_size for path in self._files()))

    def delete(self) -> None:
        for path in self._files():
            path.unlink(missing_ok=True)

    def deleted(self) -> None:
        self._preferences.forget()

    def _files(self) -> list[Path]:
        path = self._preferences.path
        return [each for each in (path, broken_name(path)) if each.exists()]


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
