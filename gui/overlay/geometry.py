"""From picture pixels over captured pixels to Qt's logical ones. Pure functions: they never ask the desktop.

Three counts of pixels meet here. The *picture* is what the monitor analyses. It was captured from an *area*
of the desktop, in the units that the capture takes: device pixels on X11 and Windows, logical ones on macOS
(there the picture has more pixels than the area). Qt places windows in *logical* pixels, of which a monitor
has fewer than device pixels where it is scaled; each monitor may have a scale of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from unmask.gui.qt import QPointF, QRect, QRectF, QSizeF
from unmask.realtime.sources.screen import Region
from unmask.realtime.types import FaceBox


class ScreenLike(Protocol):
    """What is needed of a ``QScreen``."""

    def name(self) -> str: ...

    def geometry(self) -> QRect: ...

    def devicePixelRatio(self) -> float: ...


@dataclass(frozen=True)
class Monitor:
    """One monitor, twice: in the units of the capture and in Qt's logical pixels."""

    name: str
    captured: QRectF
    logical: QRectF

    @property
    def scale(self) -> float:
        """Captured units in a logical pixel."""
        return self.captured.width() / self.logical.width()

    def to_logical(self, rect: QRectF) -> QRectF:
        """A rectangle of captured units on (or beyond) this monitor, in logical pixels of the desktop."""
        moved = rect.translated(-self.captured.topLeft())
        return _scaled(moved, 1 / self.scale).translated(self.logical.topLeft())

    def to_captured(self, rect: QRectF) -> QRectF:
        moved = rect.translated(-self.logical.topLeft())
        return _scaled(moved, self.scale).translated(self.captured.topLeft())


def monitors(screens: Iterable[ScreenLike], platform: str = sys.platform) -> tuple[Monitor, ...]:
    """The monitors as Qt tells of them. Qt scales the size of each but leaves its upper left corner in device
    pixels (QHighDpiScaling), except on macOS, where the system itself reckons in logical pixels, as captures do."""
    found = []
    for screen in screens:
        logical = QRectF(screen.geometry())
        ratio = 1.0 if platform == "darwin" else screen.devicePixelRatio()
        captured = QRectF(logical.topLeft(), QSizeF(logical.width() * ratio, logical.height() * ratio))
        found.append(Monitor(screen.name(), captured, logical))
    return tuple(found)


def region_rect(region: Region) -> QRectF:
    return QRectF(region.left, region.top, region.width, region.height)


def touched(area: Region, among: Sequence[Monitor]) -> list[Monitor]:
    """The monitors on which some of the area lies."""
    rect = region_rect(area)
    return [monitor for monitor in among if _has_area(monitor.captured.intersected(rect))]


def face_on_desktop(face: FaceBox, picture: tuple[int, int], area: Region) -> QRectF:
    """Where a face of a picture (width, height) captured from ``area`` lies on the desktop, in captured units."""
    across, down = area.width / picture[0], area.height / picture[1]
    corner = QPointF(area.left + face.x0 * across, area.top + face.y0 * down)
    return QRectF(corner, QSizeF(face.width * across, face.height * down))


def canvas(area: QRectF, monitor: QRectF, margin: float) -> QRect:
    """What of a monitor a layer must cover to draw in and ``margin`` around the area; all in logical pixels."""
    grown = area.adjusted(-margin, -margin, margin, margin).intersected(monitor)
    return grown.toAlignedRect().intersected(monitor.toRect())


def pill_corner(size: QSizeF, desks: Sequence[QRectF], avoid: Sequence[QRectF], gap: float = 16.0) -> QPointF:
    """The upper left corner for a pill of ``size`` that lies over nothing of ``avoid``: a corner of a desk
    (what a monitor leaves to windows), the first desk before the others, the lower right corner before the
    others; where each lies over something, the one that covers least. All in logical pixels."""
    corners = []
    for desk in desks:
        left, right = desk.left() + gap, desk.right() - gap - size.width()
        top, bottom = desk.top() + gap, desk.bottom() - gap - size.height()
        corners += [QPointF(x, y) for x, y in ((right, bottom), (right, top), (left, bottom), (left, top))]
    return min(corners, key=lambda corner: sum(_shared(QRectF(corner, size), rect) for rect in avoid))


def kept_on(corner: QPointF, size: QSizeF, desks: Sequence[QRectF]) -> QPointF | None:
    """``corner``, moved so that all of a pill shows; ``None`` where it would lie on no desk at all (its monitor
    is gone)."""
    place = QRectF(corner, size)
    desk = max(desks, key=lambda desk: _shared(place, desk), default=None)
    if desk is None or not _shared(place, desk):
        return None
    return QPointF(
        max(desk.left(), min(corner.x(), desk.right() - size.width())),
        max(desk.top(), min(corner.y(), desk.bottom() - size.height())),
    )


def _scaled(rect: QRectF, factor: float) -> QRectF:
    return QRectF(rect.x() * factor, rect.y() * factor, rect.width() * factor, rect.height() * factor)


def _has_area(rect: QRectF) -> bool:
    return rect.width() > 0 and rect.height() > 0


def _shared(one: QRectF, other: QRectF) -> float:
    both = one.intersected(other)
    return max(0.0, both.width()) * max(0.0, both.height())
