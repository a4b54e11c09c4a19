"""What the chooser asks the machine for, beside the window: what there is, and pictures of whole monitors."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from unmask.engines.errors import SourceError
from unmask.gui.chooser.region import whole_pixels
from unmask.gui.i18n import tr
from unmask.gui.overlay.geometry import Monitor
from unmask.realtime.sources.listing import SourceListing, list_sources
from unmask.realtime.sources.screen import ScreenGrabber, under_wayland
from unmask.realtime.types import Image


def list_here() -> list[SourceListing]:
    """``list_sources``; under Wayland a screen is there too, as the desktop's portal shows one to a window.

    Such a row has a ``reason`` although it is available: why there is no picture of it, and no region."""
    importlib.import_module("unmask.realtime.sources.images")  # slow: here rather than when a file is asked for
    rows = list_sources()
    if not under_wayland():
        return rows
    reason = tr("The desktop asks you which screen may be seen; parts of one cannot be chosen under Wayland.")
    portal = SourceListing("screen", "screen", tr("a screen"), True, reason)
    return [portal if row.kind == "screen" else row for row in rows]


def grab_monitors(monitors: Sequence[Monitor]) -> list[Image]:
    """A picture of each, BGR. ``SourceError`` where the screen cannot be captured, or has changed meanwhile."""
    grabber = ScreenGrabber()
    try:
        places = [whole_pixels(monitor.captured).within(grabber.desktop) for monitor in monitors]
        if not all(places):
            raise SourceError(tr("The monitors changed just now; press F5 and try again."))
        return [grabber.grab(place)[0] for place in places if place is not None]
    finally:
        grabber.close()
