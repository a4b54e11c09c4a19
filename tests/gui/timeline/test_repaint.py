"""What is new in the timeline reaches the screen: all of the plot is painted again, not a strip of it."""

from __future__ import annotations

import pytest
from updates import face_state, update

from unmask.gui.qt import QEvent, QObject, QRect, sip
from unmask.gui.timeline import view as module
from unmask.gui.timeline.view import TimelineView
from unmask.realtime.types import Verdict

pytestmark = pytest.mark.usefixtures("qapp", "no_windows_left", "no_leaks")


class Painted(QObject):
    """Remembers where ``widget`` was painted."""

    def __init__(self, widget):
        super().__init__(widget)
        self.rects = []
        widget.installEventFilter(self)

    def eventFilter(self, a0, a1):
        if a1.type() == QEvent.Type.Paint:
            self.rects.append(QRect(a1.region().boundingRect()))
        return False


@pytest.mark.parametrize("begins_s", [0.0, 90_000.0])
def test_a_new_score_has_the_whole_plot_painted(qtbot, monkeypatch, begins_s):
    monkeypatch.setattr(module, "REFRESH_S", 0.0)
    view = TimelineView()
    view.resize(900, 220)
    view.show()

    def show(number):
        face = face_state(Verdict.NO_SIGNS, score=0.2 + 0.001 * number)
        view.show_updates({"fake": update(begins_s + number / 5, face, sequence=number + 1)})

    try:
        for number in range(20):
            show(number)
            qtbot.wait(20)
        qtbot.waitUntil(lambda: view.show_updates({}) or view.plot is not None, timeout=20_000)
        for number in range(20, 30):
            show(number)
        qtbot.wait(100)
        painted = Painted(view.plot.viewport())
        show(30)
        qtbot.waitUntil(lambda: bool(painted.rects), timeout=2000)
        whole = view.plot.viewport().rect()
        shown = painted.rects[0].united(painted.rects[-1])
        assert shown.height() > 0.8 * whole.height()
        assert shown.width() > 0.8 * whole.width()
    finally:
        view.close_plot()
        sip.delete(view)
