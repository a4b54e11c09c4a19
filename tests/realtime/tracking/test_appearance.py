from __future__ import annotations

import numpy as np
import pytest

from unmask.realtime.tracking.appearance import describe
from unmask.realtime.types import FaceBox, Image

FACE = FaceBox(60, 60, 120, 140, 0.9)


def person(shirt: tuple[int, int, int]) -> Image:
    image = np.full((240, 240, 3), 40, np.uint8)
    image[60:140, 60:120] = (120, 150, 210)
    image[140:, 20:160] = shirt
    return image


def alike(one: Image, other: Image, face: FaceBox = FACE) -> float:
    a, b = describe(one, face), describe(other, face)
    assert a is not None
    assert b is not None
    return float(a @ b)


def test_it_is_a_unit_vector_and_the_same_picture_gives_the_same() -> None:
    described = describe(person((200, 30, 30)), FACE)
    assert described is not None
    assert (described.shape, described.dtype) == ((72,), np.float32)
    assert np.linalg.norm(described) == pytest.approx(1, abs=1e-5)
    assert alike(person((200, 30, 30)), person((200, 30, 30))) == pytest.approx(1, abs=1e-5)


def test_another_shirt_looks_more_different_than_less_light() -> None:
    red, blue = person((30, 30, 200)), person((200, 30, 30))
    dimmed = (red * 0.85).astype(np.uint8)
    assert alike(red, dimmed) > alike(red, blue) + 0.1


def test_a_box_outside_the_picture_has_no_looks() -> None:
    assert describe(person((0, 0, 0)), FaceBox(400, 400, 460, 480, 0.9)) is None
    assert describe(person((0, 0, 0)), FaceBox(-200, 10, -150, 60, 0.9)) is None
    assert describe(person((0, 0, 0)), FaceBox(400, 60, 460, 140, 0.9)) is None
    assert describe(person((0, 0, 0)), FaceBox(60, 400, 120, 480, 0.9)) is None


# A face of 100 x 100 and what counts of its surroundings: 35 aside and above, 75 below.
MIDDLE = FaceBox(150, 150, 250, 250, 0.9)
LEFT, TOP, RIGHT, BOTTOM = 115, 115, 285, 325


def test_what_lies_outside_the_surroundings_is_not_looked_at() -> None:
    random = np.random.default_rng(2)
    one, other = (random.integers(0, 256, (400, 400, 3), dtype=np.uint8) for _ in range(2))
    other[TOP:BOTTOM, LEFT:RIGHT] = one[TOP:BOTTOM, LEFT:RIGHT]
    assert alike(one, other, MIDDLE) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("side", ["left", "top", "right", "bottom"])
def test_the_rim_of_the_surroundings_is_looked_at(side: str) -> None:
    rows, columns = slice(TOP, BOTTOM), slice(LEFT, RIGHT)
    rim = {
        "left": (rows, slice(LEFT, LEFT + 12)),
        "top": (slice(TOP, TOP + 12), columns),
        "right": (rows, slice(RIGHT - 12, RIGHT)),
        "bottom": (slice(BOTTOM - 12, BOTTOM), columns),
    }[side]
    plain = np.full((400, 400, 3), 60, np.uint8)
    painted = plain.copy()
    painted[rim] = (30, 200, 120)
    assert alike(plain, painted, MIDDLE) < 0.99


@pytest.mark.parametrize("face", [FaceBox(-40, 20, 30, 90, 0.9), FaceBox(20, -40, 90, 30, 0.9)])
def test_at_the_left_and_upper_edge_the_rest_counts(face: FaceBox) -> None:
    """As that of the box which has just that rest for its surroundings."""
    image = np.random.default_rng(3).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    other = np.random.default_rng(4).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    right, bottom = int(face.x1 + 0.35 * face.width), int(face.y1 + 0.75 * face.height)
    other[:bottom, :right] = image[:bottom, :right]
    assert alike(image, other, face) == pytest.approx(1, abs=1e-6)


def test_at_the_right_and_lower_edge_the_rest_counts() -> None:
    image = np.random.default_rng(3).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    assert alike(image, image, FaceBox(150, 150, 220, 230, 0.9)) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("seen", "described"), [(1, False), (2, True)])
def test_two_pixels_of_surroundings_are_the_least(seen: int, described: bool) -> None:
    image = np.full((100, 100, 3), 90, np.uint8)
    aside = FaceBox(seen + 0.01 - 1.35 * 100, 20, seen + 0.01 - 0.35 * 100, 80, 0.9)
    above = FaceBox(20, seen + 0.01 - 1.75 * 100, 80, seen + 0.01 - 0.75 * 100, 0.9)
    assert [describe(image, face) is not None for face in (aside, above)] == [described] * 2


def test_colours_that_differ_slightly_share_bins_and_far_ones_do_not() -> None:
    grey = [np.full((200, 200, 3), level, np.uint8) for level in (100, 108, 160)]
    face = FaceBox(60, 60, 140, 140, 0.9)
    # Two thirds of the vector (both chroma channels) are the same for every grey.
    assert alike(grey[0], grey[1], face) > 0.85
    assert alike(grey[0], grey[2], face) == pytest.approx(2 / 3, abs=1e-5)


def test_each_channel_counts_alike() -> None:
    """Wholly another luma costs a third, and so does wholly another chroma of either kind."""
    import cv2

    def filled(*tone: int) -> Image:
        return cv2.cvtColor(np.full((200, 200, 3), tone, np.uint8), cv2.COLOR_YCrCb2BGR)

    face, plain = FaceBox(60, 60, 140, 140, 0.9), filled(128, 128, 128)
    for tone in ((60, 128, 128), (128, 170, 128), (128, 128, 160)):
        assert alike(plain, filled(*tone), face) == pytest.approx(2 / 3, abs=1e-4)
