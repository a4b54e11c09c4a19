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
from typing import Any

from unmask.engines.errors import SourceError, UnmaskError

try:
    from PyQt6 import sip
    from PyQt6.QtCore import (
        QAbstractListModel,
        QAbstractTableModel,
        QBuffer,
        QByteArray,
        QCoreApplication,
        QEvent,
        QEventLoop,
        QIODevice,
        QLibraryInfo,
        QLocale,
        QMimeData,
        QModelIndex,
        QObject,
        QPoint,
        QPointF,
        QRect,
        QRectF,
        QSettings,
        QSignalBlocker,
        QSize,
        QSizeF,
        Qt,
        QThread,
        QTimer,
        QTranslator,
        QUrl,
        pyqtSignal,
    )
    from PyQt6.QtGui import (
        QAction,
        QActionGroup,
        QBrush,
        QCloseEvent,
        QColor,
        QContextMenuEvent,
        QDragEnterEvent,
        QDropEvent,
        QFocusEvent,
        QFont,
        QFontMetrics,
        QFontMetricsF,
        QGuiApplication,
        QHelpEvent,
        QIcon,
        QImage,
        QImageReader,
        QKeyEvent,
        QKeySequence,
        QMouseEvent,
        QPainter,
        QPainterPath,
        QPaintEvent,
        QPalette,
        QPen,
        QPixmap,
        QPolygonF,
        QRegion,
        QResizeEvent,
        QScreen,
        QShortcut,
        QShowEvent,
        QTransform,
        QWheelEvent,
    )
    from PyQt6.QtNetwork import (
        QLocalServer,
        QLocalSocket,
    )
    from PyQt6.QtWidgets import (
        QAbstractButton,
        QAbstractItemView,
        QApplication,
        QBoxLayout,
        QButtonGroup,
        QCheckBox,
        QComboBox,
        QDialog,
        QDialogButtonBox,
        QDockWidget,
        QDoubleSpinBox,
        QFileDialog,
        QFormLayout,
        QFrame,
        QGridLayout,
        QGroupBox,
        QHBoxLayout,
        QHeaderView,
        QInputDialog,
        QLabel,
        QLineEdit,
        QListView,
        QListWidget,
        QListWidgetItem,
        QMainWindow,
        QMenu,
        QMenuBar,
        QMessageBox,
        QPlainTextEdit,
        QProgressBar,
        QPushButton,
        QRadioButton,
        QScrollArea,
        QSizePolicy,
        QSlider,
        QSpinBox,
        QSplitter,
        QStackedWidget,
        QStyleFactory,
        QSystemTrayIcon,
        QTableView,
        QTableWidget,
        QTableWidgetItem,
        QTextBrowser,
        QToolBar,
        QToolButton,
        QToolTip,
        QVBoxLayout,
        QWidget,
    )
except ModuleNotFoundError as error:
    raise UnmaskError(f"The window needs PyQt6 ({error}): run `pip install unmask[gui]`, or add --headless.") from error
except ImportError as error:
    raise UnmaskError(
        f"PyQt6 cannot be loaded ({error}); install the system's part of it (on Debian: apt install "
        "libegl1 libgl1 libglib2.0-0 libdbus-1-3 libfontconfig1 libgssapi-krb5-2 libxkbcommon0), or add --headless."
    ) from error

__all__ = [
    "QAbstractButton",
    "QAbstractItemView",
    "QAbstractListModel",
    "QAbstractTableModel",
    "QAction",
    "QActionGroup",
    "QApplication",
    "QBoxLayout",
    "QBrush",
    "QBuffer",
    "QButtonGroup",
    "QByteArray",
    "QCheckBox",
    "QCloseEvent",
    "QColor",
    "QComboBox",
    "QContextMenuEvent",
    "QCoreApplication",
    "QDialog",
    "QDialogButtonBox",
    "QDockWidget",
    "QDoubleSpinBox",
    "QDragEnterEvent",
    "QDropEvent",
    "QEvent",
    "QEventLoop",
    "QFileDialog",
    "QFocusEvent",
    "QFont",
    "QFontMetrics",
    "QFontMetricsF",
    "QFormLayout",
    "QFrame",
    "QGridLayout",
    "QGroupBox",
    "QGuiApplication",
    "QHBoxLayout",
    "QHeaderView",
    "QHelpEvent",
    "QIODevice",
    "QIcon",
    "QImage",
    "QImageReader",
    "QInputDialog",
    "QKeyEvent",
    "QKeySequence",
    "QLabel",
    "QLibraryInfo",
    "QLineEdit",
    "QListView",
    "QListWidget",
    "QListWidgetItem",
    "QLocalServer",
    "QLocalSocket",
    "QLocale",
    "QMainWindow",
    "QMenu",
    "QMenuBar",
    "QMessageBox",
    "QMimeData",
    "QModelIndex",
    "QMouseEvent",
    "QObject",
    "QPaintEvent",
    "QPainter",
    "QPainterPath",
    "QPalette",
    "QPen",
    "QPixmap",
    "QPlainTextEdit",
    "QPoint",
    "QPointF",
    "QPolygonF",
    "QProgressBar",
    "QPushButton",
    "QRadioButton",
    "QRect",
    "QRectF",
    "QRegion",
    "QResizeEvent",
    "QScreen",
    "QScrollArea",
    "QSettings",
    "QShortcut",
    "QShowEvent",
    "QSignalBlocker",
    "QSize",
    "QSizeF",
    "QSizePolicy",
    "QSlider",
    "QSpinBox",
    "QSplitter",
    "QStackedWidget",
    "QStyleFactory",
    "QSystemTrayIcon",
    "QTableView",
    "QTableWidget",
    "QTableWidgetItem",
    "QTextBrowser",
    "QThread",
    "QTimer",
    "QToolBar",
    "QToolButton",
    "QToolTip",
    "QTransform",
    "QTranslator",
    "QUrl",
    "QVBoxLayout",
    "QWheelEvent",
    "QWidget",
    "Qt",
    "application",
    "multimedia",
    "pyqtSignal",
    "sip",
]

_X11_PACKAGES = (
    "libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 "
    "libxcb-shape0 libxcb-xkb1 libx11-xcb1 libxkbcommon-x11-0"
)
_MULTIMEDIA_PACKAGES = "libpulse0 libdrm2 libxrandr2"


def application() -> QApplication:
    """The process's application, made on the first call. Call it from the main thread only.

    Raises ``UnmaskError`` where Qt would end the process: a library of its X11 part is missing, or
    the display does not answer.
    """
    existing = QApplication.instance()
    return existing if isinstance(existing, QApplication) else _new_application()


def multimedia() -> Any:
    """The module ``PyQt6.QtMultimedia``, imported on the first call: it loads FFmpeg's libraries, and says on
    standard error what of PipeWire it misses. ``UnmaskError`` where it cannot be loaded."""
    try:
        from PyQt6 import QtMultimedia
    except ImportError as error:
        raise UnmaskError(
            f"Qt's multimedia part cannot be loaded ({error}); install what it needs of the system (on Debian: apt "
            f"install {_MULTIMEDIA_PACKAGES}), or PyQt6 anew."
        ) from error
    return QtMultimedia


@cache  # Qt deletes the application when Python forgets it
def _new_application() -> QApplication:
    forget_opencv_plugins()
    # What its sound and video parts find on this machine is nothing that a person in a terminal asked for.
    os.environ.setdefault("QT_LOGGING_RULES", "qt.multimedia.*=false")
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
