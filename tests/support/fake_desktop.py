"""A desktop and a place on it that do as a test says."""

from __future__ import annotations

from unmask.gui.overlay.geometry import Monitor
from unmask.gui.qt import QRectF
from unmask.realtime.sources.screen import Region


class FakeDesktop:
    """One monitor of 1600x900 unless told otherwise."""

    def __init__(self, *, excludes: bool = False, clicks: bool = False, wayland: bool = False, scale: float = 1.0):
        self.wayland, self.excludes, self.clicks, self.blends = wayland, excludes, clicks, True
        whole = QRectF(0, 0, 1600, 900)
        self.screens = (Monitor("one", QRectF(0, 0, 1600 * scale, 900 * scale), whole),)
        self.closed = False

    def monitors(self) -> tuple[Monitor, ...]:
        return self.screens

    def composited(self) -> bool:
        return self.blends

    def takes_clicks(self, window: int) -> bool:
        return self.clicks

    def exclude(self, window: int) -> bool:
        return self.excludes

    def close(self) -> None:
        self.closed = True


class FakePlace:
    def __init__(self, region: Region | None) -> None:
        self.region = region
        self.closed = False

    def look(self) -> Region | None:
        return self.region

    def close(self) -> None:
        self.closed = True
