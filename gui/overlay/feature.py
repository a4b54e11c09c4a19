"""The overlay as a part of the window: one preference chooses between nothing, marks on the desktop, and the pill."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from unmask.engines.errors import UnmaskError
from unmask.gui.i18n import mark, tr
from unmask.gui.overlay import geometry
from unmask.gui.overlay.desktop import Desktop, QtDesktop
from unmask.gui.overlay.overlay import Overlay
from unmask.gui.overlay.pill import Pill
from unmask.gui.overlay.sources import overlay_for, place_for
from unmask.gui.post import connect_queued
from unmask.gui.qt import QActionGroup, QGuiApplication, QMenu, QPointF, QRectF, QSizeF, Qt, sip
from unmask.realtime.types import Update

if TYPE_CHECKING:
    from unmask.gui.window import MonitorWindow

MODES = {
    "off": mark("Nothing on the desktop"),
    "rings": mark("Mark the faces on the desktop"),
    "pill": mark("A pill with the verdict"),
}
_MODE, _PILL_PLACE = "overlay/mode", "overlay/pill_place"


class OverlayFeature:
    """A ``Feature``. In the mode ``rings`` a source that has no place on the desktop gets the pill instead."""

    def __init__(self, make_desktop: Callable[[], Desktop] = QtDesktop) -> None:
        self._make_desktop = make_desktop
        self._desktop: Desktop | None = None
        self._window: MonitorWindow | None = None
        self._said: set[str] = set()
        self._mode = "off"
        self._unplaced: set[str] = set()
        self.overlays: dict[str, Overlay] = {}
        self.pill: Pill | None = None

    @property
    def mode(self) -> str:
        return self._mode

    def attach(self, window: MonitorWindow) -> None:
        self._window = window
        window.commands.bind("overlay", self.choose)
        preferences = window.preferences
        if preferences is not None:
            changed = getattr(preferences, "changed", None)
            if changed is not None:
                changed.connect(self._preference_changed)
            self.set_mode(str(preferences.value(_MODE)))

    def set_mode(self, mode: str) -> None:
        """``off``, ``rings`` or ``pill``; takes effect with the next updates."""
        if mode != self._mode:
            self._mode = mode
            self._said.clear()
            self._take_down()

    def choose(self) -> None:
        """Ask the person for the mode, in a menu over the window."""
        window = self._window
        if window is None:
            return
        menu = QMenu(window)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setAccessibleName(tr("What is drawn on the desktop"))
        group = QActionGroup(menu)
        for mode, words in MODES.items():
            action = menu.addAction(tr(words))
            if action is not None:
                action.setCheckable(True)
                action.setChecked(mode == self._mode)
                action.setActionGroup(group)
                action.triggered.connect(lambda _on, mode=mode: self._chosen(mode))
        menu.popup(window.mapToGlobal(window.rect().center()))

    def show_updates(self, updates: Mapping[str, Update]) -> None:
        if self._mode == "off" or self._window is None:
            return
        if self._desktop is None:
            self._desktop = self._make_desktop()
        if self._mode == "rings":
            self._show_marks(updates)
        if self._mode == "pill" or self._unplaced:
            self._show_pill(updates)

    def close(self) -> None:
        self._take_down()
        self._window = None

    def _show_marks(self, updates: Mapping[str, Update]) -> None:
        for source_id in [known for known in self.overlays if known not in updates]:
            self.overlays.pop(source_id).close()
        self._unplaced &= set(updates)
        for source_id in updates:
            if source_id not in self.overlays and source_id not in self._unplaced:
                self._add(source_id)
        for source_id, overlay in self.overlays.items():
            others = [other.area for name, other in self.overlays.items() if name != source_id and other.area]
            overlay.show_updates(updates, others)
            self._say(overlay.sentence)

    def _add(self, source_id: str) -> None:
        assert self._window is not None
        assert self._desktop is not None
        controller = self._window.controller
        spec = controller.spec_of(source_id) if controller is not None else source_id
        try:
            self.overlays[source_id] = overlay_for(spec, self._desktop, source_id=source_id)
        except UnmaskError as error:
            self._unplaced.add(source_id)
            self._say(str(error))

    def _show_pill(self, updates: Mapping[str, Update]) -> None:
        if self.pill is None:
            self.pill = self._new_pill(updates)
        self.pill.show_updates(updates)
        if not self.pill.isVisible():
            self.pill.show()

    def _new_pill(self, updates: Mapping[str, Update]) -> Pill:
        pill = Pill()
        # Queued, because some of them delete the pill that is still telling of it.
        connect_queued(pill.opened, self._open_window)
        connect_queued(pill.pause_wanted, self._pause)
        connect_queued(pill.dismissed, self._dismiss_pill)
        connect_queued(pill.quit_wanted, self._quit)
        connect_queued(pill.moved, self._remember)
        assert self._desktop is not None
        self._desktop.exclude(int(pill.winId()))
        size = QSizeF(pill.size())
        desks = [QRectF(screen.availableGeometry()) for screen in QGuiApplication.screens()]
        corner = geometry.kept_on(place, size, desks) if (place := self._remembered()) is not None else None
        pill.put((corner or geometry.pill_corner(size, desks, self._watched(updates))).toPoint())
        return pill

    def _watched(self, updates: Mapping[str, Update]) -> list[QRectF]:
        """What of the desktop is watched, in logical pixels: the pill is to lie elsewhere."""
        assert self._window is not None
        assert self._desktop is not None
        controller, rects = self._window.controller, []
        for source_id in updates:
            spec = controller.spec_of(source_id) if controller is not None else source_id
            try:
                place = place_for(spec)
            except UnmaskError:  # nothing to avoid, then
                continue
            area = place.look()
            place.close()
            if area is not None:
                rects += [monitor.to_logical(geometry.region_rect(area)) for monitor in self._desktop.monitors()]
        return rects

    def _take_down(self) -> None:
        overlays, self.overlays = self.overlays, {}
        for overlay in overlays.values():
            overlay.close()
        pill, self.pill = self.pill, None
        if pill is not None:
            sip.delete(pill)
        desktop, self._desktop = self._desktop, None
        if desktop is not None:
            desktop.close()
        self._unplaced.clear()

    def _say(self, sentence: str) -> None:
        """In the window's notices, each sentence once."""
        if sentence and self._window is not None and sentence not in self._said:
            self._said.add(sentence)
            self._window.notices.add([sentence])

    def _preference_changed(self, key: str) -> None:
        if key == _MODE and self._window is not None and self._window.preferences is not None:
            self.set_mode(str(self._window.preferences.value(_MODE)))

    def _chosen(self, mode: str) -> None:
        preferences = self._window.preferences if self._window is not None else None
        if preferences is not None:
            preferences.set(_MODE, mode)
        self.set_mode(mode)

    def _dismiss_pill(self) -> None:
        self._chosen("off")

    def _open_window(self) -> None:
        window = self._window
        if window is not None:
            window.setWindowState(window.windowState() & ~Qt.WindowState.WindowMinimized)
            window.show()
            window.raise_()
            window.activateWindow()

    def _pause(self, wanted: bool) -> None:
        controller = self._window.controller if self._window is not None else None
        if controller is not None:
            (controller.pause if wanted else controller.resume)(None)

    def _quit(self) -> None:
        if self._window is not None:
            self._window.close()

    def _remember(self, left: int, top: int) -> None:
        if self._window is not None and self._window.preferences is not None:
            self._window.preferences.set(_PILL_PLACE, f"{left},{top}")

    def _remembered(self) -> QPointF | None:
        preferences = self._window.preferences if self._window is not None else None
        if preferences is None:
            return None
        left, _, top = str(preferences.value(_PILL_PLACE)).partition(",")
        try:
            return QPointF(int(left), int(top))
        except ValueError:
            return None
