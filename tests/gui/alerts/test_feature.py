"""Alerts in the window: the bar and its buttons, the settings' switches, and what is said where one cannot be told."""

from __future__ import annotations

import dataclasses
import io
import wave
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from updates import face_state, update

from unmask.engines.errors import UnmaskError
from unmask.gui.alerts import outputs, sound, words
from unmask.gui.alerts.alerter import Alert
from unmask.gui.alerts.bar import SnoozeLine
from unmask.gui.alerts.feature import AlertFeature
from unmask.gui.qt import QApplication, QEvent, QSystemTrayIcon, Qt
from unmask.gui.settings.preferences import Preferences
from unmask.gui.window import MonitorWindow
from unmask.realtime.types import Counters, Event, Verdict

EVENT = Event(2, 3.0, None, 0.934)


class Told:
    """An output that writes down."""

    def __init__(self, key, problem=""):
        self.key, self.problem = key, problem
        self.alerts, self.prepared, self.closed = [], 0, False

    def prepare(self):
        self.prepared += 1
        return self.problem

    def tell(self, alert):
        self.alerts.append(alert)
        return self.problem

    def close(self):
        self.closed = True


@dataclasses.dataclass
class Named:
    source_id: str
    key: int = 1


def news(*events, source="fake"):
    faces = [face_state(Verdict.SIGNS, track=one.track_id, score=0.9, calibrated=False) for one in events]
    return {source: dataclasses.replace(update(5.0, *faces, source_id=source, events=events), counters=Counters())}


class Stage:
    def __init__(self, qtbot, path):
        self.preferences = Preferences(path)
        self.notify, self.noise = Told("alerts/notify", "No tray here."), Told("alerts/sound")
        self.shown = []
        self.feature = AlertFeature(lambda *what: self.shown.append(what), outputs=[self.notify, self.noise])
        self.window = MonitorWindow([Named("fake")], preferences=self.preferences)
        self.window.add_feature(self.feature)
        qtbot.addWidget(self.window)
        self.window.show()
        self.bar = self.feature.bar


@pytest.fixture
def stage(qtbot, tmp_path):
    return Stage(qtbot, tmp_path / "unmask.ini")


def test_an_alarm_is_told_in_the_window_in_words_with_advice(stage):
    assert stage.bar.isHidden()
    stage.window.show_updates(news(EVENT))
    stage.window.show_updates(news(EVENT))
    assert stage.bar.isVisible()
    assert stage.bar.title.text() == "Signs of manipulation"
    assert stage.bar.body.text().startswith("Face 2 in fake, ")
    assert stage.bar.body.text().endswith("score 0.93")
    assert "Call back on a number" in stage.bar.advice.text()
    assert stage.bar.title.text() in stage.bar.accessibleName()
    assert "Call back" in stage.bar.accessibleName()
    assert len(stage.notify.alerts) == len(stage.noise.alerts) == 1


def test_several_alarms_are_counted_and_dismissed_together(qtbot, stage):
    stage.window.show_updates(news(EVENT))
    stage.window.show_updates(news(EVENT, Event(3, 4.0, None, 0.9)))
    assert "Face 3" in stage.bar.body.text()
    assert "1 more" in stage.bar.title.text()
    qtbot.keyClick(stage.bar.dismiss, Qt.Key.Key_Space)
    assert stage.bar.isHidden()
    stage.window.show_updates(news(EVENT, Event(3, 4.0, None, 0.9)))
    assert stage.bar.isHidden()


def test_its_frames_are_asked_for(qtbot, stage):
    stage.window.show_updates(news(EVENT))
    qtbot.keyClick(stage.bar.frames, Qt.Key.Key_Space)
    assert stage.shown == [("fake", EVENT)]
    assert stage.bar.isVisible()


def test_without_frames_there_is_no_button_for_them(qtbot):
    feature = AlertFeature(outputs=[])
    qtbot.addWidget(feature.bar)
    qtbot.addWidget(feature.snooze_line)
    feature.bar.show_alert(Alert("fake", EVENT, datetime(2026, 3, 4)))
    assert feature.bar.frames.isHidden()
    assert not feature.bar.dismiss.isHidden()


def test_snoozing_is_for_the_minutes_of_the_settings_and_says_so(qtbot, stage):
    stage.preferences.set("alerts/snooze_minutes", 25)
    stage.window.show_updates(news(EVENT))
    assert "25 min" in stage.bar.snooze.text()
    qtbot.keyClick(stage.bar.snooze, Qt.Key.Key_Space)
    later = Event(4, 9.0, None, 0.9)
    stage.window.show_updates(news(EVENT, later))
    assert stage.bar.isHidden()
    assert len(stage.noise.alerts) == 1
    assert stage.feature.alerter.snoozes()["fake"] == pytest.approx(1500, abs=5)
    line = stage.feature.snooze_line
    assert line.isVisible()
    assert "fake are snoozed until" in line.label.text()
    qtbot.keyClick(line.wake, Qt.Key.Key_Space)
    stage.window.show_updates(news(EVENT, later))
    assert line.isHidden()
    assert len(stage.noise.alerts) == 2


def test_all_sources_can_be_snoozed_where_there_are_several(qtbot, stage):
    stage.window.show_updates({**news(EVENT), **news(source="other")})
    assert not stage.bar.snooze_all.isHidden()
    qtbot.keyClick(stage.bar.snooze_all, Qt.Key.Key_Space)
    assert list(stage.feature.alerter.snoozes()) == [None]


def test_each_output_has_its_switch(stage):
    stage.preferences.set("alerts/sound", False)
    stage.window.show_updates(news(EVENT))
    assert (len(stage.notify.alerts), len(stage.noise.alerts)) == (1, 0)


def test_what_cannot_be_told_is_said_once(stage):
    for number in range(3):
        stage.window.show_updates(news(*(Event(track, 3.0, None, 0.9) for track in range(number))))
    assert stage.window.notices.label.text().count("No tray here.") == 1


def test_what_is_off_is_not_made_ready_before_it_is_switched_on(qtbot, tmp_path):
    preferences = Preferences(tmp_path / "unmask.ini")
    preferences.set("alerts/sound", False)
    noise = Told("alerts/sound")
    feature = AlertFeature(outputs=[noise])
    window = MonitorWindow([Named("fake")], preferences=preferences)
    window.add_feature(feature)
    qtbot.addWidget(window)
    window.show_updates({})
    assert noise.prepared == 0
    preferences.set("alerts/sound", True)
    window.show_updates({})
    window.show_updates({})
    assert noise.prepared == 1


def test_closing_the_window_closes_the_outputs(stage):
    stage.window.close()
    assert stage.notify.closed
    assert stage.noise.closed


def test_a_calibrated_score_is_a_percentage():
    alert = Alert("fake", EVENT, datetime(2026, 3, 4, 14, 3, 11), calibrated=True)
    assert words.where_and_when(alert) == "Face 2 in fake, 14:03:11, 93%"
    for word in ("real", "authentic", "fake video", "100"):
        assert word not in words.spoken(dataclasses.replace(alert, source_id="camera:0")).split()


def test_the_snooze_line_names_all_and_one(qtbot):
    line = SnoozeLine()
    qtbot.addWidget(line)
    line.show_snoozes({None: 600.0, "camera:0": 60.0}, datetime(2026, 3, 4, 23, 55, 0))
    assert line.label.text() == "All alerts are snoozed until 00:05. Alerts of camera:0 are snoozed until 23:56."


def test_the_sound_is_a_short_wav_of_two_tones_without_clicks():
    with wave.open(io.BytesIO(sound.two_tones())) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 44_100)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
    assert len(samples) / 44_100 == pytest.approx(0.28, abs=0.01)
    assert 0.4 < np.abs(samples).max() / 32768 <= 0.5
    assert np.abs(np.diff(samples)).max() < 0.1 * 32768
    for half, tone in zip(np.split(samples, 2), (660, 880), strict=True):
        loudest = np.abs(np.fft.rfft(half)).argmax() * 44_100 / len(half)
        assert loudest == pytest.approx(tone, abs=10)


class FakeMedia:
    """Qt's multimedia part with one sound device."""

    def __init__(self, devices=1):
        made = self.effects = []

        class QSoundEffect:
            class Status:
                Error = "error"

            def __init__(self):
                self.played, self.state = 0, "ready"
                made.append(self)

            def setSource(self, url):
                self.path = Path(url.toLocalFile())

            def status(self):
                return self.state

            def play(self):
                self.played += 1

            def stop(self):
                pass

        class QMediaDevices:
            @staticmethod
            def audioOutputs():
                return [object()] * devices

        self.QSoundEffect, self.QMediaDevices = QSoundEffect, QMediaDevices


ALERT = Alert("camera:0", EVENT, datetime(2026, 3, 4, 14, 3, 11))


def test_a_sound_is_played_and_its_file_goes_with_it(monkeypatch):
    media = FakeMedia()
    monkeypatch.setattr(sound, "multimedia", lambda: media)
    played = sound.Sound()
    assert played.prepare() == ""
    assert played.tell(ALERT) == ""
    assert played.tell(ALERT) == ""
    (effect,) = media.effects
    assert effect.played == 2
    assert effect.path.read_bytes() == sound.two_tones()
    effect.state = "error"
    assert "cannot be played" in played.tell(ALERT)
    assert effect.played == 2
    played.close()
    assert not effect.path.parent.exists()


def test_a_machine_without_sound_says_so(monkeypatch):
    monkeypatch.setattr(sound, "multimedia", lambda: FakeMedia(devices=0))
    assert "no sound output" in sound.Sound().tell(ALERT)

    def missing():
        raise UnmaskError("Qt's multimedia part cannot be loaded.")

    monkeypatch.setattr(sound, "multimedia", missing)
    assert "cannot be loaded" in sound.Sound().prepare()


def test_a_desktop_without_a_tray_says_so(qapp, monkeypatch):
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", staticmethod(lambda: False))
    notification = outputs.Notification(lambda: None)
    assert "no tray" in notification.prepare()
    assert "no tray" in notification.tell(ALERT)
    notification.close()


def test_a_notification_says_all_and_a_click_brings_the_window(qapp, monkeypatch):
    shown, clicks = [], []
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", staticmethod(lambda: True))
    monkeypatch.setattr(QSystemTrayIcon, "supportsMessages", staticmethod(lambda: True))
    monkeypatch.setattr(QSystemTrayIcon, "showMessage", lambda self, *what: shown.append((self, what)))
    notification = outputs.Notification(lambda: clicks.append(1))
    assert notification.tell(ALERT) == ""
    (tray, (title, text, *_)) = shown[0]
    assert title == "Signs of manipulation"
    assert "camera:0, 14:03:11" in text
    assert "number that you already know" in text
    tray.messageClicked.emit()
    assert clicks == [1]
    notification.close()


def test_flashing_asks_for_attention_until_somebody_looks(stage, monkeypatch):
    asked = []
    monkeypatch.setattr(QApplication, "alert", staticmethod(lambda window, ms: asked.append((window, ms))))
    window = stage.window
    flash = outputs.Flash(window)
    monkeypatch.setattr(window, "isActiveWindow", lambda: True)
    assert (flash.prepare(), flash.tell(ALERT)) == ("", "")
    assert asked == [(window, 0)]
    assert window.title_note == ""
    monkeypatch.setattr(window, "isActiveWindow", lambda: False)
    flash.tell(ALERT)
    window.show_updates(news())
    assert window.windowTitle() == "Alert 14:03:11"
    QApplication.sendEvent(window, QEvent(QEvent.Type.WindowActivate))
    window.show_updates(news())
    assert window.windowTitle() == "Unmask"
    flash.close()


def test_the_icon_has_every_size(qapp):
    sizes = {size.width() for size in outputs.app_icon().availableSizes()}
    assert {16, 22, 32, 48, 128} <= sizes
