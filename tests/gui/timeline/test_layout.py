from __future__ import annotations

import pytest

from unmask.gui.timeline.layout import LEAST_PX, Layout, laid_out


def test_lanes_that_have_no_room_are_hidden_and_counted():
    layout = laid_out(range(6), [], 3 * LEAST_PX + 5, 18.0)
    assert (layout.lanes, layout.hidden) == ((0, 1, 2), 3)
    assert layout.lane_px >= LEAST_PX


def test_lanes_with_an_alarm_are_shown_first():
    assert laid_out(range(6), [4], 3 * LEAST_PX, 18.0).lanes == (0, 1, 4)


def test_there_is_always_one():
    assert laid_out([], [], 100.0, 18.0).lanes == (0,)
    assert laid_out([3, 5], [5], 10.0, 18.0).lanes == (5,)


def test_scores_lie_between_the_head_and_the_foot_of_their_lane():
    layout = Layout((0, 4), 100.0, 20.0)
    assert layout.y(4, 1.0) == pytest.approx(-1.2)
    assert layout.y(4, 0.0) == pytest.approx(-1.96)
    assert [layout.lane_at(y) for y in (0.5, -0.5, -1.5, -9.0)] == [0, 0, 4, 4]


def test_low_lanes_have_fewer_marks_and_lower_ones_no_words():
    assert len(Layout(lane_px=100.0).words) == 3
    assert len(Layout(lane_px=55.0).words) == 2
    assert Layout(lane_px=40.0).words == {}
