"""Work beside the window: in order, faults as sentences, and nothing handed over once it is closed."""

from __future__ import annotations

import threading

import pytest

from unmask.engines.errors import UsageError
from unmask.gui.background import Worker
from unmask.gui.qt import QObject, sip


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


@pytest.mark.usefixtures("no_leaks", "qapp")
def test_work_for_a_page_that_is_gone_is_dropped_and_leaves_no_thread(qtbot):
    owner, other, gate, seen = QObject(), QObject(), threading.Event(), []
    Worker("test", owner).do(lambda: gate.wait(5), lambda _: seen.append("of a page that is gone"), seen.append)
    Worker("test", other).do(lambda: gate.wait(5), lambda _: seen.append("of a page that is there"), seen.append)
    sip.delete(owner)
    gate.set()
    qtbot.waitUntil(lambda: bool(seen), timeout=5000)
    qtbot.wait(20)
    assert seen == ["of a page that is there"]


@pytest.mark.usefixtures("no_leaks", "qapp")
def test_its_thread_is_there_only_while_there_is_work(qtbot):
    worker, seen = Worker("test"), []
    for number in (1, 2):
        worker.do(threading.current_thread, seen.append, seen.append)
        qtbot.waitUntil(lambda number=number: len(seen) == number, timeout=5000)
        seen[-1].join(5)
        assert not seen[-1].is_alive()


@pytest.mark.usefixtures("no_leaks", "qapp")
def test_a_page_that_nobody_holds_any_more_dies_on_the_ui_thread(qtbot):
    died_on, gate = [], threading.Event()

    class Page(QObject):
        def told(self, _):
            pass

        def __del__(self):
            died_on.append(threading.current_thread())

    for _ in range(20):
        page = Page()
        Worker("test", page).do(lambda: gate.wait(5), page.told, page.told)
    del page
    gate.set()
    qtbot.waitUntil(lambda: len(died_on) == 20, timeout=5000)
    assert set(died_on) == {threading.main_thread()}
