"""The heat map lies where the model looked, its colours can be read, and its words are always there."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from looking import CELLS, brightness_map, looking_detector
from updates import face_state, update

from unmask.gui.layers.colours import MOST_ALPHA, STEPS, oklab, premultiplied, ramp
from unmask.gui.layers.heat_map import FULL_LOG_ODDS, HeatMapLayer, heat_image, strengths
from unmask.gui.picture import PictureView, image_over
from unmask.gui.qt import QRectF
from unmask.realtime.faces.crop import CropSpec, crop_face
from unmask.realtime.looks import look_at, with_activation
from unmask.realtime.types import FaceBox, Verdict

ALL = frozenset({"activation"})
WIDE, HIGH, ZOOM = 320, 240, 2
SURROUND = 16


@pytest.fixture
def view(qtbot):
    made = PictureView("fake")
    qtbot.addWidget(made)
    made.resize(WIDE * ZOOM + 200, HIGH * ZOOM)  # bars of 100 beside the picture
    made.show()
    qtbot.waitExposed(made)
    return made


def painted(view):
    """RGB uint8 (H, W, 3)."""
    shot = view.grab().toImage().convertToFormat(image_over(np.zeros((1, 1, 3), np.uint8)).format())
    rows = np.frombuffer(shot.constBits().asarray(shot.sizeInBytes()), np.uint8)
    pixels = rows.reshape(shot.height(), shot.bytesPerLine())[:, : 3 * shot.width()]
    return pixels.reshape(shot.height(), shot.width(), 3)[..., ::-1].copy()


def yellow(pixels):
    """Where the map says "for signs": on a grey picture nothing else is so yellow."""
    wide = pixels.astype(int)
    return (wide[..., 0] - wide[..., 2] > 40) & (wide[..., 1] - wide[..., 2] > 30)


def with_spot(x, y, reach=22):
    image = np.full((HIGH, WIDE, 3), 110, np.uint8)
    image[max(0, y - reach) : y + reach, max(0, x - reach) : x + reach] = 255
    return image


def rolled(box, degrees):
    """Landmarks whose eyes lie on a line of that slope."""
    centre, turn = np.array(box.centre), math.radians(degrees)
    upright = np.array([(-20, -15), (20, -15), (0, 5), (-15, 25), (15, 25)], float)
    spun = upright @ np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    return dataclasses.replace(box, landmarks=(spun + centre).astype(np.float32))


def seen(image, box, spec, now_s=1.0, **state):
    """An update whose one face was looked at in this very frame."""
    crop = crop_face(image, box, spec)
    look = with_activation(look_at(box, crop, spec, ALL, (1.0, 1.125)), brightness_map(crop[np.newaxis])[0], 1.0)
    face = face_state(Verdict.CANNOT_JUDGE, **state)
    face = dataclasses.replace(face, look=look, track=dataclasses.replace(face.track, face=box))
    return update(now_s, face, image=image)


BOX = FaceBox(80, 60, 200, 180, 0.9)
CUT = FaceBox(-50, 130, 60, 250, 0.9)
CASES = {
    "in a corner of the crop": ((104, 84), BOX, 0, False),
    "in another corner": ((176, 150), BOX, 0, False),
    "of a face that is cut off by the picture's edge": ((20, 170), CUT, 0, False),
    "of a face that leans": ((150, 90), BOX, 30, False),
    "of a face that leans the other way": ((105, 120), BOX, -40, False),
    "of a mirrored picture": ((104, 84), BOX, 0, True),
    "of a leaning face in a mirrored picture": ((150, 90), BOX, 30, True),
}


@pytest.mark.parametrize("case", CASES)
def test_the_map_lies_on_what_the_model_saw(view, case):
    (x, y), box, degrees, mirrored = CASES[case]
    image = with_spot(x, y)
    spec = CropSpec(64, 1.3)
    if mirrored:
        image, x = np.fliplr(image), WIDE - x
        box = dataclasses.replace(box, x0=WIDE - box.x1, x1=WIDE - box.x0)
    if degrees:
        box, spec = rolled(box, degrees), CropSpec(64, 1.3, align="roll")
    view.add_layer(HeatMapLayer())
    view.show_update(seen(image, box, spec))
    hot = yellow(painted(view)[60:])  # below the legend
    assert hot.any()
    rows, columns = np.nonzero(hot)
    cell = 120 * 1.3 / CELLS
    assert (columns.mean() - 100) / ZOOM == pytest.approx(x, abs=cell / 2)
    assert (rows.mean() + 60) / ZOOM == pytest.approx(y, abs=cell / 2)
    assert hot.sum() < (4 * cell * ZOOM) ** 2


def test_nothing_is_painted_beside_the_picture(view):
    image = np.full((HIGH, WIDE, 3), 255, np.uint8)
    view.add_layer(HeatMapLayer())
    view.show_update(seen(image, CUT, CropSpec(64, 1.3)))
    pixels = painted(view)
    assert yellow(pixels[300:, 100:200]).any(), "the map reaches the picture's edge"
    assert (pixels[300:, :99] == SURROUND).all()


def test_the_map_goes_along_with_a_face_that_moves_and_grows(view):
    layer = HeatMapLayer()
    view.add_layer(layer)
    said = seen(with_spot(104, 84), BOX, CropSpec(64, 1.0))
    moved = FaceBox(60, 80, 300, 320, 0.9)  # twice as large: the spot is now at 60 + 2 * 24, 80 + 2 * 24
    face = dataclasses.replace(said.faces[0], track=dataclasses.replace(said.faces[0].track, face=moved))
    view.show_update(dataclasses.replace(said, faces=(face,)))
    rows, columns = np.nonzero(yellow(painted(view)[60:]))
    assert (columns.mean() - 100) / ZOOM == pytest.approx(108, abs=12)
    assert (rows.mean() + 60) / ZOOM == pytest.approx(128, abs=12)


def test_a_map_holds_for_two_strides_and_then_fades(view):
    layer, image = HeatMapLayer(), with_spot(104, 84)
    view.add_layer(layer)
    said = seen(image, BOX, CropSpec(64, 1.0))
    without = dataclasses.replace(said.faces[0], look=None)

    def heat(later_s):
        frame = dataclasses.replace(said.frame, time_s=1.0 + later_s)
        faces = said.faces if later_s == 0 else (without,)
        number = 1 + round(1000 * later_s)
        view.show_update(dataclasses.replace(said, frame=frame, faces=faces, sequence=number))
        pixels = painted(view)[150:190, 290:330].astype(int)
        return float((pixels[..., 0] - pixels[..., 2]).mean())

    fresh, held, fading, gone = heat(0.0), heat(0.24), heat(0.32), heat(0.4)
    assert fresh == held > 20
    assert 0.2 * fresh < fading < 0.8 * fresh
    assert abs(gone) < 1
    assert heat(0.1) > 20, "a source that is begun again at an earlier time is no reason to forget"


def test_a_face_that_is_gone_leaves_no_map(view):
    layer, said = HeatMapLayer(), seen(with_spot(104, 84), BOX, CropSpec(64, 1.0))
    view.add_layer(layer)
    view.show_update(said)
    view.grab()
    assert layer._maps
    view.show_update(dataclasses.replace(said, faces=(), sequence=2))
    view.grab()
    assert not layer._maps


def test_the_words_are_there_with_and_without_a_face_and_no_label_covers_them(view):
    layer = HeatMapLayer()
    view.add_layer(layer)
    assert "not evidence" in layer._legend.words
    high = FaceBox(0, 0, 90, 60, 0.9)
    for sequence, said in enumerate((update(image=with_spot(5, 200)), seen(with_spot(5, 200), high, CropSpec(64)))):
        view.show_update(dataclasses.replace(said, sequence=sequence + 5))
        words = layer.words_rect(view)
        assert QRectF(view.rect()).contains(words)
        assert not any(rect.intersects(words) for rect, _, _ in view.label_rects())
        cut = painted(view)[
            round(words.top()) : round(words.bottom()), round(words.left()) : round(words.right())
        ].astype(int)
        assert (cut.min(axis=-1) > 200).mean() > 0.02, "white words"
        assert (cut.max(axis=-1) < 40).mean() > 0.3, "on a dark plate"


def test_the_words_fit_into_a_small_picture(view):
    view.resize(240, 120)
    layer = HeatMapLayer()
    view.add_layer(layer)
    view.show_update(update())
    assert QRectF(view.rect()).contains(layer.words_rect(view))


def test_the_colours_are_even_steps_and_grow_lighter():
    lab = oklab(ramp())
    steps = np.linalg.norm(np.diff(lab, axis=0), axis=1)
    # Eight bits of red, green and blue round each step; sixteen of them together must be even.
    sums = steps.reshape(-1)[:240].reshape(15, 16).sum(axis=1)
    assert sums.max() / sums.min() < 1.2
    assert (lab[16:, 0] > lab[:-16, 0]).all()


def test_what_says_nothing_is_clear_and_what_says_much_is_not_opaque():
    clear = premultiplied() >> 24
    assert clear[STEPS // 2] <= 1
    assert clear[0] == clear[-1] == round(255 * MOST_ALPHA) < 200


def test_the_scale_is_fixed():
    cells = np.array([[0.0, FULL_LOG_ODDS / 2], [-FULL_LOG_ODDS, 99.0]], np.float32)
    assert strengths(cells, 1.0).tolist() == [[0.0, 0.5], [-1.0, 1.0]]
    assert strengths(cells, 0.5)[0, 1] == pytest.approx(0.25)
    weak = heat_image(np.full((6, 6), 0.3, np.float32), 1.0)
    assert weak.pixelColor(40, 40).alpha() < 20


def test_one_cell_is_a_map_too():
    image = heat_image(np.array([[9.0]], np.float32), 1.0)
    assert image.pixelColor(0, 0).alpha() == round(255 * MOST_ALPHA)


def test_the_map_of_a_running_session_reaches_the_picture(view):
    from sessions import plan, run

    from unmask.realtime.session import Session

    with looking_detector() as detector:
        session = Session([plan(colour=(250, 250, 250), frames=30)], detector)
        session.looks.wanted = ALL
        said = run(session)["fake"]
    view.add_layer(HeatMapLayer())
    view.show_update(said)
    inside, outside = painted(view)[140:340, 280:480], painted(view)[400:460, 400:700]
    assert yellow(inside).mean() > 0.9
    assert not yellow(outside).any()
