"""The sound of an alert: two short tones, made here, played by Qt."""

from __future__ import annotations

import io
import shutil
import tempfile
import wave
from pathlib import Path
from typing import Any

import numpy as np

from unmask.engines.errors import UnmaskError
from unmask.gui.alerts.alerter import Alert
from unmask.gui.i18n import tr
from unmask.gui.qt import QUrl, multimedia

_RATE = 44_100
_TONES_HZ = (660.0, 880.0)
_TONE_S, _FADE_S, _LOUDNESS = 0.14, 0.015, 0.5


def two_tones() -> bytes:
    """A WAV file: 16 bit, mono. The tones fade in and out, so that nothing clicks."""
    time_s = np.arange(round(_TONE_S * _RATE)) / _RATE
    fade = np.minimum(1.0, np.minimum(time_s, _TONE_S - time_s) / _FADE_S)
    samples = np.concatenate([np.sin(2 * np.pi * tone * time_s) * fade for tone in _TONES_HZ])
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(_RATE)
        out.writeframes((samples * _LOUDNESS * 32767).astype("<i2").tobytes())
    return file.getvalue()


class Sound:
    """Plays ``two_tones``. Qt plays files only, so they lie in a folder for the time being, which ``close`` deletes."""

    key = "alerts/sound"

    def __init__(self) -> None:
        self._effect: Any = None  # a QSoundEffect
        self._folder: Path | None = None

    def prepare(self) -> str:
        try:
            media = multimedia()
        except UnmaskError as error:
            return tr("Alerts make no sound: {error}").format(error=error)
        if not media.QMediaDevices.audioOutputs():
            return tr("There is no sound output on this machine: alerts make no sound.")
        if self._effect is None:
            try:
                self._folder = Path(tempfile.mkdtemp(prefix="unmask-sound-"))
                file = self._folder / "alert.wav"
                file.write_bytes(two_tones())
            except OSError as error:
                return tr("The sound of alerts cannot be written ({error}): alerts make no sound.").format(error=error)
            self._effect = media.QSoundEffect()
            self._effect.setSource(QUrl.fromLocalFile(str(file)))
        if self._effect.status() is media.QSoundEffect.Status.Error:
            return tr("The sound of alerts cannot be played here: alerts make no sound.")
        return ""

    def tell(self, alert: Alert) -> str:
        problem = self.prepare()
        if not problem and self._effect is not None:
            self._effect.play()
        return problem

    def close(self) -> None:
        if self._effect is not None:
            self._effect.stop()
            self._effect = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
