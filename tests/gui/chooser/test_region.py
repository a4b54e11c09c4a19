"""The region being drawn: corners, scales, several monitors, the least size."""

from __future__ import annotations

import numpy as np
import pytest

from unmask.gui.chooser import region as regions
from unmask.gui.chooser.picker import RegionPicker
from unmask.gui.overlay.geometry import Monitor
from unmask.gui.qt import QPointF, QRectF, Qt
from unmask.realtime.sources.screen import Region

PLAIN = Monitor("plain", QRectF(0, 0, 1000, 800), QRectF(0, 0, 1000, 800))
#: Scaled twice: Qt leaves its corner where it is in device pixels.
SHARP = Monitor("sharp", QRectF(1000, 0, 2000, 1600), QRectF(1000, 0, 1000, 800))
BOTH = (PLAIN, SHARP)
DESKTOP = Region(0, 0, 3000, 1600)
NOTHING, SHIFT, CONTROL = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
)


def drawn(start, end, monitors=BOTH):
    corners = [regions.to_captured(QPointF(*point), monitors) for point in (start, end)]
    return regions.spanned(*corners, regions.desktop_of(monitors))


def test_the_desktop_is_all_monitors_together():
    assert regions.desktop_of(BOTH) == DESKTOP


def test_a_drag_is_a_region_whichever_corner_it_begins_at():
    assert drawn((100, 50), (400, 250)) == drawn((400, 250), (100, 50)) == Region(100, 50, 300, 200)


def test_on_a_scaled_monitor_a_region_has_the_pixels_that_are_captured():
    assert drawn((1100, 50), (1400, 250)) == Region(1200, 100, 600, 400)


def test_a_region_may_span_two_monitors_of_different_scales():
    region = drawn((900, 100), (1100, 300))
    assert region == Region(900, 100, 300, 500)
    assert regions.on_monitor(region, PLAIN) == QRectF(900, 100, 300, 500)
    assert regions.on_monitor(region, SHARP) == QRectF(-50, 50, 150, 250)


def test_a_drag_beyond_the_desktop_ends_at_its_edge():
    assert drawn((900, 700), (-50, 5000), (PLAIN,)) == Region(0, 700, 900, 100)


def test_moving_and_resizing_stay_on_the_desktop_and_above_the_least_size():
    region = Region(100, 100, 200, 100)
    assert regions.moved(region, -500, 5000, DESKTOP) == Region(0, 1500, 200, 100)
    assert regions.resized(region, 9999, -9999, DESKTOP) == Region(100, 100, 2900, regions.SMALLEST)


@pytest.fixture
def picker(qtbot):
    pictures = [np.zeros((int(each.captured.height()), int(each.captured.width()), 3), np.uint8) for each in BOTH]
    made = RegionPicker([], BOTH, pictures, Region(100, 100, 200, 300))
    qtbot.addWidget(made)
    return made


def test_the_keys_move_and_resize_in_large_and_single_steps(picker):
    for key, modifiers in ((Qt.Key.Key_Right, NOTHING), (Qt.Key.Key_Up, CONTROL), (Qt.Key.Key_Down, SHIFT)):
        assert picker.press_key(key, modifiers)
    assert picker.region == Region(110, 99, 200, 310)
    assert picker.press_key(Qt.Key.Key_Left, SHIFT | CONTROL)
    assert picker.region == Region(110, 99, 199, 310)
    assert not picker.press_key(Qt.Key.Key_A, NOTHING)


def test_pressing_inside_the_band_moves_it_and_outside_begins_another(picker):
    picker.press(QPointF(150, 150))
    picker.drag(QPointF(170, 190))
    picker.release()
    assert picker.region == Region(120, 140, 200, 300)
    picker.press(QPointF(800, 500))
    picker.drag(QPointF(1100, 600))
    assert picker.region == Region(800, 500, 400, 700)


def test_one_that_is_too_small_is_named_and_not_taken(picker):
    picker.press(QPointF(600, 600))
    picker.drag(QPointF(620, 700))
    assert picker.words() == "20 × 100, too small: at least 64 × 64 pixels"
    assert "too small" in picker.panes[1].accessibleDescription()
    picker.press_key(Qt.Key.Key_Return, NOTHING)
    assert picker.result() == 0
    picker.press_key(Qt.Key.Key_Right, SHIFT)
    picker.press_key(Qt.Key.Key_Return, NOTHING)
    assert (picker.result(), picker.region) == (1, Region(600, 600, 64, 100))


def test_a_start_that_is_not_on_this_desktop_is_replaced_by_the_middle(qtbot):
    made = RegionPicker([], (PLAIN,), [np.zeros((800, 1000, 3), np.uint8)], Region(5000, 0, 100, 100))
    qtbot.addWidget(made)
    assert made.region == Region(250, 200, 500, 400)


def test_every_monitor_is_painted_with_its_part_of_the_band(picker):
    for window, monitor in zip([picker, picker.panes[1]], BOTH, strict=True):
        window.resize(monitor.logical.size().toSize())
    picker.press(QPointF(800, 500))
    picker.drag(QPointF(1200, 700))
    left, right = (pane.grab().toImage() for pane in picker.panes)
    # Dimmed black is black: the band's rim is what differs.
    assert left.pixelColor(800, 600).blue() > 150
    assert right.pixelColor(200, 300).blue() > 150
    assert right.pixelColor(600, 300).blue() == 0
