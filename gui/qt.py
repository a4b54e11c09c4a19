"""Everything of Qt that the window uses. No other module imports PyQt6, so the binding has one door.

OpenCV's wheel brings a Qt of its own and, on import, points Qt's plugin search at it: PyQt6 would then
abort the process. ``application`` undoes that, and turns what Qt only aborts on into an error.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path

from unmask.engines.errors import SourceError, UnmaskError

try:
    from PyQt6 import sip
    from PyQt6.QtCore import (
        QEvent,
        QEventLoop,
        QLibraryInfo,
        QPointF,
        QRect,
        QRectF,
        QSize,
        QSizeF,
        Qt,
        QTimer,
        pyqtSignal,
    )
    from PyQt6.QtGui import (
        QCloseEvent,
        QColor,
        QFont,
        QFontMetricsF,
        QImage,
        QKeySequence,
        QPainter,
        QPainterPath,
        QPaintEvent,
        QPalette,
        QPen,
        QShortcut,
    )
    from PyQt6.QtWidgets import (
        QAbstractItemView,
        QApplication,
        QFrame,
        QGridLayout,
        QHBoxLayout,
        QHeaderView,
        QLabel,
        QMainWindow,
        QSizePolicy,
        QSplitter,
        QTableWidget,
        QTableWidgetItem,
        QToolButton,
        QVBoxLayout,
        QWidget,
    )
except ModuleNotFoundError as error:
    raise UnmaskError(f"The window needs PyQt6 ({error}): run `pip install unmask[gui]`, or add --headless.") from error
except ImportError as error:
    raise UnmaskError(
        f"PyQt6 cannot be loaded ({error}); install the system's part of it (on Debian: apt install "
        "libegl1 libgl1 libglib2.0-0 libdbus-1-3 libfontconfig1 libxkbcommon0), or add --headless."
    ) from error

__all__ = [
    "QAbstractItemView",
    "QApplication",
    "QCloseEvent",
    "QColor",
    "QEvent",
    "QEventLoop",
    "QFont",
    "QFontMetricsF",
    "QFrame",
    "QGridLayout",
    "QHBoxLayout",
    "QHeaderView",
    "QImage",
    "QKeySequence",
    "QLabel",
    "QMainWindow",
    "QPaintEvent",
    "QPainter",
    "QPainterPath",
    "QPalette",
    "QPen",
    "QPointF",
    "QRect",
    "QRectF",
    "QShortcut",
    "QSize",
    "QSizeF",
    "QSizePolicy",
    "QSplitter",
    "QTableWidget",
    "QTableWidgetItem",
    "QTimer",
    "QToolButton",
    "QVBoxLayout",
    "QWidget",
    "Qt",
    "application",
    "pyqtSignal",
    "sip",
]

_X11_PACKAGES = (
    "libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 "
    "libxcb-shape0 libxcb-xkb1 libx11-xcb1 libxkbcommon-x11-0"
)


def application() -> QApplication:
    """The process's application, made on the first call. Call it from the main thread only.

    Raises ``UnmaskError`` where Qt would end the process: a library of its X11 part is missing, or
    the display does not answer.
    """
    existing = QApplication.instance()
    return existing if isinstance(existing, QApplication) else _new_application()


@cache  # Qt deletes the application when Python forgets it
def _new_application() -> QApplication:
    forget_opencv_plugins()
    with _answering_display() if sys.platform.startswith("linux") and _will_use_x11() else nullcontext():
        made = QApplication(["unmask"])
    made.setApplicationName("unmask")
    made.setApplicationDisplayName("Unmask")
    return made


def forget_opencv_plugins() -> None:
    """Unset the search paths that importing OpenCV's wheel has set; what a person set stays."""
    for name in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR"):
        if "cv2" in Path(os.environ.get(name, "")).parts:
            del os.environ[name]


def _will_use_x11() -> bool:
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    return platform.startswith("xcb") or not (platform or os.environ.get("WAYLAND_DISPLAY"))


@contextmanager
def _answering_display() -> Iterator[None]:
    """See to it that Qt can load its X11 part and reach the display; Qt itself would abort the process.

    The connection stays open meanwhile: a server without other clients resets itself when the last
    one leaves, and answers nobody while it does.
    """
    from unmask.realtime.sources.xcb import XConnection

    plugin = Path(QLibraryInfo.path(QLibraryInfo.LibraryPath.PluginsPath), "platforms", "libqxcb.so")
    try:
        ctypes.CDLL(str(plugin))
    except OSError as error:
        raise UnmaskError(
            f"The window cannot be shown ({error}); install what Qt needs of the system (on Debian: "
            f"apt install {_X11_PACKAGES}), or add --headless."
        ) from error
    try:
        connection = XConnection()
    except SourceError as error:
        display = os.environ.get("DISPLAY", "")
        raise UnmaskError(
            f"The display {display!r} does not answer: run this in a desktop session, or add --headless."
        ) from error
    try:
        yield
    finally:
        connection.close()
