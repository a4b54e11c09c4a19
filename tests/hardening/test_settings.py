"""The file of settings in a stranger's hands. Broken, private and unwritable ones are in
tests/gui/settings/test_preferences.py."""

from __future__ import annotations

import base64
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from fuzz_targets import try_some

from unmask.gui.docks import GEOMETRY, STATE, _from_text
from unmask.gui.qt import QApplication, QMainWindow, application
from unmask.gui.settings.preferences import Preferences
from unmask.gui.settings.store import broken_name, write


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    return application()


def test_other_bytes_give_settings_that_are_allowed(qapp: QApplication, tmp_path: Path) -> None:
    try_some("settings", tmp_path, 150)


#: Qt takes each of these for an object that it has to build, once it has undone escapes and quotes.
OBJECTS = {
    "plain": b"theme=@Variant(\\0\\0\\0\\x7f)",
    "quoted": b'theme="@Variant(\\0\\0\\0\\x7f)"',
    "quoted within": b'theme=@Vari"ant"(\\0\\0)',
    "hexadecimal": b"theme=\\x40Variant(\\0\\0)",
    "a letter": b"theme=@V\\x61riant(\\0\\0)",
    "many digits": b"theme=\\x10000000000040Variant(\\0)",
    "octal": b"theme=\\100Variant(\\0\\0)",
    "continued": b"theme=@Var\\\niant(\\0\\0)",
    "a letter that is dropped": b"theme=@Va\\qriant(\\0\\0)",
    "in a list": b"theme=a, \\x40Variant(\\0)",
    "bytes": b"geometry=\\100ByteArray(abc)",
    "a time": b'geometry="@Date"Time(\\0\\0\\0\\x10)',
}


@pytest.mark.parametrize("line", OBJECTS.values(), ids=OBJECTS)
def test_an_object_is_never_built(qapp: QApplication, tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "unmask.ini"
    path.write_bytes(b"[view]\n" + line + b"\n")
    problem = Preferences(path).problem
    assert "it holds what no settings hold" in problem
    assert broken_name(path).exists()
    assert not path.exists()


def test_an_object_that_comes_meanwhile_is_not_read_either(qapp: QApplication, tmp_path: Path) -> None:
    path = tmp_path / "unmask.ini"
    preferences = Preferences(path)
    path.write_bytes(b"[view]\ntheme=\\x40Variant(\\0\\0)\n")
    failed: list[str] = []
    preferences.failed.connect(failed.append)
    preferences.set("view/theme", "dark")
    preferences.save()
    assert len(failed) == 1
    assert "holds what no settings hold" in failed[0]
    with pytest.raises(OSError, match="no settings"):
        write(path, {"view/theme": "dark"})


def pipe(path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("needs named pipes, which this system lacks")
    os.mkfifo(path)


def device(path: Path) -> None:
    if not Path("/dev/zero").exists():
        pytest.skip("needs /dev/zero, which this system lacks")
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [pipe, device, Path.mkdir])
def test_what_is_no_file_is_said_and_never_waited_for(
    qapp: QApplication, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    path = tmp_path / "unmask.ini"
    make(path)
    preferences = Preferences(path)
    assert str(path) in preferences.problem
    assert preferences.value("view/theme") == "system"
    failed: list[str] = []
    preferences.failed.connect(failed.append)
    preferences.set("view/theme", "dark")
    preferences.save()
    preferences.save()
    assert len(failed) == 1
    assert str(path) in failed[0]


def test_what_a_wrong_value_is_called_steers_no_terminal(qapp: QApplication, tmp_path: Path) -> None:
    path = tmp_path / "unmask.ini"
    path.write_bytes(b"[alerts]\nsnooze_minutes=\\x1b[2J\\x202e9\n")
    problem = Preferences(path).problem
    assert "alerts/snooze_minutes" in problem
    assert problem.isprintable()


def test_a_place_of_the_window_made_to_harm_moves_nothing(qapp: QApplication, tmp_path: Path) -> None:
    path = tmp_path / "unmask.ini"
    window = QMainWindow()
    sound = bytes(window.saveState(1).data()), bytes(window.saveGeometry().data())
    chance = random.Random(5)
    for number in range(300):
        data = bytearray(sound[number % 2])
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(len(data))] = chance.choice((0, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        text = base64.b64encode(bytes(data[: chance.randint(1, len(data))])).decode("ascii")
        path.write_text(f"[window]\ngeometry={text}\nstate={text}\n")
        preferences = Preferences(path)
        window.restoreGeometry(_from_text(preferences.value(GEOMETRY)))
        window.restoreState(_from_text(preferences.value(STATE)), 1)
        assert 0 <= window.width() <= 1 << 24
    window.deleteLater()
