"""The timeline in the window: its dock, its sources, and the pictures of an alarm of a real session."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from sessions import open_toy_detector, plan
from updates import face_state, update

from unmask.gui.qt import sip
from unmask.gui.timeline.feature import TimelineFeature
from unmask.gui.window import MonitorWindow
from unmask.realtime.session import Session
from unmask.realtime.sinks.ring import FrameRing
from unmask.realtime.types import Event

pytestmark = pytest.mark.usefixtures("qapp", "no_windows_left", "no_leaks")
SOURCES = (SimpleNamespace(source_id="fake", key=1), SimpleNamespace(source_id="other", key=2))


class Preferences:
    problem = ""

    def __init__(self, **values):
        self.values = {"view/timeline": True, "privacy/ring_s": 20, "window/geometry": "", "window/state": "", **values}

    def value(self, key):
        return self.values[key]

    def set(self, key, value):
        self.values[key] = value


@pytest.fixture
def attached(qtbot):
    made = []

    def make(ring=None, sources=SOURCES[:1], **options):
        window = MonitorWindow(sources, **options)
        feature = TimelineFeature(ring)
        window.add_feature(feature)
        made.append((window, feature))
        window.show()
        return window, feature

    yield make
    for window, _ in made:
        window.close()
        sip.delete(window)


def test_the_dock_follows_its_action_and_the_setting(attached):
    window, feature = attached()
    assert feature.dock.isVisible()
    window.commands["timeline"].trigger()
    assert not feature.dock.isVisible()
    _, hidden = attached(preferences=Preferences(**{"view/timeline": False}))
    assert not hidden.dock.isVisible()


def test_the_timeline_shows_the_selected_source(attached):
    window, feature = attached(sources=SOURCES)
    window.show_updates({"fake": update(1.0, face_state()), "other": update(1.0, face_state(), source_id="other")})
    window.grid.select("other")
    assert feature.view.selected == "other"
    window.show_sources(SOURCES[:1])
    assert feature.view.selected == "fake"


def test_the_ring_keeps_as_long_as_the_settings_say(attached):
    ring = FrameRing()
    window, _ = attached(ring, preferences=Preferences(**{"privacy/ring_s": 5}))
    window.show_updates({})
    assert ring.seconds == 5.0


def test_the_alarm_of_a_session_opens_from_the_list_with_its_pictures(attached, tmp_path):
    ring = FrameRing()
    window, feature = attached(ring)
    with open_toy_detector(tmp_path / "toy") as detector, Session([plan()], detector, sinks=[ring]) as session:
        assert session.wait(30)
        window.show_updates(session.updates())
    window.alarms.table.cellActivated.emit(0, 0)
    (dialog,) = feature._dialogs
    assert dialog.isVisible()
    assert dialog.model.rowCount() > 10
    assert "signs of manipulation" in dialog.caption.text()
    feature.forget_pictures()
    assert feature._dialogs == []
    assert ring.size_bytes == 0


def test_an_alarm_whose_pictures_are_gone_says_so(attached):
    window, feature = attached(FrameRing())
    event = Event(1, 1.0, 2.0, 0.9)
    window.show_updates({"fake": update(3.0, face_state(), events=(event,))})
    feature.view.event_chosen.emit("fake", event)
    assert feature._dialogs[0].status.text().startswith("Nothing is kept")
