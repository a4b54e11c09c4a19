"""What the overlay decides from the frames it is given, on a desktop that does as the test says."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest
from fake_desktop import FakeDesktop, FakePlace
from updates import face_state, update

from unmask.engines.errors import SourceError
from unmask.gui.overlay.marks import Kind
from unmask.gui.overlay.overlay import Overlay, Placement
from unmask.gui.overlay.self_check import COLOURS_BGR
from unmask.gui.overlay.sources import NoPlaceError, overlay_for, place_for
from unmask.gui.qt import QRectF
from unmask.realtime.sources.screen import Region
from unmask.realtime.types import FaceBox, SourceState, Verdict

AREA = Region(400, 250, 640, 360)
BOX = FaceBox(100, 40, 180, 120, 1.0)


class Watched:
    """An overlay with its updates: ``sees`` says whether the frames show what the layer draws."""

    def __init__(self, qtbot, desktop, area=AREA, *, sees=False):
        self.place, self.desktop, self.found = FakePlace(area), desktop, 0
        self.overlay = Overlay("fake", self.find, desktop)
        self.qtbot, self.sees, self.sequence = qtbot, sees, 0

    def find(self):
        self.found += 1
        return self.place

    def picture(self):
        image = np.zeros((360, 640, 3), np.uint8)
        if self.sees and any(mark.kind is Kind.PATTERN for window in self.overlay.windows for mark in window.marks):
            image[:8, :24], image[8:16, :24] = COLOURS_BGR
        return image

    def step(self, state=SourceState.RUNNING, verdict=Verdict.SIGNS):
        self.sequence += 1
        face = face_state(verdict)
        face = dataclasses.replace(face, track=dataclasses.replace(face.track, face=BOX))
        made = update(1.0, face, sequence=self.sequence, image=self.picture(), state=state)
        assert made.frame is not None
        frame = dataclasses.replace(made.frame, captured_at=time.monotonic_ns())
        self.overlay._follow_at = 0.0
        self.overlay.show_updates({"fake": dataclasses.replace(made, frame=frame)})

    def until(self, *placements):
        end = time.monotonic() + 5
        while self.overlay.placement not in placements:
            assert time.monotonic() < end, f"still {self.overlay.placement}"
            self.step()
            self.qtbot.wait(20)
        self.step()

    def kinds(self):
        return [mark.kind for window in self.overlay.windows for mark in window.marks]


@pytest.fixture
def watch(qtbot, no_windows_left):
    made = []

    def begin(desktop=None, area=AREA, **options):
        made.append(Watched(qtbot, desktop or FakeDesktop(), area, **options))
        return made[-1]

    yield begin
    for watched in made:
        watched.overlay.close()
        assert watched.place.closed


def test_where_nothing_is_excluded_it_draws_around(watch):
    watched = watch()
    watched.until(Placement.AROUND)
    assert watched.kinds() == [Kind.FRAME, Kind.BAR, Kind.LABEL]
    assert watched.overlay.sentence.startswith("The marks lie around what is watched")
    (window,) = watched.overlay.windows
    hole = QRectF(400, 250, 640, 360).toRect().translated(-window.pos())
    assert not window.mask().intersects(hole)


def test_where_the_system_leaves_it_out_each_face_has_its_ring(watch):
    watched = watch(FakeDesktop(excludes=True))
    watched.until(Placement.AT_FACES, Placement.AROUND)
    assert watched.overlay.placement is Placement.AT_FACES
    assert watched.kinds() == [Kind.RING, Kind.LABEL]
    assert watched.overlay.windows[0].marks[0].rect == QRectF(500, 290, 80, 80)


def test_a_scaled_monitor_has_the_ring_at_the_same_face(watch):
    watched = watch(FakeDesktop(excludes=True, scale=2.0))
    watched.until(Placement.AT_FACES)
    assert watched.overlay.windows[0].marks[0].rect == QRectF(250, 145, 40, 40)


def test_nothing_but_the_pattern_is_drawn_before_it_is_known(watch):
    watched = watch()
    watched.step()
    watched.step()
    assert set(watched.kinds()) == {Kind.PATTERN}


def test_a_broken_promise_is_noticed_and_what_is_seen_around_too_is_refused(watch):
    watched = watch(FakeDesktop(excludes=True), sees=True)
    watched.until(Placement.REFUSED)
    assert "the monitor sees them in what it analyses" in watched.overlay.sentence
    assert watched.overlay.windows == []


def test_a_broken_promise_alone_moves_the_marks_outside(watch):
    watched = watch(FakeDesktop(excludes=True), sees=True)
    while watched.overlay._excluded is not False:
        watched.step()
        watched.qtbot.wait(20)
    watched.sees = False
    watched.until(Placement.AROUND)


def test_a_layer_that_takes_clicks_is_refused(watch):
    watched = watch(FakeDesktop(clicks=True))
    watched.until(Placement.REFUSED)
    assert "would take the clicks" in watched.overlay.sentence


def test_a_whole_monitor_leaves_no_room(watch):
    watched = watch(area=Region(0, 0, 1600, 900))
    for _ in range(3):
        watched.step()
    assert watched.kinds() == []
    assert "all of the monitor is watched" in watched.overlay.sentence
    watched.place.region = AREA
    watched.until(Placement.AROUND)


def test_it_follows_hides_and_comes_back(watch):
    watched = watch()
    watched.until(Placement.AROUND)
    before = watched.overlay.windows[0].geometry()
    watched.place.region = Region(500, 300, 640, 360)
    watched.step()
    assert watched.overlay.windows[0].geometry() != before
    assert watched.overlay.windows[0].marks[1].rect.left() == 600
    watched.place.region = None
    watched.step()
    assert watched.overlay.windows == []
    watched.place.region = AREA
    watched.step()
    assert watched.kinds() == [Kind.FRAME, Kind.BAR, Kind.LABEL]


def test_a_paused_source_keeps_its_frame_and_loses_its_faces(watch):
    watched = watch()
    watched.until(Placement.AROUND)
    watched.step(state=SourceState.PAUSED, verdict=Verdict.CANNOT_JUDGE)
    assert watched.kinds() == [Kind.FRAME]


@pytest.mark.parametrize("state", [SourceState.ENDED, SourceState.FAILED])
def test_a_source_that_is_over_leaves_no_verdict_on_the_desktop(watch, state):
    watched = watch()
    watched.until(Placement.AROUND)
    sentence = watched.overlay.sentence
    watched.step(state=state)
    assert watched.kinds() == []
    assert watched.overlay.sentence == sentence
    watched.step()
    assert watched.kinds() == [Kind.FRAME, Kind.BAR, Kind.LABEL]


def test_a_check_begins_anew_only_when_its_pattern_is_off_the_screen(watch):
    watched = watch(area=Region(4, 4, 1500, 880), sees=True)
    while watched.kinds() != [Kind.PATTERN]:
        watched.step()
    watched.place.region = Region(4, 4, 1501, 880)  # the layer covers the monitor before and after
    watched.step()
    watched.step()
    assert watched.kinds() == [], "the pictures of now may still show the pattern"
    watched.until(Placement.REFUSED)


def test_a_monitor_that_changes_means_another_look(watch):
    watched = watch()
    watched.until(Placement.AROUND)
    watched.desktop.screens = FakeDesktop(scale=2.0).screens
    watched.overlay._look_round_at = 0.0
    watched.step()
    assert watched.overlay.placement is Placement.CHECKING
    assert watched.found == 2
    watched.until(Placement.AROUND)
    assert watched.overlay.windows[0].marks[1].rect.left() == 250


@pytest.mark.parametrize("spec", ["0", "clip.mp4", "rtsp://camera/1", "synthetic"])
def test_what_is_not_on_the_desktop_has_no_marks(qapp, spec):
    with pytest.raises(NoPlaceError, match=r"has no place on the desktop where faces could be marked: use the pill\."):
        overlay_for(spec, FakeDesktop())


def test_wayland_has_no_marks(qapp):
    with pytest.raises(NoPlaceError, match="Under Wayland"):
        overlay_for("window:Call", FakeDesktop(wayland=True))


def test_a_place_needs_a_display(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setenv("WAYLAND_DISPLAY", "")
    monkeypatch.delenv("XDG_SESSION_TYPE", raising=False)
    with pytest.raises(SourceError, match="There is no X display"):
        place_for("window:Call")
