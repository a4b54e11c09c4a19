"""The privacy page: what is kept, deleted in one place and for good."""

from __future__ import annotations

import threading

import pytest
from history import add_session

from unmask.engines.errors import UnmaskError
from unmask.gui.pages.kept import KeptHistory, KeptPictures, KeptRing, KeptSettings, KeptSources, size_words
from unmask.gui.pages.privacy_page import PrivacyPage
from unmask.gui.qt import QApplication, QPoint, QPointF, Qt, QWheelEvent
from unmask.gui.settings.preferences import Preferences
from unmask.realtime.history.store import History
from unmask.realtime.sinks.ring import FrameRing


@pytest.fixture
def preferences(qapp, tmp_path):
    return Preferences(tmp_path / "settings" / "unmask.ini")


def settled(qtbot, background):
    qtbot.waitUntil(lambda: not background.busy, timeout=5000)


class KeptThing:
    name, what = "Things", "Some things."

    def __init__(self, problem=""):
        self.number, self.problem, self.calls = 3, problem, []

    def where(self):
        return "here"

    def how_long(self):
        return "a while"

    def how_much(self):
        return f"{self.number} things"

    def delete(self):
        self.calls.append(threading.current_thread().name)
        if self.problem:
            raise UnmaskError(self.problem)
        self.number = 0

    def deleted(self):
        self.calls.append(threading.current_thread().name)


def privacy(qtbot, preferences, *kept):
    page = PrivacyPage(kept, preferences)
    qtbot.addWidget(page)
    page.show()
    settled(qtbot, page.background)
    return page


def test_deleting_asks_once_more_and_then_deletes_off_the_ui_thread(qtbot, preferences):
    thing = KeptThing()
    page = privacy(qtbot, preferences, thing)
    (box,) = page.boxes
    assert (box.where.text(), box.how_long.text(), box.how_much.text()) == ("here", "a while", "3 things")
    qtbot.keyClick(box.delete, Qt.Key.Key_Space)
    assert thing.number == 3
    qtbot.keyClick(box.keep, Qt.Key.Key_Space)
    assert box.sure.isHidden()
    box.delete.click()
    qtbot.keyClick(box.sure, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: box.status.text() == "Deleted.")
    settled(qtbot, page.background)
    assert box.how_much.text() == "0 things"
    assert thing.calls == ["unmask-privacy-page", "MainThread"]
    assert box.delete.isEnabled()


def test_what_could_not_be_deleted_is_said(qtbot, preferences):
    page = privacy(qtbot, preferences, KeptThing("The file is in use: close the other Unmask."))
    page.boxes[0].sure.click()
    qtbot.waitUntil(lambda: "in use" in page.boxes[0].status.text())
    assert page.boxes[0].delete.isEnabled()


def test_the_page_promises_and_its_settings_are_those_of_the_dialog(qtbot, preferences):
    page = privacy(qtbot, preferences, KeptSettings(preferences))
    assert "Nothing leaves this machine" in page.promise.text()
    assert "remote" in page.promise.text()
    qtbot.keyClick(page.rows["privacy/history"].control, Qt.Key.Key_Space)
    assert preferences.value("privacy/history") is False


def test_settings_history_and_ring_are_deleted_for_real(qtbot, preferences, tmp_path):
    preferences.set("view/theme", "dark")
    preferences.save()
    path = tmp_path / "history.sqlite"
    with History(path) as history:
        add_session(history)
    aside = [path.with_name(f"{path.name}.broken"), path.with_name(f"{path.name}.broken-2")]
    aside.append(preferences.path.with_name(f"{preferences.path.name}.broken"))
    for file in aside:
        file.write_text("what somebody did")
    ring = FrameRing(20)
    kept = [KeptRing(ring), KeptHistory(path, preferences), KeptSettings(preferences)]
    assert kept[1].how_much() != "nothing"
    assert kept[1].how_long() == "30 days"
    preferences.set("privacy/history", False)
    assert "switched off" in kept[1].how_long()
    for one in kept:
        assert one.where()
        one.delete()
        one.deleted()
    assert not preferences.path.exists()
    assert not [file for file in aside if file.exists()]
    with History(path) as history:
        assert history.count() == 0
    assert preferences.value("view/theme") == "system"
    assert kept[0].how_much() == kept[2].how_much() == "nothing"
    for one in (
        KeptHistory(tmp_path / "none.sqlite", preferences),
        KeptPictures(tmp_path / "none.sqlite", preferences),
    ):
        one.delete()
        assert one.how_much() == "nothing"
    assert not (tmp_path / "none.sqlite").exists()


def test_pictures_of_alarms_are_deleted_alone(preferences, tmp_path):
    path = tmp_path / "history.sqlite"
    with History(path) as history:
        session = add_session(history, alarms=1)
        (event,) = history.record(session).events
        history.put_picture(event.event_id, 1.0, 0.9, b"x" * 1500)
    kept = KeptPictures(path, preferences)
    assert kept.how_much() == "1 of them, 1.5 kB"
    assert "No new ones are kept" in kept.how_long()
    preferences.set("privacy/pictures", True)
    assert kept.how_long() == "As long as their entry in the history"
    kept.delete()
    assert kept.how_much() == "0 of them, nothing"
    with History(path) as history:
        assert history.count() == 1


def test_sources_watched_before_are_deleted_alone(qtbot, preferences):
    preferences.set("general/sources", ["window:Call with Ann"])
    preferences.set("view/theme", "dark")
    preferences.save()
    page = privacy(qtbot, preferences, KeptSources(preferences))
    (box,) = page.boxes
    assert box.how_much.text() == "1 of them"
    box.sure.click()
    qtbot.waitUntil(lambda: box.status.text() == "Deleted.")
    settled(qtbot, page.background)
    assert box.how_much.text() == "nothing"
    assert "Ann" not in preferences.path.read_text(encoding="utf-8")
    assert preferences.value("view/theme") == "dark"


def test_the_wheel_scrolls_the_page_and_changes_nothing_on_its_way(qtbot, preferences):
    page = privacy(qtbot, preferences)
    control, here = page.rows["privacy/history_days"].control, QPoint(5, 5)

    def turn():
        spot, none = QPointF(here), Qt.KeyboardModifier.NoModifier
        phase, down = Qt.ScrollPhase.NoScrollPhase, QPoint(0, -120)
        event = QWheelEvent(spot, spot, down, down, Qt.MouseButton.NoButton, none, phase, False)
        QApplication.sendEvent(control, event)

    control.clearFocus()
    turn()
    assert preferences.value("privacy/history_days") == 30
    control.setFocus()
    qtbot.waitUntil(control.hasFocus)
    turn()
    assert preferences.value("privacy/history_days") == 29


@pytest.mark.parametrize(
    ("size", "words"), [(0, "nothing"), (999, "999 bytes"), (1500, "1.5 kB"), (2_340_000, "2.34 MB"), (5e12, "5 TB")]
)
def test_sizes_in_words(size, words):
    assert size_words(size) == words
