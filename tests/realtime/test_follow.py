from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from unmask.engines.errors import FaceModelError
from unmask.realtime.cadence import Cadence
from unmask.realtime.faces.finder import FaceFinder
from unmask.realtime.follow import FaceFollower, Followed
from unmask.realtime.picture_health import PictureHealth
from unmask.realtime.tracking.tracker import Tracker
from unmask.realtime.types import Cause, FaceBox, Frame, Image

RANDOM = np.random.default_rng(0)
SCENE = cv2.resize(RANDOM.integers(40, 200, (9, 16, 3), dtype=np.uint8), (320, 180))
OTHER_SCENE = cv2.resize(RANDOM.integers(0, 60, (9, 16, 3), dtype=np.uint8) + np.uint8([0, 0, 180]), (320, 180))
BLACK = np.zeros_like(SCENE)
FACE = FaceBox(100, 50, 160, 130, 0.9)


class Finder:
    """Finds what it was told to find, and counts."""

    name = "told"
    description = "told"

    def __init__(self, *faces: FaceBox) -> None:
        self.faces = list(faces)
        self.searched = 0

    def find(self, image: Image) -> list[FaceBox]:
        self.searched += 1
        return list(self.faces)

    def close(self) -> None:
        raise AssertionError("the follower does not own the finder")


def frame(image: Image, time_s: float) -> Frame:
    noise = RANDOM.integers(0, 6, image.shape, dtype=np.uint8)
    return Frame(image if image is BLACK else image + noise, 0, time_s, 0, "test")


def follow(follower: FaceFollower, *moments: tuple[Image, float]) -> list[Followed]:
    return [follower.follow(frame(image, time_s)) for image, time_s in moments]


def ids(followed: Followed) -> list[tuple[int, bool]]:
    return [(track.track_id, track.detected) for track in followed.faces]


def test_faces_get_numbers_and_stages_get_stamps() -> None:
    follower = FaceFollower(Finder(FACE), Tracker(), PictureHealth())
    first, second = follow(follower, (SCENE, 0.0), (SCENE, 0.1))
    assert (ids(first), ids(second)) == ([], [(1, True)])
    assert second.causes == ()
    assert 0 < first.tracked_ns <= second.detected_ns <= second.tracked_ns


def test_a_steady_face_is_searched_only_now_and_then() -> None:
    finder = Finder(FACE)
    follower = FaceFollower(finder, Tracker(), PictureHealth(), cadence=Cadence())
    seen = [follower.follow(frame(SCENE, step / 20), crop_due=False) for step in range(12)]
    searched = [step for step, followed in enumerate(seen) if followed.detected_ns]
    assert searched == [0, 1, 6, 11], "twice for a new face, then every 0.25 s"
    assert finder.searched == len(searched) == sum(follower.searches.values())
    assert ids(seen[6]) == [(1, True)]
    assert ids(seen[7]) == ids(seen[10]) == [(1, False)]
    assert seen[10].faces[0].face.overlap(FACE) > 0.9


def test_a_frame_from_which_a_crop_is_due_is_searched() -> None:
    follower = FaceFollower(Finder(FACE), Tracker(), PictureHealth(), cadence=Cadence())
    seen = [follower.follow(frame(SCENE, step / 20), crop_due=step in (4, 8)) for step in range(11)]
    assert [step for step, followed in enumerate(seen) if followed.detected_ns] == [0, 1, 4, 8]


class Learning(Finder):
    """Wants a check every third call, and notes how it was called."""

    def __init__(self, *faces: FaceBox) -> None:
        super().__init__(*faces)
        self.calls: list[str] = []

    @property
    def check_due(self) -> bool:
        return len(self.calls) >= 3 and self.calls[-3:] == ["hurried"] * 3

    def find(self, image: Image) -> list[FaceBox]:
        self.calls.append("calm")
        return super().find(image)

    def find_hurried(self, image: Image) -> list[FaceBox]:
        self.calls.append("hurried")
        return super().find(image)

    def new_scene(self) -> None:
        self.calls.append("new scene")


def test_a_check_waits_for_a_frame_that_no_score_waits_for() -> None:
    finder = Learning(FACE)
    follower = FaceFollower(finder, Tracker(), PictureHealth(), cadence=Cadence())
    seen = [follower.follow(frame(SCENE, step / 20), crop_due=step in (2, 4, 6)) for step in range(9)]
    assert [step for step, followed in enumerate(seen) if followed.detected_ns] == [0, 1, 2, 4, 6, 7]
    assert finder.calls == ["calm", "calm", "hurried", "hurried", "hurried", "calm"]


def test_without_a_cadence_nothing_is_hurried_and_a_cut_is_a_new_scene() -> None:
    finder = Learning(FACE)
    follower = FaceFollower(finder, Tracker(), PictureHealth())
    follow(follower, (SCENE, 0.0), (SCENE, 0.1), (OTHER_SCENE, 0.2))
    assert finder.calls == ["calm", "calm", "new scene", "calm"]


def test_a_face_that_is_lost_is_sought_in_every_frame_for_a_while() -> None:
    finder = Finder(FACE)
    follower = FaceFollower(finder, Tracker(), PictureHealth(), cadence=Cadence())
    for step in range(6):
        follower.follow(frame(SCENE, step / 20), crop_due=False)
    finder.faces = []
    seen = [follower.follow(frame(SCENE, step / 20), crop_due=False) for step in range(6, 22)]
    searched = [step for step, followed in enumerate(seen, 6) if followed.detected_ns]
    # Seen last at 0.05 s, missed at 0.3 s, sought until 0.55 s, then waited for.
    assert searched == [6, 7, 8, 9, 10, 11, 16, 21]


def test_a_short_blackout_is_not_searched_and_costs_no_identity() -> None:
    finder = Finder(FACE)
    follower = FaceFollower(finder, Tracker(), PictureHealth())
    *_, dark, after = follow(follower, (SCENE, 0.0), (SCENE, 0.1), (BLACK, 0.2), (SCENE, 0.3))
    assert (ids(dark), dark.causes, dark.detected_ns) == ([(1, False)], (Cause.PICTURE_BLACK,), 0)
    assert (ids(after), after.causes) == ([(1, True)], ())
    assert finder.searched == 3


def test_a_cut_ends_every_track_and_searches_at_once() -> None:
    finder = Finder(FACE)
    follower = FaceFollower(finder, Tracker(), PictureHealth(), cadence=Cadence())
    quiet = [follower.follow(frame(SCENE, step / 20), crop_due=False) for step in range(8)]
    assert ids(quiet[-1]) == [(1, False)]
    cut, *_, last = [follower.follow(frame(OTHER_SCENE, 0.4 + step / 20), crop_due=False) for step in range(2)]
    assert (ids(cut), cut.detected_ns > 0) == ([], True)
    assert ids(last) == [(2, True)]


def test_a_frozen_picture_says_so_and_still_shows_its_faces() -> None:
    follower = FaceFollower(Finder(FACE), Tracker(), PictureHealth(frozen_after_s=1.0))
    still = [follower.follow(Frame(SCENE, 0, step / 4, step, "test")) for step in range(6)]
    assert (ids(still[-1]), still[-1].causes) == ([(1, True)], (Cause.PICTURE_FROZEN,))


def test_a_picture_of_another_size_begins_anew() -> None:
    finder = Finder(FACE)
    follower = FaceFollower(finder, Tracker(), PictureHealth(), cadence=Cadence())
    for step in range(4):
        follower.follow(frame(SCENE, step / 20), crop_due=False)
    larger = cv2.resize(SCENE, (640, 360))
    seen = [follower.follow(frame(larger, step / 20), crop_due=False) for step in (4, 5)]
    assert [ids(followed) for followed in seen] == [[], [(2, True)]], "found at once, and nobody is carried over"


def test_a_reset_starts_over_with_new_numbers() -> None:
    follower = FaceFollower(Finder(FACE), Tracker(), PictureHealth())
    follow(follower, (SCENE, 0.0), (SCENE, 0.1))
    follower.reset()
    assert [ids(followed) for followed in follow(follower, (OTHER_SCENE, 0.2), (OTHER_SCENE, 0.3))] == [
        [],
        [(2, True)],
    ]


def test_after_a_reset_a_picture_that_stood_still_before_is_new() -> None:
    follower = FaceFollower(Finder(FACE), Tracker(), PictureHealth(frozen_after_s=1.0))
    held = [Frame(SCENE, 0, time_s, 0, "test") for time_s in (0.0, 1.0, 1.1)]
    assert [follower.follow(each).causes for each in held[:2]] == [(), (Cause.PICTURE_FROZEN,)]
    follower.reset()
    assert follower.follow(held[2]).causes == ()


def test_what_the_finder_raises_comes_through() -> None:
    class Broken(Finder):
        def find(self, image: Image) -> list[FaceBox]:
            raise FaceModelError("The model broke; fetch it again.")

    with pytest.raises(FaceModelError, match="broke"):
        FaceFollower(Broken(), Tracker(), PictureHealth()).follow(frame(SCENE, 0.0))


def analysed(clip: Path, fps: float, follower: FaceFollower) -> list[tuple[int, Followed]]:
    """Follow ``clip`` at ``fps``; (frame number, what came out) of each analysed frame."""
    reader, seen, index, due_s = cv2.VideoCapture(str(clip)), [], 0, 0.0
    try:
        rate = reader.get(cv2.CAP_PROP_FPS)
        while True:
            got, image = reader.read()
            if not got:
                return seen
            if index / rate + 1e-6 >= due_s:
                seen.append((index, follower.follow(Frame(image, 0, index / rate, index, "clip"))))
                due_s += 1 / fps
            index += 1
    finally:
        reader.release()


class Remembering(Finder):
    """Searches each picture once, however often it is shown: a search is what takes the time here."""

    def __init__(self, finder: FaceFinder) -> None:
        super().__init__()
        self._finder, self._known = finder, dict[bytes, list[FaceBox]]()

    def find(self, image: Image) -> list[FaceBox]:
        key = hashlib.sha256(image).digest()
        if key not in self._known:
            self._known[key] = self._finder.find(image)
        return list(self._known[key])


@pytest.fixture(scope="module")
def real_finder(shared: Path) -> Iterator[FaceFinder]:
    from unmask.realtime.faces.scrfd import ScrfdFinder

    finder = ScrfdFinder(shared / "models" / "scrfd_500m.onnx", input_size=640)
    yield Remembering(finder)
    finder.close()


@pytest.mark.parametrize("fps", [8.0, 25.0])
def test_on_a_real_clip_every_visible_person_keeps_one_number(
    shared: Path, fps: float, real_finder: FaceFinder
) -> None:
    """Four shots. Where people sit was read off the pictures by eye: (first frame, last, x, y, reach)."""
    people: dict[str, tuple[int, int, Callable[[FaceBox], bool]]] = {
        "singer, whole stage": (5, 19, lambda face: face.x0 > 400),
        "pianist, whole stage": (5, 19, lambda face: face.x1 < 150),
        "pianist, close": (27, 45, lambda face: face.width > 120),
        "singer, close": (90, 209, lambda face: face.width > 50),
        "guest far left": (219, 274, lambda face: 30 < face.x0 < 80 and face.y0 > 50),
        "guest left": (219, 274, lambda face: 140 < face.x0 < 200),
        "guest in the middle": (219, 274, lambda face: 290 < face.x0 < 340),
        "guest right": (219, 274, lambda face: 360 < face.x0 < 420),
    }
    follower = FaceFollower(real_finder, Tracker(), PictureHealth())
    seen = analysed(shared / "data" / "clips" / "live" / "several_faces_360p.mp4", fps, follower)
    carried: dict[str, set[int]] = {}
    for name, (first, last, is_there) in people.items():
        frames = [followed for index, followed in seen if first <= index <= last]
        faces = [[t for t in followed.faces if t.detected and is_there(t.face)] for followed in frames]
        assert sum(map(bool, faces)) >= 0.9 * len(frames), name
        carried[name] = {track.track_id for tracks in faces for track in tracks}
    assert all(len(numbers) == 1 for numbers in carried.values()), carried
    assert len(set.union(*carried.values())) == len(people), carried
