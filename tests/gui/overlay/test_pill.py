"""The pill: one verdict for all sources, in shape, colour and words, and reachable without a mouse."""

from __future__ import annotations

import pytest
from updates import face_state, update

from unmask.gui.overlay.pill import Pill, pill_state
from unmask.gui.qt import QPoint, Qt, sip
from unmask.realtime.types import SourceState, Verdict

SIGNS = update(1.0, face_state(Verdict.SIGNS))
NO_SIGNS = update(1.0, face_state(Verdict.NO_SIGNS))
CANNOT = update(1.0, verdict=Verdict.CANNOT_JUDGE)
PAUSED = update(1.0, state=SourceState.PAUSED)
ENDED = update(1.0, face_state(Verdict.SIGNS), state=SourceState.ENDED)


@pytest.fixture
def pill(qtbot, no_windows_left):
    made = Pill()
    made.show()
    yield made
    sip.delete(made)


@pytest.mark.parametrize(
    ("updates", "verdict", "words"),
    [
        ([], Verdict.CANNOT_JUDGE, "Nothing is watched"),
        ([ENDED], Verdict.CANNOT_JUDGE, "Nothing is watched"),
        ([NO_SIGNS], Verdict.NO_SIGNS, "No signs found"),
        ([NO_SIGNS, CANNOT], Verdict.CANNOT_JUDGE, "Cannot judge"),
        ([NO_SIGNS, CANNOT, SIGNS], Verdict.SIGNS, "Signs of manipulation"),
        ([PAUSED], Verdict.CANNOT_JUDGE, "Paused"),
    ],
)
def test_the_gravest_verdict_speaks(qapp, updates, verdict, words):
    assert pill_state({str(number): each for number, each in enumerate(updates)}) == (verdict, words)


def test_its_name_has_the_verdict_and_it_never_changes_size(pill):
    size = pill.size()
    pill.show_updates({"fake": SIGNS})
    assert pill.accessibleName() == "Unmask: Signs of manipulation"
    pill.show_updates({"fake": NO_SIGNS})
    assert pill.accessibleName() == "Unmask: No signs found"
    assert pill.size() == size
    assert "never proof" in pill.toolTip()


def test_it_is_painted_only_for_news(pill):
    pill.show_updates({"fake": SIGNS})
    asked = []
    pill.update = lambda: asked.append(1)
    pill.show_updates({"fake": update(2.0, face_state(Verdict.SIGNS), sequence=2)})
    assert asked == []
    pill.show_updates({"fake": NO_SIGNS})
    assert asked == [1]


def test_each_verdict_looks_different(pill):
    pictures = []
    for each in (SIGNS, NO_SIGNS, CANNOT):
        pill.show_updates({"fake": each})
        pictures.append(pill.grab().toImage())
    assert pictures[0] != pictures[1] != pictures[2]


def test_everything_by_keyboard(pill, qtbot):
    with qtbot.waitSignal(pill.opened):
        qtbot.keyClick(pill, Qt.Key.Key_Return)
    with qtbot.waitSignal(pill.pause_wanted) as paused:
        qtbot.keyClick(pill, Qt.Key.Key_P)
    assert paused.args == [True]
    pill.put(QPoint(100, 100))
    with qtbot.waitSignal(pill.moved) as moved:
        qtbot.keyClick(pill, Qt.Key.Key_Down)
    assert moved.args == [100, 110]


def test_a_click_opens_and_a_drag_does_not(pill, qtbot):
    with qtbot.waitSignal(pill.opened):
        qtbot.mouseClick(pill, Qt.MouseButton.LeftButton, pos=QPoint(20, 10))
    with qtbot.assertNotEmitted(pill.opened), qtbot.waitSignal(pill.moved):
        qtbot.mousePress(pill, Qt.MouseButton.LeftButton, pos=QPoint(20, 10))
        qtbot.mouseMove(pill, QPoint(80, 60))
        qtbot.mouseRelease(pill, Qt.MouseButton.LeftButton, pos=QPoint(80, 60))


def test_its_menu_opens_pauses_hides_and_quits(pill, qtbot):
    pill.show_updates({"fake": PAUSED})
    menu = pill.menu()
    actions = {action.text(): action for action in menu.actions()}
    assert list(actions) == ["Open the window", "Resume", "Hide the pill", "Quit"]
    for words, signal in (
        ("Open the window", pill.opened),
        ("Resume", pill.pause_wanted),
        ("Hide the pill", pill.dismissed),
        ("Quit", pill.quit_wanted),
    ):
        with qtbot.waitSignal(signal):
            actions[words].trigger()
    menu.deleteLater()
