"""The monitor window: menus, notices, a panel per source or the start page, alarms, and the hint at its foot."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from unmask.gui.actions import ActionSet
from unmask.gui.alarms import AlarmList
from unmask.gui.controller import Controller
from unmask.gui.docks import Docks
from unmask.gui.features import Feature, Remembered
from unmask.gui.grid import GridRoom, Named, SourceGrid
from unmask.gui.notices import NoticeBar
from unmask.gui.panel import SourcePanel
from unmask.gui.qt import (
    QAbstractButton,
    QCloseEvent,
    QEvent,
    QHBoxLayout,
    QKeyEvent,
    QKeySequence,
    QLabel,
    QMainWindow,
    QShortcut,
    QShowEvent,
    QSize,
    QStackedWidget,
    Qt,
    QToolBar,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)
from unmask.gui.source_commands import SourceCommands
from unmask.gui.spoken import counted
from unmask.gui.start import StartPage
from unmask.gui.wording import HINT
from unmask.realtime.metrics.collector import MetricsCollector
from unmask.realtime.source_status import OVER
from unmask.realtime.types import SourceState, Update, Verdict

_NUMBERS_EVERY_S = 0.25
_SIZE = QSize(1200, 760)
_ALARMS_WIDTH = 310


class MonitorWindow(QMainWindow):
    """Shows what it is given. ``closed`` is emitted when it has been closed.

    With a ``controller`` a person can change what is watched and how; without one the window only shows.
    ``preferences`` keeps its place. ``collector`` is asked for the clocks, and told of every painting. Other parts
    are attached with ``add_feature``: see ``gui/features.py``.
    """

    closed = pyqtSignal()

    def __init__(
        self,
        sources: Sequence[Named] = (),
        notices: Sequence[str] = (),
        collector: MetricsCollector | None = None,
        *,
        controller: Controller | None = None,
        preferences: Remembered | None = None,
    ) -> None:
        super().__init__()
        self.controller, self.preferences = controller, preferences
        self.collector = collector
        self.notices = NoticeBar(notices)
        self.grid = SourceGrid(collector)
        self.start_page = StartPage()
        self.alarms = AlarmList()
        self.hint, self.outcome, self.busy = QLabel(self.tr(HINT)), QLabel(), QLabel()
        self.commands = ActionSet(self)
        self.docks = Docks(self, self.commands, preferences)
        #: Stands in the title in place of the verdict: an alert that nobody has looked at yet.
        self.title_note = ""
        self._features: list[Feature] = []
        self._numbers_at = 0.0
        self._failures: list[str] = []
        self._restored = False
        self.setWindowTitle("Unmask")
        self.setAccessibleName(self.tr("Unmask monitor"))
        self._lay_out()
        self._bind()
        # This class has two names for who checks the types: that of its file, and that of the installed package.
        this: Any = self
        self.source_commands = SourceCommands(this)
        self.show_sources(sources)

    @property
    def panels(self) -> dict[str, SourcePanel]:
        return self.grid.panels

    def add_feature(self, feature: Feature) -> None:
        """Attach a part of the window; before it is shown, so that its docks find their places again."""
        this: Any = self  # see __init__
        feature.attach(this)
        self._features.append(feature)

    def show_sources(self, sources: Sequence[Named]) -> None:
        """Have a panel for each of these and for no others; the start page where there are none."""
        for source_id in self.grid.show_sources(sources):
            self.alarms.forget(source_id)
        if len(sources) > 1:
            self.alarms.tell_sources_apart(True)
        page = self._scroll if self.panels or self.controller is None else self.start_page
        if self._pages.currentWidget() is not page:
            self._pages.setCurrentWidget(page)
            self._pages.updateGeometry()
            self._take_focus()
        if page is self._scroll:
            self.docks.unfold()
        self.hint.setVisible(page is self._scroll)

    def show_updates(self, updates: Mapping[str, Update]) -> None:
        """Bring everything up to date; nothing repaints where nothing changed."""
        for source_id, update in updates.items():
            if source_id in self.panels:
                self.panels[source_id].show_update(update)
        self.alarms.show_updates(updates)
        self.source_commands.show_updates(updates)
        for feature in self._features:
            feature.show_updates(updates)
        over = len(updates) == len(self.panels) > 0 and all(update.state in OVER for update in updates.values())
        now = time.monotonic()
        if over or now - self._numbers_at >= _NUMBERS_EVERY_S:
            self._numbers_at = now
            clocks = self.collector.clocks() if self.collector is not None else None
            for panel in self.panels.values():
                panel.refresh_numbers(clocks)
        _say(self.outcome, self._outcome(updates) if over else "")
        signs = any(update.verdict is Verdict.SIGNS for update in updates.values())
        words = self.title_note or (Verdict.SIGNS.words if signs and not over else "")
        title = words[0].upper() + words[1:] if words else "Unmask"  # Qt adds the program's name to the words
        if title != self.windowTitle():
            self.setWindowTitle(title)

    def show_failures(self, failures: Sequence[str]) -> None:
        """Say what failed, once. What a source's own panel says of itself is not repeated."""
        new = [line for line in failures if line not in self._failures]
        self._failures += new
        newest = [panel.newest for panel in self.panels.values()]
        said = {update.message for update in newest if update is not None}
        if new := [line for line in new if line not in said]:
            self.notices.add(new)

    def say_busy(self, words: str) -> None:
        """What is being done now, "" when nothing is."""
        _say(self.busy, words)
        self.start_page.say(words)

    def event(self, event: QEvent | None) -> bool:
        """A button that has the focus keeps Space for itself: otherwise it would pause instead."""
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.ShortcutOverride
            and event.key() == Qt.Key.Key_Space
            and isinstance(self.focusWidget(), QAbstractButton)
        ):
            event.accept()
            return True
        return super().event(event)

    def showEvent(self, a0: QShowEvent | None) -> None:
        if not self._restored:
            self._restored = True
            self.resizeDocks([self._alarms_dock], [_ALARMS_WIDTH], Qt.Orientation.Horizontal)
            self.docks.restore()
            if self._pages.currentWidget() is self.start_page:
                self.docks.fold()
            self._take_focus()
        super().showEvent(a0)

    def closeEvent(self, a0: QCloseEvent | None) -> None:
        self.docks.remember()
        self.hide()  # features may have to wait for their files: nobody is to look at a window that stands still
        features, self._features = self._features, []
        for feature in reversed(features):
            feature.close()
        super().closeEvent(a0)
        self.closed.emit()

    def raise_from_afar(self) -> None:
        """Somebody started the program again: come to the front."""
        # As large as it was before: showNormal() would forget that it filled the screen.
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def _take_focus(self) -> None:
        """Keys are about the selected source from the start, and not about the first button of the window."""
        if self.grid.selected is not None:
            self.panels[self.grid.selected].setFocus()
        else:
            self.start_page.setFocus()

    def _outcome(self, updates: Mapping[str, Update]) -> str:
        """How it ended. A source that failed is named so: no alarms of it must not read as a clean call."""
        failed = sum(update.state is SourceState.FAILED for update in updates.values())
        if len(updates) == 1:
            what = self.tr("The source failed") if failed else self.tr("The source is over")
        else:
            what = self.tr("All sources are over")
            if failed:
                what += self.tr(", {failed} of {count} failed").format(failed=failed, count=len(updates))
        if any(update.counters.analysed for update in updates.values()):
            found = counted(sum(len(update.events) for update in updates.values()), "alarm")
        else:
            found = self.tr("nothing was analysed")
        return f"{what}: {found}. " + self.tr("Press Q to close.")

    def _lay_out(self) -> None:
        self._scroll = GridRoom(self.grid)
        self._pages = _Pages()
        self._pages.addWidget(self._scroll)
        self._pages.addWidget(self.start_page)
        foot = QHBoxLayout()
        foot.addWidget(self.hint)
        foot.addStretch(1)
        foot.addWidget(self.busy)
        foot.addWidget(self.outcome)
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setSpacing(8)
        column.addWidget(self.notices)
        column.addWidget(self._pages, 1)
        column.addLayout(foot)
        self.setCentralWidget(middle)
        for side in (Qt.Corner.TopRightCorner, Qt.Corner.BottomRightCorner):
            self.setCorner(side, Qt.DockWidgetArea.RightDockWidgetArea)
        for label in (self.busy, self.outcome):
            label.setTextFormat(Qt.TextFormat.PlainText)  # they name files
        self.busy.setAccessibleName(self.tr("What is being done"))
        self.outcome.setAccessibleName(self.tr("How it ended"))
        screen = self.screen()
        self.resize(_SIZE.boundedTo(screen.availableSize()) if screen is not None else _SIZE)

    def _bind(self) -> None:
        """The actions that need no session, the bars, and the keys that no menu shows."""
        right = Qt.DockWidgetArea.RightDockWidgetArea
        self._alarms_dock = self.docks.add(
            "alarms", self.tr("Alarms"), self.alarms, right, action="alarms", of_sources=True
        )
        self.commands.bind("quit", self.close)
        self.commands.bind("full_screen", self._fill_screen)
        self.commands.bind("details", self._show_details)
        self.commands.bind("next_source", self.grid.select_next)
        self.addActions(list(self.commands))
        if (menus := self.menuBar()) is not None:
            self.commands.fill_menus(menus)
        self.tool_bar = QToolBar(self.tr("Tools"))
        self.tool_bar.setObjectName("tools")
        self.tool_bar.setMovable(False)
        self.commands.fill_toolbar(self.tool_bar)
        self.addToolBar(self.tool_bar)
        QShortcut(QKeySequence("Escape"), self).activated.connect(self._leave)

    def _leave(self) -> None:
        """Escape leaves the full screen first, as everywhere."""
        if self.isFullScreen():
            self.commands["full_screen"].trigger()
        else:
            self.close()

    def _fill_screen(self, wanted: bool) -> None:
        full = Qt.WindowState.WindowFullScreen
        # Not showNormal(): a window that was maximised before is so again.
        self.setWindowState(self.windowState() | full if wanted else self.windowState() & ~full)

    def _show_details(self, wanted: bool) -> None:
        for panel in self.panels.values():
            panel.clock_button.setChecked(wanted)


class _Pages(QStackedWidget):
    """Needs as much room as the page that is shown: the others are not to keep the window larger than a screen."""

    def minimumSizeHint(self) -> QSize:
        page = self.currentWidget()
        return page.minimumSizeHint() if page is not None else super().minimumSizeHint()


def _say(label: QLabel, words: str) -> None:
    if words != label.text():
        label.setText(words)
