"""Heat map, landmarks and crops in the window: settings, actions, and that nothing is kept that nobody sees."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from looking import looking_detector
from updates import face_state, update
from window_parts import show, toy_window

from unmask.gui.layers.crops import CROP_PX, CropStrip, crop_image, crop_words
from unmask.gui.layers.feature import LayersFeature
from unmask.gui.layers.heat_map import HeatMapLayer
from unmask.gui.layers.landmarks import LandmarksLayer
from unmask.realtime.faces.crop import CropSpec
from unmask.realtime.looks import look_at
from unmask.realtime.types import Cause, FaceBox, Verdict

pytestmark = pytest.mark.usefixtures("qapp", "nothing_left")
FACE = FaceBox(80, 60, 200, 180, 0.9)
MAP = {"view__heat_map": True}


def layers_of(window, kind):
    return [layer for panel in window.panels.values() for layer in panel.picture._layers if isinstance(layer, kind)]


def begin(qtbot, window, services, feature, looking=False):
    """Watch a red face until it is in view."""
    services.frames = 250
    if looking:
        services.open_detector = lambda choice: looking_detector()
    window.add_feature(feature)
    window.show()
    window.controller.add_source("fake")
    wait_for(qtbot, window, lambda: faces(window))


def wait_for(qtbot, window, condition):
    def looked():
        show(window)
        return bool(condition())

    qtbot.waitUntil(looked, timeout=8000)


def faces(window):
    return [face for said in window.controller.updates().values() for face in said.faces]


def test_the_settings_decide_what_is_shown_and_the_actions_change_them(qtbot, tmp_path):
    with toy_window(tmp_path, **MAP) as (window, services):
        begin(qtbot, window, services, LayersFeature(), looking=True)
        assert layers_of(window, HeatMapLayer)
        assert not layers_of(window, LandmarksLayer)
        assert window.commands["heat_map"].isChecked()
        window.commands["landmarks"].trigger()
        window.commands["heat_map"].trigger()
        assert layers_of(window, LandmarksLayer)
        assert not layers_of(window, HeatMapLayer)
        assert window.preferences.value("view/landmarks")
        assert not window.preferences.value("view/heat_map")
        window.preferences.set("view/heat_map", True)
        assert layers_of(window, HeatMapLayer)
        assert window.commands["heat_map"].isChecked()


def test_the_session_keeps_only_what_is_on_the_screen(qtbot, tmp_path):
    feature = LayersFeature()
    with toy_window(tmp_path) as (window, services):
        begin(qtbot, window, services, feature, looking=True)
        session = window.controller.session
        assert session.looks.wanted == frozenset()
        assert all(face.look is None for face in faces(window))
        window.commands["heat_map"].trigger()
        window.commands["crops"].trigger()
        wait_for(qtbot, window, lambda: any(face.look and face.look.crop is not None for face in faces(window)))
        wait_for(qtbot, window, lambda: any(card.picture.image is not None for card in feature.strip.cards.values()))
        assert session.looks.wanted == {"activation", "crops"}
        assert window.preferences.value("view/crops")
        feature.dock.close()  # by the button of the dock
        assert not window.commands["crops"].isChecked()
        assert not window.preferences.value("view/crops")
        show(window)
        assert session.looks.wanted == {"activation"}
        assert not feature.strip.cards
        window.close()
        assert session.looks.wanted == frozenset()


def test_a_detector_without_a_map_says_so_in_the_action(qtbot, tmp_path):
    feature = LayersFeature()
    with toy_window(tmp_path, **MAP) as (window, services):
        begin(qtbot, window, services, feature)
        action = window.commands["heat_map"]
        assert not action.isEnabled()
        assert action.toolTip() == "The detector toy gives no map of where it looked."
        assert "gives none" in action.text()
        assert not layers_of(window, HeatMapLayer)
        assert window.controller.session.looks.wanted == frozenset()
        assert window.preferences.value("view/heat_map"), "the wish stays for a detector that gives one"
        services.open_detector = lambda choice: looking_detector()
        window.controller.choose_detector(window.controller.choice)
        wait_for(qtbot, window, lambda: action.isEnabled())
        assert layers_of(window, HeatMapLayer)
        assert action.text() == "&Heat map"


def test_a_source_that_comes_later_has_the_layers_too(qtbot, tmp_path):
    feature = LayersFeature()
    with toy_window(tmp_path, **MAP) as (window, services):
        begin(qtbot, window, services, feature, looking=True)
        window.controller.add_source("other")
        wait_for(qtbot, window, lambda: len(window.panels) == 2)
        assert len(layers_of(window, HeatMapLayer)) == 2
        window.controller.remove_source("fake")
        wait_for(qtbot, window, lambda: len(window.panels) == 1)
        assert list(feature._layers) == ["other"]


def looked_at(crop, *, colour="rgb", causes=()):
    return look_at(FACE, crop, CropSpec(len(crop), colour=colour), frozenset({"crops"}), (1.0, 1.1), causes)


@pytest.mark.parametrize("colour", ["rgb", "bgr"])
def test_a_crop_is_shown_in_its_own_order_of_colours_and_not_copied(colour):
    crop = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    image = crop_image(looked_at(crop, colour=colour))
    red, green, blue = crop[5, 9].tolist() if colour == "rgb" else crop[5, 9, ::-1].tolist()
    assert image.pixelColor(9, 5).getRgb()[:3] == (red, green, blue)
    assert int(image.constBits()) == crop.ctypes.data


def test_a_card_says_what_the_detector_makes_of_the_crop():
    crop = np.zeros((8, 8, 3), np.uint8)
    fine = dataclasses.replace(face_state(), look=looked_at(crop))
    young = face_state(Verdict.CANNOT_JUDGE, Cause.TOO_FEW_FRAMES, score=None)
    blurred = dataclasses.replace(face_state(), look=looked_at(crop, causes=(Cause.BLURRED, Cause.DARK)))
    small = face_state(Verdict.CANNOT_JUDGE, Cause.FACE_TOO_SMALL, score=None)
    assert [crop_words(face) for face in (fine, young, blurred, small)] == [
        "Scored",
        "Scored; too few frames so far",
        "Not scored: the face is blurred; the face is too dark",
        "Not scored: the face is too small",
    ]


def test_the_strip_has_a_card_for_every_face_and_drops_those_that_are_gone(qtbot):
    strip = CropStrip()
    qtbot.addWidget(strip)
    strip.resize(2 * (CROP_PX + 30), 400)
    strip.show()
    strip.show_updates({"fake": update(1.0, face_state(track=1), face_state(track=2))})
    assert [card.title.text() for card in strip.cards.values()] == ["Face 1", "Face 2"]
    first, second = strip.cards.values()
    assert second.x() >= first.x()
    assert strip._columns == 2
    assert strip.empty.isHidden()
    strip.show_updates({"fake": update(1.1, face_state(track=2)), "b": update(1.0, face_state(track=2), source_id="b")})
    assert list(strip.cards) == [("fake", 2), ("b", 2)]
    assert strip.cards["fake", 2] is second
    strip.resize(CROP_PX + 30, 400)
    assert strip._columns == 1
    strip.clear()
    assert not strip.cards
    assert not strip.empty.isHidden()


def test_a_card_is_repainted_only_for_a_new_crop(qtbot, monkeypatch):
    strip = CropStrip()
    qtbot.addWidget(strip)
    strip.show()
    face = dataclasses.replace(face_state(), look=looked_at(np.zeros((8, 8, 3), np.uint8)))
    strip.show_updates({"fake": update(1.0, face)})
    card = strip.cards["fake", 1]
    asked = []
    monkeypatch.setattr(card.picture, "update", lambda: asked.append(1))
    strip.show_updates({"fake": update(1.1, face, sequence=2)})
    assert not asked
    strip.show_updates({"fake": update(1.2, dataclasses.replace(face, look=looked_at(np.ones((8, 8, 3), np.uint8))))})
    assert asked
