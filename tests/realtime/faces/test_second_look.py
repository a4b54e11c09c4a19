from __future__ import annotations

import numpy as np
import pytest

from unmask.realtime.faces.second_look import SecondLook
from unmask.realtime.types import FaceBox, Image

PICTURE = np.zeros((400, 600, 3), np.uint8)


class FakeFinder:
    name = "fake"
    description = "a fake"

    def __init__(self, faces: list[FaceBox]) -> None:
        self.faces, self.pictures, self.closed = faces, [], False

    def find(self, image: Image) -> list[FaceBox]:
        self.pictures.append(image)
        return list(self.faces)

    def close(self) -> None:
        self.closed = True


class Whiteness(FakeFinder):
    """Sees a face wherever the middle half of the cut-out is white, that sure."""

    def __init__(self, confidence: float = 0.8) -> None:
        super().__init__([])
        self.confidence = confidence

    def find(self, image: Image) -> list[FaceBox]:
        self.pictures.append(image)
        height, width = image.shape[:2]
        x0, y0 = width / 4, height / 4
        if image[int(y0) : int(3 * y0), int(x0) : int(3 * x0)].mean() < 200:
            return []
        return [FaceBox(x0, y0, 3 * x0, 3 * y0, self.confidence)]


def face(x: float, y: float, side: float, confidence: float) -> FaceBox:
    return FaceBox(x, y, x + side, y + side, confidence, np.zeros((5, 2), np.float32))


def picture_with(*faces: FaceBox) -> Image:
    picture = PICTURE.copy()
    for each in faces:
        picture[int(each.y0) : int(each.y1), int(each.x0) : int(each.x1)] = 255
    return picture


def test_a_sure_face_is_not_looked_at_again() -> None:
    verifier = FakeFinder([])
    sure = face(100, 100, 80, 0.9)
    assert SecondLook(FakeFinder([sure]), verifier).find(PICTURE) == [sure]
    assert verifier.pictures == []


def test_a_weak_face_that_is_seen_again_keeps_its_box_and_gains_confidence() -> None:
    weak = face(100, 100, 80, 0.55)
    look = SecondLook(FakeFinder([weak]), Whiteness(0.8))
    (kept,) = look.find(picture_with(weak))
    assert (kept.x0, kept.y0, kept.x1, kept.y1) == (100, 100, 180, 180)
    assert kept.landmarks is weak.landmarks
    assert kept.confidence == 0.8
    assert (look.counts.weak, look.counts.confirmed, look.counts.dropped) == (1, 1, 0)


def test_a_less_sure_confirmation_takes_no_confidence_away() -> None:
    weak = face(100, 100, 80, 0.6)
    (kept,) = SecondLook(FakeFinder([weak]), Whiteness(0.4)).find(picture_with(weak))
    assert kept.confidence == 0.6


def test_a_weak_face_that_is_not_seen_again_is_dropped() -> None:
    weak, sure = face(100, 100, 80, 0.55), face(300, 100, 80, 0.9)
    look = SecondLook(FakeFinder([sure, weak]), Whiteness())
    assert look.find(picture_with(sure)) == [sure]
    assert look.counts.dropped == 1


def test_another_face_in_the_cut_out_confirms_nothing() -> None:
    weak = face(100, 100, 80, 0.55)
    corner = FakeFinder([FaceBox(0, 0, 40, 40, 0.99)])
    assert SecondLook(FakeFinder([weak]), corner).find(PICTURE) == []


def test_a_small_face_is_checked_however_sure() -> None:
    small = face(100, 100, 20, 0.95)
    assert SecondLook(FakeFinder([small]), FakeFinder([]), small_px=24).find(PICTURE) == []


def test_an_unsure_confirmation_is_none() -> None:
    weak = face(100, 100, 80, 0.55)
    look = SecondLook(FakeFinder([weak]), Whiteness(0.45), confirm_at=0.5)
    assert look.find(picture_with(weak)) == []


@pytest.mark.parametrize("corner", [(-20.0, -20.0), (560.0, 350.0)])
def test_a_face_at_the_edge_is_checked_where_it_is(corner: tuple[float, float]) -> None:
    weak = face(*corner, 60, 0.55)
    verifier = FakeFinder([])
    SecondLook(FakeFinder([weak]), verifier, cutout_px=192).find(PICTURE)
    assert max(verifier.pictures[0].shape[:2]) == 192


def test_a_face_outside_the_picture_is_dropped_without_a_look() -> None:
    verifier = FakeFinder([])
    assert SecondLook(FakeFinder([face(900, 900, 50, 0.55)]), verifier).find(PICTURE) == []
    assert verifier.pictures == []


def test_the_looks_of_one_frame_are_limited_and_the_rest_stays() -> None:
    weak = [face(10 + 50 * index, 100, 40, 0.6 - index / 100) for index in range(6)]
    verifier = FakeFinder([])
    look = SecondLook(FakeFinder(weak), verifier, most_per_frame=4)
    assert look.find(PICTURE) == weak[4:]
    assert len(verifier.pictures) == 4
    assert (look.counts.weak, look.counts.dropped, look.counts.unchecked) == (6, 4, 2)


def test_the_order_is_by_confidence_after_the_look() -> None:
    sure, weak = face(300, 100, 80, 0.7), face(100, 100, 80, 0.55)
    found = SecondLook(FakeFinder([sure, weak]), Whiteness(0.9)).find(picture_with(weak))
    assert [each.confidence for each in found] == [0.9, 0.7]


def test_the_picture_is_not_touched_and_both_finders_are_closed() -> None:
    weak = face(100, 100, 80, 0.55)
    picture = picture_with(weak)
    picture.flags.writeable = False
    inner, verifier = FakeFinder([weak]), Whiteness()
    look = SecondLook(inner, verifier)
    look.find(picture)
    look.close()
    assert inner.closed
    assert verifier.closed


def test_hurry_checks_and_scenes_reach_the_wrapped_finder() -> None:
    class Learning(FakeFinder):
        check_due = True
        scenes = 0

        def find_hurried(self, image: Image) -> list[FaceBox]:
            return [face(10, 10, 40, 0.4), face(80, 10, 40, 0.9)]

        def new_scene(self) -> None:
            self.scenes += 1

    inner = Learning([])
    look = SecondLook(inner, FakeFinder([]))
    assert look.check_due
    assert [found.confidence for found in look.find_hurried(picture_with())] == [0.9], "the weak one is looked at"
    look.new_scene()
    assert inner.scenes == 1


def test_a_finder_that_learns_nothing_is_the_same_in_a_hurry() -> None:
    look = SecondLook(FakeFinder([face(80, 10, 40, 0.9)]), FakeFinder([]))
    look.new_scene()
    assert look.find_hurried(picture_with()) == look.find(picture_with())
    assert not look.check_due
