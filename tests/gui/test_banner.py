"""What a banner says of a source that cannot be judged, when, and which buttons it has."""

from __future__ import annotations

import pytest
from updates import face_state, update

from unmask.gui.banner import TroubleBanner
from unmask.gui.qt import Qt
from unmask.gui.troubles import AGAIN, ENGINE, REMOVE, RESUME, SWITCH
from unmask.realtime.types import Cause, Event, SourceState

ALL = frozenset({AGAIN, ENGINE, REMOVE, RESUME, SWITCH})


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def banner(nothing_left, qtbot):
    clock = Clock()
    made = TroubleBanner("fake", monotonic_s=clock)
    made.clock = clock
    made.allow(ALL)
    qtbot.addWidget(made)
    return made


def shown(banner, one, after_s=0.0):
    banner.show_update(one)
    banner.clock.now_s += after_s
    banner.show_update(one)
    return {name for name, button in banner.buttons.items() if not button.isHidden()}


@pytest.mark.parametrize(
    ("one", "words", "buttons"),
    [
        (
            update(state=SourceState.FAILED, message="The camera is busy; close the other program."),
            "The camera is busy; close the other program.",
            {AGAIN, SWITCH, REMOVE},
        ),
        (update(state=SourceState.STALLED, message="It has sent nothing for 4 s."), "for 4 s. Check", {AGAIN, SWITCH}),
        (update(state=SourceState.RECONNECTING, message="Connection lost."), "being tried again", {AGAIN, SWITCH}),
        (update(state=SourceState.PAUSED, causes=(Cause.PAUSED,)), "Paused", {RESUME}),
        (
            update(61.0, state=SourceState.ENDED, events=(Event(1, 2.0, 5.0, 0.9),)),
            "9 frames of 1:01.0 were analysed. 1 alarm",
            {AGAIN, SWITCH, REMOVE},
        ),
        (
            update(causes=(Cause.DETECTOR_UNAVAILABLE,), message="the engine ort-cuda has not answered for 6 s"),
            "The engine ort-cuda has not answered for 6 s.",
            {ENGINE},
        ),
        (update(causes=(Cause.FACE_SEARCH_HANGS,), message="the search hangs"), "The search hangs.", set()),
    ],
)
def test_what_is_wrong_is_said_at_once_with_what_can_be_done(banner, one, words, buttons):
    assert shown(banner, one) == buttons
    assert not banner.isHidden()
    assert words in banner.label.text()
    assert banner.accessibleDescription() == banner.label.text()


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (Cause.PICTURE_BLACK, "black"),
        (Cause.PICTURE_FROZEN, "frozen"),
        (Cause.NO_FACE, "No face"),
    ],
)
def test_a_picture_without_anything_to_see_is_said_after_a_while(banner, cause, words):
    one = update(causes=(cause,))
    shown(banner, one, after_s=1.0)
    assert banner.isHidden(), "a moment without a face is nothing to speak of"
    assert shown(banner, one, after_s=6.0) == {SWITCH}
    assert words in banner.label.text()
    banner.show_update(update(1.0, face_state()))
    assert banner.isHidden()
    shown(banner, one, after_s=1.0)
    assert banner.isHidden(), "it begins anew"


def test_a_source_that_opens_slowly_is_spoken_of_too(banner):
    one = update(state=SourceState.OPENING)
    shown(banner, one, after_s=1.0)
    assert banner.isHidden()
    shown(banner, one, after_s=3.0)
    assert "still being opened" in banner.label.text()


def test_a_face_that_cannot_be_judged_is_no_trouble_of_the_source(banner):
    shown(banner, update(1.0, face_state(), causes=(Cause.BLURRED,)), after_s=60.0)
    assert banner.isHidden()


def test_a_button_asks_for_its_action_and_is_not_there_where_nobody_can_do_it(banner, qtbot):
    one = update(state=SourceState.FAILED, message="Gone.")
    shown(banner, one)
    with qtbot.waitSignal(banner.asked) as asked:
        qtbot.mouseClick(banner.buttons[AGAIN], Qt.MouseButton.LeftButton)
    assert asked.args == [AGAIN]
    assert banner.buttons[AGAIN].text() == "Try again"
    banner.allow(frozenset())
    assert shown(banner, one) == set()
    banner.allow(ALL)
    shown(banner, update(state=SourceState.ENDED))
    assert banner.buttons[AGAIN].text() == "Watch again"
