"""Whether the window can load its Qt. Qt itself is not imported: it would end the process where it cannot start."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from unmask.realtime.doctor.finding import Finding
from unmask.realtime.doctor.packages import installed

PLUGIN_PATH = "QT_QPA_PLATFORM_PLUGIN_PATH"

#: Libraries of the PyQt6 wheel that name what they need of the system when they are loaded.
_LOADED = ("Qt6/lib/libQt6Gui.so.6", "Qt6/plugins/platforms/libqxcb.so")
_SYSTEM = (
    "Install what Qt needs of the system (on Debian: apt install libegl1 libgl1 libdbus-1-3 libfontconfig1 "
    "libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 "
    "libxcb-render-util0 libxcb-shape0 libxcb-xkb1), or add --headless."
)


def qt(environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """PyQt6 and the variable with which OpenCV points Qt at plugins of another version."""
    yield _pyqt()
    path = environment.get(PLUGIN_PATH, "")
    if not path:
        yield Finding("Qt", PLUGIN_PATH, "ok", "Not set: Qt finds its own plugins.")
    elif "cv2" in Path(path).parts:
        text = "Points at the Qt 5 plugins of OpenCV, as importing OpenCV sets it; the window undoes this."
        yield Finding("Qt", PLUGIN_PATH, "ok", text)
    else:
        text = f"Set to {path}: PyQt6 looks for its plugins there and nowhere else."
        yield Finding("Qt", PLUGIN_PATH, "note", text, f"Unset {PLUGIN_PATH} if the window does not open.")


def _pyqt() -> Finding:
    version = installed().get("pyqt6")
    if version is None:
        text = "PyQt6 is not installed: there is no window, everything else works with --headless."
        return Finding("Qt", "PyQt6", "note", text, "Run: pip install 'unmask[gui]'")
    spec = importlib.util.find_spec("PyQt6")
    if spec is None or spec.origin is None:
        text = f"PyQt6 {version} is installed but its module is not there."
        return Finding("Qt", "PyQt6", "problem", text, "Run: pip install --force-reinstall PyQt6")
    if sys.platform.startswith("linux"):
        for library in _LOADED:
            path = Path(spec.origin).parent / library
            try:
                ctypes.CDLL(str(path))
            except OSError as error:
                text = f"PyQt6 {version} is installed but {path.name} does not load ({error})."
                return Finding("Qt", "PyQt6", "problem", text, _SYSTEM)
    return Finding("Qt", "PyQt6", "ok", f"PyQt6 {version}.")
