"""A program for the tests of the source chooser on a real display: ``python chooser_program.py KIND [SCHEME]``.

Shows the chooser at the page ``KIND`` and prints ``shown``, what it says while it is open (``picking`` once a region
can be drawn, ``picture SPEC`` for every first thumbnail), then ``chosen SPEC`` or ``chosen nothing``, then the threads
that are left.. ``SCHEME``: dark or light.
"""

from __future__ import annotations

import sys
import threading
import time


def main(kind: str, scheme: str) -> int:
    from unmask.gui.chooser import dialog as chooser
    from unmask.gui.qt import QTimer, application
    from unmask.gui.theme import Theme

    app = application()
    theme = Theme(app)
    theme.set(scheme)
    said: set[str] = set()

    def say(line: str) -> None:
        if line not in said:
            said.add(line)
            print(line, flush=True)

    def look() -> None:
        for widget in app.topLevelWidgets():
            if not isinstance(widget, chooser.SourceChooser):
                continue
            if widget.picker is not None and widget.picker.isActiveWindow():
                say("picking")
            if widget.isActiveWindow():
                say("shown")
                if said & {"picking"}:
                    say("shown again")
            tiles = getattr(widget.page, "tiles", None) or getattr(widget.page, "preview", None)
            for spec, seen in (tiles.seen if tiles is not None else {}).items():
                say(f"picture {spec}" if seen.image is not None else f"none {spec} {seen.problem}")

    timer = QTimer()
    timer.timeout.connect(look)
    timer.start(30)
    chosen = chooser.choose_source(None, None, kind)
    timer.stop()
    print("chosen", chosen.spec if chosen is not None else "nothing", flush=True)
    until = time.monotonic() + 3
    while threading.active_count() > 1 and time.monotonic() < until:
        time.sleep(0.02)
    print("left", [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "light"))
