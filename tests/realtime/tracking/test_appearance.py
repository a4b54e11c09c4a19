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


def alike(one: Image, other: Image) -> float:
    a, b = describe(one, FACE), describe(other, FACE)
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
