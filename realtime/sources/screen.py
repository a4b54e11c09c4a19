"""A monitor or a region of the screen, through mss.

Sizes and regions are in the pixels that are captured. On a HiDPI desktop these differ from the
logical pixels in which Qt places windows (and on macOS mss takes regions in logical pixels and
returns more pixels than asked for): whoever draws over the screen has to scale.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np

from unmask.engines.errors import SourceError, UsageError
from unmask.realtime.sources.base import SourceInfo
from unmask.realtime.sources.lifecycle import Pacer, SourceBase
from unmask.realtime.types import Frame, Image

DEFAULT_FPS = 30.0


class WaylandError(SourceError):
    """What would be captured through X11 belongs to a Wayland session."""


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of the whole desktop, which may begin at negative coordinates."""

    left: int
    top: int
    width: int
    height: int

    def as_dict(self) -> dict[str, int]:
        return {"left": self.left, "top": self.top, "width": self.width, "height": self.height}

    def within(self, outer: Region) -> Region | None:
        """The part that lies inside ``outer``, ``None`` when there is none."""
        left, top = max(self.left, outer.left), max(self.top, outer.top)
        right = min(self.left + self.width, outer.left + outer.width)
        bottom = min(self.top + self.height, outer.top + outer.height)
        if right <= left or bottom <= top:
            return None
        return Region(left, top, right - left, bottom - top)


class PlaceFinder(Protocol):
    """Where on the desktop the pixels of a source come from, in the pixels that are captured, for whoever
    draws over them. Used by one thread; close it."""

    def look(self) -> Region | None:
        """Where that is now; ``None`` while it is not on the screen. Takes well under a millisecond,
        except while a closed window is looked for."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class FixedPlace:
    """A ``PlaceFinder`` of what does not move."""

    region: Region

    def look(self) -> Region:
        return self.region

    def close(self) -> None:
        """Nothing to close."""


def parse_region(text: str) -> Region:
    """``LEFT,TOP,WIDTH,HEIGHT`` in pixels; ``UsageError`` for anything else."""
    try:
        left, top, width, height = (int(part) for part in text.split(","))
    except ValueError:
        left = top = width = height = 0
    if width <= 0 or height <= 0:
        raise UsageError(f"A region is LEFT,TOP,WIDTH,HEIGHT in pixels, as in region:100,50,640,480, not {text!r}.")
    return Region(left, top, width, height)


class ScreenGrabber:
    """One connection to the screen; one thread at a time. Close it."""

    def __init__(self) -> None:
        check_screen()
        import mss

        try:
            self._mss = mss.MSS()
            self.monitors = [_region(monitor) for monitor in self._mss.monitors]
        except (mss.ScreenShotError, OSError) as error:
            raise SourceError(
                f"The screen cannot be captured ({error}); run this in a desktop session "
                "(and on macOS allow screen recording in the system's privacy settings)."
            ) from error

    @property
    def desktop(self) -> Region:
        """All monitors together."""
        return self.monitors[0]

    @property
    def primary(self) -> Region:
        return _region(self._mss.primary_monitor)

    @property
    def shared_memory(self) -> bool | None:
        """Whether pictures come through MIT-SHM, ten times faster than without (X11, after a grab);
        ``None`` on other systems."""
        if not sys.platform.startswith("linux"):
            return None
        return any("working" in line for line in self._mss.performance_status)

    def grab(self, region: Region) -> tuple[Image, int]:
        """A new BGR array of the region, and when it was grabbed. ``SourceError`` when the screen
        changed under it (a monitor was unplugged): retryable."""
        import mss

        try:
            shot = self._mss.grab(region.as_dict())
        except (mss.ScreenShotError, OSError, AssertionError) as error:
            # mss asserts that there is a reply; when the display is gone there is none.
            reason = str(error) or "the display is gone"
            raise SourceError(
                f"The screen could not be captured ({reason}); it may have been resized or locked.",
                retryable=True,
            ) from error
        captured_at = time.monotonic_ns()
        pixels = np.frombuffer(shot.raw, np.uint8).reshape(shot.height, shot.width, 4)
        return cv2.cvtColor(pixels, cv2.COLOR_BGRA2BGR), captured_at  # pyright: ignore[reportReturnType]

    def close(self) -> None:
        import mss

        # mss reports here that the display is gone; then there is nothing left to close.
        with contextlib.suppress(mss.ScreenShotError):
            self._mss.close()


class ScreenSource(SourceBase):
    """``area`` is a region, a monitor's number (0: all of them together), or ``None``: the primary one."""

    takes = frozenset({"fps"})

    def __init__(self, source_id: str, area: Region | int | None = None, *, fps: float | None = None) -> None:
        super().__init__(source_id)
        self._area = area
        self._fps = fps or DEFAULT_FPS
        self._grabber: ScreenGrabber | None = None
        self._region: Region | None = None
        self._pacer: Pacer | None = None

    def _open(self) -> SourceInfo:
        self._grabber = ScreenGrabber()
        self._region = region = self._find(self._grabber)
        image, _ = self._grabber.grab(region)
        self._pacer = Pacer(self._fps, self._stop)
        height, width = image.shape[:2]
        slow = "" if self._grabber.shared_memory is not False else ", slowly: the display has no MIT-SHM"
        text = f"screen at {region.left},{region.top}, {width}x{height} at {self._fps:g} fps{slow}"
        return SourceInfo(self.source_id, "screen", text, True, width, height, self._fps)

    def locator(self) -> FixedPlace:
        """Where this source captures, open or not; anew after a monitor came or went. ``SourceError`` as ``open``."""
        grabber = ScreenGrabber()
        try:
            return FixedPlace(self._find(grabber))
        finally:
            grabber.close()

    def _find(self, grabber: ScreenGrabber) -> Region:
        if self._area is None:
            return grabber.primary
        if isinstance(self._area, Region):
            if self._area.within(grabber.desktop) == self._area:
                return self._area
            whole = grabber.desktop
            raise SourceError(
                f"{self.source_id} reaches beyond the screen, which is {whole.width}x{whole.height} "
                f"from {whole.left},{whole.top}; choose a region inside it."
            )
        if 0 <= self._area < len(grabber.monitors):
            return grabber.monitors[self._area]
        raise SourceError(
            f"There is no monitor {self._area}; this machine has {len(grabber.monitors) - 1} "
            "(screen:1 is the first, screen:0 all of them together)."
        )

    def _grab(self) -> Frame | None:
        assert self._grabber is not None
        assert self._region is not None
        assert self._pacer is not None
        if not self._pacer.wait():
            return None
        return self._frame(*self._grabber.grab(self._region))

    def _free(self) -> None:
        grabber, self._grabber = self._grabber, None
        if grabber is not None:
            grabber.close()


def under_wayland() -> bool:
    """Whether a capture through X11 would fail or be black because the session is Wayland's."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        check_screen()
    except WaylandError:
        return True
    except SourceError:
        return False
    return False


def check_screen(platform: str = sys.platform, environment: Mapping[str, str] = os.environ) -> None:
    """Raise ``SourceError`` where a capture would fail or be black."""
    if not platform.startswith("linux"):
        return
    wayland = environment.get("WAYLAND_DISPLAY") or environment.get("XDG_SESSION_TYPE") == "wayland"
    if not environment.get("DISPLAY"):
        if wayland:
            raise _wayland()
        raise SourceError("There is no X display; run this in a desktop session or set DISPLAY.")
    if wayland and _is_xwayland():
        raise _wayland()


def _wayland() -> WaylandError:
    return WaylandError(
        "Under Wayland other programs' windows cannot be captured this way, the picture would be black; "
        "log in to an X11 (Xorg) session."
    )


def _is_xwayland() -> bool:
    """A real X server may run inside a Wayland session (Xvfb, Xephyr); that one can be captured."""
    from unmask.realtime.sources.xcb import XConnection

    connection = XConnection()
    try:
        return connection.has_extension("XWAYLAND")
    finally:
        connection.close()


def _region(monitor: Mapping[str, Any]) -> Region:
    return Region(monitor["left"], monitor["top"], monitor["width"], monitor["height"])
