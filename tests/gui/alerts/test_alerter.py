"""Which alarms a person is told of: once, not history, not while snoozed, not again after a reconnect."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta

import pytest
from updates import face_state, update

from unmask.gui.alerts.alerter import SAME_ALARM_S, Alerter
from unmask.realtime.types import Counters, Event, Verdict

START = datetime(2026, 3, 4, 14, 3, 11)


class Clock:
    def __init__(self):
        self.s = 1000.0

    def __call__(self):
        return self.s

    def now(self):
        return START + timedelta(seconds=self.s - 1000.0)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def alerter(clock):
    return Alerter(monotonic_s=clock, now=clock.now)


def event(track=1, start=3.0, end=None, peak=0.9):
    return Event(track, start, end, peak)


def news(*events, source="fake", reconnects=0, calibrated=False):
    faces = [face_state(Verdict.SIGNS, track=one.track_id, score=0.9, calibrated=calibrated) for one in events]
    made = update(5.0, *faces, source_id=source, events=events)
    return {source: dataclasses.replace(made, counters=Counters(reconnects=reconnects))}


def told(alerter, updates):
    return [(alert.source_id, alert.event.track_id, alert.event.start_s) for alert in alerter.look(updates)]


def test_an_alarm_is_told_once_however_it_goes_on(alerter, clock):
    assert told(alerter, news()) == []
    (alert,) = alerter.look(news(event()))
    assert (alert.source_id, alert.event, alert.at, alert.calibrated) == ("fake", event(), START, False)
    clock.s += 1
    assert told(alerter, news(event(peak=0.99))) == []
    assert told(alerter, news(event(end=9.0))) == []
    assert told(alerter, news(event(end=9.0), event(2, 8.0))) == [("fake", 2, 8.0)]
    assert told(alerter, news(event(end=9.0), event(2, 8.0), event(1, 12.0))) == [("fake", 1, 12.0)]


def test_whether_the_score_is_a_probability_comes_along(alerter):
    (alert,) = alerter.look(news(event(), calibrated=True))
    assert alert.calibrated


def test_two_sources_with_the_same_track_are_two_alarms(alerter):
    both = {**news(event(), source="a"), **news(event(), source="b")}
    assert told(alerter, both) == [("a", 1, 3.0), ("b", 1, 3.0)]


def test_history_is_not_told_but_what_lasts_is(alerter):
    assert told(alerter, news(event(1, 1.0, 2.0), event(2, 3.0))) == [("fake", 2, 3.0)]


def test_an_alarm_that_came_and_went_between_two_looks_is_told(alerter):
    alerter.look(news())
    assert told(alerter, news(event(1, 1.0, 2.0))) == [("fake", 1, 1.0)]


def test_a_list_that_vanishes_and_comes_back_is_not_told_again(alerter):
    assert len(alerter.look(news(event()))) == 1
    assert told(alerter, news()) == []
    assert told(alerter, {}) == []
    assert told(alerter, news(event())) == []


def test_a_source_that_comes_and_goes_does_not_tell_the_same_alarm_again(alerter, clock):
    assert len(alerter.look(news(event()))) == 1
    clock.s += 10
    assert told(alerter, news(event(end=5.0), reconnects=1)) == []
    clock.s += 5
    again = event(2, 20.0)
    assert told(alerter, news(event(end=5.0), again, reconnects=1)) == []
    clock.s += SAME_ALARM_S
    assert told(alerter, news(event(end=5.0), again, reconnects=1)) == []
    later = event(3, 90.0)
    assert told(alerter, news(event(end=5.0), again, later, reconnects=2)) == [("fake", 3, 90.0)]


def test_a_reconnect_before_the_last_alert_hides_nothing(alerter, clock):
    alerter.look(news())
    alerter.look(news(reconnects=1))
    clock.s += 1
    assert len(alerter.look(news(event(), reconnects=1))) == 1
    clock.s += 1
    assert told(alerter, news(event(), event(2, 6.0), reconnects=1)) == [("fake", 2, 6.0)]


def test_a_reconnect_of_one_source_hides_nothing_of_another(alerter, clock):
    alerter.look({**news(event(), source="a"), **news(source="b")})
    clock.s += 1
    updates = {**news(event(), source="a", reconnects=1), **news(event(7, 1.0), source="b")}
    assert told(alerter, updates) == [("b", 7, 1.0)]


def test_a_snoozed_source_is_silent_and_others_are_not(alerter):
    alerter.look({**news(source="a"), **news(source="b")})
    alerter.snooze(10, "a")
    both = {**news(event(), source="a"), **news(event(), source="b")}
    assert told(alerter, both) == [("b", 1, 3.0)]
    assert alerter.snoozes() == {"a": 600.0}


def test_what_still_lasts_after_the_snooze_is_told_with_the_time_it_began(alerter, clock):
    alerter.look(news())
    alerter.snooze(10)
    assert told(alerter, news(event())) == []
    clock.s += 599
    assert told(alerter, news(event())) == []
    clock.s += 2
    (alert,) = alerter.look(news(event()))
    assert alert.at == START
    assert alerter.snoozes() == {}
    assert told(alerter, news(event())) == []


def test_what_ended_in_the_snooze_is_not_told_afterwards(alerter, clock):
    alerter.look(news())
    alerter.snooze(10)
    alerter.look(news(event()))
    assert told(alerter, news(event(end=9.0))) == []
    clock.s += 700
    assert told(alerter, news(event(end=9.0))) == []


def test_waking_ends_every_snooze(alerter):
    alerter.look(news())
    alerter.snooze(10)
    alerter.snooze(10, "fake")
    alerter.look(news(event()))
    alerter.wake()
    assert alerter.snoozes() == {}
    assert len(alerter.look(news(event()))) == 1
