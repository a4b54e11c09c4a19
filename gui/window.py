"""The monitor window: notices, a panel per source, the alarms, and the hint that it is no proof."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Mapping, Sequence

from unmask.gui.alarms import AlarmList
from unmask.gui.notices import NoticeBar
from unmask.gui.panel import SourcePanel
from unmask.gui.qt import (
    QCloseEvent,
    QGridLayout,
    QHBoxLayout,
    QKeySequence,
    QLabel,
    QMainWindow,
    QShortcut,
    QSize,
    QSplitter,
    Qt,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)
from unmask.gui.wording import HINT, counted
from unmask.realtime.metrics.collector import MetricsCollector
from unmask.realtime.source_status import OVER
from unmask.realtime.types import Update, Verdict

_NUMBERS_EVERY_S = 0.25
_SIZE = QSize(1200, 760)
_ALARMS_WIDTH, _WITH_SOURCE = 310, 400


class MonitorWindow(QMainWindow):
    """Shows what it is given; knows nothing of sessions. ``closed`` is emitted when it has been closed."""

    closed = pyqtSignal()

    def __init__(
        self,
        source_ids: Sequence[str],
        notices: Sequence[str] = (),
        collector: MetricsCollector | None = None,
    ) -> None:
        """``collector`` is asked for the clocks, and told of every painting."""
        super().__init__()
        self.notices = NoticeBar(notices)
        self.panels = {source_id: SourcePanel(source_id) for source_id in source_ids}
        self._collector = collector
        if collector is not None:
            for source_id, panel in self.panels.items():
                panel.picture.on_painted = functools.partial(collector.painted, source_id)
        self.alarms = AlarmList(several_sources=len(source_ids) > 1)
        self.hint = QLabel(HINT)
        self.outcome = QLabel()
        self._numbers_at = 0.0
        self._failures: list[str] = []
        self.setWindowTitle("Unmask")
        self.setAccessibleName("Unmask monitor")
        self._lay_out()
        self._bind_keys()

    def show_updates(self, updates: Mapping[str, Update]) -> None:
        """Bring the panels up to date; nothing repaints where nothing changed."""
        for source_id, update in updates.items():
            if source_id in self.panels:
                self.panels[source_id].show_update(update)
        self.alarms.show_updates(updates)
        over = len(updates) == len(self.panels) and all(update.state in OVER for update in updates.values())
        now = time.monotonic()
        if over or now - self._numbers_at >= _NUMBERS_EVERY_S:
            self._numbers_at = now
            clocks = self._collector.clocks() if self._collector is not None else None
            for panel in self.panels.values():
                panel.refresh_numbers(clocks)
        _say(self.outcome, self._outcome(updates) if over else "")
        signs = any(update.verdict is Verdict.SIGNS for update in updates.values())
        title = f"{Verdict.SIGNS.words} - Unmask" if signs and not over else "Unmask"
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

    def closeEvent(self, a0: QCloseEvent | None) -> None:
        super().closeEvent(a0)
        self.closed.emit()

    def _outcome(self, updates: Mapping[str, Update]) -> str:
        alarms = sum(len(update.events) for update in updates.values())
        what = "The source is over" if len(updates) == 1 else "All sources are over"
        return f"{what}: {counted(alarms, 'alarm')}. Press Q to close."

    def _lay_out(self) -> None:
        grid_holder, grid = QWidget(), QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(12)
        columns = math.ceil(math.sqrt(len(self.panels))) or 1
        for number, panel in enumerate(self.panels.values()):
            last = number == len(self.panels) - 1
            grid.addWidget(panel, *divmod(number, columns), 1, -1 if last else 1)
        for column in range(columns):
            grid.setColumnStretch(column, 1)
        grid_holder.setLayout(grid)
        splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.addWidget(grid_holder)
        splitter.addWidget(self.alarms)
        splitter.setStretchFactor(0, 1)
        alarms_width = _WITH_SOURCE if len(self.panels) > 1 else _ALARMS_WIDTH
        splitter.setSizes([_SIZE.width() - alarms_width, alarms_width])
        splitter.setChildrenCollapsible(False)
        foot = QHBoxLayout()
        foot.addWidget(self.hint)
        foot.addStretch(1)
        foot.addWidget(self.outcome)
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setSpacing(8)
        column.addWidget(self.notices)
        column.addWidget(splitter, 1)
        column.addLayout(foot)
        self.setCentralWidget(middle)
        screen = self.screen()
        self.resize(_SIZE.boundedTo(screen.availableSize()) if screen is not None else _SIZE)

    def _bind_keys(self) -> None:
        for keys, act in (
            ("Q", self.close),
            ("Ctrl+W", self.close),
            ("Ctrl+Q", self.close),
            ("Escape", self._leave),
            ("F11", self._toggle_full_screen),
        ):
            QShortcut(QKeySequence(keys), self).activated.connect(act)

    def _leave(self) -> None:
        """Escape leaves the full screen first, as everywhere."""
        if self.isFullScreen():
            self.showNormal()
        else:
            self.close()

    def _toggle_full_screen(self) -> None:
        if self.isFullScreen():
            self.showNormal()
        else:
            self.showFullScreen()


def _say(label: QLabel, words: str) -> None:
    if words != label.text():
        label.setText(words)
