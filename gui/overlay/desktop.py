"""What the desktop can do with a layer over it, asked once and through one door, so that tests can stand in."""

from __future__ import annotations

import os
from typing import Protocol

from unmask.gui.overlay.exclusion import exclude_from_capture
from unmask.gui.overlay.geometry import Monitor, monitors
from unmask.gui.qt import QGuiApplication
from unmask.realtime.sources.xcb import XConnection


class Desktop(Protocol):
    """``wayland``: windows have no place that a program could know or choose."""

    @property
    def wayland(self) -> bool: ...

    def monitors(self) -> tuple[Monitor, ...]: ...

    def composited(self) -> bool:
        """Whether see-through windows are blended with what lies below."""
        ...

    def takes_clicks(self, window: int) -> bool:
        """Whether the system would give clicks to a window that asked for none."""
        ...

    def exclude(self, window: int) -> bool:
        """Ask that captures leave the window out; whether the system agreed."""
        ...

    def close(self) -> None: ...


class QtDesktop:
    """The desktop that Qt is connected to."""

    def __init__(self) -> None:
        name = QGuiApplication.platformName()
        self.wayland = name.startswith("wayland")
        self._x11 = XConnection() if name == "xcb" and os.environ.get("DISPLAY") else None

    def monitors(self) -> tuple[Monitor, ...]:
        return monitors(QGuiApplication.screens())

    def composited(self) -> bool:
        return self._x11 is None or self._x11.has_owner("_NET_WM_CM_S0")

    def takes_clicks(self, window: int) -> bool:
        return self._x11 is not None and bool(self._x11.input_rectangles(window))

    def exclude(self, window: int) -> bool:
        return exclude_from_capture(window)

    def close(self) -> None:
        if self._x11 is not None:
            self._x11.close()
            self._x11 = None
