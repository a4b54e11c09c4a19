from __future__ import annotations

import time

import pytest
from updates import update

from unmask.gui.timeline.times import TimeWords, step_for


def words_for(wall_s, now_ns=2_000_000_000):
    times = TimeWords(wall_s=lambda: wall_s[0], now_ns=lambda: now_ns)
    times.live = True
    return times


def at(hour, minute, second):
    return time.mktime((2026, 3, 4, hour, minute, second, 0, 0, -1))


@pytest.mark.parametrize(
    ("time_s", "step_s", "words"),
    [(0, 1, "0:00"), (65.4, 1, "1:05"), (3725, 1, "1:02:05"), (65.44, 0.5, "1:05.4"), (59.96, 0.5, "1:00.0")],
)
def test_a_file_has_its_own_minutes_and_seconds(time_s, step_s, words):
    assert TimeWords().words(time_s, step_s) == words


def test_a_live_source_has_the_time_of_day():
    times = words_for([at(14, 3, 20)])
    times.note(update(5.0).frame)  # captured one second ago, at 5 s of its timeline
    assert times.words(5.0) == "14:03:19"
    assert times.words(6.0) == "14:03:20"
    assert times.words(6.0, 60) == "14:03"
    assert times.words(6.3, 0.5) == "14:03:20.3"


def test_before_the_first_picture_there_is_no_time_of_day():
    times = TimeWords()
    times.live = True
    assert times.words(61.0) == "1:01"


def test_after_a_sleep_what_was_before_keeps_its_time_of_day():
    wall = [at(14, 0, 1)]
    times = words_for(wall)
    times.note(update(0.0).frame)
    wall[0] = at(15, 0, 11)
    times.note(update(10.0).frame)
    assert times.words(5.0) == "14:00:05"
    assert times.words(12.0) == "15:00:12"


def test_a_timeline_that_begins_anew_has_its_own_time_of_day():
    wall = [at(14, 0, 1)]
    times = words_for(wall)
    times.note(update(0.0).frame)
    wall[0] = at(15, 0, 11)
    times.note(update(10.0).frame)
    wall[0] = at(16, 0, 1)
    times.note(update(0.0).frame)
    assert times.words(0.0) == "16:00:00"


@pytest.mark.parametrize(("span_s", "marks", "step"), [(60, 12, 5), (60, 7, 10), (2, 12, 0.5), (86400, 6, 14400)])
def test_marks_fall_on_round_times(span_s, marks, step):
    assert step_for(span_s, marks) == step
