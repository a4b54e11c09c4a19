"""Work beside the window: in order, faults as sentences, and nothing handed over once it is closed."""

from __future__ import annotations

import threading

import pytest

from unmask.engines.errors import UsageError
from unmask.gui.background import Worker


def raising(error):
    raise error


@pytest.mark.usefixtures("no_leaks", "qapp")
def test_outcomes_come_on_this_thread_in_order_and_faults_as_sentences(qtbot):
    worker, said = Worker("test"), []
    here = threading.current_thread()
    worker.do(threading.current_thread, lambda thread: said.append(thread is here), said.append)
    worker.do(lambda: raising(UsageError("Do it so.")), said.append, said.append)
    worker.do(lambda: raising(ValueError("x")), said.append, said.append)
    worker.do(threading.current_thread, lambda _: said.append(threading.current_thread() is here), said.append)
    assert worker.busy
    qtbot.waitUntil(lambda: not worker.busy, timeout=5000)
    assert said == [False, "Do it so.", "ValueError('x') (a bug of Unmask; please report it)", True]
    assert worker.close() == []


@pytest.mark.usefixtures("no_leaks", "qapp")
def test_what_was_asked_for_is_finished_but_not_handed_over_after_closing(qtbot):
    worker, done, said, go = Worker("test"), [], [], threading.Event()
    worker.do(lambda: go.wait(5) and done.append(1), said.append, said.append)
    threading.Timer(0.1, go.set).start()
    assert worker.close() == []
    worker.do(lambda: done.append(2), said.append, said.append)
    qtbot.wait(50)
    assert (done, said) == ([1], [])


@pytest.mark.usefixtures("no_leaks", "qapp")
def test_one_that_was_never_asked_ends_at_once():
    assert Worker("test").close() == []
