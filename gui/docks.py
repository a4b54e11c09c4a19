"""The docks of the window, their actions, and the places of all that a person moved."""

from __future__ import annotations

from unmask.gui.actions import ActionSet
from unmask.gui.features import Remembered
from unmask.gui.qt import QAction, QByteArray, QDockWidget, QMainWindow, Qt, QWidget

GEOMETRY, STATE = "window/geometry", "window/state"
# Raised when docks are renamed or removed: a state of another version is not restored.
_STATE_VERSION = 1


class Docks:
    """Gives widgets a place at the edges of ``window``, and keeps the places in ``preferences`` (``None``: does
    not). ``restore`` once all docks are there."""

    def __init__(self, window: QMainWindow, commands: ActionSet, preferences: Remembered | None) -> None:
        self._window, self._commands, self._preferences = window, commands, preferences
        self._of_sources: list[QDockWidget] = []
        self._folded: list[QDockWidget] = []

    def add(
        self,
        name: str,
        title: str,
        widget: QWidget,
        area: Qt.DockWidgetArea,
        *,
        action: str = "",
        shown: bool = True,
        of_sources: bool = False,
    ) -> QDockWidget:
        """``name`` is what its place is kept under; ``action`` the checkable row of ``gui/actions.py`` that shows
        and hides it. The widget becomes the dock's. ``of_sources``: it is empty before there is a source."""
        dock = QDockWidget(title, self._window)
        dock.setObjectName(name)
        dock.setAccessibleName(title)
        dock.setWidget(widget)
        self._window.addDockWidget(area, dock)
        dock.setVisible(shown)
        if of_sources:
            self._of_sources.append(dock)
        if action:
            self._follow(dock, self._commands.bind(action, lambda wanted: self._choose(dock, wanted)), shown)
        return dock

    def fold(self) -> None:
        """Take those that are empty without a source out of the way of the start page."""
        self._folded = [dock for dock in self._of_sources if not dock.isHidden()]
        for dock in self._folded:
            dock.hide()

    def unfold(self) -> None:
        """Bring back what was folded, but for what a person showed or hid since."""
        folded, self._folded = self._folded, []
        for dock in folded:
            dock.show()

    def restore(self) -> None:
        """Put everything where it was left; nothing where that is not known."""
        if self._preferences is None:
            return
        if geometry := self._preferences.value(GEOMETRY):
            self._window.restoreGeometry(_from_text(geometry))
        if state := self._preferences.value(STATE):
            self._window.restoreState(_from_text(state), _STATE_VERSION)

    def remember(self) -> None:
        self.unfold()
        if self._preferences is not None:
            self._preferences.set(GEOMETRY, _to_text(self._window.saveGeometry()))
            self._preferences.set(STATE, _to_text(self._window.saveState(_STATE_VERSION)))

    def _choose(self, dock: QDockWidget, wanted: bool) -> None:
        if dock in self._folded:
            self._folded.remove(dock)
        dock.setVisible(wanted)

    @staticmethod
    def _follow(dock: QDockWidget, action: QAction, shown: bool) -> None:
        """The action is checked while the dock is not closed, also where its window is hidden or minimised."""
        action.setChecked(shown)
        toggle = dock.toggleViewAction()
        if toggle is not None:
            toggle.toggled.connect(action.setChecked)


def _to_text(data: QByteArray) -> str:
    return bytes(data.toBase64().data()).decode("ascii")


def _from_text(words: object) -> QByteArray:
    return QByteArray.fromBase64(str(words).encode("ascii", "replace"))
