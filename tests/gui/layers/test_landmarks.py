"""The five points: where they are, also between two searches, and what is said where there are none."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from updates import face_state, update

from unmask.gui.layers.landmarks import LandmarksLayer
from unmask.gui.picture import PictureView
from unmask.gui.qt import QPainter, QRectF
from unmask.realtime.faces.crop import CropSpec
from unmask.realtime.looks import look_at
from unmask.realtime.types import FaceBox

POINTS = np.array([(110, 100), (170, 100), (140, 125), (115, 155), (165, 155)], np.float32)
FACE = FaceBox(80, 60, 200, 180, 0.9, POINTS)
GREY = np.full((240, 320, 3), 110, np.uint8)


@pytest.fixture
def view(qtbot):
    made = PictureView("fake")
    qtbot.addWidget(made)
    made.resize(640, 480)
    made.show()
    qtbot.waitExposed(made)
    return made


def said(time_s, box, detected=True, look=None):
    face = face_state()
    track = dataclasses.replace(face.track, face=box, detected=detected)
    return update(time_s, dataclasses.replace(face, track=track, look=look), image=GREY, sequence=round(1000 * time_s))


def whiteness(view, x, y):
    """How much white ink there is around a point of the picture."""
    shot = view.grab().toImage()
    around = [(2 * x + across, 2 * y + down) for across in range(-9, 10) for down in range(-9, 10)]
    return sum(min(shot.pixelColor(*map(round, at)).getRgb()[:3]) > 220 for at in around)


def test_every_point_is_marked_where_it_was_found(view):
    view.add_layer(LandmarksLayer())
    view.show_update(said(1.0, FACE))
    assert all(whiteness(view, x, y) > 15 for x, y in POINTS.tolist())
    assert whiteness(view, 140, 80) == 0


def test_between_two_searches_the_points_go_along_and_then_fade(view):
    view.add_layer(LandmarksLayer())
    view.show_update(said(1.0, FACE))
    view.grab()
    moved = FaceBox(100, 60, 220, 180, 0.9)
    view.show_update(said(1.2, moved, detected=False))
    assert whiteness(view, 130, 100) > 15
    view.show_update(said(3.0, moved, detected=False))
    assert whiteness(view, 130, 100) == 0


def test_points_of_a_search_that_nobody_painted_come_from_the_look(view):
    view.add_layer(LandmarksLayer())
    look = look_at(FACE, np.zeros((32, 32, 3), np.uint8), CropSpec(32), frozenset({"landmarks"}), (1.0, 1.1))
    view.show_update(said(1.1, FaceBox(80, 60, 200, 180, 0.9), detected=False, look=look))
    assert whiteness(view, 110, 100) > 15


def test_a_finder_that_gives_none_is_named(view):
    layer = LandmarksLayer()
    view.add_layer(layer)
    view.show_update(said(1.0, FaceBox(80, 60, 200, 180, 0.9)))
    view.grab()
    assert "gives no landmarks" in layer._legend.words
    view.show_update(said(1.1, FACE))
    view.grab()
    assert "nose" in layer._legend.words
    assert QRectF(view.rect()).contains(layer.words_rect(view))


def test_no_two_points_have_one_mark(view):
    """Shape or number: each is drawn on its own, and no two pictures of one are the same."""
    from unmask.gui.layers.landmarks import _draw_point
    from unmask.gui.qt import QImage, QPointF

    marks = set()
    for number in range(1, 6):
        image = QImage(60, 40, QImage.Format.Format_RGB32)
        image.fill(0x808080)
        painter = QPainter(image)
        _draw_point(painter, QPointF(15, 20), 6, number)
        painter.end()
        marks.add(bytes(image.constBits().asarray(image.sizeInBytes())))
    assert len(marks) == 5
