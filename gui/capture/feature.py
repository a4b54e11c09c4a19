"""Recording, snapshot and report as a part of the window."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from unmask.engines.errors import UnmaskError
from unmask.gui.background import Worker
from unmask.gui.capture.recording import Recording, RecordingSign
from unmask.gui.capture.report import report_text
from unmask.gui.capture.snapshot import free_name, save_snapshot
from unmask.gui.i18n import mark, tr
from unmask.gui.qt import QFileDialog, QGuiApplication, QMessageBox
from unmask.realtime.session import Session
from unmask.realtime.source_status import OVER
from unmask.realtime.types import Update

if TYPE_CHECKING:
    from unmask.gui.window import MonitorWindow

CONSENT = mark(
    "Recording people may need their consent, and in many places it is required by law. "
    "The recording stays on this machine. Do all who can be seen agree?"
)


class CaptureFeature:
    """A ``Feature``. A recording that runs when the window closes is completed by the session, when it stops."""

    def __init__(self) -> None:
        self._window: MonitorWindow | None = None
        self._worker = Worker("capture")
        self._reminded = False
        self._folder: Path | None = None
        self._session: Session | None = None
        self._updates: Mapping[str, Update] = {}
        self.recording: Recording | None = None
        self.sign: RecordingSign | None = None

    def attach(self, window: MonitorWindow) -> None:
        self._window = window
        self.sign = RecordingSign(window)
        place = window.tool_bar.addWidget(self.sign)
        if place is not None:
            place.setVisible(False)
            self._place = place
        window.commands.bind("snapshot", self.snapshot)
        window.commands.bind("copy_report", self.copy_report)
        if window.controller is not None:
            window.commands.bind("record", self.toggle)

    def show_updates(self, updates: Mapping[str, Update]) -> None:
        self._updates = updates
        recording = self.recording
        if recording is None:
            return
        if recording.failure:
            self._say(recording.failure)
            self.stop()
        elif recording.source_id not in updates or updates[recording.source_id].state in OVER:
            self.stop()

    def close(self) -> None:
        """What is being saved is saved."""
        self._end_sign()
        self._worker.close()

    def toggle(self, wanted: bool) -> None:
        """Begin or end a recording of the selected source."""
        if not wanted:
            self.stop()
        elif self.recording is None and not self._ask_and_record():
            self._check(False)

    def record(self, source_id: str, path: Path) -> bool:
        """Record ``source_id`` to ``path`` from now on; whether that could begin (else it was said why not)."""
        window = self._window
        controller = window.controller if window is not None else None
        session = controller.session if controller is not None else None
        if session is None:
            self._say(tr("Nothing is watched: choose a source first."))
            return False
        try:
            recording = Recording(path, source_id)
            session.add_sink(recording)
        except UnmaskError as error:
            self._say(str(error))
            return False
        self.recording, self._session = recording, session
        if self.sign is not None:
            self._place.setVisible(True)
            self.sign.begin(source_id, path)
        self._check(True)
        return True

    def stop(self) -> None:
        """End the recording; the file is completed beside the window, and named then."""
        recording, session = self.recording, self._session
        self.recording = self._session = None
        self._end_sign()
        self._check(False)
        if recording is not None and session is not None:
            job = functools.partial(session.remove_sink, recording)
            self._worker.do(job, functools.partial(self._recorded, recording), self._say)

    def snapshot(self) -> None:
        """Save the selected source's picture; asks where the first time, then goes on in that folder."""
        source_id = self._selected()
        update = self._updates.get(source_id) if source_id is not None else None
        if update is None or update.frame is None:
            self._say(tr("There is no picture to save yet: wait until one is shown."))
            return
        now = datetime.now()
        stem = f"unmask-{now:%Y%m%d-%H%M%S}"
        if self._folder is None:
            name, _ = QFileDialog.getSaveFileName(self._window, tr("Save the snapshot"), f"{stem}.png", "PNG (*.png)")
            if not name:
                return
            path = Path(name) if name.lower().endswith(".png") else Path(f"{name}.png")
            self._folder = path.parent
        else:
            path = free_name(self._folder, stem, ".png")
        done = tr("Saved to {path}").format(path=path)
        self._worker.do(
            functools.partial(save_snapshot, update, path, now), lambda _: self._say(done), self._failed_to_save
        )

    def copy_report(self) -> None:
        """Put the session so far into the clipboard, as text."""
        window, clipboard = self._window, QGuiApplication.clipboard()
        if window is None or clipboard is None:
            return
        header = window.controller.header if window.controller is not None else ()
        clipboard.setText(report_text(self._updates, header, datetime.now()))
        window.say_busy(tr("The report is in the clipboard."))

    def _ask_and_record(self) -> bool:
        source_id = self._selected()
        if source_id is None:
            self._say(tr("Nothing is watched: choose a source first."))
            return False
        if not self._reminded and not self._agrees():
            return False
        self._reminded = True
        suggested = f"unmask-{datetime.now():%Y%m%d-%H%M%S}.mp4"
        name, _ = QFileDialog.getSaveFileName(self._window, tr("Record to"), suggested, "MP4 (*.mp4)")
        if not name:
            return False
        path = Path(name) if Path(name).suffix else Path(f"{name}.mp4")
        if any(_same_file(path, watched) for watched in (source_id, *self._updates)):
            self._say(tr("{path} is what is being watched: give another file.").format(path=path))
            return False
        return self.record(source_id, path)

    def _agrees(self) -> bool:
        answer = QMessageBox.question(self._window, tr("Before you record"), tr(CONSENT))
        return answer == QMessageBox.StandardButton.Yes

    def _recorded(self, recording: Recording, busy: list[str]) -> None:
        if busy:
            self._say(tr("{path} is still being written: the disk is slow.").format(path=recording.path))
        elif not recording.failure:
            words = tr("Recorded to {path}") if recording.frames else tr("No picture came, so {path} was not made.")
            self._say(words.format(path=recording.path))

    def _failed_to_save(self, sentence: str) -> None:
        self._folder = None  # ask again
        self._say(sentence)

    def _end_sign(self) -> None:
        if self.sign is not None:
            self.sign.end()
            self._place.setVisible(False)

    def _check(self, recording: bool) -> None:
        if self._window is not None:
            self._window.commands["record"].setChecked(recording)

    def _selected(self) -> str | None:
        return self._window.grid.selected if self._window is not None else None

    def _say(self, sentence: str) -> None:
        if self._window is not None:
            self._window.notices.add([sentence])


def _same_file(path: Path, source_id: str) -> bool:
    try:
        return path.samefile(Path(source_id).expanduser())
    except (OSError, ValueError, RuntimeError):  # one of them is no file, or not there yet
        return False
