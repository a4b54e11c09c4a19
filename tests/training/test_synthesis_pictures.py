"""The pictures that the dependencies ship: found, checked, refused when changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from unmask.training.synthesis import people
from unmask.training.synthesis.people import CONTOUR, Person
from unmask.training.synthesis.pictures import PictureError, load_picture, locate

PEOPLE = [people.ASTRONAUT, people.SEAT_1, people.SEAT_3, people.SEAT_4, people.SEAT_6]


@pytest.mark.parametrize("picture", [people.ASTRONAUT_PICTURE, people.GROUP_PICTURE], ids=lambda p: p.name)
def test_the_installed_picture_is_the_expected_one(picture: people.PictureFile) -> None:
    image = load_picture(picture)
    assert image.dtype == np.uint8
    assert image.shape == (picture.height, picture.width, 3)


def test_a_changed_picture_is_refused_in_one_sentence(tmp_path: Path) -> None:
    data = bytearray(locate(people.GROUP_PICTURE).read_bytes())
    data[-200] ^= 1
    other = tmp_path / "t1.jpg"
    other.write_bytes(bytes(data))
    assert cv2.imread(str(other)) is not None
    with pytest.raises(PictureError, match="reinstall insightface") as refusal:
        load_picture(people.GROUP_PICTURE, other)
    assert str(other) in str(refusal.value)
    assert str(refusal.value).count("\n") == 0


def test_a_missing_picture_names_its_package() -> None:
    with pytest.raises(PictureError, match=r"nowhere\.png of the package scikit-image"):
        locate(replace(people.ASTRONAUT_PICTURE, path="data/nowhere.png"))
    with pytest.raises(PictureError, match="reinstall"):
        locate(replace(people.ASTRONAUT_PICTURE, package="unmask_has_no_such_package"))


@pytest.mark.parametrize("person", PEOPLE, ids=lambda p: p.name)
def test_points_lie_where_a_face_has_them(person: Person) -> None:
    x0, y0, x1, y1 = person.box
    assert y1 - y0 >= 115
    for x, y in person.landmarks:
        assert x0 < x < x1
        assert y0 < y < y1
    left, right, nose, mouth_left, mouth_right = person.landmarks
    assert left[0] < right[0]
    assert mouth_left[0] < mouth_right[0]
    assert max(left[1], right[1]) < nose[1] < max(mouth_left[1], mouth_right[1])
    assert len(person.contour) in (0, len(CONTOUR))
    for x, y in person.outline:
        assert 0 <= x < person.picture.width
        assert 0 <= y < person.picture.height
