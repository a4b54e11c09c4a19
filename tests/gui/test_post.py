from __future__ import annotations

import gc
import threading

from unmask.gui.background import Worker
from unmask.gui.post import post, prepare
from unmask.gui.qt import QObject, sip


def test_what_is_posted_is_called_on_the_ui_thread_in_order(qtbot):
    prepare()
    called: list[tuple[int, bool]] = []
    here = threading.current_thread()

    def send() -> None:
        for number in range(50):
            post(lambda number=number: called.append((number, threading.current_thread() is here)))

    thread = threading.Thread(target=send)
    thread.start()
    thread.join()
    assert called == [], "nothing is called on the thread that posts"
    qtbot.waitUntil(lambda: len(called) == 50)
    assert called == [(number, True) for number in range(50)]


def test_pages_may_be_deleted_while_their_work_ends(qtbot):
    """A thread that emitted a page's own signal brought the process down here."""
    told: list[int] = []
    before = set(threading.enumerate())
    for number in range(150):
        page = QObject()
        Worker("test", page).do(lambda number=number: number, told.append, told.append)
        sip.delete(page)
        if number % 50 == 0:
            gc.collect()
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
    qtbot.wait(20)
    assert told == []
