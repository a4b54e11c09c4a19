"""The history as a part of the window: records the session where the person wants it, and shows the page."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from unmask.engines.errors import UnmaskError
from unmask.gui.background import Worker
from unmask.gui.history.page import HistoryPage
from unmask.gui.i18n import tr
from unmask.gui.qt import QDialog, QTimer, QVBoxLayout, QWidget
from unmask.realtime.history.opening import history_file
from unmask.realtime.history.records import Judging
from unmask.realtime.history.sink import HistorySink
from unmask.realtime.history.store import History
from unmask.realtime.session import Session
from unmask.realtime.types import Update

if TYPE_CHECKING:
    from unmask.gui.controller import Controller
    from unmask.gui.window import MonitorWindow

#: How often what is too old is deleted, and how long after a change of "Keep it for": a number on its way to
#: another one must not delete anything yet.
_RETAIN_EVERY_MS, _RETAIN_SOON_MS = 3_600_000, 5_000

_HISTORY, _DAYS, _PICTURES = "privacy/history", "privacy/history_days", "privacy/pictures"


class HistoryDialog(QDialog):
    """The page in a window of its own; reads the list anew whenever it is shown."""

    def __init__(self, page: HistoryPage, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.page = page
        self.setWindowTitle(tr("History"))
        self.resize(980, 640)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(page)

    def open_page(self) -> None:
        self.page.reload()
        self.show()
        self.raise_()
        self.activateWindow()
        self.page.search.setFocus()


class HistoryFeature:
    """A ``Feature``. ``path`` is the history's file (default: the user's own); ``scan`` scans a file again."""

    def __init__(self, path: Path | None = None, scan: Callable[[list[str]], object] | None = None) -> None:
        self._path = path
        self._scan = scan
        self._beginning = False
        self._window: MonitorWindow | None = None
        self._worker = Worker("history")
        self._retention = QTimer()
        self._retention.timeout.connect(self._retain)
        self._session: Session | None = None
        self.sink: HistorySink | None = None
        self.dialog: HistoryDialog | None = None

    def attach(self, window: MonitorWindow) -> None:
        self._window = window
        window.commands.bind("history", self.show)
        preferences = window.preferences
        if preferences is None:
            return
        changed = getattr(preferences, "changed", None)
        if changed is not None:
            changed.connect(self._preference_changed)
        self._retain()
        if window.controller is not None:
            window.controller.changed.connect(self._follow)
            self._follow()

    def show(self) -> None:
        """Open the page, or bring it to the front."""
        if self.dialog is None:
            self.dialog = HistoryDialog(HistoryPage(self._path), self._window)
            self.dialog.page.open_again.connect(self._open_again)
        self.dialog.open_page()

    def show_updates(self, updates: Mapping[str, Update]) -> None:
        """Nothing: the sink gets every update itself."""

    def close(self) -> None:
        """What was recorded is completed by the session, when it stops."""
        self._retention.stop()
        window, self._window = self._window, None
        changed = getattr(window.preferences, "changed", None) if window is not None else None
        if changed is not None:
            changed.disconnect(self._preference_changed)
        if window is not None and window.preferences is not None and window.controller is not None:
            window.controller.changed.disconnect(self._follow)
        self._worker.close()
        if self.dialog is not None:
            self.dialog.page.close_store()
            self.dialog.close()

    @property
    def wanted(self) -> bool:
        preferences = self._window.preferences if self._window is not None else None
        return preferences is not None and bool(preferences.value(_HISTORY))

    def _follow(self) -> None:
        """The session began, or what judges changed, or the person changed their mind."""
        window = self._window
        controller = window.controller if window is not None else None
        session = controller.session if controller is not None else None
        if window is None or controller is None or session is None or window.preferences is None:
            return
        if self.sink is not None:
            self.sink.keep_pictures = bool(window.preferences.value(_PICTURES))
            if self.wanted:
                self.sink.describe(judging_of(session, controller))
            else:
                sink, self.sink, self._session = self.sink, None, None
                self._worker.do(functools.partial(session.remove_sink, sink), lambda _: None, self._say)
        elif self.wanted and not self._beginning and self._session is not session:
            self._session, self._beginning = session, True
            pictures = bool(window.preferences.value(_PICTURES))
            job = functools.partial(self._begin, session, judging_of(session, controller), pictures)
            self._worker.do(job, self._began, self._could_not)

    def _begin(self, session: Session, judging: Judging, pictures: bool) -> tuple[HistorySink, str]:
        """On the worker's thread."""
        history = History(self._path)
        try:
            sources = [channel.source_id for channel in session.channels]
            sink = HistorySink(history, judging, sources, keep_pictures=pictures)
        except UnmaskError:
            history.close()
            raise
        try:
            session.add_sink(sink)
        except UnmaskError:
            sink.close()
            raise
        return sink, history.notice

    def _began(self, begun: tuple[HistorySink, str]) -> None:
        self._beginning = False
        self.sink, notice = begun
        if notice:
            self._say(notice)
        self._follow()  # something may have changed meanwhile

    def _could_not(self, sentence: str) -> None:
        """Said once: it is tried again in the next session, or when the person switches it on again."""
        self._beginning = False
        self._say(sentence)

    def _retain(self) -> None:
        """Delete what is older than the person wants, now and every hour: a monitor may run for weeks."""
        preferences = self._window.preferences if self._window is not None else None
        if preferences is not None:
            self._retention.start(_RETAIN_EVERY_MS)
            days = float(str(preferences.value(_DAYS)))
            self._worker.do(functools.partial(self._delete_older, days), lambda _: None, self._say)

    def _delete_older(self, days: float) -> None:
        if not (self._path or history_file()).exists():
            return  # opening it would make one, which the person may not want
        with History(self._path) as history:
            history.delete_older(days)

    def _preference_changed(self, key: str) -> None:
        if key in (_HISTORY, _PICTURES):
            self._session = None if self.sink is None else self._session
            self._follow()
        elif key == _DAYS:
            self._retention.start(_RETAIN_SOON_MS)

    def _open_again(self, source: str, scan: bool) -> None:
        window = self._window
        if window is None or window.controller is None:
            return
        if scan and self._scan is not None:
            self._scan([source])
        else:
            window.controller.open_only(source)

    def _say(self, sentence: str) -> None:
        if self._window is not None:
            self._window.notices.add([sentence])


def judging_of(session: Session, controller: Controller) -> Judging:
    """What judges in ``session`` now, and the footage behind its threshold."""
    detector = session.detector
    return Judging(
        detector.manifest.name,
        detector.manifest.version,
        detector.provider,
        controller.choice.precision,
        session.threshold.alarms_per_hour,
        session.threshold.score,
        controller.header[1] if len(controller.header) > 1 else "",
    )
