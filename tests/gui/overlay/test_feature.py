"""The overlay as a part of the window: the preference decides, sentences are said once, nothing is left behind."""

from __future__ import annotations

import pytest
from fake_desktop import FakeDesktop, FakePlace
from updates import face_state, update

from unmask.gui.overlay import feature as module
from unmask.gui.overlay.feature import OverlayFeature
from unmask.gui.overlay.overlay import Overlay
from unmask.gui.overlay.sources import NoPlaceError
from unmask.gui.qt import QMenu, QObject, QRectF, QWidget, pyqtSignal, sip
from unmask.realtime.sources.screen import Region
from unmask.realtime.types import Verdict


class Preferences(QObject):
    changed = pyqtSignal(str)

    def __init__(self, mode):
        super().__init__()
        self.values = {"overlay/mode": mode, "overlay/pill_place": ""}

    def value(self, key):
        return self.values[key]

    def set(self, key, value):
        self.values[key] = value
        self.changed.emit(key)


class Controller:
    def __init__(self):
        self.asked = []

    def spec_of(self, source_id):
        return source_id

    def pause(self, source):
        self.asked.append(("pause", source))

    def resume(self, source):
        self.asked.append(("resume", source))


class Window(QWidget):
    """What the feature needs of the monitor window."""

    def __init__(self, mode):
        super().__init__()
        self.controller, self.preferences = Controller(), Preferences(mode)
        self.said, self.bound = [], {}
        self.notices = self.commands = self

    def bind(self, name, act):
        self.bound[name] = act

    def add(self, lines):
        self.said += lines


@pytest.fixture
def attach(qtbot, no_windows_left, monkeypatch):
    places, made = [], []

    def place(spec):
        if spec != "window:Call":
            raise NoPlaceError(f"{spec} has no place.")
        places.append(FakePlace(Region(0, 450, 1600, 450)))
        return places[-1]

    def overlay(spec, desktop, *, source_id):
        return Overlay(source_id, lambda: place(spec), desktop)

    monkeypatch.setattr(module, "place_for", place)
    monkeypatch.setattr(module, "overlay_for", overlay)

    def begin(mode):
        feature, window = OverlayFeature(FakeDesktop), Window(mode)
        feature.attach(window)
        made.append((feature, window))
        return feature, window

    yield begin
    for feature, window in made:
        feature.close()
        sip.delete(window)
    assert all(each.closed for each in places)


UPDATES = {"window:Call": update(1.0, face_state(Verdict.SIGNS), source_id="window:Call")}
CAMERA = {"0": update(1.0, face_state(Verdict.NO_SIGNS), source_id="0")}


def test_off_draws_nothing(attach):
    feature, _ = attach("off")
    feature.show_updates(UPDATES)
    assert feature.overlays == {}
    assert feature.pill is None


def test_rings_go_to_sources_on_the_desktop_and_the_pill_speaks_for_the_others(attach):
    feature, window = attach("rings")
    for _ in range(2):
        feature.show_updates({**UPDATES, **CAMERA})
    assert list(feature.overlays) == ["window:Call"]
    assert window.said == ["0 has no place."]
    assert feature.pill is not None
    assert feature.pill.words == "Signs of manipulation"


def test_a_source_that_is_gone_takes_its_marks_along(attach):
    feature, _ = attach("rings")
    feature.show_updates(UPDATES)
    assert feature.pill is None
    feature.show_updates({})
    assert feature.overlays == {}


def test_the_pill_keeps_off_the_watched_area(attach, qapp):
    feature, _ = attach("pill")
    feature.show_updates(UPDATES)
    assert feature.pill is not None
    assert not QRectF(feature.pill.geometry()).intersects(QRectF(0, 450, 1600, 450))


def test_the_pill_remembers_its_place(attach, qtbot):
    feature, window = attach("pill")
    feature.show_updates(UPDATES)
    feature.pill.moved.emit(120, 80)
    qtbot.waitUntil(lambda: window.preferences.values["overlay/pill_place"] == "120,80")
    feature.set_mode("off")
    assert feature.pill is None
    feature.set_mode("pill")
    feature.show_updates(UPDATES)
    assert (feature.pill.x(), feature.pill.y()) == (120, 80)


def test_a_broken_remembered_place_is_no_place(attach):
    feature, window = attach("pill")
    window.preferences.values["overlay/pill_place"] = "over there"
    feature.show_updates(UPDATES)
    assert feature.pill is not None


def test_the_pill_pauses_opens_hides_and_quits(attach, qtbot):
    feature, window = attach("pill")
    feature.show_updates(UPDATES)
    feature.pill.pause_wanted.emit(True)
    feature.pill.pause_wanted.emit(False)
    qtbot.waitUntil(lambda: window.controller.asked == [("pause", None), ("resume", None)])
    feature.pill.opened.emit()
    qtbot.waitUntil(window.isVisible)
    feature.pill.dismissed.emit()
    qtbot.waitUntil(lambda: feature.pill is None)
    assert window.preferences.values["overlay/mode"] == "off"


def test_the_preference_changes_the_mode_at_once(attach):
    feature, window = attach("pill")
    feature.show_updates(UPDATES)
    window.preferences.set("overlay/mode", "rings")
    assert feature.mode == "rings"
    assert feature.pill is None


def test_the_action_asks_for_the_mode(attach):
    feature, window = attach("rings")
    window.bound["overlay"]()
    (menu,) = window.findChildren(QMenu)
    assert [action.isChecked() for action in menu.actions()] == [False, True, False]
    menu.actions()[2].trigger()
    assert feature.mode == window.preferences.values["overlay/mode"] == "pill"
    menu.close()
