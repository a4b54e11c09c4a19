from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from updates import face_state, update

from unmask.gui.timeline import series as module
from unmask.gui.timeline.series import FaceSeries, SourceSeries, gap_spans, thinned
from unmask.realtime.types import Cause, Event, SourceState, Verdict

EVERYTHING = (-1.0, 1e9)


def fed(*updates):
    series = SourceSeries()
    for number, one in enumerate(updates, 1):
        series.take(dataclasses.replace(one, sequence=number))
    return series


def scores(face):
    return [None if np.isnan(score) else round(float(score), 3) for score in face.between(*EVERYTHING)["score"]]


def judged(time_s, score=0.2, track=1, verdict=Verdict.NO_SIGNS):
    return update(time_s, face_state(verdict, score=score, track=track))


def abstaining(time_s, cause=Cause.BLURRED, track=1):
    return update(time_s, face_state(Verdict.CANNOT_JUDGE, cause, score=None, track=track))


def test_scores_and_abstentions_follow_each_other():
    series = fed(judged(0.0, 0.1), judged(1.0, 0.2), abstaining(2.0), abstaining(3.0), judged(4.0, 0.3))
    assert scores(series.faces[1]) == [0.1, 0.2, None, None, 0.3]
    assert gap_spans(series.faces[1].between(*EVERYTHING)) == [(2.0, 4.0, Cause.BLURRED)]


def test_a_moment_says_everything_that_was_said_then():
    series = fed(judged(0.0, 0.1), abstaining(1.0, Cause.TURNED_AWAY), judged(2.0, 0.9, verdict=Verdict.SIGNS))
    series.set_threshold(0.8)
    moment = series.moment_at(1, 1.5)
    assert moment is not None
    assert (moment.score, moment.verdict, moment.cause) == (None, Verdict.CANNOT_JUDGE, Cause.TURNED_AWAY)
    assert moment.threshold == 0.8
    last = series.moment_at(1, 2.0)
    assert last is not None
    assert (last.score, last.verdict, last.cause) == (pytest.approx(0.9), Verdict.SIGNS, None)
    assert series.moment_at(1, 2.1) is None
    assert series.moment_at(7, 1.0) is None


def test_what_repeats_takes_no_room_and_loses_nothing():
    series = fed(*(judged(number / 30, 0.1 if number < 500 else 0.5) for number in range(1000)))
    face = series.faces[1]
    assert scores(face) == [0.1, 0.1, 0.5, 0.5]
    assert face.last_s == pytest.approx(999 / 30)
    assert face.between(*EVERYTHING)["time_s"][1] == pytest.approx(499 / 30)


def test_the_same_update_twice_is_no_news():
    one = judged(1.0)
    series = SourceSeries()
    assert series.take(one)
    assert not series.take(one)


def test_a_face_that_leaves_leaves_a_gap_and_comes_back_after_it():
    series = fed(judged(0.0), judged(1.0), update(2.0), update(3.0), judged(5.0))
    assert scores(series.faces[1]) == [0.2, 0.2, None, 0.2]
    assert gap_spans(series.faces[1].between(*EVERYTHING)) == [(2.0, 5.0, Cause.FACE_LOST)]
    moment = series.moment_at(1, 4.0)
    assert moment is not None
    assert moment.cause is Cause.FACE_LOST


def test_a_source_that_stalls_names_its_cause():
    silent = dataclasses.replace(update(1.0, causes=(Cause.SOURCE_STALLED,), state=SourceState.STALLED), stages=None)
    series = fed(judged(0.0), judged(1.0), silent, judged(9.0))
    moment = series.moment_at(1, 5.0)
    assert moment is not None
    assert moment.cause is Cause.SOURCE_STALLED


def test_a_new_threshold_holds_from_now_on():
    series = SourceSeries()
    series.set_threshold(0.5)
    series.take(judged(10.0))
    series.set_threshold(0.7)
    series.set_threshold(0.7)
    assert [series.threshold_at(time_s) for time_s in (0.0, 9.9, 10.0, 99.0)] == [0.5, 0.5, 0.7, 0.7]
    assert SourceSeries().threshold_at(1.0) is None


def test_alarms_are_those_of_the_newest_update():
    event = Event(1, 0.5, None, 0.9)
    series = fed(judged(0.0), update(1.0, face_state(), events=(event,)))
    assert series.events == (event,)
    assert series.lane_of(event) == 0


def test_faces_at_the_same_time_have_lanes_of_their_own_and_one_after_another_share():
    both = [update(float(n), face_state(track=1), face_state(track=2)) for n in range(3)]
    series = fed(
        *both, judged(3.0, track=2), judged(4.0, track=2), update(5.0, face_state(track=2), face_state(track=5))
    )
    assert {track: face.lane for track, face in series.faces.items()} == {1: 0, 2: 1, 5: 0}


def test_a_face_that_comes_back_to_a_lane_that_is_taken_moves():
    series = fed(judged(0.0, track=1), judged(1.0, track=2), update(2.0, face_state(track=1), face_state(track=2)))
    assert series.faces[1].lane != series.faces[2].lane


def test_a_timeline_that_begins_anew_begins_anew():
    series = fed(judged(100.0), judged(0.0, 0.4), judged(1.0, 0.4))
    assert (series.first_s, series.last_s) == (0.0, 1.0)
    assert scores(series.faces[1]) == [0.4, 0.4]


def test_memory_is_bounded_the_last_minutes_are_whole_and_old_peaks_stay(monkeypatch):
    monkeypatch.setattr(module, "MOST_POINTS", 2048)
    face = FaceSeries(1, 0, 0)
    face._full_s = 60.0
    for number in range(100_000):
        score = 0.99 if number == 1234 else 0.3 + 0.1 * (number % 7) / 7
        face.add(number / 10, score, Verdict.NO_SIGNS, None)
    points = face.between(*EVERYTHING)
    assert len(points) <= 2048
    assert points["score"].max() == pytest.approx(0.99)
    assert points["time_s"][0] < 20
    assert np.all(np.diff(points["time_s"]) > 0)
    recent = face.between(9_990.0, 1e9)
    assert np.diff(recent["time_s"]).max() < 0.11


def test_thinning_keeps_extremes_gaps_and_ends():
    points = np.zeros(8, module.POINT)
    points["time_s"] = np.arange(8) / 10
    points["score"] = [0.5, 0.1, 0.5, np.nan, np.nan, 0.9, 0.5, 0.5]
    assert thinned(points, 10.0)["time_s"] == pytest.approx([0.1, 0.3, 0.5, 0.7])
    assert len(thinned(points[:0], 1.0)) == 0


def test_only_so_many_faces_are_kept(monkeypatch):
    monkeypatch.setattr(module, "MOST_FACES", 4)
    series = fed(*(judged(float(number), track=number) for number in range(20)))
    assert sorted(series.faces) == [16, 17, 18, 19]
    assert {face.lane for face in series.faces.values()} == {0}
