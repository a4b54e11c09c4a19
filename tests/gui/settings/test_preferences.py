"""The file of settings: kept, private, and never a reason not to start."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import pytest

from unmask.gui.settings.preferences import Preferences
from unmask.gui.settings.table import BY_KEY, TABLE, from_text, to_text

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
NOT_ROOT = pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read and write everything")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "of the user" / "unmask.ini"


def written(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_new_person_gets_the_defaults_and_nothing_is_written(qapp, path):
    preferences = Preferences(path)
    assert preferences.problem == ""
    assert {setting.key: preferences.value(setting.key) for setting in TABLE} == {s.key: s.default for s in TABLE}
    preferences.save()
    assert not path.exists()


VALUES = {
    "alerts/sound": False,
    "alerts/snooze_minutes": 25,
    "view/theme": "dark",
    "monitor/alarms_per_hour": 0.01,
    "monitor/cpu": 1.5,
    "monitor/detector": "a, b; [c] = ünï \\ \"quoted\" 'x' %41 @Invalid",
    "general/sources": ["camera:0", "rtsp://a/b?c=d,e", 'window:"Zoom, 2"', "ü"],
    "general/first_run_done": True,
    "window/geometry": "AdnQywADAAA=",
}


def test_every_kind_of_value_comes_back(qapp, path):
    first = Preferences(path)
    for key, value in VALUES.items():
        first.set(key, value)
    first.save()
    second = Preferences(path)
    assert second.problem == ""
    assert {key: second.value(key) for key in VALUES} == VALUES
    second.set("general/sources", [])
    second.save()
    assert Preferences(path).value("general/sources") == []


def test_the_next_start_knows_everything(qapp, path):
    """In a process of its own: in this one Qt still has in memory what was written."""
    first = Preferences(path)
    for key, value in VALUES.items():
        first.set(key, value)
    first.save()
    program = (
        "import sys; from pathlib import Path; from unmask.gui.settings.preferences import Preferences;"
        "kept = Preferences(Path(sys.argv[1])); print({key: kept.value(key) for key in sys.argv[2:]}, kept.problem)"
    )
    command = [sys.executable, "-c", program, str(path), *VALUES]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(VALUES)


def test_each_default_survives_its_text(qapp):
    assert all(from_text(setting, to_text(setting.default)) == setting.default for setting in TABLE)


def test_a_change_is_told_once_and_a_wrong_one_refused(qapp, path):
    preferences = Preferences(path)
    told = []
    preferences.changed.connect(told.append)
    preferences.set("alerts/sound", True)
    preferences.set("alerts/sound", False)
    preferences.set("monitor/cpu", 2)
    assert told == ["alerts/sound", "monitor/cpu"]
    assert preferences.value("monitor/cpu") == 2.0
    for key, value in (("alerts/snooze_minutes", 0), ("view/theme", "pink"), ("alerts/sound", 1), ("view/theme", 3)):
        with pytest.raises(ValueError, match=key):
            preferences.set(key, value)
    with pytest.raises(KeyError):
        preferences.value("no/such")


def test_nobody_can_change_a_list_from_outside(qapp, path):
    preferences = Preferences(path)
    preferences.value("general/sources").append("camera:0")
    assert preferences.value("general/sources") == []
    assert BY_KEY["general/sources"].default == []


@POSIX
def test_only_the_owner_can_read_the_file_and_its_folder(qapp, path):
    before = os.umask(0)
    try:
        preferences = Preferences(path)
        for theme in ("dark", "light"):
            preferences.set("view/theme", theme)
            preferences.save()
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_unknown_keys_stay_and_wrong_values_are_replaced_and_said_once(qapp, path):
    written(path, "[future]\nthing=7\n\n[alerts]\nsnooze_minutes=-3\nsound=perhaps\nflash=false\n")
    preferences = Preferences(path)
    assert preferences.value("alerts/snooze_minutes") == 10
    assert preferences.value("alerts/sound") is True
    assert preferences.value("alerts/flash") is False
    assert preferences.problem.count("default") == 2
    assert "alerts/snooze_minutes is a whole number from 1 to 240, not “-3”" in preferences.problem
    preferences.save()
    text = path.read_text()
    assert "thing=7" in text
    assert "snooze_minutes=10" in text
    assert Preferences(path).problem == ""


BROKEN = {
    "zeros": b"\0" * 100,
    "no text": b"[view]\ntheme=\xff\xfe\xfa\n",
    "cut short": b"[alerts]\nsound=true\nfla",
    "an object": b"[view]\ntheme=@Variant(\\0\\0\\0\\x7f)\n",
    "huge": b"[a]\n" + b"k=v\n" * 300_000,
    "a picture": bytes.fromhex("89504e470d0a1a0a0000000d49484452"),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_set_aside_and_said(qapp, path, data):
    path.parent.mkdir()
    path.write_bytes(data)
    preferences = Preferences(path)
    assert preferences.value("view/theme") == "system"
    aside = path.with_name("unmask.ini.broken")
    assert str(aside) in preferences.problem
    assert preferences.problem.count(".") >= 1
    assert aside.read_bytes() == data
    assert not path.exists()
    preferences.set("view/theme", "dark")
    preferences.save()
    assert Preferences(path).value("view/theme") == "dark"
    assert Preferences(path).problem == ""


def test_a_folder_in_the_place_of_the_file_is_said(qapp, path):
    path.mkdir(parents=True)
    preferences = Preferences(path)
    assert str(path) in preferences.problem
    failed = []
    preferences.failed.connect(failed.append)
    preferences.set("view/theme", "dark")
    preferences.save()
    preferences.save()
    assert len(failed) == 1
    assert str(path) in failed[0]
    assert preferences.value("view/theme") == "dark"


@NOT_ROOT
@POSIX
def test_a_file_that_may_not_be_read_is_said_and_left(qapp, path):
    written(path, "[view]\ntheme=dark\n").chmod(0)
    assert str(path) in Preferences(path).problem
    path.chmod(0o600)
    assert "dark" in path.read_text()


def test_a_folder_that_cannot_be_made_is_said(qapp, tmp_path):
    (tmp_path / "file").write_text("")
    preferences = Preferences(tmp_path / "file" / "unmask.ini")
    failed = []
    preferences.failed.connect(failed.append)
    preferences.set("view/theme", "dark")
    preferences.save()
    assert len(failed) == 1


def test_a_change_is_written_by_itself_a_moment_later(qtbot, path):
    preferences = Preferences(path)
    preferences.set("view/theme", "dark")
    qtbot.waitUntil(path.exists, timeout=3000)
    assert Preferences(path).value("view/theme") == "dark"


def test_two_programs_keep_each_others_changes(qapp, path):
    one, other = Preferences(path), Preferences(path)
    one.set("view/theme", "dark")
    one.save()
    other.set("alerts/sound", False)
    other.save()
    both = Preferences(path)
    assert (both.value("view/theme"), both.value("alerts/sound")) == ("dark", False)


def test_forgetting_deletes_the_file_and_all_that_was_set(qapp, path):
    preferences = Preferences(path)
    preferences.set("general/first_run_done", True)
    preferences.save()
    told = []
    preferences.changed.connect(told.append)
    preferences.forget()
    assert told == ["general/first_run_done"]
    assert not path.exists()
    preferences.save()
    assert not path.exists()
