"""The controller: what is asked for is done in order on its thread, and what cannot be done changes nothing."""

from __future__ import annotations

import threading
import time

import pytest
from gui_services import FakeServices

from unmask.gui.controller import Controller
from unmask.gui.services import DetectorChoice
from unmask.realtime.session import SessionSettings
from unmask.realtime.types import SourceState, Verdict

pytestmark = pytest.mark.usefixtures("nothing_left")


class Heard:
    def __init__(self, controller):
        self.busy, self.failed, self.said, self.threads = [], [], [], set()
        controller.busy.connect(self.busy.append)
        controller.failed.connect(self.failed.append)
        controller.said.connect(self.said.append)
        controller.changed.connect(lambda: self.threads.add(threading.current_thread()))


@pytest.fixture
def services(open_toy):
    return FakeServices(open_toy)


@pytest.fixture
def controller(nothing_left, services, qtbot):
    made = Controller(services, DetectorChoice("two-budgets"), SessionSettings())
    made.heard = Heard(made)
    yield made
    made.close()


def ids(controller):
    return [channel.source_id for channel in controller.channels]


def state(controller, source_id):
    newest = controller.updates().get(source_id)
    return newest.state if newest is not None else None


def test_nothing_is_loaded_until_there_is_a_source(controller, services, qtbot):
    qtbot.wait(50)
    assert controller.session is None
    assert services.opened == []
    assert (controller.updates(), list(controller.channels), controller.failures) == ({}, [], [])


def test_sources_come_change_and_go_in_the_order_they_were_asked_for(controller, services, qtbot):
    controller.add_source("red")
    controller.add_source("blue")
    controller.replace_source("red", "short")
    qtbot.waitUntil(lambda: ids(controller) == ["blue", "short"], timeout=8000)
    controller.remove_source("blue")
    qtbot.waitUntil(lambda: ids(controller) == ["short"])
    controller.open_only("red")
    qtbot.waitUntil(lambda: ids(controller) == ["red"])
    assert controller.watched == ["red", "blue", "short"]
    assert services.finders["blue"].closed
    assert services.finders["short"].closed
    assert controller.heard.failed == []
    assert controller.heard.threads == {threading.main_thread()}, "slots are called on the thread of the window"
    assert controller.heard.busy[-1] == ""


def test_it_returns_at_once_however_long_it_takes(controller, services, qtbot):
    services.slow_s = 0.3
    began = time.monotonic()
    controller.add_source("red")
    controller.choose_detector(DetectorChoice("other"))
    controller.set_alarms_per_hour(1.0)
    assert time.monotonic() - began < 0.1
    qtbot.waitUntil(lambda: controller.choice.detector == "other", timeout=8000)
    assert any("red" in words for words in controller.heard.busy)


def test_what_cannot_be_is_one_sentence_and_the_next_is_done(controller, qtbot):
    controller.add_source("nothing")
    controller.add_source("red")
    controller.add_source("red")
    qtbot.waitUntil(lambda: len(controller.heard.failed) == 2, timeout=8000)
    assert controller.heard.failed[0] == "There is no source nothing; name another."
    assert "watched already" in controller.heard.failed[1]
    assert ids(controller) == ["red"]


def test_a_source_waits_for_a_detector_that_can_be_had(controller, qtbot):
    controller.choice = DetectorChoice("toy", "gone")
    controller.add_source("red")
    qtbot.waitUntil(lambda: controller.heard.failed != [], timeout=8000)
    assert controller.heard.failed == ["The engine gone cannot run here; choose another."]
    assert controller.detector_problem != ""
    assert controller.session is None
    controller.choose_detector(DetectorChoice("toy"))
    qtbot.waitUntil(lambda: ids(controller) == ["red"], timeout=8000)
    assert (controller.detector_problem, controller.choice) == ("", DetectorChoice("toy"))


def test_what_waited_for_a_detector_does_not_come_up_long_after(controller, qtbot):
    controller.choice = DetectorChoice("toy", "gone")
    controller.add_source("red")
    qtbot.waitUntil(lambda: controller.detector_problem != "", timeout=8000)
    controller.choice = DetectorChoice("toy")  # it is there again
    controller.open_only("blue")
    qtbot.waitUntil(lambda: ids(controller) == ["blue"], timeout=8000)
    controller.choose_detector(DetectorChoice("other"))
    controller.set_cpu(0.5)
    qtbot.waitUntil(lambda: controller.cpu == 0.5, timeout=8000)
    qtbot.wait(50)
    assert ids(controller) == ["blue"]


def test_the_old_detector_goes_on_where_the_new_one_cannot_be_opened(controller, services, qtbot):
    controller.add_source("red")
    qtbot.waitUntil(lambda: controller.session is not None, timeout=8000)
    before = controller.session.detector
    controller.choose_detector(DetectorChoice("toy", "gone"))
    qtbot.waitUntil(lambda: controller.heard.failed != [])
    assert controller.session.detector is before
    assert controller.choice == DetectorChoice("two-budgets")
    assert "goes on" in controller.heard.failed[0]


def test_another_detector_takes_over_and_the_old_one_is_closed(controller, services, qtbot, monkeypatch):
    controller.add_source("red")
    qtbot.waitUntil(lambda: controller.session is not None, timeout=8000)
    closed = []
    old = controller.session.detector
    monkeypatch.setattr(old, "close", lambda: closed.append(old))
    controller.choose_detector(DetectorChoice("other"))
    qtbot.waitUntil(lambda: closed == [old], timeout=8000)
    assert controller.session.detector.manifest.name == "other"
    assert controller.header[0].startswith("Detector other")


def test_the_sensitivity_changes_or_is_refused(controller, qtbot):
    controller.add_source("red")
    qtbot.waitUntil(lambda: controller.session is not None, timeout=8000)
    controller.set_alarms_per_hour(0.1)
    qtbot.waitUntil(lambda: controller.alarms_per_hour == 0.1)
    assert controller.session.threshold.score == 1.0
    assert controller.header[1] == "Set for 0.1 false alarms per hour."
    controller.set_alarms_per_hour(0.001)
    qtbot.waitUntil(lambda: controller.heard.failed != [])
    assert controller.alarms_per_hour == 0.1


def test_the_processor_budget_is_set_also_before_there_is_a_session(controller, qtbot):
    controller.set_cpu(-1.0)
    qtbot.waitUntil(lambda: controller.heard.failed != [])
    assert controller.cpu is None
    controller.set_cpu(0.5)
    controller.add_source("red")
    qtbot.waitUntil(lambda: controller.session is not None, timeout=8000)
    assert controller.session.settings.cpu_budget == 0.5
    controller.set_cpu(None)
    qtbot.waitUntil(lambda: controller.session.settings.cpu_budget is None)


def test_a_source_is_paused_and_resumed(controller, qtbot):
    controller.add_source("red")
    qtbot.waitUntil(lambda: state(controller, "red") is SourceState.RUNNING, timeout=8000)
    controller.pause("red")
    qtbot.waitUntil(lambda: state(controller, "red") is SourceState.PAUSED)
    controller.resume()
    qtbot.waitUntil(lambda: state(controller, "red") is SourceState.RUNNING, timeout=8000)


def test_a_file_that_is_over_can_be_watched_again(controller, qtbot):
    controller.add_source("short")
    qtbot.waitUntil(lambda: state(controller, "short") is SourceState.ENDED, timeout=8000)
    key = controller.channels[0].key
    controller.replace_source("short", controller.spec_of("short"))
    qtbot.waitUntil(lambda: [channel.key for channel in controller.channels] not in ([], [key]), timeout=8000)
    qtbot.waitUntil(lambda: state(controller, "short") is SourceState.ENDED, timeout=8000)


def test_a_session_from_elsewhere_is_taken_over(services, controller, qtbot):
    from unmask.realtime.session import Session

    detector = services.open_detector(DetectorChoice("toy"))
    session = Session([services.plan("red")], detector, SessionSettings(stays=True))
    session.start()
    controller.adopt(session, detector, {"red": "as it was named"}, "a finder")
    assert controller.spec_of("red") == "as it was named"
    assert "a finder" in controller.header[0]
    qtbot.waitUntil(lambda: (one := controller.updates().get("red")) and one.verdict is Verdict.SIGNS, timeout=8000)


def test_an_unforeseen_failure_is_said_and_kept(controller, services, qtbot, monkeypatch):
    monkeypatch.setattr(services, "plan", lambda spec: 1 / 0)
    controller.add_source("red")
    qtbot.waitUntil(lambda: controller.heard.failed != [])
    assert "please report it" in controller.heard.failed[0]
    assert "ZeroDivisionError" in controller.tracebacks[0]


def test_what_others_say_is_passed_on(controller, qtbot):
    thread = threading.Thread(target=controller.say, args=["from afar"])
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: controller.heard.said == ["from afar"])


def test_closing_while_something_is_opened_completes_the_session(controller, services, qtbot):
    controller.add_source("red")
    qtbot.waitUntil(lambda: controller.session is not None, timeout=8000)
    services.slow_s = 1.0
    controller.choose_detector(DetectorChoice("other"))
    qtbot.wait(50)
    controller.close(within_s=0.1)
    assert controller.updates()["red"].state is SourceState.ENDED
