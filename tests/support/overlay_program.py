"""Programs for the tests of the overlay on a real display: ``python overlay_program.py target|marks|pill ...``.

``target LEFT TOP``: a blue desk that fills the screen and on it a frameless green window "Call" of 400x300 device
pixels at that place; every click is printed with the name of the window that got it.
``marks SPEC [VERDICT]``: the overlay of that source, with one face at (100, 20)-(180, 120) of the picture, fed from
the real source; every sentence is printed. ``promise`` as a third word: the desktop claims to exclude the layer.
``pill``: the pill at its place; prints what it is asked.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sys


def target(left: int, top: int) -> int:
    from PyQt6.QtCore import Qt
    from PyQt6.QtGui import QColor, QPalette
    from PyQt6.QtWidgets import QApplication, QWidget

    class Plain(QWidget):
        def __init__(self, name: str, colour: str, *flags: Qt.WindowType) -> None:
            super().__init__()
            self.setWindowTitle(name)
            for flag in flags:
                self.setWindowFlag(flag)
            palette = QPalette()
            palette.setColor(QPalette.ColorRole.Window, QColor(colour))
            self.setPalette(palette)

        def mousePressEvent(self, a0: object) -> None:
            print("click", self.windowTitle(), flush=True)

    app = QApplication([])
    screen = app.primaryScreen()
    assert screen is not None
    desk = Plain("Desk", "#000080", Qt.WindowType.FramelessWindowHint, Qt.WindowType.WindowStaysOnBottomHint)
    desk.setGeometry(screen.geometry())
    desk.show()
    call = Plain("Call", "#008000", Qt.WindowType.FramelessWindowHint)
    call.setGeometry(left, top, 400, 300)
    call.show()
    print("shown", flush=True)
    return app.exec()


def marks(spec: str, verdict: str, promise: bool) -> int:
    from updates import face_state, update

    from unmask.engines.errors import SourceError
    from unmask.gui.overlay.desktop import QtDesktop
    from unmask.gui.overlay.sources import overlay_for
    from unmask.gui.qt import QTimer, application
    from unmask.realtime.sources.registry import make_source
    from unmask.realtime.types import FaceBox, Verdict

    app = application()
    desktop = QtDesktop()
    if promise:
        desktop.exclude = lambda window: True
    overlay = overlay_for(spec, desktop)
    source = make_source(spec)
    source.open()
    state = face_state(Verdict[verdict])
    tracked = dataclasses.replace(state.track, face=FaceBox(100, 20, 180, 120, 1.0))
    state = dataclasses.replace(state, track=tracked)
    told, sequence = [""], [0]

    def step() -> None:
        frame = None
        with contextlib.suppress(SourceError):
            frame = source.read()
        if frame is None:
            with contextlib.suppress(SourceError):  # the window is away: the next open may find it
                source.open()
            overlay.show_updates({})
            return
        sequence[0] += 1
        made = update(1.0, state, sequence=sequence[0], source_id=spec, image=frame.image)
        overlay.show_updates({spec: dataclasses.replace(made, frame=frame)})
        if overlay.sentence != told[0]:
            told[0] = overlay.sentence
            print(overlay.placement.name, overlay.sentence, flush=True)

    timer = QTimer()
    timer.timeout.connect(step)
    timer.start(33)
    return app.exec()


def pill() -> int:
    from updates import face_state, update

    from unmask.gui.overlay.pill import Pill
    from unmask.gui.qt import QPoint, application
    from unmask.realtime.types import Verdict

    app = application()
    shown = Pill()
    shown.opened.connect(lambda: print("opened", flush=True))
    shown.quit_wanted.connect(app.quit)
    shown.pause_wanted.connect(lambda wanted: print("pause", wanted, flush=True))
    shown.moved.connect(lambda left, top: print("moved", left, top, flush=True))
    shown.show_updates({"fake": update(1.0, face_state(Verdict.SIGNS, score=0.9))})
    shown.put(QPoint(600, 400))
    shown.show()
    print("shown", shown.width(), shown.height(), flush=True)
    return app.exec()


if __name__ == "__main__":
    kind, *words = sys.argv[1:]
    if kind == "target":
        sys.exit(target(int(words[0]), int(words[1])))
    if kind == "marks":
        sys.exit(marks(words[0], words[1], words[2:] == ["promise"]))
    sys.exit(pill())
