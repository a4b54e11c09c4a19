"""A named window, followed as it moves and changes its size (X11).

The part of the screen that the window covers is captured, so whatever lies over the window is seen
in its place. When the window changes its size, so do the frames.
"""

from __future__ import annotations

import os
import struct
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from unmask.engines.errors import SourceError
from unmask.realtime.sources.base import SourceInfo
from unmask.realtime.sources.lifecycle import Pacer, SourceBase
from unmask.realtime.sources.screen import DEFAULT_FPS, Region, ScreenGrabber, check_screen
from unmask.realtime.sources.xcb import XConnection
from unmask.realtime.types import Frame

_SEARCH_EVERY_S = 1.0
#: How deep windows are looked for where no window manager lists them.
_DEPTH = 3


@dataclass(frozen=True, slots=True)
class WindowName:
    """A window's id and title."""

    window: int
    title: str

    @property
    def spec(self) -> str:
        return f"window:0x{self.window:x}"


class WindowSource(SourceBase):
    """``wanted`` is a part of the title (upper and lower case are one) or an id such as ``0x2a00007``.

    A window that is closed, minimised or not there yet is a retryable ``SourceError``: opening again
    looks for the title anew.
    """

    takes = frozenset({"fps"})

    def __init__(self, source_id: str, wanted: str, *, fps: float | None = None) -> None:
        super().__init__(source_id)
        self._wanted = wanted
        self._fps = fps or DEFAULT_FPS
        self._windows: XConnection | None = None
        self._grabber: ScreenGrabber | None = None
        self._pacer: Pacer | None = None
        self._found = WindowName(0, "")

    def _open(self) -> SourceInfo:
        check_windows()
        self._windows = XConnection()
        self._grabber = ScreenGrabber()
        self._found = choose_window(self._wanted, list_windows(self._windows), self._windows)
        image, _ = self._grabber.grab(self._visible_part())
        self._pacer = Pacer(self._fps, self._stop)
        height, width = image.shape[:2]
        size = f"{width}x{height} at {self._fps:g} fps"
        text = f"window {self._found.title!r}, {size} (what covers it is seen too)"
        return SourceInfo(self.source_id, "window", text, True, width, height, self._fps)

    def _grab(self) -> Frame | None:
        assert self._pacer is not None
        assert self._grabber is not None
        if not self._pacer.wait():
            return None
        return self._frame(*self._grabber.grab(self._visible_part()))

    def _visible_part(self) -> Region:
        """Where the window is now, as far as it lies on the screen."""
        assert self._windows is not None
        assert self._grabber is not None
        viewable, place = _whereabouts(self._windows, self._found.window)
        name = f"The window {self._found.title!r}"
        if viewable is None or (viewable and place is None):
            raise SourceError(f"{name} was closed; open it again.", retryable=True)
        if place is None:
            raise SourceError(f"{name} is minimised or hidden; bring it back on the screen.", retryable=True)
        region = place.within(self._grabber.desktop)
        if region is None:
            raise SourceError(f"{name} lies outside the screen; move it back.", retryable=True)
        return region

    def locator(self) -> WindowPlace:
        """Where this source's window is, whether the source is open or not. ``SourceError`` where windows
        cannot be found by name at all."""
        return WindowPlace(self._wanted)

    def _free(self) -> None:
        windows, self._windows = self._windows, None
        grabber, self._grabber = self._grabber, None
        if windows is not None:
            windows.close()
        if grabber is not None:
            grabber.close()


class WindowPlace:
    """A ``PlaceFinder`` that follows a window over the screen with a connection of its own. A window that
    was closed is looked for anew, once a second: that takes some milliseconds."""

    def __init__(self, wanted: str) -> None:
        check_windows()
        self._wanted = wanted
        self._windows = XConnection()
        self._window: int | None = None
        self._search_at = 0.0

    def look(self) -> Region | None:
        """The part of the window that lies on the screen; ``None`` while it is closed, minimised or hidden."""
        if self._window is None and not self._search():
            return None
        assert self._window is not None
        viewable, place = _whereabouts(self._windows, self._window)
        if viewable is None:
            self._window = None
        desktop = self._windows.rectangle(self._windows.root)
        if place is None or desktop is None:
            return None
        return place.within(Region(desktop.left, desktop.top, desktop.width, desktop.height))

    def _search(self) -> bool:
        now = time.monotonic()
        if now < self._search_at:
            return False
        self._search_at = now + _SEARCH_EVERY_S
        try:
            self._window = choose_window(self._wanted, list_windows(self._windows), self._windows).window
        except SourceError:  # not there, or not the only one: the source itself says so
            return False
        return True

    def close(self) -> None:
        self._windows.close()


def _whereabouts(connection: XConnection, window: int) -> tuple[bool | None, Region | None]:
    """``XConnection.viewable``, and where the window is if that is true and it did not close meanwhile."""
    viewable = connection.viewable(window)
    place = connection.rectangle(window) if viewable else None
    return viewable, Region(place.left, place.top, place.width, place.height) if place is not None else None


def check_windows() -> None:
    """Raise ``SourceError`` where windows cannot be found by name."""
    if not sys.platform.startswith("linux"):
        raise SourceError(
            "Windows can be named on X11 only; capture their part of the screen with region:LEFT,TOP,WIDTH,HEIGHT."
        )
    check_screen()


def list_windows(connection: XConnection) -> tuple[WindowName, ...]:
    """The titled windows of the desktop that are not our own, as the window manager lists them;
    without one, what the tree of windows shows. (Extended Window Manager Hints 1.5, _NET_CLIENT_LIST.)"""
    listed = _numbers(connection.property(connection.root, "_NET_CLIENT_LIST"))
    windows = listed or _walk(connection, connection.root, _DEPTH)
    named = (WindowName(window, _title(connection, window)) for window in windows)
    return tuple(name for name in named if name.title and not _ours(connection, name.window))


def choose_window(wanted: str, there: Sequence[WindowName], connection: XConnection) -> WindowName:
    """The window meant; a title that is exactly ``wanted`` beats one that contains it."""
    if wanted.lower().startswith("0x"):
        try:
            window = int(wanted, 16)
        except ValueError:
            raise SourceError(f"{wanted} is no window id; `unmask sources` lists them.") from None
        if connection.viewable(window) is None:
            raise SourceError(f"There is no window {wanted}; `unmask sources` lists them.", retryable=True)
        return WindowName(window, _title(connection, window) or wanted)
    key = wanted.casefold()
    matching = [name for name in there if key in name.title.casefold()]
    chosen = [name for name in matching if name.title.casefold() == key] or matching
    if not chosen:
        raise SourceError(
            f"There is no window with {wanted!r} in its title; `unmask sources` lists them.", retryable=True
        )
    if len(chosen) > 1:
        several = ", ".join(f"{name.spec} ({name.title})" for name in chosen[:5])
        raise SourceError(f"{wanted!r} fits {len(chosen)} windows; choose one by its id: {several}.")
    return chosen[0]


def _walk(connection: XConnection, window: int, depth: int) -> list[int]:
    found = []
    for child in connection.children(window):
        if connection.viewable(child):
            found.append(child)
            if depth > 1:
                found.extend(_walk(connection, child, depth - 1))
    return found


def _title(connection: XConnection, window: int) -> str:
    modern = connection.property(window, "_NET_WM_NAME")
    if modern:
        return modern.decode("utf-8", "replace").strip("\0 ")
    return connection.property(window, "WM_NAME").decode("latin-1").strip("\0 ")


def _ours(connection: XConnection, window: int) -> bool:
    """Our own windows show what we capture; capturing them would be a hall of mirrors."""
    return os.getpid() in _numbers(connection.property(window, "_NET_WM_PID"))


def _numbers(value: bytes) -> list[int]:
    return list(struct.unpack(f"={len(value) // 4}I", value[: len(value) // 4 * 4]))
