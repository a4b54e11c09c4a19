"""Running the window over a session: when it returns, what it leaves behind, what it lets through."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from updates import face_state, update

from unmask.engines.errors import UnmaskError
from unmask.gui import qt
from unmask.gui.app import run_window
from unmask.gui.qt import QApplication, QTimer
from unmask.gui.window import MonitorWindow
from unmask.realtime.types import SourceState

pytestmark = pytest.mark.usefixtures("qapp", "no_leaks", "no_windows_left")
SAFETY_S = 20.0  # a test whose reason to return fails would hang without it


class Watched:
    """A session that shows what the test gives it, and counts who asks."""

    def __init__(self, *updates):
        self.channels = [SimpleNamespace(source_id=one.source_id, key=1) for one in updates]
        self.newest = {one.source_id: one for one in updates}
        self.failures = []
        self.asked = 0

    def updates(self):
        self.asked += 1
        return dict(self.newest)


def window():
    return next(widget for widget in QApplication.topLevelWidgets() if isinstance(widget, MonitorWindow))


def soon(act, after_ms=120):
    QTimer.singleShot(after_ms, act)


def test_it_returns_when_the_window_is_closed():
    session = Watched(update(1.0, face_state()))

    def close_once_it_polled():
        if session.asked < 3:
            soon(close_once_it_polled, 20)
        else:
            window().close()

    soon(close_once_it_polled)
    began = time.monotonic()
    run_window(session, notices=["a line"], max_seconds=SAFETY_S, interrupted=threading.Event())
    assert time.monotonic() - began < SAFETY_S
    assert session.asked >= 3


def test_it_returns_when_it_is_interrupted():
    interrupted = threading.Event()
    visible = []
    soon(lambda: (visible.append(window().isVisible()), interrupted.set()))
    began = time.monotonic()
    run_window(Watched(update()), notices=[], max_seconds=SAFETY_S, interrupted=interrupted)
    assert visible == [True]
    assert time.monotonic() - began < SAFETY_S / 2


def test_it_returns_at_once_when_it_was_interrupted_before():
    interrupted = threading.Event()
    interrupted.set()
    began = time.monotonic()
    run_window(Watched(update()), notices=[], max_seconds=None, interrupted=interrupted)
    assert time.monotonic() - began < SAFETY_S


def test_it_returns_when_the_time_is_up():
    began = time.monotonic()
    run_window(Watched(update()), notices=[], max_seconds=0.2, interrupted=threading.Event())
    assert 0.2 <= time.monotonic() - began < SAFETY_S / 2


def test_it_stays_when_every_source_is_over():
    session = Watched(update(1.0, face_state(), state=SourceState.ENDED))
    seen = []
    soon(lambda: (seen.append((window().isVisible(), window().outcome.text())), window().close()), 300)
    run_window(session, notices=[], max_seconds=SAFETY_S, interrupted=threading.Event())
    assert seen[0][0]
    assert "over" in seen[0][1]


def test_nobody_asks_the_session_once_it_has_returned(qtbot):
    session = Watched(update())
    run_window(session, notices=[], max_seconds=0.1, interrupted=threading.Event())
    asked = session.asked
    qtbot.wait(150)
    assert session.asked == asked


def test_it_can_run_twice_in_one_process():
    for _ in range(2):
        began = time.monotonic()
        soon(lambda: window().close())
        run_window(Watched(update()), notices=[], max_seconds=SAFETY_S, interrupted=threading.Event())
        assert time.monotonic() - began < SAFETY_S


def test_news_reach_the_window():
    session = Watched(update(1.0, sequence=1))
    session.failures = ["VideoSink stopped: No space left on device"]
    seen = []
    soon(lambda: session.newest.update(fake=update(2.0, sequence=2, state=SourceState.STALLED)), 80)
    soon(lambda: seen.append(window().panels["fake"].picture.accessibleDescription()), 300)
    soon(lambda: (seen.append(window().notices.label.text()), window().close()), 320)
    run_window(session, notices=[], max_seconds=SAFETY_S, interrupted=threading.Event())
    assert seen[0].startswith("Stalled")
    assert "No space left" in seen[1]


def test_an_error_in_a_callback_is_raised_and_the_window_is_gone():
    session = Watched(update())
    hook = sys.excepthook

    def explode():
        session.asked += 1
        if session.asked > 1:  # the first time it is no callback that asks
            raise ZeroDivisionError("a bug")
        return session.newest

    session.updates = explode
    with pytest.raises(ZeroDivisionError, match="a bug"):
        run_window(session, notices=[], max_seconds=SAFETY_S, interrupted=threading.Event())
    assert sys.excepthook is hook


def test_opencv_leaves_no_plugin_path_and_a_persons_own_stays(monkeypatch):
    monkeypatch.setenv("QT_QPA_PLATFORM_PLUGIN_PATH", os.path.join("lib", "cv2", "qt", "plugins"))
    monkeypatch.setenv("QT_QPA_FONTDIR", os.path.join("own", "fonts"))
    qt.forget_opencv_plugins()
    assert "QT_QPA_PLATFORM_PLUGIN_PATH" not in os.environ
    assert os.environ["QT_QPA_FONTDIR"] == os.path.join("own", "fonts")


def run_python(program, **environment):
    changed = {**os.environ, **environment}
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=changed, check=False)


TELL = "try:\n    {}\nexcept UnmaskError as error:\n    print(f'told: {{error}}')\n"


@pytest.mark.parametrize(
    ("raised", "named"),
    [
        ("ModuleNotFoundError(\"No module named 'PyQt6'\")", "unmask[gui]"),
        ("ImportError('libEGL.so.1: cannot open shared object file')", "libegl1"),
    ],
)
def test_a_pyqt6_that_cannot_be_loaded_is_a_sentence(raised, named):
    blocker = (
        "import sys\nfrom unmask.engines.errors import UnmaskError\n"
        "class Blocker:\n    def find_spec(self, name, *_):\n"
        f"        if name == 'PyQt6': raise {raised}\n"
        "sys.meta_path.insert(0, Blocker())\n"
    )
    done = run_python(blocker + TELL.format("import unmask.gui.qt"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("told: ")
    assert named in done.stdout
    assert "--headless" in done.stdout


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="X11 is Linux's")
def test_a_display_that_does_not_answer_is_a_sentence():
    program = "from unmask.gui.qt import UnmaskError, application\n" + TELL.format("application()")
    done = run_python(program, QT_QPA_PLATFORM="xcb", DISPLAY=":4095")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("told: The display ':4095' does not answer")


def test_a_missing_library_of_x11_is_a_sentence(monkeypatch):
    def absent(path):
        raise OSError("libxcb-cursor.so.0: cannot open shared object file")

    monkeypatch.setattr(qt.ctypes, "CDLL", absent)
    with pytest.raises(UnmaskError, match=r"libxcb-cursor\.so\.0.*apt install libxcb-cursor0"):
        qt._answering_display().__enter__()
