"""Heat map, landmarks and crops as a part of the window: switched by the settings and by their actions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from unmask.gui.i18n import tr
from unmask.gui.layers.crops import CropStrip
from unmask.gui.layers.heat_map import HeatMapLayer
from unmask.gui.layers.landmarks import LandmarksLayer
from unmask.gui.picture import Layer
from unmask.gui.qt import QDockWidget, Qt
from unmask.realtime.detector import Detector
from unmask.realtime.looks import NOTHING, Sight
from unmask.realtime.types import Update

if TYPE_CHECKING:
    from unmask.gui.panel import SourcePanel
    from unmask.gui.window import MonitorWindow
    from unmask.realtime.session import Session

_KEYS = {"heat_map": "view/heat_map", "landmarks": "view/landmarks", "crops": "view/crops"}


class LayersFeature:
    """A ``Feature``. Maps and crops are kept by the session only while they are shown here."""

    def __init__(self) -> None:
        self.strip = CropStrip()
        self.dock: QDockWidget | None = None
        self._window: MonitorWindow | None = None
        self._shown: dict[str, bool] = dict.fromkeys(_KEYS, False)
        self._layers: dict[str, dict[str, Layer]] = {}
        self._asked: tuple[Session, frozenset[Sight]] | None = None
        self._examined: Detector | None = None
        #: Why there is no heat map; empty where there is one.
        self.problem = ""

    def attach(self, window: MonitorWindow) -> None:
        self._window = window
        preferences = window.preferences
        if preferences is not None:
            self._shown = {name: bool(preferences.value(key)) for name, key in _KEYS.items()}
        area = Qt.DockWidgetArea.RightDockWidgetArea
        shown = self._shown["crops"]
        self.dock = window.docks.add("crops", tr("Crops"), self.strip, area, action="crops", shown=shown)
        window.resizeDocks([self.dock], [self.strip.sizeHint().height()], Qt.Orientation.Vertical)
        if (toggle := self.dock.toggleViewAction()) is not None:
            toggle.toggled.connect(self._crops_toggled)
        for name in ("heat_map", "landmarks"):
            action = window.commands.bind(name, lambda wanted, name=name: self.show(name, wanted))
            action.setChecked(self._shown[name])
        for panel in window.panels.values():
            self._add_panel(panel)
        window.grid.panel_added.connect(self._add_panel)
        window.grid.panel_removed.connect(self._layers.pop)
        changed = getattr(preferences, "changed", None)
        if changed is not None:
            changed.connect(self._preference_changed)

    def show(self, name: str, wanted: bool) -> None:
        """``heat_map``, ``landmarks`` or ``crops``; kept in the settings."""
        window = self._window
        if window is None or self._shown[name] is wanted:
            return
        self._shown[name] = wanted
        if name == "crops" and self.dock is not None:
            self.dock.setVisible(wanted)
        window.commands[name].setChecked(wanted)
        if window.preferences is not None:
            window.preferences.set(_KEYS[name], wanted)
        self._lay()

    def show_updates(self, updates: Mapping[str, Update]) -> None:
        session = self._session()
        self._examine(session.detector if session is not None else None)
        self._ask(session, self._wanted())
        if self.dock is not None and self.dock.isVisible():
            self.strip.show_updates(updates)
        elif self.strip.cards:
            self.strip.clear()

    def close(self) -> None:
        self._ask(self._session(), NOTHING)
        self.strip.clear()

    def _session(self) -> Session | None:
        controller = self._window.controller if self._window is not None else None
        return controller.session if controller is not None else None

    def _wanted(self) -> frozenset[Sight]:
        wanted: set[Sight] = set()
        if self._shown["heat_map"] and not self.problem:
            wanted.add("activation")
        if self._shown["landmarks"]:
            wanted.add("landmarks")
        if self.dock is not None and self.dock.isVisible():
            wanted.add("crops")
        return frozenset(wanted)

    def _ask(self, session: Session | None, wanted: frozenset[Sight]) -> None:
        if session is not None and (self._asked is None or self._asked != (session, wanted)):
            session.looks.wanted = wanted
            self._asked = session, wanted

    def _examine(self, detector: Detector | None) -> None:
        """Whether there can be a heat map is told by the detector that is at work."""
        if detector is self._examined or self._window is None:
            return
        self._examined = detector
        self.problem = _why_no_map(detector) if detector is not None else ""
        action = self._window.commands["heat_map"]
        action.setEnabled(not self.problem)
        tip = self.problem or tr("Show where the model looked: no evidence")
        action.setToolTip(tip)
        action.setStatusTip(tip)
        # A menu shows no tips.
        action.setText(tr("&Heat map") if not self.problem else tr("&Heat map (the detector gives none)"))
        self._lay()

    def _add_panel(self, panel: SourcePanel) -> None:
        self._layers[panel.source_id] = {"heat_map": HeatMapLayer(), "landmarks": LandmarksLayer()}
        self._lay()

    def _lay(self) -> None:
        """Have the layers that are switched on in every picture, and no others."""
        if self._window is None:
            return
        for source_id, layers in self._layers.items():
            picture = self._window.panels[source_id].picture
            for name, layer in layers.items():
                picture.remove_layer(layer)
                if self._shown[name] and not (name == "heat_map" and self.problem):
                    picture.add_layer(layer)

    def _crops_toggled(self, wanted: bool) -> None:
        self.show("crops", wanted)

    def _preference_changed(self, key: str) -> None:
        for name, own in _KEYS.items():
            if key == own and self._window is not None and self._window.preferences is not None:
                self.show(name, bool(self._window.preferences.value(key)))


def _why_no_map(detector: Detector) -> str:
    """One sentence; empty where there is a map."""
    if detector.gives_activation:
        return ""
    if detector.manifest.activation is None:
        return tr("The detector {name} gives no map of where it looked.").format(name=detector.manifest.name)
    return tr("The engine {name} gives no map of where the model looked.").format(name=detector.engine_name)
