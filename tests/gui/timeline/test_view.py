"""The timeline as a person meets it: what is painted, what keys and clicks do, what a screen reader hears."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from updates import face_state, update

from unmask.gui.qt import QColor, QEvent, QImage, QPalette, QPoint, QPointF, Qt, sip
from unmask.gui.timeline import view as module
from unmask.gui.timeline.view import TimelineView
from unmask.realtime.types import Cause, Event, Verdict

pytestmark = pytest.mark.usefixtures("qapp", "no_windows_left", "no_leaks")
ALARM = Event(1, 20.0, 30.0, 0.95)
SIGNS = QColor(213, 94, 0)


def run(end_s=50.0, *, rate=5, events=(ALARM,), tracks=(1,)):
    """No signs, an alarm from 20 to 30 s, and turned away from 35 to 40 s."""
    made = []
    for number in range(round(end_s * rate)):
        time_s = number / rate
        faces = [face_at(time_s, track) for track in tracks]
        known = tuple(one for one in events if one.start_s <= time_s)
        made.append(update(time_s, *faces, sequence=number + 1, events=known))
    return made


def face_at(time_s, track):
    if 35 <= time_s < 40:
        return face_state(Verdict.CANNOT_JUDGE, Cause.TURNED_AWAY, score=None, track=track)
    signs = 20 <= time_s < 30
    return face_state(Verdict.SIGNS if signs else Verdict.NO_SIGNS, score=0.95 if signs else 0.2, track=track)


@pytest.fixture
def view(qtbot, monkeypatch):
    monkeypatch.setattr(module, "REFRESH_S", 0.0)
    made = TimelineView()
    made.resize(900, 220)
    made.show()
    made.set_threshold("fake", 0.8)

    def ready():
        made.show_updates({})
        return made.plot is not None

    qtbot.waitUntil(ready, timeout=20_000)
    yield made
    made.close_plot()
    sip.delete(made)


def feed(view, updates, source_id="fake"):
    for one in updates:
        view.show_updates({source_id: dataclasses.replace(one, source_id=source_id)})


def pixels(view):
    image = view.plot.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    return np.frombuffer(bits, np.uint8).reshape(image.height(), image.width(), 4)[..., 2::-1].astype(int).copy()


def place(view, time_s, score=0.5, lane=0):
    """Where that is, in pixels of the plot."""
    plot = view.plot
    return QPointF(plot.mapFromScene(plot._box.mapViewToScene(QPointF(time_s, plot.item.layout.y(lane, score)))))


def near(shot, colour, time_px, within=3):
    """Whether the colour stands in the columns around it."""
    column = shot[:, round(time_px) - within : round(time_px) + within + 1]
    return bool((np.abs(column - np.array(colour.getRgb()[:3])).sum(axis=-1) < 40).any())


def blue(shot, time_px, within=3):
    """Whether the first face's line is there, also where it lies between two rows of pixels."""
    column = shot[8:-30, round(time_px) - within : round(time_px) + within + 1]  # without the frame of the focus
    return bool((column[..., 2] - column[..., 0] > 60).any())


def test_alarms_have_edges_and_a_gap_has_no_line(view):
    feed(view, run())
    shot = pixels(view)
    assert near(shot, SIGNS, place(view, 20.0).x())
    assert near(shot, SIGNS, place(view, 30.0).x())
    assert not near(shot, SIGNS, place(view, 10.0).x())
    assert blue(shot, place(view, 10.0).x())
    assert blue(shot, place(view, 45.0).x())
    assert not blue(shot, place(view, 37.0).x())


def test_an_alarm_that_lasts_is_open_to_the_right(view):
    feed(view, run(28.0, events=(dataclasses.replace(ALARM, end_s=None),)))
    pixels(view)
    span, event = view.plot.item.spans[0]
    assert event.end_s is None
    assert span.right() == pytest.approx(place(view, view.series_of("fake").last_s).x(), abs=3)


@pytest.mark.parametrize(
    ("time_s", "said"),
    [
        (10.0, ["0:10.", "Face 1: no signs found, 20%, threshold 80%"]),
        (37.0, ["0:37.", "Face 1: cannot judge, the face is turned away"]),
        (
            25.0,
            ["0:25.", "Face 1: signs of manipulation, 95%, threshold 80%", "Alarm 1: face 1, 0:20 to 0:30, highest"],
        ),
        (49.9, ["No face here."]),
    ],
)
def test_the_tooltip_says_what_was_said(view, time_s, said):
    feed(view, run())
    pixels(view)
    words = view.plot.words_at(place(view, time_s + 0.02))
    assert all(part in words for part in said), words


def test_a_click_on_an_alarm_chooses_it_and_a_drag_does_not(view, qtbot):
    feed(view, run())
    pixels(view)
    chosen = []
    view.event_chosen.connect(lambda source_id, event: chosen.append((source_id, event)))
    where = place(view, 25.0).toPoint()
    qtbot.mouseClick(view.plot.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert chosen == [("fake", ALARM)]
    qtbot.mousePress(view.plot.viewport(), Qt.MouseButton.LeftButton, pos=where)
    qtbot.mouseRelease(view.plot.viewport(), Qt.MouseButton.LeftButton, pos=where + QPoint(60, 0))
    qtbot.mouseClick(view.plot.viewport(), Qt.MouseButton.LeftButton, pos=place(view, 10.0).toPoint())
    assert len(chosen) == 1


def test_keys_walk_from_alarm_to_alarm_and_open_one(view, qtbot):
    second = Event(1, 45.0, 46.0, 0.9)
    feed(view, run(events=(ALARM, second)))
    chosen = []
    view.event_chosen.connect(lambda _source, event: chosen.append(event))
    control = Qt.KeyboardModifier.ControlModifier
    qtbot.keyClick(view.plot, Qt.Key.Key_Return)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Right):
        qtbot.keyClick(view.plot, key, control)
    qtbot.keyClick(view.plot, Qt.Key.Key_Return)
    qtbot.keyClick(view.plot, Qt.Key.Key_Left, control)
    qtbot.keyClick(view.plot, Qt.Key.Key_Enter)
    assert chosen == [second, ALARM]


def test_it_follows_can_be_moved_back_and_returns_by_end(view, qtbot):
    feed(view, run(100.0))
    plot = view.plot
    assert plot._box.viewRange()[0][1] > 99
    qtbot.keyClick(plot, Qt.Key.Key_Left)
    assert plot._box.viewRange()[0][1] < 99
    assert view.back.isVisible()
    assert "Showing the past" in view.accessibleDescription()
    before = plot._box.viewRange()[0]
    feed(view, [dataclasses.replace(update(101.0, face_state()), sequence=9999)])
    assert plot._box.viewRange()[0] == before, "it stays where it was put"
    qtbot.keyClick(plot, Qt.Key.Key_End)
    assert plot._box.viewRange()[0][1] > 101
    assert not view.back.isVisible()


def test_a_drag_with_the_mouse_goes_back_and_the_button_returns(view, qtbot):
    feed(view, run(100.0))
    plot = view.plot
    plot._box.translateBy(x=-20.0)
    plot._box.sigRangeChangedManually.emit([True, False])
    assert not plot.following
    view.back.click()
    assert plot.following
    assert plot._box.viewRange()[0][1] > 99


def test_faces_at_the_same_time_have_lanes(view):
    feed(view, run(10.0, tracks=(1, 2, 3)))
    assert view.plot.item.layout.lanes == (0, 1, 2)
    assert "Face 2:" in view.plot.words_at(place(view, 5.0, lane=1))
    assert "Face 1:" not in view.plot.words_at(place(view, 5.0, lane=1))


def test_faces_without_room_are_told_of(view):
    feed(view, run(10.0, tracks=tuple(range(1, 9))))
    hidden = view.plot.item.layout.hidden
    assert hidden > 0
    assert f"{hidden} more faces" in view.title.text()
    view.resize(900, 900)
    feed(view, run(10.2, tracks=tuple(range(1, 9)))[-1:])
    assert "more faces" not in view.title.text()


def test_a_new_threshold_is_drawn_from_now_on(view):
    feed(view, run(10.0))
    view.set_threshold("fake", 0.6)
    feed(view, run(20.0)[50:])
    shot, ink = pixels(view), view.plot.item.style.ink

    def dashes(begin_s, end_s, score):
        left, right, y = place(view, begin_s).x(), place(view, end_s).x(), place(view, 0, score).y()
        band = shot[round(y) - 1 : round(y) + 2, round(left) : round(right)]
        return int((np.abs(band - np.array(ink.getRgb()[:3])).sum(axis=-1) < 60).sum())

    assert dashes(2, 9, 0.8) > 20 > dashes(2, 9, 0.6)
    assert dashes(11, 18, 0.6) > 20 > dashes(11, 18, 0.8)


def test_each_source_has_its_own_time_axis(view):
    feed(view, run(50.0))
    feed(view, run(10.0), "other")
    assert view.selected == "fake"
    view.select("other")
    assert view.plot.accessibleName() == "Timeline of other"
    assert view.plot._box.viewRange()[0][0] < 0.1
    assert [event for _, event in view.plot.item.spans] == []
    view.forget("other")
    assert view.selected == "fake"
    view.forget("fake")
    assert view.selected is None


def test_a_screen_reader_hears_the_last_verdict_and_the_number_of_alarms(view):
    feed(view, run(38.0))
    words = "Last verdict: cannot judge. 1 alarm."
    assert view.accessibleDescription() == view.plot.accessibleDescription() == words
    assert view.plot.accessibleName() == "Timeline of fake"
    assert view.title.text() == "fake · 1 alarm"


@pytest.mark.parametrize("start_s", [100.0, 66_694.1, 99_999.95])
def test_it_paints_at_most_five_times_a_second(view, monkeypatch, start_s):
    monkeypatch.setattr(module, "REFRESH_S", 0.2)
    clock = [start_s]  # which fractions of a second round down is the machine's uptime's affair
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    painted = []
    monkeypatch.setattr(view.plot, "refresh", lambda: painted.append(clock[0]))
    for one in run(2.0, rate=30):
        clock[0] += 1 / 30
        feed(view, [one])
    assert 8 <= len(painted) <= 10
    assert min(np.diff(painted)) >= 0.2 - 1e-6
    painted.clear()
    clock[0] += 1.0
    feed(view, [one])
    clock[0] += 1.0
    feed(view, [one])
    assert len(painted) <= 1, "nothing is painted where nothing is new"


def test_it_follows_the_palette(view):
    feed(view, run(5.0))
    dark = QPalette()
    dark.setColor(QPalette.ColorRole.Base, QColor(20, 20, 20))
    dark.setColor(QPalette.ColorRole.Text, QColor(240, 240, 240))
    view.setPalette(dark)
    assert tuple(pixels(view)[-1, 40]) == (20, 20, 20)
    assert view.plot.item.style.ink == QColor(240, 240, 240)
    assert view.plot.event(QEvent(QEvent.Type.PaletteChange))


PROGRAM = """
import sys, threading
from unmask.gui.timeline.feature import TimelineFeature
from unmask.gui.qt import application, sip
app = application()
feature = TimelineFeature()
print("pyqtgraph" in sys.modules)
feature.view.show()
while feature.view.plot is None:
    feature.view.show_updates({})
    app.processEvents()
print(sys.modules["pyqtgraph"].Qt.QT_LIB)
feature.close()
if len(sys.argv) > 1:
    sip.delete(feature.view)
print([thread.name for thread in threading.enumerate() if thread is not threading.main_thread()])
"""


@pytest.mark.parametrize("deleted", [True, False])
def test_pyqtgraph_is_loaded_when_it_is_shown_binds_pyqt6_and_leaves_nothing(deleted):
    arguments = [sys.executable, "-c", PROGRAM, *(["deleted"] if deleted else [])]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["False", "PyQt6", "[]"]
