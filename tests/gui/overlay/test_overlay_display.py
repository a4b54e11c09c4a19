"""Real layers on a real X server: where they lie, and what of them is captured."""

from __future__ import annotations

import pytest
from overlay_display import BAR, GREEN, HIGH, LEFT, ORANGE, TOP, WIDE, extent, frame_at, has, screen, until

pytestmark = pytest.mark.display


def test_marks_lie_around_the_window_and_nothing_in_it(call, start):
    start("marks", "window:Call", "SIGNS").says("AROUND The marks lie around")
    until(lambda: frame_at(LEFT, TOP), "no frame")
    seen = screen()
    inside = seen[TOP : TOP + HIGH, LEFT : LEFT + WIDE]
    assert has(GREEN, inside).all(), "what is analysed has none of the layer's pixels"
    row = has(ORANGE, seen)[TOP - 14]
    assert extent(row[None])[0::2] == BAR, "the bar above the face is as long as the face"


def test_a_scaled_desktop_has_the_marks_at_the_same_device_pixels(call, start):
    start("marks", "window:Call", "SIGNS", QT_SCALE_FACTOR="2").says("AROUND")
    until(lambda: extent(has(ORANGE, screen())[TOP - 28][None]) is not None, "no bar")
    seen = screen()
    assert has(GREEN, seen[TOP : TOP + HIGH, LEFT : LEFT + WIDE]).all()
    assert extent(has(ORANGE, seen)[TOP - 28][None])[0::2] == BAR


def test_a_layer_that_is_seen_in_spite_of_the_promise_draws_outside(call, start):
    start("marks", "window:Call", "SIGNS", "promise").says("AROUND")
    until(lambda: frame_at(LEFT, TOP), "no frame")
    assert has(GREEN, screen()[TOP : TOP + HIGH, LEFT : LEFT + WIDE]).all()


def test_a_whole_screen_has_no_room_for_marks(call, start):
    start("marks", "screen:1", "SIGNS").says("CHECKING There are no marks on the desktop: all of the monitor")
    assert not has(ORANGE, screen()).any()
