"""Files dropped on the window are scanned beside it; findings, errors and cancelling in its panel."""

from __future__ import annotations

import json
import threading
import time
import zipfile

import cv2
import numpy as np
import pytest
from clips import write_video
from fakes import BLUE, RED, picture
from window_parts import ToyServices, toy_window

from unmask.engines.errors import EngineError
from unmask.gui.qt import QApplication, QDragEnterEvent, QDropEvent, QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from unmask.gui.scanning.drops import accepts
from unmask.gui.scanning.feature import ScanFeature
from unmask.gui.scanning.job import ScanJob
from unmask.gui.scanning.panel import ScanPanel
from unmask.gui.services import DetectorChoice
from unmask.realtime.history.records import HistoryError
from unmask.realtime.history.store import History
from unmask.realtime.scan.scanner import ScanSettings
from unmask.realtime.types import Verdict

BOX = (80, 60, 200, 180)


@pytest.fixture
def services(tmp_path):
    return ToyServices(tmp_path)


@pytest.fixture
def panel(qtbot):
    made = ScanPanel()
    qtbot.addWidget(made)
    yield made
    assert made.close_jobs() == []


def job(services, *paths, keep=None):
    return ScanJob([str(path) for path in paths], services, DetectorChoice("toy"), ScanSettings(), keep)


def clip(path, colour=RED, frames=60):
    few = [picture((BOX, colour), seed=number) for number in range(min(frames, 10))]
    return write_video(path, [few[number % len(few)] for number in range(frames)])


def mime(*paths):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return data


def words(panel, row):
    return [panel.table.item(row, column).text() for column in range(4)]


def test_what_may_be_dropped(tmp_path):
    assert accepts(mime(tmp_path)) == [str(tmp_path)]
    assert accepts(mime(tmp_path / "absent")) == []
    assert accepts(None) == []
    text = QMimeData()
    text.setText(str(tmp_path))
    assert accepts(text) == []
    address = QMimeData()
    address.setUrls([QUrl("https://example.org/clip.mp4")])
    assert accepts(address) == []


@pytest.mark.usefixtures("no_leaks")
def test_a_folder_is_scanned_and_its_faults_are_sentences(qtbot, panel, services, tmp_path):
    folder = tmp_path / "given"
    folder.mkdir()
    clip(folder / "1.mp4")
    clip(folder / "2.mp4", BLUE)
    (folder / "3.mp4").write_text("no video")
    panel.scan(job(services, folder))
    qtbot.waitUntil(lambda: not panel.running, timeout=15_000)
    assert [finding.verdict for finding in panel.findings] == [Verdict.SIGNS, Verdict.NO_SIGNS, Verdict.CANNOT_JUDGE]
    assert words(panel, 0)[:2] == ["1.mp4", "signs of manipulation"]
    assert float(words(panel, 0)[2]) > 0.9
    assert "is plain text, not a video" in words(panel, 2)[1]
    assert "hint, never proof" in panel.status.text()
    assert [finder.closed for finder in services.finders] == [True]
    (detector,) = services.detectors_opened
    with pytest.raises(EngineError, match="is not open"):
        detector.encode(np.zeros((1, detector.crop_spec.size, detector.crop_spec.size, 3), np.uint8))


@pytest.mark.usefixtures("no_leaks")
def test_several_drops_wait_for_each_other_and_reports_are_saved(qtbot, panel, services, tmp_path):
    cv2.imwrite(str(tmp_path / "red.png"), picture((BOX, RED)))
    with zipfile.ZipFile(tmp_path / "blue.zip", "w") as archive:
        cv2.imwrite(str(tmp_path / "blue.png"), picture((BOX, BLUE)))
        archive.write(tmp_path / "blue.png", "inside.png")
    panel.scan(job(services, tmp_path / "red.png"))
    panel.scan(job(services, tmp_path / "blue.zip"))
    qtbot.waitUntil(lambda: not panel.running and panel.table.rowCount() == 2, timeout=15_000)
    assert [words(panel, row)[0] for row in range(2)] == ["red.png", "inside.png"]
    panel.save_report_to(tmp_path / "out.json")
    qtbot.waitUntil(lambda: "was saved" in panel.status.text(), timeout=5000)
    report = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert [item["verdict"] for item in report["items"]] == ["signs_of_manipulation", "no_signs_found"]
    assert report["detector"]["name"] == "toy"
    panel.save_report_to(tmp_path / "out.html")
    qtbot.waitUntil(lambda: "out.html" in panel.status.text(), timeout=5000)
    assert "confirm through another channel" in (tmp_path / "out.html").read_text(encoding="utf-8")
    panel.table.selectRow(1)
    with qtbot.waitSignal(panel.watch_instead) as asked:
        panel.watch.click()
    assert asked.args == [str(tmp_path / "blue.zip")], "what lies in an archive cannot be watched alone"


@pytest.mark.usefixtures("no_leaks")
def test_cancelling_is_prompt_and_keeps_what_was_found(qtbot, panel, services, tmp_path):
    clip(tmp_path / "1.mp4", frames=30)
    clip(tmp_path / "2.mp4", frames=1000)
    panel.scan(job(services, tmp_path / "1.mp4", tmp_path / "2.mp4"))
    panel.scan(job(services, tmp_path / "1.mp4"))
    qtbot.waitUntil(lambda: len(panel.findings) == 1, timeout=15_000)
    began = time.monotonic()
    panel.stop.click()
    assert time.monotonic() - began < 0.05
    qtbot.waitUntil(lambda: not panel.running, timeout=2000)
    assert panel.table.rowCount() == len(panel.findings) == 1
    assert "Cancelled" in panel.status.text()
    assert all(finder.closed for finder in services.finders)


@pytest.mark.usefixtures("no_leaks")
def test_no_detector_is_one_sentence(qtbot, panel, services, tmp_path):
    services.problem = "The engine toy cannot run here: choose another."
    panel.scan(job(services, clip(tmp_path / "1.mp4", frames=5)))
    qtbot.waitUntil(lambda: not panel.running, timeout=5000)
    assert panel.status.text() == services.problem
    assert panel.table.rowCount() == 0


def test_a_history_that_cannot_be_written_is_said_and_the_scan_goes_on(qtbot, panel, services, tmp_path):
    asked = []

    def keep(finding, header):
        asked.append(finding)
        raise HistoryError("The history cannot be written: the disk is full; make room on it.")

    for name in ("1.mp4", "2.mp4"):
        clip(tmp_path / name, frames=5)
    panel.scan(job(services, tmp_path / "1.mp4", tmp_path / "2.mp4", keep=keep))
    qtbot.waitUntil(lambda: not panel.running, timeout=10_000)
    assert len(panel.findings) == 2
    assert "the disk is full" in panel.status.text()
    assert len(asked) == 1, "it is not tried again for each item"


def test_a_report_is_about_what_its_header_says(qtbot, panel, services, tmp_path):
    for name, budget in (("1.mp4", 1.0), ("2.mp4", 2.0)):
        clip(tmp_path / name, frames=5)
        settings = ScanSettings(alarms_per_hour=budget)
        panel.scan(ScanJob([str(tmp_path / name)], services, DetectorChoice("toy"), settings))
    qtbot.waitUntil(lambda: len(panel.findings) == 2 and not panel.running, timeout=10_000)
    panel.save_report_to(tmp_path / "report.json")
    qtbot.waitUntil(lambda: "1 scanned with another detector or sensitivity" in panel.status.text(), timeout=5000)
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert [item["path"] for item in report["items"]] == [str(tmp_path / "2.mp4")]
    assert report["settings"]["false alarms accepted per hour"] == 2.0


def test_a_bug_is_named_and_ends_only_the_scan(qtbot, panel, services, tmp_path):
    def keep(finding, header):
        raise ZeroDivisionError("oh")

    panel.scan(job(services, clip(tmp_path / "1.mp4", frames=5), keep=keep))
    qtbot.waitUntil(lambda: not panel.running, timeout=5000)
    assert "ZeroDivisionError: oh (a bug of Unmask" in panel.status.text()
    assert len(panel.findings) == 1


def drop(window, *paths):
    """As the window system does it: what is dragged enters first."""
    data, copy = mime(*paths), Qt.DropAction.CopyAction
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(5, 5), copy, data, left, none)
    QApplication.sendEvent(window, enter)
    if not enter.isAccepted():
        return False
    event = QDropEvent(QPointF(5, 5), copy, data, left, none, QEvent.Type.Drop)
    QApplication.sendEvent(window, event)
    return event.isAccepted()


@pytest.mark.usefixtures("no_leaks")
@pytest.mark.parametrize("wanted", [True, False])
def test_a_drop_on_the_window_is_scanned_and_kept_where_wanted(qtbot, tmp_path, wanted):
    path = clip(tmp_path / "call.mp4", frames=40)
    feature = ScanFeature(tmp_path / "history.sqlite")
    with toy_window(tmp_path, privacy__history=wanted) as (window, _):
        window.add_feature(feature)
        window.show()
        assert not drop(window, tmp_path / "absent.mp4")
        assert drop(window, path)
        assert feature.panel.isVisible()
        qtbot.waitUntil(lambda: len(feature.panel.findings) == 1 and not feature.panel.running, timeout=15_000)
    if wanted:
        with History(tmp_path / "history.sqlite") as history:
            (entry,) = history.entries()
        assert (entry.kind, entry.title, entry.verdict) == ("scan", str(path), Verdict.SIGNS)
    else:
        assert not (tmp_path / "history.sqlite").exists()


@pytest.mark.usefixtures("no_leaks")
def test_closing_the_window_ends_a_scan(qtbot, tmp_path):
    feature = ScanFeature(tmp_path / "history.sqlite")
    with toy_window(tmp_path, privacy__history=False) as (window, _):
        window.add_feature(feature)
        feature.scan([str(clip(tmp_path / "call.mp4", frames=900))])
        qtbot.waitUntil(lambda: any(thread.name == "unmask-scan" for thread in threading.enumerate()), timeout=5000)
