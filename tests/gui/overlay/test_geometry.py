"""From picture pixels to screen pixels to Qt's logical ones, on desktops with several scales."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from unmask.gui.overlay import geometry
from unmask.gui.qt import QPointF, QRect, QRectF, QSizeF
from unmask.realtime.sources.screen import Region
from unmask.realtime.types import FaceBox


@dataclass
class Screen:
    """A ``QScreen``: the corner in device pixels, the size in logical ones, as Qt has it."""

    rect: QRect
    ratio: float = 1.0
    called: str = "one"

    def name(self) -> str:
        return self.called

    def geometry(self) -> QRect:
        return self.rect

    def devicePixelRatio(self) -> float:
        return self.ratio


#: A laptop at 200 % (2880x1800) with a monitor at 150 % (2560x1440) to its right.
SCREENS = (Screen(QRect(0, 0, 1440, 900), 2.0, "left"), Screen(QRect(2880, 0, 1707, 960), 1.5, "right"))


def test_a_scaled_monitor_has_more_captured_than_logical_pixels():
    left, right = geometry.monitors(SCREENS, "linux")
    assert left.captured == QRectF(0, 0, 2880, 1800)
    assert right.captured.topLeft() == QPointF(2880, 0)
    assert right.captured.width() == pytest.approx(2560, abs=1)


def test_macos_captures_in_logical_pixels():
    left, _ = geometry.monitors(SCREENS, "darwin")
    assert left.captured == left.logical


@pytest.mark.parametrize("platform", ["linux", "win32"])
def test_a_face_lands_on_its_place_on_each_monitor(platform):
    left, right = geometry.monitors(SCREENS, platform)
    face = FaceBox(100, 50, 300, 250, 1.0)
    on_left = geometry.face_on_desktop(face, (1280, 720), Region(400, 200, 1280, 720))
    assert left.to_logical(on_left) == QRectF(250, 125, 100, 100)
    on_right = geometry.face_on_desktop(face, (1280, 720), Region(2880 + 300, 300, 1280, 720))
    assert right.to_logical(on_right).x() == pytest.approx(2880 + 400 / 1.5)
    assert right.to_logical(on_right).width() == pytest.approx(200 / 1.5)


def test_a_retina_picture_has_more_pixels_than_its_area():
    (mac,) = geometry.monitors([Screen(QRect(0, 0, 1440, 900), 2.0)], "darwin")
    face = geometry.face_on_desktop(FaceBox(200, 100, 600, 500, 1.0), (1280, 720), Region(100, 100, 640, 360))
    assert mac.to_logical(face) == QRectF(200, 150, 200, 200)


def test_there_and_back_again():
    for monitor in geometry.monitors(SCREENS, "linux"):
        rect = QRectF(3000, 17, 250, 130)
        back = monitor.to_captured(monitor.to_logical(rect))
        assert (back.x(), back.width()) == pytest.approx((rect.x(), rect.width()))


def test_an_area_across_two_monitors_touches_both():
    both = geometry.monitors(SCREENS, "linux")
    assert [monitor.name for monitor in geometry.touched(Region(2800, 100, 200, 100), both)] == ["left", "right"]
    assert [monitor.name for monitor in geometry.touched(Region(2680, 100, 200, 100), both)] == ["left"]
    assert geometry.touched(Region(-500, 0, 100, 100), both) == []


def test_a_canvas_stays_on_its_monitor():
    assert geometry.canvas(QRectF(10, 10, 100, 50), QRectF(0, 0, 1440, 900), 40) == QRect(0, 0, 150, 100)


PILL = QSizeF(200, 30)
DESK = QRectF(0, 0, 1600, 900)


def test_the_pill_keeps_off_what_is_watched():
    lower_right = geometry.pill_corner(PILL, [DESK], [])
    assert lower_right == QPointF(1384, 854)
    elsewhere = geometry.pill_corner(PILL, [DESK], [QRectF(800, 450, 800, 450)])
    assert elsewhere == QPointF(1384, 16)
    other = QRectF(1600, 0, 800, 600)
    assert other.contains(QRectF(geometry.pill_corner(PILL, [DESK, other], [DESK]), PILL))


def test_a_remembered_pill_is_brought_back_onto_a_desk_that_is_there():
    assert geometry.kept_on(QPointF(100, 100), PILL, [DESK]) == QPointF(100, 100)
    assert geometry.kept_on(QPointF(1500, 890), PILL, [DESK]) == QPointF(1400, 870)
    assert geometry.kept_on(QPointF(2500, 100), PILL, [DESK]) is None
