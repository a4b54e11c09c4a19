"""The sources side by side: laid anew when they come and go; one of them is selected."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Protocol

from unmask.gui.panel import SourcePanel
from unmask.gui.qt import QApplication, QGridLayout, QScrollArea, QSize, Qt, QWidget, pyqtSignal
from unmask.realtime.metrics.collector import MetricsCollector

_SPACING = 10
#: Of one panel with its picture, so that docks give way to it, and an alert with all notices fits on a small screen;
#: and what it would rather have.
_LEAST, _WANTED = QSize(260, 180), QSize(800, 520)


class Named(Protocol):
    """A source: ``key`` is its own also among sources that bear one name after another."""

    @property
    def source_id(self) -> str: ...

    @property
    def key(self) -> int: ...


class SourceGrid(QWidget):
    """A panel for each source. ``selected`` is the one that actions are about; a click or the Tab key changes it.

    ``panel_added`` hands out a new panel, ``panel_removed`` the id of one that is gone, ``selection_changed`` the
    id of the selected one ("" for none). ``asked`` tells of a button in a panel: its source and its action.
    ``collector`` is told of every painting.
    """

    panel_added = pyqtSignal(object)
    panel_removed = pyqtSignal(str)
    selection_changed = pyqtSignal(str)
    asked = pyqtSignal(str, str)

    def __init__(self, collector: MetricsCollector | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.panels: dict[str, SourcePanel] = {}
        self.selected: str | None = None
        self._collector = collector
        self._keys: dict[str, int] = {}
        self._offers: frozenset[str] = frozenset()
        self._layout = QGridLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(_SPACING)
        self.setAccessibleName(self.tr("Sources"))
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._focus_moved)

    def heightForWidth(self, a0: int) -> int:
        """What it needs and not what it would like: else a banner's words have pictures grow out of sight."""
        return self._layout.minimumHeightForWidth(a0)  # it has no margins

    def offer(self, names: frozenset[str]) -> None:
        """The actions that panels may have buttons for."""
        self._offers = names
        for panel in self.panels.values():
            panel.banner.allow(names)

    def show_sources(self, sources: Sequence[Named]) -> list[str]:
        """Make panels for these and no others. Returns the ids of those that are new, or others under an old name."""
        wanted = {source.source_id: source.key for source in sources}
        if wanted == self._keys:
            return []
        gone = [source_id for source_id, key in self._keys.items() if wanted.get(source_id) != key]
        for source_id in gone:
            self._drop(source_id)
        new = [source_id for source_id in wanted if source_id not in self.panels]
        self._keys = wanted
        # In the order of the sources, whatever came first.
        self.panels = {source_id: self.panels.get(source_id) or self._make(source_id) for source_id in wanted}
        self._lay_out()
        for source_id in new:
            self.panel_added.emit(self.panels[source_id])
        # What a person just added or switched to is what the next action is about; the first at the beginning.
        if self.selected not in self.panels or (new and len(new) < len(self.panels)):
            self.select(new[-1] if new and len(new) < len(self.panels) else next(iter(self.panels), None))
        self._mark()
        return new

    def select(self, source_id: str | None) -> None:
        if source_id == self.selected or not (source_id is None or source_id in self.panels):
            return
        self.selected = source_id
        self._mark()
        self.selection_changed.emit(source_id or "")

    def select_next(self) -> None:
        """The one after the selected one gets the focus too."""
        if names := list(self.panels):
            here = names.index(self.selected) if self.selected in names else -1
            following = names[(here + 1) % len(names)]
            self.panels[following].setFocus()
            self.select(following)

    def _make(self, source_id: str) -> SourcePanel:
        panel = SourcePanel(source_id, self)
        panel.banner.allow(self._offers)
        panel.banner.asked.connect(functools.partial(self.asked.emit, source_id))
        if self._collector is not None:
            panel.picture.on_painted = functools.partial(self._collector.painted, source_id)
        panel.show()
        return panel

    def _drop(self, source_id: str) -> None:
        panel = self.panels.pop(source_id)
        self._layout.removeWidget(panel)
        panel.hide()
        panel.picture.on_painted = None
        panel.deleteLater()
        self.panel_removed.emit(source_id)

    def _lay_out(self) -> None:
        for panel in self.panels.values():
            self._layout.removeWidget(panel)
        columns = math.ceil(math.sqrt(len(self.panels))) or 1
        for number, panel in enumerate(self.panels.values()):
            row, column = divmod(number, columns)
            last = number == len(self.panels) - 1
            self._layout.addWidget(panel, row, column, 1, columns - column if last else 1)
        rows = math.ceil(len(self.panels) / columns)
        for column in range(self._layout.columnCount()):
            self._layout.setColumnStretch(column, int(column < columns))
        for row in range(self._layout.rowCount()):
            self._layout.setRowStretch(row, int(row < rows))
        for before, after in zip(list(self.panels.values()), list(self.panels.values())[1:], strict=False):
            QWidget.setTabOrder(before, after)

    def _mark(self) -> None:
        several = len(self.panels) > 1
        for source_id, panel in self.panels.items():
            panel.mark_selected(several and source_id == self.selected)

    def _focus_moved(self, _before: QWidget | None, now: QWidget | None) -> None:
        for source_id, panel in self.panels.items():
            if now is panel or (now is not None and panel.isAncestorOf(now)):
                self.select(source_id)


class GridRoom(QScrollArea):
    """Where the grid lies: many sources with all their clocks need more room than a screen has."""

    def __init__(self, grid: SourceGrid, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(grid)

    def sizeHint(self) -> QSize:
        return QSize(_WANTED)

    def minimumSizeHint(self) -> QSize:
        return QSize(_LEAST)
