"""From a source to its place on the desktop: screens, regions and windows have one, nothing else does."""

from __future__ import annotations

from unmask.engines.errors import UnmaskError
from unmask.gui.i18n import tr
from unmask.gui.overlay.desktop import Desktop
from unmask.gui.overlay.overlay import Overlay
from unmask.realtime.plans import SourcePlan
from unmask.realtime.sources.registry import make_source
from unmask.realtime.sources.screen import PlaceFinder

_ON_THE_DESKTOP = ("screen", "region", "window")


class NoPlaceError(UnmaskError):
    """Marks cannot be drawn for this source; the sentence says why, and that there is the pill."""


def on_the_desktop(spec: str) -> bool:
    return spec.strip().partition(":")[0] in _ON_THE_DESKTOP


def place_for(source: str | SourcePlan) -> PlaceFinder:
    """Where a source lies on the desktop, which may be given as a person types it or as a plan. The caller
    closes it.

    Raises ``NoPlaceError`` where it lies nowhere, ``SourceError`` where it cannot be found.
    """
    spec = source.source_id if isinstance(source, SourcePlan) else source
    if on_the_desktop(spec):
        made = source.make() if isinstance(source, SourcePlan) else make_source(spec)
        locator = getattr(made, "locator", None)
        if locator is not None:
            return locator()
    raise NoPlaceError(
        tr("{source} has no place on the desktop where faces could be marked: use the pill.").format(source=spec)
    )


def overlay_for(source: str | SourcePlan, desktop: Desktop, *, source_id: str = "") -> Overlay:
    """The marks for a source. ``source_id``: as its updates have it, where that is not the source itself.
    Raises as ``place_for``, and under Wayland always."""
    spec = source.source_id if isinstance(source, SourcePlan) else source
    if desktop.wayland and on_the_desktop(spec):
        raise NoPlaceError(
            tr("Under Wayland a program cannot know where windows are, so no faces are marked: use the pill.")
        )
    return Overlay(source_id or spec, lambda: place_for(source), desktop)
