"""Qt's screen capture on a real X server: the same code that a portal feeds under Wayland."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.display

PROGRAM = """
import threading
from unmask.gui.qt import QTimer, application
app = application()
from unmask.gui.overlay.portal import PortalScreenSource
source, seen = PortalScreenSource("screen"), []

def watch():
    for _ in range(2):  # opened, closed and opened again
        print(source.open().description, flush=True)
        for _ in range(5):
            frame = source.read()
            seen.append((frame.index, frame.image.shape, frame.image[300, 400].tolist(), frame.captured_at))
        source.close()
    print(source.read())

thread = threading.Thread(target=watch)
thread.start()
timer = QTimer()
timer.timeout.connect(lambda: None if thread.is_alive() else app.quit())
timer.start(20)
app.exec()
print([index for index, *_ in seen] == list(range(10)), {shape for _, shape, *_ in seen}, seen[0][2])
print([at for *_, at in seen] == sorted(at for *_, at in seen), [thread.name for thread in threading.enumerate()])
"""


@pytest.mark.usefixtures("call")
def test_pictures_of_the_screen_arrive_on_the_capture_thread(display):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QT_")}
    environment |= {"DISPLAY": display.display, "QT_QPA_PLATFORM": "xcb"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.splitlines() == [
        "screen through the desktop's portal, 1280x800 at 30 fps",
        "screen through the desktop's portal, 1280x800 at 30 fps",
        "None",
        "True {(800, 1280, 3)} [0, 128, 0]",
        "True ['MainThread']",
    ], done.stdout + done.stderr
