"""The tracker's limits, each on either side, and its outlook."""

from __future__ import annotations

import math

import numpy as np
import pytest

from unmask.engines.errors import UsageError
from unmask.realtime.cadence import Outlook
from unmask.realtime.tracking.tracker import Tracker, TrackerSettings
from unmask.realtime.types import FaceBox, TrackedFace


def box(x: float, y: float = 200, size: float = 100, confidence: float = 0.8) -> FaceBox:
    return FaceBox(x - size * 0.4, y - size / 2, x + size * 0.4, y + size / 2, confidence)


def ids(shown: tuple[TrackedFace, ...]) -> list[int]:
    return [track.track_id for track in shown]


def sitting(tracker: Tracker, *faces: FaceBox, until_s: float = 1.0) -> None:
    """The same faces in every quarter of a second up to ``until_s``."""
    for quarter in range(int(until_s * 4) + 1):
        tracker.update(faces, quarter / 4)


@pytest.mark.parametrize(("apart_s", "shown"), [(0.5, [1]), (0.625, [])])
def test_birth_within_is_a_limit_that_may_be_reached(apart_s: float, shown: list[int]) -> None:
    tracker = Tracker(TrackerSettings(birth_within_s=0.5))
    tracker.update([box(100)], 0.0)
    assert ids(tracker.update([box(100)], apart_s)) == shown


def test_birth_takes_as_many_hits_as_asked() -> None:
    tracker = Tracker(TrackerSettings(birth_hits=4))
    assert [ids(tracker.update([box(100)], step / 4)) for step in range(5)] == [[], [], [], [1], [1]]


@pytest.mark.parametrize(("later_s", "shown"), [(1.5, [1]), (1.625, [])])
def test_the_patience_is_a_limit_that_may_be_reached(later_s: float, shown: list[int]) -> None:
    tracker = Tracker()
    sitting(tracker, box(100))
    assert ids(tracker.coast(1.0 + later_s)) == shown


@pytest.mark.parametrize(("later_s", "number"), [(2.0, 1), (2.125, 2)])
def test_the_longest_pause_is_a_limit_that_may_be_reached(later_s: float, number: int) -> None:
    tracker = Tracker(TrackerSettings(max_coast_s=9.0))
    sitting(tracker, box(100))
    tracker.update([box(100)], 1.0 + later_s)
    assert ids(tracker.update([box(100)], 1.1 + later_s)) == [number]


def test_the_same_moment_twice_is_no_jump_back() -> None:
    tracker = Tracker()
    sitting(tracker, box(100))
    assert ids(tracker.update([box(100)], 1.0)) == [1]
    assert ids(tracker.update([box(100)], 0.99)) == []


def test_after_a_reset_an_earlier_time_is_a_beginning() -> None:
    tracker = Tracker(TrackerSettings(birth_hits=1))
    sitting(tracker, box(100), until_s=5.0)
    tracker.reset()
    assert tracker.outlook(5.1) == Outlook(), "at once, not only with the next frame"
    assert tracker.coast(0.0) == ()
    assert ids(tracker.update([box(100)], 0.1)) == [2]


@pytest.mark.parametrize(("confidence", "shown"), [(0.5, [1]), (0.49, [])])
def test_strong_is_a_limit_that_may_be_reached(confidence: float, shown: list[int]) -> None:
    tracker = Tracker(TrackerSettings(birth_hits=1))
    assert ids(tracker.update([box(100, confidence=confidence)], 0.0)) == shown


def test_a_weak_detection_confirms_nothing_that_was_seen_once() -> None:
    tracker = Tracker()
    tracker.update([box(100)], 0.0)
    assert tracker.update([box(100, confidence=0.4)], 0.1) == ()


def test_strong_detections_choose_first_and_weak_ones_get_what_is_left() -> None:
    """The weak one is the better fit, and still the track goes with the strong one."""
    tracker = Tracker(TrackerSettings(duplicate_overlap=0.9))
    sitting(tracker, box(100))
    (track,) = tracker.update([box(101, confidence=0.4), box(118, confidence=0.9)], 1.1)
    assert (track.detected, track.face.centre[0]) == (True, pytest.approx(118))


def test_tracks_that_are_confirmed_choose_before_new_ones() -> None:
    tracker = Tracker()
    sitting(tracker, box(100))
    # Somebody was seen once right beside; then there is one face between both, nearer to the new one.
    tracker.update([box(100), box(185)], 1.1)
    shown = tracker.update([box(139)], 1.2)
    assert [(track.track_id, track.detected) for track in shown] == [(1, True)]
    assert not tracker.outlook(1.3).unconfirmed or ids(tracker.update([box(139)], 1.3)) == [1]


@pytest.mark.parametrize(("right", "faces"), [(24.9, 1), (25.1, 2)])
def test_the_overlap_of_duplicates_may_be_reached(right: float, faces: int) -> None:
    # 100 wide, moved by a quarter: 75 / 125 = 0.6 in common.
    tracker = Tracker(TrackerSettings(birth_hits=1))
    found = [FaceBox(0, 0, 100, 100, 0.9), FaceBox(right, 0, 100 + right, 100, 0.8)]
    assert len(tracker.update(found, 0.0)) == faces
    equal = Tracker(TrackerSettings(birth_hits=1, duplicate_overlap=1.0))
    assert len(equal.update([box(100), box(100)], 0.0)) == 1


def test_of_faces_found_twice_the_surest_stays_whatever_the_order() -> None:
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
        tracker = Tracker(TrackerSettings(birth_hits=1))
        faces = [box(100, confidence=0.9), box(102, confidence=0.7), box(98, confidence=0.8)]
        (track,) = tracker.update([faces[place] for place in order], 0.0)
        assert track.face is faces[0]


@pytest.mark.parametrize(
    "broken",
    [
        FaceBox(0, 0, math.inf, 9, 0.9),
        FaceBox(0, 0, 9, math.inf, 0.9),
        FaceBox(0, math.nan, 9, 9, 0.9),
        FaceBox(0, 5, 9, 5, 0.9),
        FaceBox(5, 0, 5, 9, 0.9),
        FaceBox(9, 9, 0, 0, 0.9),
    ],
)
def test_each_kind_of_broken_box_is_left_aside(broken: FaceBox) -> None:
    tracker = Tracker(TrackerSettings(birth_hits=1))
    assert ids(tracker.update([broken, box(300)], 0.0)) == [1]


def test_a_face_of_less_than_a_pixel_is_a_face() -> None:
    """Whether it can be judged is for the quality gate to say."""
    tracker = Tracker(TrackerSettings(birth_hits=1))
    assert ids(tracker.update([FaceBox(10, 10, 10.5, 10.5, 0.9)], 0.0)) == [1]


def test_the_hour_of_a_recording_makes_nobody_jump_further() -> None:
    """The gate goes by the time since the last detection, not since the beginning."""
    tracker = Tracker(TrackerSettings(birth_hits=1))
    for step in range(8):
        tracker.update([box(100)], 3600 + step / 8)
    shown = tracker.update([box(100 + 90)], 3601.0)
    assert [(track.track_id, track.detected) for track in shown] == [(1, False), (2, True)]


def test_tracks_come_in_the_order_of_their_numbers() -> None:
    tracker = Tracker()
    tracker.update([box(100)], 0.0)
    tracker.update([box(100), box(500)], 0.1)
    tracker.update([box(500), box(100), box(900)], 0.2)
    assert ids(tracker.update([box(900), box(500), box(100)], 0.3)) == [1, 2, 3]


def test_a_track_remembers_when_it_began_and_was_last_seen() -> None:
    tracker = Tracker()
    sitting(tracker, box(100))
    (seen,) = tracker.update([box(100, confidence=0.7)], 1.1)
    (coasting,) = tracker.update([], 1.2)
    assert (seen.first_s, seen.last_detected_s) == (coasting.first_s, coasting.last_detected_s) == (0.0, 1.1)
    assert coasting.face.confidence == 0.7


def vector(angle: float) -> np.ndarray:
    """Looks of length 1 that turn from one bin to another."""
    return (math.cos(angle) * np.eye(72)[3] + math.sin(angle) * np.eye(72)[40]).astype(np.float32)


def test_the_looks_of_a_track_follow_the_face_slowly() -> None:
    """Someone who turns by less than the limit at each step goes through; all of it at once does not."""
    steps = [0.3 * step for step in range(5)]
    tracker = Tracker()
    for step, angle in enumerate([0.0, 0.0, *steps]):
        shown = tracker.update([box(100)], step / 10, [vector(angle)])
        assert step == 0 or ids(shown) == [1]
    tracker = Tracker()
    for step, angle in enumerate([0.0, 0.0, 0.0, 1.2]):
        shown = tracker.update([box(100)], step / 10, [vector(angle)])
    assert [track.detected for track in shown] == [False]
    # One wild look moves the memory by a fifth only: the face is still known by what it was.
    tracker = Tracker()
    for step, angle in enumerate([0.0, 0.0, 0.75, -0.3]):
        shown = tracker.update([box(100)], step / 10, [vector(angle)])
    assert [track.detected for track in shown] == [True]


def test_a_face_without_looks_leaves_those_that_are_known() -> None:
    tracker = Tracker()
    for step, look in enumerate([vector(0), vector(0), None]):
        tracker.update([box(100)], step / 10, [look])
    (track,) = tracker.update([box(100)], 0.3, [vector(1.5)])
    assert not track.detected


def test_looks_that_come_late_are_taken() -> None:
    tracker = Tracker()
    for step, look in enumerate([None, None, vector(0)]):
        tracker.update([box(100)], step / 10, [look])
    (track,) = tracker.update([box(100)], 0.3, [vector(1.5)])
    assert not track.detected


def test_the_outlook_of_nothing_is_calm() -> None:
    assert Tracker().outlook(5.0) == Outlook()


def test_the_outlook_names_the_restless_the_unsure_and_the_missing() -> None:
    tracker = Tracker()
    for step in range(11):
        tracker.update([box(100 + 5 * step, confidence=0.9), box(600, confidence=0.7)], step / 10)
    calm = tracker.outlook(1.1)
    assert (calm.tracks, calm.confidence, calm.missing_s, calm.unconfirmed) == (2, 0.7, math.inf, False)
    assert calm.speed == pytest.approx(0.5, rel=0.15), "fifty pixels a second of a face of a hundred"
    tracker.coast(1.1)
    assert tracker.outlook(1.2).missing_s == math.inf, "nobody looked: nothing is missing"
    tracker.update([box(100 + 5 * 12, confidence=0.9)], 1.2)
    assert tracker.outlook(1.3).missing_s == pytest.approx(0.3)
    tracker.update([box(1000)], 1.3)
    later = tracker.outlook(1.4)
    assert (later.tracks, later.unconfirmed) == (2, True)
    assert later.missing_s == pytest.approx(0.2), "of the one that was lost last"


@pytest.mark.parametrize("name", ["birth_within_s", "max_coast_s", "max_gap_s"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_seconds_that_are_none_are_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(UsageError, match=f"{name} must be a number of seconds above 0"):
        TrackerSettings(**{name: value})


def test_the_usual_settings_are_what_the_documents_say() -> None:
    assert TrackerSettings() == TrackerSettings(2, 0.6, 1.5, 2.0, 0.5, 0.6)
