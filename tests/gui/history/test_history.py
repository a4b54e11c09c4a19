"""The history page over a real store, and the feature over a real session."""

from __future__ import annotations

import json
import time

import pytest
from history import add_scan, add_session
from window_parts import show, toy_window

from unmask.gui.history.feature import HistoryFeature
from unmask.gui.history.model import PAGE, VERDICT, WHAT
from unmask.gui.history.page import HistoryPage
from unmask.gui.qt import QMessageBox, Qt
from unmask.realtime.history.records import Query, SessionRecord
from unmask.realtime.history.store import History
from unmask.realtime.types import Verdict


@pytest.fixture
def file(tmp_path):
    return tmp_path / "history.sqlite"


@pytest.fixture
def filled(file):
    with History(file) as history:
        number = add_session(history, "camera:0", at=1_000_000.0, alarms=2)
        (event, _) = history.record(number).events
        import cv2
        import numpy as np

        _, jpeg = cv2.imencode(".jpg", np.full((40, 40, 3), 90, np.uint8))
        history.put_picture(event.event_id, 10.0, 0.9, jpeg.tobytes())
        add_scan(history, "/videos/clip.mp4", at=2_000_000.0)
        add_scan(history, "/videos/dark.mp4", at=3_000_000.0, verdict=Verdict.CANNOT_JUDGE)
    return file


@pytest.fixture
def page(qtbot, file):
    made = HistoryPage(file)
    qtbot.addWidget(made)
    yield made
    assert made.close_store() == []


def loaded(qtbot, page, count):
    page.reload()
    qtbot.waitUntil(lambda: not page._worker.busy and page.model.rowCount() == count, timeout=5000)


def cell(page, row, column, role=Qt.ItemDataRole.DisplayRole):
    return page.model.data(page.model.index(row, column), role)


@pytest.mark.usefixtures("filled", "no_leaks")
def test_the_list_is_newest_first_with_words_and_shapes(qtbot, page):
    loaded(qtbot, page, 3)
    assert [cell(page, row, WHAT) for row in range(3)] == ["/videos/dark.mp4", "/videos/clip.mp4", "camera:0"]
    assert cell(page, 0, VERDICT) == "cannot judge, because no face in the picture"
    icons = [cell(page, row, VERDICT, Qt.ItemDataRole.DecorationRole).pixmap(18, 18).toImage() for row in range(3)]
    assert icons[0] != icons[1] != icons[2]
    assert page.count.text() == "3 found"


@pytest.mark.usefixtures("filled")
def test_search_and_filters_narrow_it(qtbot, page):
    loaded(qtbot, page, 3)
    page.search.setText("videos dark")
    qtbot.waitUntil(lambda: [entry.title for entry in page.model.entries] == ["/videos/dark.mp4"], timeout=5000)
    page.search.clear()
    page.verdicts.setCurrentIndex(page.verdicts.findData(Verdict.SIGNS))
    qtbot.waitUntil(lambda: [entry.title for entry in page.model.entries] == ["camera:0"], timeout=5000)
    page.kinds.setCurrentIndex(page.kinds.findData("scan"))
    qtbot.waitUntil(lambda: page.model.rowCount() == 0, timeout=5000)
    qtbot.waitUntil(lambda: page.count.text() == "Nothing of that kind.")


@pytest.mark.usefixtures("filled")
def test_details_pictures_and_opening_again(qtbot, page):
    loaded(qtbot, page, 3)
    page.table.selectRow(2)
    qtbot.waitUntil(lambda: page.again.isEnabled(), timeout=5000)
    assert "50% of the face time could be judged" in page.details.toPlainText()
    assert "highest score 0.91" in page.details.toPlainText()
    assert page._pictures.count() == 2, "the picture and the stretch"
    with qtbot.waitSignal(page.open_again) as asked:
        page.again.click()
    assert asked.args == ["camera:0", False]
    page.table.selectRow(1)
    qtbot.waitUntil(lambda: page.again.text() == "Scan again", timeout=5000)
    assert page._pictures.count() == 1


@pytest.mark.usefixtures("filled")
def test_deleting_asks_first(qtbot, page, file, monkeypatch):
    loaded(qtbot, page, 3)
    page.table.selectRow(0)
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.No)
    page.remove.click()
    page.remove_all.click()
    loaded(qtbot, page, 3)
    page.table.selectRow(0)
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Yes)
    page.remove.click()
    qtbot.waitUntil(lambda: page.model.rowCount() == 2, timeout=5000)
    assert page.status.text() == "Deleted for good: 1."
    page.remove_all.click()
    qtbot.waitUntil(lambda: page.count.text() == "Nothing has been kept so far.", timeout=5000)
    with History(file) as history:
        assert history.count() == 0


@pytest.mark.usefixtures("filled")
def test_what_the_list_shows_is_exported(qtbot, page, tmp_path):
    loaded(qtbot, page, 3)
    page.kinds.setCurrentIndex(page.kinds.findData("scan"))
    page.export_to(tmp_path / "out.json")
    qtbot.waitUntil(lambda: "2 exported" in page.status.text(), timeout=5000)
    assert len(json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["entries"]) == 2
    page.export_to(tmp_path / "nowhere" / "out.csv")
    qtbot.waitUntil(lambda: "Give a file in a folder you own" in page.status.text(), timeout=5000)


def test_a_long_history_comes_page_by_page(qtbot, page, file):
    with History(file) as history:
        for number in range(PAGE + 50):
            add_scan(history, f"/videos/{number}.mp4", at=1000.0 + number)
    loaded(qtbot, page, PAGE)
    page.table.show()
    page.table.scrollToBottom()
    page.model.fetchMore(page.table.rootIndex())
    qtbot.waitUntil(lambda: page.model.rowCount() == PAGE + 50, timeout=5000)
    assert cell(page, PAGE + 49, WHAT) == "/videos/0.mp4"
    assert not page.model.canFetchMore(page.table.rootIndex())


def test_a_damaged_history_is_named_in_the_page(qtbot, page, file):
    file.write_bytes(b"no database" * 100)
    loaded(qtbot, page, 0)
    qtbot.waitUntil(lambda: "history.sqlite.broken" in page.status.text(), timeout=5000)


def watched(qtbot, window):
    window.controller.add_source("red")
    qtbot.waitUntil(lambda: (show(window), bool(window.controller.updates()))[1], timeout=10_000)


@pytest.mark.usefixtures("no_leaks")
def test_a_session_is_recorded_where_the_person_wants_it(qtbot, tmp_path, file):
    feature = HistoryFeature(file)
    with toy_window(tmp_path, privacy__history=True) as (window, _):
        window.add_feature(feature)
        watched(qtbot, window)
        qtbot.waitUntil(lambda: feature.sink is not None, timeout=5000)

        def alarm():
            show(window)
            return any(update.events for update in window.controller.updates().values())

        qtbot.waitUntil(alarm, timeout=10_000)
        with History(file) as history:
            qtbot.waitUntil(lambda: history.entries()[0].alarms == 1, timeout=5000)
    with History(file) as history:
        record = history.record(history.entries()[0].entry_id)
    assert isinstance(record, SessionRecord)
    assert record.ended_at is not None
    assert record.judging.backing == "The footage behind 1 per hour."
    assert record.entry.title == "red"


@pytest.mark.usefixtures("no_leaks")
def test_it_stops_and_begins_with_the_preference(qtbot, tmp_path, file):
    feature = HistoryFeature(file)
    with toy_window(tmp_path, privacy__history=False) as (window, _):
        window.add_feature(feature)
        watched(qtbot, window)
        assert feature.sink is None
        window.preferences.set("privacy/history", True)
        qtbot.waitUntil(lambda: feature.sink is not None, timeout=5000)
        window.preferences.set("privacy/pictures", True)
        assert feature.sink.keep_pictures
        window.preferences.set("privacy/history", False)
        assert feature.sink is None
        with History(file) as history:
            number = history.entries()[0].entry_id
            qtbot.waitUntil(lambda: history.record(number).ended_at is not None, timeout=5000)
            assert history.count(Query()) == 1


@pytest.mark.usefixtures("no_leaks")
def test_what_is_too_old_goes_at_the_start(qtbot, tmp_path, file):
    with History(file) as history:
        add_session(history, at=1000.0)
    feature = HistoryFeature(file)
    with toy_window(tmp_path, privacy__history_days=30) as (window, _):
        window.add_feature(feature)
        with History(file) as history:
            qtbot.waitUntil(lambda: history.count() == 0, timeout=5000)


@pytest.mark.usefixtures("no_leaks")
def test_keep_it_for_is_obeyed_a_moment_later_and_every_hour(qtbot, tmp_path, file):
    with History(file) as history:
        add_session(history, at=time.time() - 10 * 86_400)
    feature = HistoryFeature(file)
    with toy_window(tmp_path, privacy__history_days=30) as (window, _):
        window.add_feature(feature)
        qtbot.waitUntil(lambda: not feature._worker.busy, timeout=5000)
        assert feature._retention.interval() == 3_600_000
        window.preferences.set("privacy/history_days", 5)
        qtbot.waitUntil(lambda: not feature._worker.busy, timeout=5000)
        with History(file) as history:
            assert history.count() == 1, "somebody may be on the way to another number"
            feature._retention.timeout.emit()
            qtbot.waitUntil(lambda: history.count() == 0, timeout=5000)
    assert not feature._retention.isActive()


@pytest.mark.usefixtures("no_leaks")
def test_without_a_history_not_even_its_file_is_made(qtbot, tmp_path, file):
    feature = HistoryFeature(file)
    with toy_window(tmp_path, privacy__history=False) as (window, _):
        window.add_feature(feature)
        watched(qtbot, window)
    assert not file.exists()


@pytest.mark.usefixtures("no_leaks")
def test_a_history_that_cannot_be_written_is_said_and_the_session_goes_on(qtbot, tmp_path):
    (tmp_path / "blocked").write_text("")
    feature = HistoryFeature(tmp_path / "blocked" / "history.sqlite")
    with toy_window(tmp_path, privacy__history=True) as (window, _):
        window.add_feature(feature)
        watched(qtbot, window)
        qtbot.waitUntil(lambda: "check the permissions" in window.notices.label.text(), timeout=5000)
        assert feature.sink is None
        feature.show()
        qtbot.waitUntil(lambda: "check the permissions" in feature.dialog.page.status.text(), timeout=5000)
