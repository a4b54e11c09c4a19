"""The table of actions, and what the window makes of it."""

from __future__ import annotations

from collections import Counter

import pytest

from unmask.gui.actions import ACTIONS, MENUS, ActionSet
from unmask.gui.qt import QKeySequence, QMainWindow, QToolBar


@pytest.fixture
def window(nothing_left, qtbot):
    made = QMainWindow()
    qtbot.addWidget(made)
    return made


def test_no_name_and_no_key_is_there_twice():
    keys = [QKeySequence(each).toString() for spec in ACTIONS for each in spec.keys]
    assert all(keys), "every key is one that Qt knows"
    assert [key for key, number in Counter(keys).items() if number > 1] == []
    assert len({spec.id for spec in ACTIONS}) == len(ACTIONS)


def test_no_two_words_of_a_menu_have_the_same_letter():
    for menu in MENUS:
        words = [spec.words for spec in ACTIONS if spec.menu == menu]
        letters = [text[text.index("&") + 1].lower() for text in words]
        assert len(set(letters)) == len(letters), (menu, letters)


def test_every_row_has_a_menu_and_a_sentence():
    for spec in ACTIONS:
        assert spec.menu in MENUS
        assert spec.tip


def test_what_nobody_bound_is_neither_seen_nor_done(window):
    commands, done = ActionSet(window), []
    assert not any(action.isVisible() or action.isEnabled() for action in commands)
    commands.bind("snapshot", lambda: done.append("snapshot"))
    assert commands.is_bound("snapshot")
    commands["snapshot"].trigger()
    commands["copy_report"].trigger()
    assert done == ["snapshot"]
    assert [keys for keys, _ in commands.keyboard_rows()] == ["Ctrl+S"]


def test_a_later_binding_takes_the_place_of_the_earlier(window):
    commands, done = ActionSet(window), []
    commands.bind("record", lambda wanted: done.append("first"))
    commands.bind("record", done.append)
    commands["record"].trigger()
    commands["record"].trigger()
    assert done == [True, False]


def test_menus_and_toolbar_hold_the_rows_in_their_order(window):
    commands, bar = ActionSet(window), QToolBar()
    window.addToolBar(bar)
    commands.fill_menus(window.menuBar())
    commands.fill_toolbar(bar)
    menus = [action.menu() for action in window.menuBar().actions()]
    assert [menu.title() for menu in menus] == list(MENUS)
    there = [action.objectName() for menu in menus for action in menu.actions() if not action.isSeparator()]
    assert there == [spec.id for menu in MENUS for spec in ACTIONS if spec.menu == menu]
    assert [action.objectName() for action in bar.actions()] == [spec.id for spec in ACTIONS if spec.short]
