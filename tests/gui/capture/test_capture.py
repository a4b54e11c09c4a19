"""Recording, snapshot and report, over a real session."""

from __future__ import annotations

from datetime import datetime

import av
import pytest
from updates import face_state, update
from window_parts import show, toy_window

from unmask.engines.errors import UsageError
from unmask.gui.capture.feature import CaptureFeature
from unmask.gui.capture.report import report_text
from unmask.gui.capture.snapshot import free_name, save_snapshot
from unmask.gui.qt import QFileDialog, QGuiApplication, QImage, QMessageBox
from unmask.realtime.types import Cause, Event, SourceState, Update, Verdict

NOW = datetime(2031, 5, 17, 12, 30, 5)


@pytest.fixture
def asked(monkeypatch):
    """The questions that were asked; every one is agreed to."""
    questions = []

    def agree(_parent, _title, question):
        questions.append(question)
        return QMessageBox.StandardButton.Yes

    monkeypatch.setattr(QMessageBox, "question", agree)
    return questions


def watched(qtbot, window):
    window.controller.add_source("red")

    def there():
        show(window)
        return any(each.frame is not None for each in window.controller.updates().values())

    qtbot.waitUntil(there, timeout=10_000)


@pytest.mark.usefixtures("no_leaks")
def test_a_recording_is_asked_for_once_said_while_it_runs_and_complete(qtbot, tmp_path, monkeypatch, asked):
    path = tmp_path / "out.mp4"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    feature = CaptureFeature()
    with toy_window(tmp_path) as (window, _):
        window.add_feature(feature)
        window.show()
        watched(qtbot, window)
        window.commands["record"].trigger()
        assert "consent" in asked[0]
        assert feature.recording is not None
        assert window.commands["record"].isChecked()
        assert feature.sign.isVisible()
        assert feature.sign.words == "Recording red → out.mp4, 0:00"
        qtbot.waitUntil(lambda: feature.recording.frames > 10, timeout=5000)
        window.commands["record"].trigger()
        assert not feature.sign.isVisible()
        qtbot.waitUntil(lambda: f"Recorded to {path}" in window.notices.label.text(), timeout=5000)
        with av.open(str(path)) as video:
            assert len(list(video.decode(video=0))) > 10
        path.unlink()
        window.commands["record"].trigger()
        assert len(asked) == 1, "reminded once is enough"
        qtbot.waitUntil(lambda: feature.recording.frames > 3, timeout=5000)
    assert path.exists(), "closing the window completes it"


@pytest.mark.usefixtures("no_leaks")
def test_nothing_is_recorded_without_agreement_or_a_name(qtbot, tmp_path, monkeypatch):
    feature = CaptureFeature()
    with toy_window(tmp_path) as (window, _):
        window.add_feature(feature)
        watched(qtbot, window)
        monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.No)
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("", ""))
        window.commands["record"].trigger()
        assert not window.commands["record"].isChecked()
        monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Yes)
        window.commands["record"].trigger()
        assert not window.commands["record"].isChecked()
        assert not feature.record("red", tmp_path / "nowhere" / "x.mp4")
        assert "does not exist" in window.notices.label.text()


@pytest.mark.usefixtures("no_leaks")
def test_a_recording_that_fails_says_so_and_the_watching_goes_on(qtbot, tmp_path, monkeypatch):
    def full(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("unmask.realtime.sinks.video._WholeFile.write", full)
    feature = CaptureFeature()
    with toy_window(tmp_path) as (window, _):
        window.add_feature(feature)
        watched(qtbot, window)
        assert feature.record("red", tmp_path / "full.mp4")

        def given_up():
            show(window)
            return feature.recording is None

        qtbot.waitUntil(given_up, timeout=15_000)
        assert "The recording stopped" in window.notices.label.text()
        before = window.controller.updates()["red"].sequence
        qtbot.waitUntil(lambda: window.controller.updates()["red"].sequence > before, timeout=5000)


@pytest.mark.usefixtures("no_leaks")
@pytest.mark.parametrize("way", ["removed", "over"])
def test_a_recording_ends_with_its_source(qtbot, tmp_path, way):
    feature = CaptureFeature()
    with toy_window(tmp_path) as (window, services):
        window.add_feature(feature)
        services.frames = 2000 if way == "removed" else 50
        watched(qtbot, window)
        feature.record("red", tmp_path / "out.mp4")
        qtbot.waitUntil(lambda: feature.recording.frames > 2, timeout=5000)
        if way == "removed":
            window.controller.remove_source("red")
        qtbot.waitUntil(lambda: (show(window), feature.recording is None)[1], timeout=5000)
        qtbot.waitUntil(lambda: "Recorded to" in window.notices.label.text(), timeout=5000)


@pytest.mark.usefixtures("no_leaks")
def test_snapshots_ask_where_the_first_time(qtbot, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *given: asked.append(1) or (str(tmp_path / "one"), ""))
    feature = CaptureFeature()
    with toy_window(tmp_path) as (window, _):
        window.add_feature(feature)
        window.commands["snapshot"].trigger()
        assert "no picture to save yet" in window.notices.label.text()
        watched(qtbot, window)
        window.commands["snapshot"].trigger()
        window.commands["snapshot"].trigger()
        qtbot.waitUntil(lambda: len(list(tmp_path.glob("*.png"))) == 2, timeout=5000)
    assert len(asked) == 1


def test_a_snapshot_is_marked(qapp, tmp_path):
    image = update(1.0, face_state(Verdict.SIGNS, score=0.9), source_id="камера")
    save_snapshot(image, tmp_path / "x.png", NOW)
    made = QImage(str(tmp_path / "x.png"))
    assert made.width() == 320
    assert made.height() > 240, "a band with words below the picture"
    words = made.text("Description")
    assert words.startswith("Unmask, 2031-05-17 12:30:05, камера: signs of manipulation. A hint, never proof")
    with pytest.raises(UsageError, match="cannot be written"):
        save_snapshot(image, tmp_path / "nowhere" / "x.png", NOW)
    assert free_name(tmp_path, "x", ".png") == tmp_path / "x-2.png"


def test_the_report_says_everything_and_no_more_than_is_known(qapp):
    event = Event(1, 61.0, None, 0.93)
    first = update(70.0, face_state(Verdict.SIGNS, score=0.9, event=event), events=(event,), source_id="camera:0")
    second = update(
        1.0, source_id="screen", causes=(Cause.PICTURE_BLACK,), state=SourceState.STALLED, message="It sends nothing."
    )
    sources: dict[str, Update] = {"camera:0": first, "screen": second}
    text = report_text(sources, ("Detector toy 1.0.0", "Alarms start at score 0.60."), NOW)
    for words in (
        "2031-05-17 12:30:05",
        "camera:0 (running): signs of manipulation",
        "face 1: 1:01.0 to now, highest score 0.93",
        "screen (stalled): cannot judge, because the picture is black",
        "It sends nothing.",
        "Alarms start at score 0.60.",
        "Engine really in use: CPUExecutionProvider",
        "A hint, never proof: confirm through another channel.",
    ):
        assert words in text
    assert "Nothing is watched." in report_text({}, (), NOW)


@pytest.mark.usefixtures("no_leaks")
def test_the_report_goes_to_the_clipboard(qtbot, tmp_path):
    feature = CaptureFeature()
    with toy_window(tmp_path) as (window, _):
        window.add_feature(feature)
        watched(qtbot, window)
        window.commands["copy_report"].trigger()
        text = QGuiApplication.clipboard().text()
    assert "red (running)" in text
    assert "The footage behind 1 per hour." in text
