"""Where marks go: at the faces, or around what is watched and nowhere in it."""

from __future__ import annotations

import random

import pytest

from unmask.gui.overlay.marks import Face, Kind, around, at_faces, pattern_places
from unmask.gui.qt import QFont, QRectF, QSizeF
from unmask.realtime.types import Verdict

MONITOR = QRectF(0, 0, 1600, 900)
AREA = QRectF(400, 250, 640, 360)
PATTERN = QSizeF(48, 16)

pytestmark = pytest.mark.usefixtures("qapp")


def face(left, top, side=80.0, verdict=Verdict.SIGNS, number=1):
    return Face(QRectF(left, top, side, side), verdict, f"{number}: {verdict.words}")


def kinds(marks):
    return [mark.kind for mark in marks]


def test_a_ring_lies_at_the_face_and_its_label_beside_it():
    ring, label = at_faces([face(600, 300)], MONITOR, QFont())
    assert (ring.kind, ring.rect, ring.verdict) == (Kind.RING, QRectF(600, 300, 80, 80), Verdict.SIGNS)
    assert not label.rect.intersects(ring.rect)
    assert label.lines == ("1: signs of manipulation",)


def test_labels_at_faces_keep_off_each_other():
    marks = at_faces([face(600, 300), face(640, 310, number=2), face(690, 300, number=3)], MONITOR, QFont())
    labels = [mark.rect for mark in marks if mark.kind is Kind.LABEL]
    assert len(labels) == 3
    assert not any(one.intersects(other) for one in labels for other in labels if one is not other)


@pytest.mark.parametrize("area", [AREA, QRectF(0, 0, 640, 360), QRectF(960, 540, 640, 360), QRectF(0, 200, 1600, 500)])
def test_nothing_around_touches_what_is_watched(area):
    chance = random.Random(7)
    for _ in range(50):
        faces = [
            face(
                area.left() + chance.uniform(-60, area.width()),
                area.top() + chance.uniform(-60, area.height()),
                chance.uniform(10, 300),
                chance.choice(list(Verdict)),
                number,
            )
            for number in range(4)
        ]
        marks = around(faces, area, Verdict.SIGNS, MONITOR, QFont())
        labels = [mark.bounds for mark in marks if mark.kind is Kind.LABEL]
        assert all(MONITOR.contains(label) for label in labels)
        assert not any(one.intersects(other) for one in labels for other in labels if one is not other)
        frame, *others = marks
        assert frame.kind is Kind.FRAME
        assert not any(mark.bounds.intersects(area) for mark in others)
        inner = frame.rect.adjusted(
            *([frame.rect.left() - frame.bounds.left()] * 2), *[frame.rect.right() - frame.bounds.right()] * 2
        )
        assert inner.contains(area), "the frame's own line is wholly outside too"


@pytest.mark.parametrize(
    ("left", "top", "side"),
    [(700, 260, "above"), (700, 520, "below"), (405, 400, "left"), (950, 400, "right")],
)
def test_the_bar_is_as_long_as_the_face_and_on_the_nearest_side(left, top, side):
    _, bar, label = around([face(left, top)], AREA, Verdict.SIGNS, MONITOR, QFont())
    assert bar.kind is Kind.BAR
    where = {
        "above": bar.rect.bottom() < AREA.top() and (bar.rect.left(), bar.rect.width()) == (left, 80),
        "below": bar.rect.top() > AREA.bottom() and (bar.rect.left(), bar.rect.width()) == (left, 80),
        "left": bar.rect.right() < AREA.left() and (bar.rect.top(), bar.rect.height()) == (top, 80),
        "right": bar.rect.left() > AREA.right() and (bar.rect.top(), bar.rect.height()) == (top, 80),
    }
    assert [name for name, true in where.items() if true] == [side]
    assert not label.bounds.intersects(bar.bounds)


def test_a_face_near_a_side_without_room_is_marked_on_another():
    area = QRectF(400, 0, 640, 360)
    _, bar, _ = around([face(700, 10)], area, Verdict.SIGNS, MONITOR, QFont())
    assert bar.rect.left() > area.right() or bar.rect.right() < area.left() or bar.rect.top() > area.bottom()


def test_nothing_is_drawn_where_all_of_the_monitor_is_watched():
    assert around([face(700, 260)], MONITOR, Verdict.SIGNS, MONITOR, QFont()) == []
    assert pattern_places(MONITOR, MONITOR, PATTERN) == []


def test_a_face_outside_the_visible_part_has_no_mark():
    assert kinds(around([face(1200, 700)], AREA, Verdict.SIGNS, MONITOR, QFont())) == [Kind.FRAME]


def test_the_pattern_lies_on_every_side_with_room_and_outside():
    places = pattern_places(AREA, MONITOR, PATTERN)
    assert len(places) == 4
    assert not any(place.intersects(AREA) for place in places)
    assert len(pattern_places(QRectF(0, 0, 640, 900), MONITOR, PATTERN)) == 1


def test_a_trembling_face_is_the_same_mark():
    assert at_faces([face(600.2, 300.1)], MONITOR, QFont()) == at_faces([face(599.8, 299.9)], MONITOR, QFont())
