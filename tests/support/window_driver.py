"""Drives the real window: `unmask` as from the command line, with a script that acts in it and waits for what it sees.

The script is a generator. What it yields is waited for: a number of seconds, or a function until it is true; words
before it (a pair) say what was waited for in vain. It runs on the window's own timer, beside everything else.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path

from unmask.gui.qt import (
    QApplication,
    QDialog,
    QDragEnterEvent,
    QDropEvent,
    QImage,
    QMimeData,
    QPoint,
    QPointF,
    Qt,
    QTimer,
    QUrl,
    QWidget,
    application,
)
from unmask.gui.settings.preferences import Preferences
from unmask.gui.window import MonitorWindow
from unmask.realtime.types import Update, Verdict

Condition = float | int | tuple[str, Callable[[], object]]
Script = Callable[["Driver"], Generator[Condition, None, None]]

#: What a test or a picture must not find on somebody's own machine.
USER_FOLDERS = ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME")
SETTLED = {"general/first_run_done": True, "alerts/sound": False, "alerts/flash": False, "privacy/history": False}


class Driver:
    """A ``Feature`` that plays ``script``; each step may take ``patience_s``. The window closes after the last one."""

    def __init__(self, script: Script, patience_s: float = 40.0) -> None:
        self._script, self._patience_s = script, patience_s
        self._steps: Generator[Condition, None, None] | None = None
        self._waits_for: Condition = 0.0
        self._since_s = time.monotonic()
        self._busy = False
        self.updates: Mapping[str, Update] = {}
        self.window: MonitorWindow

    def attach(self, window: MonitorWindow) -> None:
        self.window = window
        self._steps = self._script(self)

    def show_updates(self, updates: Mapping[str, Update]) -> None:
        self.updates = updates
        if self._busy or self._steps is None or not self.window.isVisible() or not self._is_there():
            return
        self._busy = True
        try:
            self._waits_for = next(self._steps)
            self._since_s = time.monotonic()
        except StopIteration:
            self._steps = None
            leave(self.window)
        except BaseException:
            self._steps = None
            raise
        finally:
            self._busy = False

    def close(self) -> None: ...

    def _is_there(self) -> bool:
        waited_s = time.monotonic() - self._since_s
        if not isinstance(self._waits_for, tuple):
            return waited_s >= self._waits_for
        words, there = self._waits_for
        if there():
            return True
        assert waited_s < self._patience_s, f"waited in vain: {words}; {self.seen()}"
        return False

    def seen(self) -> str:
        """What is in the window, for a failure that nobody watches."""
        sources = [
            f"{name}: {update.state.name} {update.verdict.name} {[cause.name for cause in update.causes]}"
            for name, update in self.updates.items()
        ]
        return f"{sources}, {self.window.notices.label.text()!r}"

    def verdict(self, verdict: Verdict, source_id: str | None = None) -> tuple[str, Callable[[], bool]]:
        """Wait until a source (any, where none is named) is judged so."""

        def there() -> bool:
            named = [update for name, update in self.updates.items() if source_id in (None, name)]
            return any(update.verdict is verdict for update in named)

        return f"verdict {verdict.words} of {source_id or 'any source'}", there

    def later(self, act: Callable[[], object]) -> None:
        """Do it outside of this step: what opens a dialog comes back only when that is closed."""
        QTimer.singleShot(0, act)

    def trigger(self, action: str) -> None:
        self.later(self.window.commands[action].trigger)

    def dialog(self, kind: type[QWidget] = QDialog) -> tuple[str, Callable[[], bool]]:
        """Wait for a dialog of that class."""
        return f"a {kind.__name__}", lambda: bool(shown(kind))

    def click(self, widget: QWidget, place: QPoint | None = None) -> None:
        """With the real pointer, wherever the widget lies on the screen."""
        point = widget.mapToGlobal(place or widget.rect().center())
        xdotool("mousemove", str(point.x()), str(point.y()), "click", "1")

    def drag(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """With the real pointer, from one place of the screen to another."""
        middle = str((start[0] + end[0]) // 2), str((start[1] + end[1]) // 2)
        xdotool("mousemove", str(start[0]), str(start[1]), "mousedown", "1", "sleep", "0.1")
        xdotool("mousemove", *middle, "sleep", "0.1", "mousemove", str(end[0]), str(end[1]), "sleep", "0.1")

    def release(self) -> None:
        xdotool("mouseup", "1")

    def drop(self, paths: Sequence[Path]) -> None:
        """Files on the window, as Qt tells of it: a drag from another program needs that program."""
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
        place = self.window.rect().center()
        keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        entered = QDragEnterEvent(place, Qt.DropAction.CopyAction, data, *keys)
        QApplication.sendEvent(self.window, entered)
        assert entered.isAccepted(), "the window takes no files"
        QApplication.sendEvent(self.window, QDropEvent(QPointF(place), Qt.DropAction.CopyAction, data, *keys))

    def key(self, *names: str) -> None:
        xdotool("key", *names)

    def type(self, text: str) -> None:
        """Into whatever has the focus."""
        xdotool("type", "--delay", "2", text)


def shown(kind: type[QWidget]) -> list[QWidget]:
    """The top-level widgets of that class that are on the screen."""
    return [widget for widget in QApplication.topLevelWidgets() if isinstance(widget, kind) and widget.isVisible()]


def xdotool(*words: str) -> None:
    subprocess.run(["xdotool", *words], check=True, capture_output=True, timeout=10)


def leave(window: MonitorWindow) -> None:
    """Close the window and whatever dialogs are over it."""
    for dialog in shown(QDialog):
        dialog.close()
    QTimer.singleShot(0, window.close)


def screen_picture(widget: QWidget | None = None) -> QImage:
    """What the screen shows now, of all of it or where ``widget`` lies: with everything that is over it."""
    screen = QApplication.primaryScreen()
    assert screen is not None
    if widget is None:
        return screen.grabWindow(0).toImage()
    place = widget.frameGeometry()
    if not widget.isWindow():
        place.moveTopLeft(widget.mapToGlobal(QPoint(0, 0)))
    return screen.grabWindow(0, place.x(), place.y(), place.width(), place.height()).toImage()


def own_folders(home: Path) -> dict[str, str]:
    """The environment of a person who has used nothing yet."""
    return {**os.environ, **{name: str(home / name.lower()) for name in USER_FOLDERS}}


def settle(settings: Mapping[str, bool | int | float | str | list[str]] | None = None) -> None:
    """Write the settings of somebody who has seen the first-run page, and ``settings``."""
    application()
    preferences = Preferences()
    for key, value in {**SETTLED, **(settings or {})}.items():
        preferences.set(key, value)
    preferences.save()


def drive(arguments: Sequence[str], script: Script, patience_s: float = 40.0) -> int:
    """`unmask ARGUMENTS` with ``script`` in its window; the exit code. What goes wrong in the script is raised."""
    from unmask.cli.main import main
    from unmask.gui import app

    run_window = app.run_window

    def with_driver(*given: object, features: Sequence[object] = (), **options: object) -> None:
        run_window(*given, features=[*features, Driver(script, patience_s)], **options)  # pyright: ignore[reportArgumentType]

    app.run_window = with_driver
    try:
        return main(list(arguments))
    finally:
        app.run_window = run_window
