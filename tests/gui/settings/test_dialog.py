"""The settings dialog: drawn from the table, applied at once, searched, restored."""

from __future__ import annotations

import pytest

from unmask.gui.qt import QCheckBox, QComboBox, QDoubleSpinBox, QLabel, QSpinBox, Qt
from unmask.gui.settings.dialog import SettingsDialog
from unmask.gui.settings.preferences import Preferences
from unmask.gui.settings.table import GROUPS, TABLE


@pytest.fixture
def preferences(qapp, tmp_path):
    return Preferences(tmp_path / "unmask.ini")


@pytest.fixture
def dialog(qtbot, preferences):
    made = SettingsDialog(preferences, [("Detector", QLabel("a page"))])
    qtbot.addWidget(made)
    made.show()
    return made


def control(dialog, key):
    return next(row.control for row in dialog.rows if row.setting.key == key)


def shown(dialog):
    return [row.setting.key for row in dialog.rows if not row.isHidden()]


def test_every_setting_with_a_label_has_a_control_with_a_name(dialog):
    assert [row.setting for row in dialog.rows] == [setting for setting in TABLE if setting.label]
    assert all(row.control.accessibleName() == row.setting.label for row in dialog.rows)
    assert all(row.control.focusPolicy() & Qt.FocusPolicy.TabFocus for row in dialog.rows)
    assert {setting.group for setting in TABLE if setting.label} == set(GROUPS)
    assert {type(row.control) for row in dialog.rows} <= {QCheckBox, QComboBox, QSpinBox, QDoubleSpinBox}


def test_a_key_applies_at_once_and_a_change_from_elsewhere_is_shown(qtbot, dialog, preferences):
    dialog.show_page("Alerts")
    sound = control(dialog, "alerts/sound")
    qtbot.keyClick(sound, Qt.Key.Key_Space)
    assert preferences.value("alerts/sound") is False
    preferences.set("alerts/sound", True)
    assert sound.isChecked()


def test_numbers_and_choices_are_kept_in_their_kind(dialog, preferences):
    control(dialog, "alerts/snooze_minutes").setValue(999)
    theme = control(dialog, "view/theme")
    theme.setCurrentIndex(theme.findData("dark"))
    assert preferences.value("alerts/snooze_minutes") == 240
    assert preferences.value("view/theme") == "dark"


def test_groups_turn_the_pages_and_extra_pages_come_last(dialog):
    dialog.show_page("Privacy")
    assert control(dialog, "privacy/pictures").isVisible()
    assert not control(dialog, "view/theme").isVisible()
    assert dialog.groups.item(dialog.groups.count() - 1).text() == "Detector"
    dialog.show_page("No such page")
    assert control(dialog, "privacy/pictures").isVisible()


def test_searching_leaves_what_matches_and_turns_to_it(qtbot, dialog):
    qtbot.keyClicks(dialog.search, "pictures alarms")
    assert shown(dialog) == ["privacy/pictures"]
    assert control(dialog, "privacy/pictures").isVisible()
    dialog.search.setText("detect")
    assert "view/crops" in shown(dialog)
    dialog.search.setText("zzz")
    assert shown(dialog) == []
    assert "zzz" in dialog.status.text()
    dialog.search.clear()
    assert len(shown(dialog)) == len(dialog.rows)
    assert dialog.stack.isVisible()
    assert dialog.status.text() == ""


def test_defaults_are_restored_and_that_can_be_undone(dialog, preferences):
    preferences.set("view/theme", "dark")
    preferences.set("alerts/snooze_minutes", 3)
    preferences.set("general/first_run_done", True)
    dialog.restore.click()
    assert (preferences.value("view/theme"), preferences.value("alerts/snooze_minutes")) == ("system", 10)
    assert preferences.value("general/first_run_done") is True
    assert "2 settings" in dialog.status.text()
    dialog.undo.click()
    assert (preferences.value("view/theme"), preferences.value("alerts/snooze_minutes")) == ("dark", 3)
    assert dialog.undo.isHidden()
