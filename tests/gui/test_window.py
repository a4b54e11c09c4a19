"""The window: what it says of sources, alarms and failures, and how it is closed."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pytest
from updates import face_state, update

from unmask.gui.qt import QColor, QFontMetricsF, QPalette, Qt
from unmask.gui.window import MonitorWindow
from unmask.gui.wording import HINT
from unmask.realtime.types import Cause, Counters, Event, SourceState, Verdict

ALARM = Event(1, 12.3, None, 0.81)


@pytest.fixture
def window(qtbot):
    return shown(qtbot, ["fake"], ["Detector toy 1.0.0", "Second line"])


def named(*source_ids):
    return [SimpleNamespace(source_id=source_id, key=number) for number, source_id in enumerate(source_ids)]


def shown(qtbot, sources, notices=()):
    made = MonitorWindow(named(*sources), notices)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    return made


def give(window, *updates):
    window.show_updates({one.source_id: one for one in updates})


def spoken(window, source="fake"):
    """What the panel of a source says in words."""
    return window.panels[source].picture.accessibleDescription()


def cells(window):
    table = window.alarms.table
    return [[table.item(row, column).text() for column in range(5)] for row in range(table.rowCount())]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (SourceState.OPENING, "Opening"),
        (SourceState.STALLED, "Stalled"),
        (SourceState.RECONNECTING, "Reconnecting"),
        (SourceState.ENDED, "Ended"),
        (SourceState.FAILED, "Failed"),
    ],
)
def test_the_state_of_a_source_is_said_in_words(window, state, words):
    give(window, update(state=state, verdict=Verdict.CANNOT_JUDGE, causes=(Cause.SOURCE_STALLED,)))
    assert spoken(window).startswith(words)


def test_a_source_without_a_picture_yet_is_being_waited_for(window):
    assert window.panels["fake"].head_up.text() == "Opening …"


def test_the_verdict_stands_in_large_plain_words(window):
    line = window.panels["fake"].verdict_line
    give(window, update(1.0, face_state(Verdict.SIGNS, score=0.97)))
    assert line.words == "Signs of manipulation; face 1: 97%"
    causes = (Cause.DARK, Cause.BLURRED)
    give(window, update(1.1, sequence=2, verdict=Verdict.CANNOT_JUDGE, causes=causes))
    assert line.words == "Cannot judge; because the face is too dark and the face is blurred"
    give(window, update(1.2, face_state(Verdict.NO_SIGNS, score=0.2, calibrated=False), sequence=3))
    assert line.words == "No signs found; face 1: score 0.20"


def test_the_verdict_is_never_cut_short(window):
    line = window.panels["fake"].verdict_line
    give(window, update(1.0, face_state(Verdict.SIGNS)))
    sizes = [line.headline_font(room).pointSizeF() for room in (170.0, 230.0, 900.0)]
    assert sizes[0] < sizes[1] <= sizes[2]
    for room in (170.0, 230.0, 900.0):
        assert QFontMetricsF(line.headline_font(room)).horizontalAdvance("Signs of manipulation") <= room


def test_the_verdict_line_looks_like_signs_only_for_signs(window):
    line = window.panels["fake"].verdict_line
    grounds = []
    for number, verdict in enumerate(Verdict, 1):
        give(window, update(1.0, face_state(verdict), sequence=number))
        grounds.append(line.grab().toImage().pixelColor(line.width() - 3, 3).name())
    assert grounds[0] == "#d55e00"
    assert "#d55e00" not in grounds[1:]


def test_a_sentence_of_a_running_source_is_shown(window):
    """The detector failed: the pictures run on, and the reason stands under them."""
    banner = window.panels["fake"].banner
    give(window, update(1.0))
    assert not banner.isVisible()
    give(window, update(1.0, message="the engine fell over; restart it"))
    assert banner.isVisible()
    assert banner.label.text() == "The engine fell over; restart it."


def test_the_head_up_line_names_what_runs(window):
    give(window, update(1.0, face_state()))
    window.panels["fake"].refresh_numbers()
    words = window.panels["fake"].head_up.text()
    for part in ("24.0 fps", "frame age", "CPUExecutionProvider", "1 face", "dropped 1"):
        assert part in words
    assert "1 (detection busy)" in window.panels["fake"].head_up.toolTip()


def test_alarms_are_listed_once_and_renewed(window):
    give(window, update(13.0, face_state(Verdict.SIGNS, event=ALARM), events=(ALARM,)))
    assert [row[1:] for row in cells(window)] == [["1", "0:12.3 to now", "0.81", "fake"]]
    over = Event(1, 12.3, 75.04, 0.93)
    later = Event(2, 80.0, None, 0.7)
    give(window, update(81.0, sequence=2, events=(over, later)))
    assert [row[1:4] for row in cells(window)] == [
        ["1", "0:12.3 to 1:15.0", "0.93"],
        ["2", "1:20.0 to now", "0.70"],
    ]
    assert window.alarms.title.text() == "2 alarms"


def test_alarms_of_several_sources_say_whose_they_are(qtbot):
    window = shown(qtbot, ["one", "two"])
    give(window, update(source_id="one", events=(ALARM,)), update(source_id="two", events=(ALARM,)))
    assert [row[4] for row in cells(window)] == ["one", "two"]
    assert not window.alarms.table.isColumnHidden(4)


def test_the_window_title_tells_of_signs(window):
    give(window, update(1.0, face_state(Verdict.SIGNS)))
    assert window.windowTitle() == "Signs of manipulation"
    give(window, update(1.0, face_state(Verdict.NO_SIGNS), sequence=2))
    assert window.windowTitle() == "Unmask"


def test_when_all_is_over_the_outcome_is_said(window):
    give(window, update(20.0, state=SourceState.ENDED, events=(Event(1, 2.0, 5.0, 0.9),)))
    assert window.outcome.text().startswith("The source is over: 1 alarm.")
    assert "when the source ended" in window.panels["fake"].verdict_line.words


def test_it_is_not_over_while_one_source_runs_or_has_not_begun(qtbot):
    window = shown(qtbot, ["one", "two"])
    ended = update(state=SourceState.ENDED, source_id="one")
    give(window, ended)
    assert window.outcome.text() == ""
    give(window, ended, update(source_id="two"))
    assert window.outcome.text() == ""
    give(window, ended, update(source_id="two", state=SourceState.FAILED, sequence=2))
    assert window.outcome.text().startswith("All sources are over, 1 of 2 failed: 0 alarms.")


def test_a_source_that_was_never_seen_is_not_said_to_have_raised_no_alarm(window):
    give(window, dataclasses.replace(update(state=SourceState.FAILED), counters=Counters()))
    assert window.outcome.text().startswith("The source failed: nothing was analysed.")


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 9])
def test_every_source_has_a_place_in_the_grid(qtbot, number):
    names = [f"source {index}" for index in range(number)]
    window = shown(qtbot, names)
    window.resize(1200, 900)
    places = [panel.geometry() for panel in window.panels.values()]
    assert all(panel.isVisible() for panel in window.panels.values())
    for index, place in enumerate(places):
        assert place.width() > 200
        assert not any(place.intersects(other) for other in places[:index])


def test_notices_can_be_selected_and_dismissed(window, qtbot):
    bar = window.notices
    assert bar.isVisible()
    assert bar.label.text() == "Detector toy 1.0.0\nSecond line"
    assert bar.label.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse
    qtbot.mouseClick(bar.dismiss, Qt.MouseButton.LeftButton)
    assert not bar.isVisible()


def test_without_notices_there_is_no_bar(qtbot):
    assert not shown(qtbot, ["fake"]).notices.isVisible()


def test_a_failure_brings_the_bar_back_once(window, qtbot):
    qtbot.mouseClick(window.notices.dismiss, Qt.MouseButton.LeftButton)
    window.show_failures(["VideoSink stopped: No space left on device"])
    assert window.notices.isVisible()
    assert window.notices.label.text() == "VideoSink stopped: No space left on device"
    qtbot.mouseClick(window.notices.dismiss, Qt.MouseButton.LeftButton)
    window.show_failures(["VideoSink stopped: No space left on device"])
    assert not window.notices.isVisible()


def test_what_a_panel_says_of_its_source_is_not_said_again(window):
    give(window, update(state=SourceState.FAILED, message="The camera is gone."))
    window.show_failures(["The camera is gone."])
    assert "camera" not in window.notices.label.text()


def test_the_hint_stays(window):
    assert window.hint.isVisible()
    assert window.hint.text() == HINT
    assert "never proof" in HINT


@pytest.mark.parametrize(
    ("key", "modifier"),
    [
        (Qt.Key.Key_Q, Qt.KeyboardModifier.NoModifier),
        (Qt.Key.Key_Escape, Qt.KeyboardModifier.NoModifier),
        (Qt.Key.Key_W, Qt.KeyboardModifier.ControlModifier),
    ],
)
def test_keys_close_it(window, qtbot, key, modifier):
    with qtbot.waitSignal(window.closed, timeout=2000):
        qtbot.keyClick(window, key, modifier)
    assert not window.isVisible()


def test_f11_fills_the_screen_and_escape_leaves_that_first(window, qtbot):
    qtbot.keyClick(window, Qt.Key.Key_F11)
    assert window.isFullScreen()
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not window.isFullScreen()
    assert window.isVisible()


def test_what_a_screen_reader_needs_has_a_name(window):
    panel = window.panels["fake"]
    for widget in (window, panel, panel.picture, panel.verdict_line, panel.head_up, window.alarms.table):
        assert widget.accessibleName()


@pytest.mark.parametrize(("ground", "ink"), [("#ffffff", "#000000"), ("#202020", "#f0f0f0")])
def test_words_follow_the_palette(window, ground, ink):
    """Light and dark: what is painted by hand takes its colours from the palette too."""
    palette = QPalette(QColor(ground))
    palette.setColor(QPalette.ColorRole.Window, QColor(ground))
    palette.setColor(QPalette.ColorRole.WindowText, QColor(ink))
    window.setPalette(palette)
    give(window, update(1.0, face_state(Verdict.NO_SIGNS)))
    line = window.panels["fake"].verdict_line
    shot = line.grab().toImage()
    assert shot.pixelColor(line.width() - 3, 3).name() == ground
    colours = {shot.pixelColor(x, y).name() for x in range(60, 200) for y in range(shot.height())}
    assert ink in colours


def test_a_long_name_does_not_widen_the_window(qtbot):
    window = shown(qtbot, ["rtsp://" + "a" * 400])
    give(window, update(source_id="rtsp://" + "a" * 400))
    assert window.minimumSizeHint().width() < 1000
