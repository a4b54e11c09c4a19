"""Real layers on a real X server with a window manager: what they let through, what they follow, the pill."""

from __future__ import annotations

import pytest
from overlay_display import GREEN, HIGH, LEFT, ORANGE, TOP, WIDE, extent, frame_at, has, screen, until

pytestmark = pytest.mark.display


def test_clicks_go_through_to_what_is_below(call, start, display):
    start("marks", "window:Call", "SIGNS").says("AROUND")
    until(lambda: frame_at(LEFT, TOP), "no frame")
    display.run("xdotool", "mousemove", str(LEFT + 140), str(TOP + 60), "click", "1")
    assert call.says("click") == "click Call"
    display.run("xdotool", "mousemove", str(LEFT + 140), str(TOP - 14), "click", "1")
    assert call.says("click") == "click Desk"


def test_it_follows_a_window_that_moves_hides_and_closes(call, start, display):
    start("marks", "window:Call", "SIGNS").says("AROUND")
    until(lambda: frame_at(LEFT, TOP), "no frame")
    window = display.run("xdotool", "search", "--name", "^Call$").split()[0]
    display.run("xdotool", "windowmove", window, "520", "330")
    until(lambda: frame_at(520, 330), "it did not follow")
    assert has(GREEN, screen()[330 : 330 + HIGH, 520 : 520 + WIDE]).all()
    display.run("xdotool", "windowminimize", window)
    until(lambda: not has(ORANGE, screen()).any(), "it did not hide")
    display.run("xdotool", "windowmap", window, "windowactivate", window)
    until(lambda: frame_at(520, 330), "it did not come back")
    display.run("xdotool", "windowsize", window, "500", "240")
    until(lambda: extent(has(ORANGE, screen()))[2] >= 1020, "it did not take the new size")
    call.process.kill()
    until(lambda: not has(ORANGE, screen()).any(), "it stayed over a closed window")


def test_it_is_no_window_for_the_window_manager_and_takes_no_focus(call, start, display):
    start("marks", "window:Call", "SIGNS").says("AROUND")
    until(lambda: frame_at(LEFT, TOP), "no frame")
    listed = display.run("xprop", "-root", "_NET_CLIENT_LIST")
    layers = display.run("xdotool", "search", "--name", "^Unmask marks$").split()
    assert layers
    assert not any(f"{int(layer):#x}" in listed for layer in layers)
    assert display.run("xdotool", "getactivewindow", "getwindowname").strip() != "Unmask marks"


def test_the_pill_is_clicked_dragged_and_moved_by_keys(call, start, display):
    pill = start("pill")
    _, wide, high = pill.says("shown").split()
    until(lambda: has(ORANGE, screen()[400 : 400 + int(high), 600 : 600 + int(wide)]).any(), "no pill")
    middle = ["600", "400"]
    x, y = int(middle[0]) + int(wide) // 2, int(middle[1]) + int(high) // 2
    display.run("xdotool", "mousemove", str(x), str(y), "click", "1")
    pill.says("opened")
    display.run("xdotool", "mousemove", str(x), str(y), "mousedown", "1")
    display.run("xdotool", "mousemove", str(x + 30), str(y), "mousemove", str(x + 60), str(y + 40), "mouseup", "1")
    assert pill.says("moved") == "moved 660 440"
    window = display.run("xdotool", "search", "--name", "^Unmask pill$").split()[0]
    display.run("xdotool", "windowfocus", "--sync", window, "key", "p")
    assert pill.says("pause") == "pause True"
    display.run("xdotool", "key", "Left")
    assert pill.says("moved") == "moved 650 440"
