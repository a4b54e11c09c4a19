"""The picture: pixels, memory, proportions, labels, and when it repaints."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest
from fakes import picture
from updates import face_state, update

from unmask.gui.picture import PictureView, image_over
from unmask.gui.qt import QImage, QPointF, QRectF, QSizeF
from unmask.gui.shapes import COLOURS, place_label
from unmask.realtime.types import Cause, FaceBox, SourceState, Verdict

SIGNS = face_state(Verdict.SIGNS, score=0.97)
NO_SIGNS = face_state(Verdict.NO_SIGNS)
CANNOT = face_state(Verdict.CANNOT_JUDGE, Cause.BLURRED, score=None)


@pytest.fixture
def view(qtbot):
    made = PictureView("fake")
    qtbot.addWidget(made)
    made.resize(640, 480)  # twice the fakes' pictures
    made.show()
    qtbot.waitExposed(made)
    return made


def painted(view):
    """What the widget shows, RGB uint8 (H, W, 3)."""
    shot = view.grab().toImage().convertToFormat(image_over(np.zeros((1, 1, 3), np.uint8)).format())
    rows = np.frombuffer(shot.constBits().asarray(shot.sizeInBytes()), np.uint8)
    pixels = rows.reshape(shot.height(), shot.bytesPerLine())[:, : 3 * shot.width()]
    return pixels.reshape(shot.height(), shot.width(), 3)[..., ::-1].copy()  # the image's memory ends here


def share_of(colour, pixels):
    """The share of pixels that have the colour, but for rounding and blending at edges."""
    wanted = np.array(colour.getRgb()[:3])
    return float((np.abs(pixels.astype(int) - wanted).max(axis=-1) < 12).mean())


def with_box(face, *corners):
    return dataclasses.replace(face, track=dataclasses.replace(face.track, face=FaceBox(*corners, 0.9)))


@pytest.mark.parametrize("width", [1, 2, 3, 5, 319, 320])
def test_the_image_lies_over_the_memory_of_the_frame(width):
    pixels = np.random.default_rng(0).integers(0, 256, (7, width, 3), dtype=np.uint8)
    image = image_over(pixels)
    assert int(image.constBits()) == pixels.ctypes.data
    for row, column in ((0, 0), (6, width - 1), (3, width // 2)):
        blue, green, red = (int(value) for value in pixels[row, column])
        assert image.pixelColor(column, row).getRgb()[:3] == (red, green, blue)


def test_a_part_of_a_larger_picture_is_shown_without_a_copy():
    whole = np.random.default_rng(0).integers(0, 256, (20, 31, 3), dtype=np.uint8)
    part = whole[3:15, 4:21]
    image = image_over(part)
    assert int(image.constBits()) == part.ctypes.data
    assert image.pixelColor(16, 11).getRgb()[2::-1] == tuple(int(value) for value in part[11, 16])


@pytest.mark.parametrize("turn", [np.fliplr, np.flipud, lambda pixels: pixels.transpose(1, 0, 2)])
def test_a_mirrored_or_turned_view_is_shown_right(turn):
    pixels = turn(np.random.default_rng(0).integers(0, 256, (9, 6, 3), dtype=np.uint8))
    image = image_over(pixels)
    assert (image.height(), image.width()) == pixels.shape[:2]
    for row in range(image.height()):
        for column in range(image.width()):
            assert image.pixelColor(column, row).getRgb()[2::-1] == tuple(pixels[row, column].tolist())


def test_a_read_only_frame_can_be_shown(view):
    pixels = picture()
    pixels.flags.writeable = False
    view.show_update(update(image=pixels))
    assert int(view.image.constBits()) == pixels.ctypes.data
    painted(view)
    assert int(view.image.constBits()) == pixels.ctypes.data, "painting made no copy"


def test_the_picture_is_painted_in_its_colours_and_proportions(view):
    orange = np.full((100, 400, 3), (0, 128, 255), np.uint8)
    view.show_update(update(image=orange))
    assert view.picture_rect() == QRectF(0, 160, 640, 160)
    shown = painted(view)
    assert (shown[165:315] == (255, 128, 0)).all()
    assert (shown[:155] == 16).all()
    assert (shown[325:400] == 16).all()


@pytest.mark.parametrize(
    ("face", "middle_of_a_side"),
    [(SIGNS, True), (NO_SIGNS, False)],
)
def test_the_box_has_the_colour_and_the_shape_of_its_verdict(view, face, middle_of_a_side):
    view.show_update(update(1.0, face))
    shown = painted(view)
    left, top = 160, 120  # the fakes' box, doubled
    colour = COLOURS[face.verdict]
    assert share_of(colour, shown[top : top + 20, left : left + 60]) > 0.05, "a corner"
    middle = share_of(colour, shown[top : top + 20, left + 100 : left + 140])
    assert (middle > 0.1) == middle_of_a_side


def test_a_face_that_cannot_be_judged_has_a_dashed_box(view):
    view.show_update(update(1.0, CANNOT, image=np.zeros((240, 320, 3), np.uint8)))
    side = painted(view)[120:126, 165:395].max(axis=(0, 2)) > 100
    changes = int(np.abs(np.diff(side.astype(int))).sum())
    assert changes == 6, "four dashes, three gaps"


def test_three_verdicts_differ_without_colour(view):
    shapes = []
    for number, face in enumerate((SIGNS, NO_SIGNS, CANNOT), 1):
        view.show_update(update(1.0, face, sequence=number, image=np.zeros((240, 320, 3), np.uint8)))
        shapes.append(painted(view)[115:365, 155:405].max(axis=-1) > 90)
    inks = [int(shape.sum()) for shape in shapes]
    assert inks[0] > 1.5 * max(inks[1:])
    assert (shapes[1] != shapes[2]).sum() > 300


def test_a_dense_screen_shows_every_pixel_of_the_frame(view):
    noise = np.random.default_rng(0).integers(0, 256, (960, 1280, 3), dtype=np.uint8)
    view.show_update(update(image=noise))
    screen = QImage(1280, 960, QImage.Format.Format_BGR888)
    screen.setDevicePixelRatio(2.0)
    view.render(screen)
    shown = np.frombuffer(screen.constBits().asarray(screen.sizeInBytes()), np.uint8).reshape(960, 1280, 3)
    assert (shown == noise).all()


@pytest.mark.parametrize("size", [(640, 480), (300, 200), (240, 135), (1200, 300)])
@pytest.mark.parametrize(
    "corners",
    [(80, 60, 200, 180), (-40, -40, 30, 30), (290, 210, 400, 300), (0, 0, 320, 240), (300, 0, 319, 12)],
)
def test_no_label_leaves_the_picture(view, size, corners):
    view.resize(*size)
    faces = [with_box(face, *corners) for face in (SIGNS, NO_SIGNS, CANNOT)]
    view.show_update(update(1.0, *faces))
    assert len(view.label_rects()) == 3
    for rect, _, _ in view.label_rects():
        assert view.picture_rect().contains(rect)
        assert view.picture_rect().contains(view.face_rect(faces[0]))


def test_labels_of_faces_side_by_side_do_not_cover_each_other(view):
    faces = [with_box(SIGNS, left, 80, left + 50, 140) for left in (20, 80, 140, 200)]
    view.show_update(update(1.0, *faces))
    rects = [rect for rect, _, _ in view.label_rects()]
    for number, rect in enumerate(rects):
        assert not any(rect.intersects(other) for other in rects[:number])


def test_a_label_goes_below_its_box_where_that_is_free():
    box, bounds = QRectF(100, 50, 80, 80), QRectF(0, 0, 640, 480)
    assert place_label(QSizeF(120, 40), box, bounds, [], []).topLeft() == QPointF(100, 134)
    above = place_label(QSizeF(120, 40), box, bounds, [QRectF(90, 130, 200, 60)], [])
    assert above.bottom() <= box.top()


def test_the_label_says_verdict_and_score_or_cause(view):
    view.show_update(update(1.0, SIGNS, with_box(CANNOT, 220, 60, 300, 150)))
    lines = [lines for _, lines, _ in view.label_rects()]
    assert lines == [["1: signs of manipulation", "97%"], ["1: cannot judge", "the face is blurred"]]


class Paints:
    """Counts the paint events of a widget."""

    def __init__(self, view, qtbot):
        self.number = 0
        self._view, self._qtbot, self._paint = view, qtbot, view.paintEvent
        view.paintEvent = self._count

    def _count(self, event):
        self.number += 1
        self._paint(event)

    def after(self, shown):
        self.number = 0
        self._view.show_update(shown)
        self._qtbot.wait(40)
        return self.number


def test_it_repaints_when_something_changed_and_only_then(view, qtbot):
    paints = Paints(view, qtbot)
    first = update(1.0, SIGNS)
    assert paints.after(first) == 1
    assert paints.after(first) == 0
    assert paints.after(dataclasses.replace(first, fps=3.0)) == 0, "an equal update of another identity"
    assert paints.after(dataclasses.replace(first, state=SourceState.STALLED, message="silent")) == 1
    assert paints.after(update(1.1, SIGNS, sequence=2)) == 1


def test_the_old_frame_is_let_go(view):
    view.show_update(update(1.0, sequence=1))
    old = view.image.pixels
    view.show_update(update(1.1, sequence=2))
    view.grab()
    assert sys.getrefcount(old) == 2, "ours, and the argument"


@pytest.mark.parametrize("state", [SourceState.STALLED, SourceState.RECONNECTING, SourceState.FAILED])
def test_a_picture_that_is_not_live_is_veiled(view, state):
    white = np.full((240, 320, 3), 255, np.uint8)
    view.show_update(update(1.0, image=white))
    assert painted(view)[10, 10].min() == 255
    view.show_update(update(1.0, image=white, state=state, message="The cable is out."))
    assert painted(view)[10, 10].max() < 160


def test_a_source_that_ended_keeps_its_last_picture_unveiled(view):
    white = np.full((240, 320, 3), 255, np.uint8)
    view.show_update(update(1.0, image=white, state=SourceState.ENDED))
    shown = painted(view)
    assert shown[10, 10].min() == 255
    assert shown[440, 320].max() < 255, "the plate at the foot"


def test_the_word_for_its_state_is_as_large_beside_a_face_as_without_one(view):
    white = np.full((240, 320, 3), 255, np.uint8)
    view.show_update(update(1.0, image=white, state=SourceState.ENDED))
    alone = painted(view)
    view.show_update(update(1.0, SIGNS, image=white, state=SourceState.ENDED, sequence=2))
    foot = np.s_[-60:, 240:400]  # below the face and its label
    assert (alone[foot] != 255).any(axis=-1).mean() > 0.2
    np.testing.assert_array_equal(painted(view)[foot], alone[foot])


def test_the_age_is_taken_once_per_frame_and_only_while_running(view, monkeypatch):
    monkeypatch.setattr("unmask.gui.picture.time.monotonic_ns", lambda: 1_025_000_000)
    view.show_update(update(1.0))
    view.grab()
    assert view.painted_age_ms == pytest.approx(25)
    monkeypatch.setattr("unmask.gui.picture.time.monotonic_ns", lambda: 9_000_000_000)
    view.grab()
    assert view.painted_age_ms == pytest.approx(25)
    view.show_update(update(1.0, state=SourceState.STALLED))
    view.grab()
    assert view.painted_age_ms is None


def test_a_screen_reader_hears_verdicts_and_not_every_score(view, qtbot):
    view.show_update(update(1.0, SIGNS))
    words = view.accessibleDescription()
    assert "signs of manipulation" in words
    view.show_update(update(1.1, dataclasses.replace(SIGNS, score=0.91), sequence=2))
    assert view.accessibleDescription() == words
