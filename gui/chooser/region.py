"""The region being drawn, in the pixels that are captured. Pure functions over ``gui/overlay/geometry.py``."""

from __future__ import annotations

import math
from collections.abc import Sequence

from unmask.gui.overlay.geometry import Monitor, region_rect
from unmask.gui.qt import QPointF, QRectF, QSizeF
from unmask.realtime.sources.screen import Region

#: Captured pixels a side: in less there is no face that could be judged.
SMALLEST = 64


def desktop_of(monitors: Sequence[Monitor]) -> Region:
    """All monitors together, as ``ScreenGrabber.desktop``."""
    whole = QRectF()
    for monitor in monitors:
        whole = whole.united(monitor.captured)
    return whole_pixels(whole)


def whole_pixels(rect: QRectF) -> Region:
    left, top = math.floor(rect.left() + 1e-6), math.floor(rect.top() + 1e-6)
    return Region(left, top, math.ceil(rect.right() - 1e-6) - left, math.ceil(rect.bottom() - 1e-6) - top)


def monitor_at(point: QPointF, monitors: Sequence[Monitor]) -> Monitor:
    """The monitor on which a point of the desktop (logical) lies, or the nearest one."""
    return min(monitors, key=lambda monitor: _distance(point, monitor.logical))


def to_captured(point: QPointF, monitors: Sequence[Monitor]) -> QPointF:
    """A point of the desktop in captured pixels; each monitor has a scale of its own."""
    return monitor_at(point, monitors).to_captured(QRectF(point, QSizeF(0, 0))).topLeft()


def spanned(one: QPointF, other: QPointF, desktop: Region) -> Region:
    """From corner to corner (captured pixels), as far as it lies on the desktop. May be as small as one pixel."""
    left, right = _between(one.x(), other.x(), desktop.left, desktop.width)
    top, bottom = _between(one.y(), other.y(), desktop.top, desktop.height)
    return Region(left, top, right - left, bottom - top)


def moved(region: Region, across: int, down: int, desktop: Region) -> Region:
    """As far as the desktop goes; the size stays."""
    left = min(max(region.left + across, desktop.left), desktop.left + desktop.width - region.width)
    top = min(max(region.top + down, desktop.top), desktop.top + desktop.height - region.height)
    return Region(left, top, region.width, region.height)


def resized(region: Region, across: int, down: int, desktop: Region) -> Region:
    """The lower right corner elsewhere: not beyond the desktop, and not below the smallest size."""
    width = min(max(region.width + across, SMALLEST), desktop.left + desktop.width - region.left)
    height = min(max(region.height + down, SMALLEST), desktop.top + desktop.height - region.top)
    return Region(region.left, region.top, width, height)


def large_enough(region: Region) -> bool:
    return min(region.width, region.height) >= SMALLEST


def middle_of(monitor: Monitor) -> Region:
    """Where drawing by keyboard begins: the middle half of a monitor."""
    place = whole_pixels(monitor.captured)
    width, height = max(SMALLEST, place.width // 2), max(SMALLEST, place.height // 2)
    return Region(place.left + (place.width - width) // 2, place.top + (place.height - height) // 2, width, height)


def on_monitor(region: Region, monitor: Monitor) -> QRectF:
    """The region in the logical pixels of a window that covers ``monitor``; it may reach beyond it."""
    return monitor.to_logical(region_rect(region)).translated(-monitor.logical.topLeft())


def spec_of(region: Region) -> str:
    return f"region:{region.left},{region.top},{region.width},{region.height}"


def _between(one: float, other: float, start: int, length: int) -> tuple[int, int]:
    low, high = sorted((round(one), round(other)))
    low = min(max(low, start), start + length - 1)
    return low, min(max(high, low + 1), start + length)


def _distance(point: QPointF, rect: QRectF) -> float:
    # A window's right edge belongs to the next one.
    across = max(rect.left() - point.x(), 0.0, point.x() - rect.right() + 1e-9)
    down = max(rect.top() - point.y(), 0.0, point.y() - rect.bottom() + 1e-9)
    return math.hypot(across, down)
