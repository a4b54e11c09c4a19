"""The file of settings on the disk: its place, whether it can be trusted, reading and writing it. No widgets."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping
from pathlib import Path

import platformdirs

from unmask.engines.errors import UnmaskError
from unmask.gui.qt import QSettings

_LARGEST = 1 << 20
#: Qt can be made to load objects from a file of settings; we never write any.
_OBJECTS = (b"@Variant(", b"@DateTime(", b"@ByteArray(")
_ESCAPE = re.compile(rb'\\x([0-9A-Fa-f]+)|\\([0-7]+)|\\(?:\r\n|\n\r|.)|"', re.DOTALL)
_GENERAL, _SECTION = "general/", "program/"


def settings_path() -> Path:
    """Where a person's settings lie: ``unmask.ini`` in a folder of the user's configuration."""
    return Path(platformdirs.user_config_dir("unmask", appauthor=False)) / "unmask.ini"


def read(path: Path) -> dict[str, str]:
    """Every key of the file with its text; empty where there is no file. Raises ``OSError`` where it cannot be read,
    and ``UnmaskError`` with what is wrong where it is no file of settings."""
    if not path.exists():
        return {}
    if wrong := _fault(_content(path)):
        raise UnmaskError(wrong)
    store = QSettings(str(path), QSettings.Format.IniFormat)
    found: dict[str, str] = {}
    for key in store.allKeys():
        value = store.value(key)
        # A bare comma makes a list of what a person wrote into the file as one text.
        found[_of_table(key)] = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    if store.status() is not QSettings.Status.NoError:
        raise UnmaskError("it is no file of settings")
    return found


def write(path: Path, texts: Mapping[str, str]) -> None:
    """Put ``texts`` into the file; every other key in it stays. Only its owner can read it.

    Raises ``OSError`` where that cannot be done.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    if path.exists() and (wrong := _fault(_content(path))):  # Qt reads it once more before it writes
        raise OSError(errno.EINVAL, wrong, str(path))
    # Made by us first: what Qt makes may be read by everybody, and what is there keeps its mode.
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    path.chmod(0o600)
    store = QSettings(str(path), QSettings.Format.IniFormat)
    for key, text in texts.items():
        store.setValue(_of_file(key), text)
    store.sync()
    if store.status() is not QSettings.Status.NoError:
        raise OSError(f"{path} could not be written")


def _content(path: Path) -> bytes:
    if not path.is_file():  # a pipe would be waited for
        raise OSError(errno.EINVAL, "it is not an ordinary file", str(path))
    with path.open("rb") as file:
        return file.read(_LARGEST + 1)


def _of_file(key: str) -> str:
    """Qt keeps the section "general" for itself: what is written to it comes back as "General"."""
    return _SECTION + key.removeprefix(_GENERAL) if key.startswith(_GENERAL) else key


def _of_table(key: str) -> str:
    return _GENERAL + key.removeprefix(_SECTION) if key.startswith(_SECTION) else key


def set_aside(path: Path) -> Path:
    """Rename a broken file, so that it can still be looked at. Raises ``OSError``."""
    aside = broken_name(path)
    path.replace(aside)
    return aside


def broken_name(path: Path) -> Path:
    """What a broken file of settings is renamed to."""
    return path.with_name(path.name + ".broken")


def _fault(data: bytes) -> str:
    """What shows that these bytes are no settings: Qt itself takes nearly everything for some."""
    if len(data) > _LARGEST:
        return "it is larger than any settings"
    if b"\0" in data or any(mark in _as_qt_reads(data) for mark in _OBJECTS):
        return "it holds what no settings hold"
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        return "it is no text"
    for number, line in enumerate(map(str.strip, lines), 1):
        section = line.startswith("[") and line.endswith("]")
        if line and line[0] not in ";#" and not section and "=" not in line:
            return f"its line {number} is no setting"
    return ""


def _as_qt_reads(data: bytes) -> bytes:
    """With escapes and quotes undone, as Qt does before it looks for the name of an object: ``@V\\x61riant(`` and
    ``"@Vari"ant(`` are objects to it. What else stands behind a backslash, Qt leaves out or makes no letter of."""

    def undone(found: re.Match[bytes]) -> bytes:
        digits = found[1] or found[2]
        # Qt keeps the last sixteen bits of however many digits there are.
        code = int(digits[-16:], 16 if found[1] else 8) & 0xFFFF if digits else 0x110000
        return bytes([code]) if code < 0x80 else b""

    return _ESCAPE.sub(undone, data)
