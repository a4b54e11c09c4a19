from __future__ import annotations

import numpy as np

from unmask.realtime.faces.scales import TwoScales, merge_looks
from unmask.realtime.types import FaceBox

PICTURE = np.zeros((360, 640, 3), np.uint8)


def face(x: float, side: float, confidence: float = 0.9) -> FaceBox:
    return FaceBox(x, 50, x + side, 50 + side, confidence)


class Scene:
    """What either input size would see; each look is noted."""

    def __init__(self, close: list[FaceBox], wide: list[FaceBox]) -> None:
        self.seen = {320: close, 640: wide}
        self.sizes: list[int] = []

    def look(self, image: np.ndarray, size: int) -> list[FaceBox]:
        self.sizes.append(size)
        return self.seen[size]


def finder(scene: Scene, refresh_every: int = 5) -> TwoScales:
    return TwoScales(scene.look, min_confidence=0.5, refresh_every=refresh_every)


def test_a_large_face_needs_the_small_input_only_between_refreshes() -> None:
    scene = Scene([face(100, 200)], [face(102, 200)])
    scales = finder(scene)
    for _ in range(11):
        assert len(scales.find(PICTURE)) == 1
    assert scene.sizes == [320, 640, 320, 320, 320, 320] * 2 + [320, 640]
    assert scales.looks == {320: 11, 640: 3}


def test_refreshes_do_not_jolt_the_box() -> None:
    scene = Scene([face(100, 200)], [face(104, 200)])
    scales = finder(scene)
    assert {scales.find(PICTURE)[0].x0 for _ in range(12)} == {100}


def test_a_face_that_only_the_wide_look_sees_keeps_the_wide_look() -> None:
    scene = Scene([], [face(100, 30)])
    scales = finder(scene)
    for _ in range(5):
        assert len(scales.find(PICTURE)) == 1
    assert scene.sizes == [320, 640, 640, 640, 640, 640]


def test_a_face_too_small_for_sharp_landmarks_is_left_to_the_wide_look() -> None:
    scene = Scene([face(100, 60)], [face(100, 60)])  # 30 px of a 320 px input
    scales = finder(scene)
    for _ in range(3):
        scales.find(PICTURE)
    assert scene.sizes == [320, 640, 640, 640]


def test_a_face_barely_above_the_threshold_is_not_trusted_to_one_size() -> None:
    scene = Scene([face(100, 200, 0.55)], [])
    scales = finder(scene)
    for _ in range(3):
        assert len(scales.find(PICTURE)) == 1
    assert scene.sizes == [320, 640] * 3


def test_a_small_and_a_filling_face_need_both() -> None:
    scene = Scene([face(300, 250)], [face(10, 30)])
    scales = finder(scene)
    for _ in range(3):
        assert len(scales.find(PICTURE)) == 2
    assert scene.sizes == [320, 640] * 3


def test_an_empty_picture_is_searched_with_both_each_time() -> None:
    scene = Scene([], [])
    scales = finder(scene)
    for _ in range(3):
        assert scales.find(PICTURE) == []
    assert scene.sizes == [320, 640] * 3


def test_a_lost_face_is_looked_for_with_the_other_size_at_once() -> None:
    scene = Scene([face(100, 200)], [face(100, 200)])
    scales = finder(scene)
    scales.find(PICTURE)
    scene.seen = {320: [], 640: [face(100, 60)]}
    assert len(scales.find(PICTURE)) == 1
    assert scene.sizes == [320, 640, 320, 640]


def test_a_newcomer_for_the_other_size_is_found_at_the_refresh() -> None:
    scene = Scene([face(100, 200)], [face(100, 200)])
    scales = finder(scene, refresh_every=3)
    scales.find(PICTURE)
    scene.seen[640] = [face(100, 200), face(500, 30)]
    assert [len(scales.find(PICTURE)) for _ in range(3)] == [1, 1, 2]


def test_a_hurried_call_leaves_the_refresh_to_the_next_that_is_not() -> None:
    scene = Scene([face(100, 200)], [face(100, 200)])
    scales = finder(scene, refresh_every=3)
    scales.find(PICTURE)
    due = []
    for _ in range(4):
        assert len(scales.find(PICTURE, hurried=True)) == 1
        due.append(scales.check_due)
    assert (scene.sizes[2:], due) == ([320] * 4, [False, False, True, True])
    scene.seen[640] = [face(100, 200), face(500, 30)]
    assert len(scales.find(PICTURE)) == 2
    assert not scales.check_due


def test_hurried_calls_alone_get_the_refresh_two_calls_later() -> None:
    scene = Scene([face(100, 200)], [face(100, 200)])
    scales = finder(scene, refresh_every=3)
    for _ in range(6):
        scales.find(PICTURE, hurried=True)
    assert scene.sizes == [320, 640, 320, 320, 320, 320, 320, 640]


def test_a_face_lost_in_a_hurry_is_looked_for_with_the_other_size_at_once() -> None:
    scene = Scene([face(100, 200)], [face(100, 200)])
    scales = finder(scene)
    scales.find(PICTURE)
    scene.seen = {320: [], 640: [face(100, 60)]}
    assert len(scales.find(PICTURE, hurried=True)) == 1


def test_a_hurried_call_looks_with_both_where_one_size_is_not_enough() -> None:
    scene = Scene([face(300, 250)], [face(10, 30)])
    scales = finder(scene, refresh_every=1)
    for _ in range(2):
        assert len(scales.find(PICTURE, hurried=True)) == 2
    scene.seen = {320: [face(300, 250)], 640: [face(300, 250)]}
    for _ in range(3):
        scales.find(PICTURE, hurried=True)
    assert scene.sizes == [320, 640] * 5, "a refresh at each call is never put off"


def test_a_new_scene_is_looked_at_with_both() -> None:
    scene = Scene([face(100, 200)], [face(100, 200)])
    scales = finder(scene)
    scales.find(PICTURE)
    scales.new_scene()
    assert not scales.check_due
    scales.find(PICTURE, hurried=True)
    assert scene.sizes == [320, 640, 320, 640]


def test_another_picture_size_starts_afresh() -> None:
    scene = Scene([face(100, 200)], [face(100, 200)])
    scales = finder(scene)
    scales.find(PICTURE)
    scales.find(np.zeros((720, 1280, 3), np.uint8))
    assert scene.sizes == [320, 640, 320, 640]


def test_refresh_at_each_call_keeps_no_state() -> None:
    scene = Scene([face(100, 200)], [face(100, 200)])
    scales = finder(scene, refresh_every=1)
    for _ in range(3):
        scales.find(PICTURE)
    assert scene.sizes == [320, 640] * 3


def test_merged_looks_hold_each_face_once() -> None:
    both, small, filling = face(100, 100, 0.8), face(10, 20, 0.7), face(300, 250, 0.95)
    merged = merge_looks([face(102, 100, 0.85), filling], [both, small])
    assert [each.x0 for each in merged] == [300, 100, 10]


def test_the_close_look_wins_where_it_is_much_surer() -> None:
    merged = merge_looks([face(102, 100, 0.9)], [face(100, 100, 0.55)])
    assert [each.x0 for each in merged] == [102]
