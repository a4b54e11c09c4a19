from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unmask.engines.errors import UsageError
from unmask.realtime.tracking.tracker import Tracker, TrackerSettings
from unmask.realtime.types import FaceBox, TrackedFace

Path = Callable[[float], tuple[float, float, float]]
"""Time in seconds -> centre x, centre y, size in pixels."""


def box(x: float, y: float, size: float, confidence: float = 0.8) -> FaceBox:
    return FaceBox(x - size * 0.4, y - size / 2, x + size * 0.4, y + size / 2, confidence)


def at(time_s: float, *faces: FaceBox) -> tuple[float, list[FaceBox]]:
    return time_s, list(faces)


def times(rate: float, seconds: float, *, uneven: float = 0.0, seed: int = 0) -> list[float]:
    steps = np.random.default_rng(seed).uniform(1 - uneven, 1 + uneven, int(rate * seconds)) / rate
    return np.cumsum(steps).tolist()


class Scene:
    """People on known paths, seen with noise and misses, and who carried which number."""

    def __init__(self, paths: Sequence[Path], *, noise: float = 0.02, missed: float = 0.0, seed: int = 0) -> None:
        self.paths, self.noise, self.missed = paths, noise, missed
        self.random = np.random.default_rng(seed)

    def faces(self, time_s: float) -> dict[int, FaceBox]:
        """Detections by person. Where two overlap by a third, the one who is further away is hidden."""
        found: dict[int, FaceBox] = {}
        true_sizes = [path(time_s)[2] for path in self.paths]
        for person, path in enumerate(self.paths):
            x, y, size = path(time_s)
            dx, dy, ds = self.random.normal(0, self.noise * size, 3)
            if self.random.random() >= self.missed:
                found[person] = box(x + dx, y + dy, size + ds)
        hidden = {
            person
            for person, face in found.items()
            for other, other_face in found.items()
            if face.overlap(other_face) > 0.33 and true_sizes[other] > true_sizes[person]
        }
        return {person: face for person, face in found.items() if person not in hidden}

    def numbers(self, tracker: Tracker, moments: Sequence[float]) -> dict[int, set[int]]:
        """The numbers that each person's detections carried once they were shown."""
        carried: dict[int, set[int]] = {person: set() for person in range(len(self.paths))}
        for time_s in moments:
            faces = self.faces(time_s)
            order = self.random.permutation(list(faces))
            shown = tracker.update([faces[person] for person in order], time_s)
            by_box = {id(track.face): track.track_id for track in shown if track.detected}
            for person, face in faces.items():
                if id(face) in by_box:
                    carried[person].add(by_box[id(face)])
        return carried


def gallery(time_s: float, person: int) -> tuple[float, float, float]:
    sway = np.sin(time_s * (1 + 0.2 * person) + person)
    return 120 + 200 * person + 40 * sway, 200 + 20 * np.cos(2 * time_s + person), 80 + 8 * person


@pytest.mark.parametrize("rate", [30.0, 8.0])
@pytest.mark.parametrize("seed", range(5))
def test_six_faces_keep_their_numbers_through_noise_misses_and_uneven_times(rate: float, seed: int) -> None:
    paths = [lambda t, person=person: gallery(t, person) for person in range(6)]
    scene = Scene(paths, noise=0.03, missed=0.15, seed=seed)
    carried = scene.numbers(Tracker(), times(rate, 12, uneven=0.5, seed=seed))
    assert sorted(numbers for people in carried.values() for numbers in people) == [1, 2, 3, 4, 5, 6]
    assert all(len(numbers) == 1 for numbers in carried.values())


@pytest.mark.parametrize("sizes", [(100, 80), (100, 95), (120, 70)])
@pytest.mark.parametrize("speed", [120.0, 250.0])
@pytest.mark.parametrize("rate", [25.0, 8.0])
@pytest.mark.parametrize("seed", range(3))
def test_two_people_who_cross_keep_their_numbers(
    sizes: tuple[float, float], speed: float, rate: float, seed: int
) -> None:
    middle_s = 2.0
    near: Path = lambda t: (600 + speed * (t - middle_s), 300, sizes[0])  # noqa: E731
    far: Path = lambda t: (600 - speed * (t - middle_s), 290, sizes[1])  # noqa: E731
    carried = Scene([near, far], seed=seed).numbers(Tracker(), times(rate, 4.0))
    assert [len(numbers) for numbers in carried.values()] == [1, 1]
    assert carried[0] != carried[1]


def test_a_passer_by_does_not_take_the_number_of_the_one_who_sits() -> None:
    sits: Path = lambda t: (600.0, 300.0, 80.0)  # noqa: E731
    passes: Path = lambda t: (100 + 260 * t, 300.0, 130.0)  # noqa: E731
    carried = Scene([sits, passes]).numbers(Tracker(), times(15, 4.0))
    assert [len(numbers) for numbers in carried.values()] == [1, 1]


def run(tracker: Tracker, *moments: tuple[float, list[FaceBox]]) -> list[tuple[TrackedFace, ...]]:
    return [tracker.update(faces, time_s) for time_s, faces in moments]


def ids(shown: tuple[TrackedFace, ...]) -> list[int]:
    return [track.track_id for track in shown]


def test_a_track_is_shown_from_its_second_detection_and_remembers_its_first() -> None:
    first, second = run(Tracker(), at(1.0, box(100, 100, 80)), at(1.1, box(102, 100, 80)))
    assert first == ()
    (track,) = second
    assert (track.track_id, track.detected, track.first_s, track.last_detected_s) == (1, True, 1.0, 1.1)


def test_one_detection_is_enough_where_pictures_are_sparse() -> None:
    tracker = Tracker(TrackerSettings(birth_hits=1, max_gap_s=20.0, max_coast_s=20.0))
    first, second = run(tracker, at(0.0, box(100, 100, 80)), at(10.0, box(130, 100, 80)))
    assert ids(first) == ids(second) == [1]


def test_a_flicker_never_gets_a_number() -> None:
    shown = run(Tracker(), at(0.0, box(100, 100, 80)), at(0.7, box(100, 100, 80)), at(1.5, box(100, 100, 80)))
    assert shown == [(), (), ()]


def test_the_detected_box_is_handed_on_untouched_and_a_missed_one_is_predicted_without_landmarks() -> None:
    landmarks = np.zeros((5, 2), np.float32)
    tracker = Tracker()
    for step in range(10):
        face = FaceBox(100 + 10 * step, 100, 180 + 10 * step, 200, 0.9, landmarks)
        shown = tracker.update([face], step / 10)
    assert shown[0].face is face
    (missed,) = tracker.update([], 1.0)
    assert not missed.detected
    assert missed.last_detected_s == pytest.approx(0.9)
    assert missed.face.landmarks is None
    assert missed.face.x0 == pytest.approx(200, abs=4)


def test_a_lost_face_comes_back_with_its_number_within_the_patience_and_with_a_new_one_after() -> None:
    def face_after(seconds: float) -> list[int]:
        tracker = Tracker()
        run(tracker, at(0.0, box(100, 100, 80)), at(0.1, box(100, 100, 80)))
        for step in range(1, int(seconds * 10)):
            tracker.update([], 0.1 + step / 10)
        *_, last = run(tracker, at(0.1 + seconds, box(110, 100, 80)), at(0.2 + seconds, box(110, 100, 80)))
        return ids(last)

    assert face_after(1.4) == [1]
    assert face_after(1.8) == [2]


@pytest.mark.parametrize("jump_to", [0.05, 5.0])
def test_a_jump_in_time_ends_every_track_and_numbers_are_never_used_again(jump_to: float) -> None:
    tracker = Tracker()
    face = box(100, 100, 80)
    run(tracker, at(1.0, face), at(1.1, face))
    *_, shown = run(tracker, at(jump_to, face), at(jump_to + 0.1, face))
    assert ids(shown) == [2]
    tracker.reset()
    assert ids(run(tracker, at(9.0, face), at(9.1, face))[-1]) == [3]


def test_a_face_somewhere_else_after_a_cut_is_somebody_else() -> None:
    tracker = Tracker()
    run(tracker, *[at(step / 25, box(200, 200, 100)) for step in range(10)])
    *_, shown = run(tracker, *[at(0.4 + step / 25, box(700, 300, 100)) for step in range(3)])
    assert {track.track_id for track in shown if track.detected} == {2}


def test_a_face_of_another_size_in_the_same_place_is_somebody_else() -> None:
    tracker = Tracker()
    run(tracker, *[at(step / 25, box(200, 200, 60)) for step in range(10)])
    *_, shown = run(tracker, *[at(0.4 + step / 25, box(200, 200, 150)) for step in range(3)])
    assert {track.track_id for track in shown if track.detected} == {2}


def test_a_face_found_twice_is_one_face() -> None:
    tracker = Tracker()
    for step in range(5):
        shown = tracker.update([box(203, 201, 104, 0.6), box(200, 200, 100, 0.9)], step / 10)
    (track,) = shown
    assert track.face.confidence == 0.9


def test_a_weak_detection_extends_a_track_but_never_begins_one() -> None:
    tracker = Tracker()
    for step in range(5):
        assert tracker.update([box(200, 200, 100, 0.3)], step / 10) == ()
    run(tracker, at(0.5, box(200, 200, 100, 0.9)), at(0.6, box(200, 200, 100, 0.9)))
    (track,) = tracker.update([box(201, 200, 100, 0.3)], 0.7)
    assert track.detected


def test_coasting_predicts_without_counting_a_miss_as_seen() -> None:
    tracker = Tracker()
    run(tracker, *[at(step / 10, box(200 + 10 * step, 200, 100)) for step in range(8)])
    (track,) = tracker.coast(0.8)
    assert not track.detected
    assert track.face.centre[0] == pytest.approx(280, abs=5)
    assert tracker.coast(0.7 + 1.6) == ()


@pytest.mark.parametrize(("likeness", "apart"), [(0.0, 40), (0.72, 22)])
def test_appearance_tells_apart_what_boxes_cannot(likeness: float, apart: float) -> None:
    """Two who change places between two frames: wholly different ones, and two of some likeness."""
    red = np.eye(72, dtype=np.float32)[0]
    blue = (likeness * red + np.sqrt(1 - likeness**2) * np.eye(72)[40]).astype(np.float32)
    here, there = box(200, 200, 100), box(200 + apart, 200, 100)
    tracker = Tracker()
    for step in range(5):
        first = tracker.update([here, there], step / 10, [red, blue])
    swapped = tracker.update([here, there], 0.5, [blue, red])
    owner = {id(track.face): track.track_id for track in swapped if track.detected}
    was = {id(track.face): track.track_id for track in first}
    assert owner[id(here)] == was[id(there)]
    assert owner[id(there)] == was[id(here)]


def test_boxes_without_area_or_number_are_left_aside() -> None:
    broken = [FaceBox(5, 5, 5, 9, 0.9), FaceBox(float("nan"), 0, 5, 5, 0.9), FaceBox(9, 0, 5, 5, 0.9)]
    tracker = Tracker(TrackerSettings(birth_hits=1))
    assert tracker.update(broken, 0.0) == ()


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="1 faces came with 0"):
        Tracker().update([box(1, 1, 9)], 0.0, [])
    with pytest.raises(ValueError, match="finite"):
        Tracker().update([], float("nan"))
    with pytest.raises(UsageError, match="birth_hits"):
        TrackerSettings(birth_hits=0)
    with pytest.raises(UsageError, match="max_coast_s"):
        TrackerSettings(max_coast_s=0.0)


boxes = st.builds(
    box,
    st.floats(-200, 1500),
    st.floats(-200, 900),
    st.floats(4, 900),
    st.floats(0.05, 1.0),
)
moments = st.lists(st.tuples(st.floats(-0.2, 3.0), st.lists(boxes, max_size=6)), min_size=1, max_size=25)


@settings(max_examples=60, deadline=None)
@given(moments)
def test_whatever_comes_numbers_and_detections_are_given_once_and_alike_in_every_run(
    steps: list[tuple[float, list[FaceBox]]],
) -> None:
    def watch() -> list[tuple[TrackedFace, ...]]:
        tracker, time_s, seen = Tracker(), 0.0, []
        for step_s, faces in steps:
            time_s += step_s
            seen.append(tracker.update(faces, time_s))
        return seen

    shown, ended, alive = watch(), set[int](), set[int]()
    for (_, faces), tracks in zip(steps, shown, strict=True):
        numbers = ids(tracks)
        assert len(set(numbers)) == len(numbers)
        detected = [id(track.face) for track in tracks if track.detected]
        assert len(set(detected)) == len(detected)
        assert set(detected) <= {id(face) for face in faces}
        assert all(track.face.width > 0 and track.face.height > 0 for track in tracks)
        assert not ended & set(numbers)
        ended |= alive - set(numbers)
        alive = set(numbers)
    assert [[(t.track_id, t.detected) for t in tracks] for tracks in watch()] == [
        [(t.track_id, t.detected) for t in tracks] for tracks in shown
    ]
