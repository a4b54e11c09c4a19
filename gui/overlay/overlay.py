"""Marks on the desktop for one source: finds its place, checks that the monitor does not see itself, draws."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from enum import Enum

from unmask.engines.errors import UnmaskError
from unmask.gui.i18n import tr
from unmask.gui.overlay import geometry
from unmask.gui.overlay.desktop import Desktop
from unmask.gui.overlay.layer import LayerWindow
from unmask.gui.overlay.marks import MARGIN, Face, Kind, Mark, around, at_faces, pattern_places
from unmask.gui.overlay.self_check import SETTLE_NS, SelfCheck, Sight
from unmask.gui.qt import QRectF, QSizeF, sip
from unmask.realtime.source_status import OVER
from unmask.realtime.sources.screen import PlaceFinder, Region
from unmask.realtime.types import Frame, SourceState, Update

_FOLLOW_EVERY_S = 1 / 15
_LOOK_ROUND_EVERY_S = 1.0
_PATTERN = QSizeF(48, 16)


class Placement(Enum):
    """``CHECKING``: not known yet whether the monitor would see the marks; none are drawn meanwhile."""

    CHECKING = "checking"
    AT_FACES = "at the faces"
    AROUND = "around what is watched"
    REFUSED = "refused"


class Overlay:
    """The layer of one source, a window for each monitor that the watched area touches. UI thread only; close it.

    It has no timer: ``show_updates``, called some thirty times a second, also follows the watched window.
    ``sentence`` says for a person how the marks are placed, or why there are none.
    """

    def __init__(self, source_id: str, find: Callable[[], PlaceFinder], desktop: Desktop) -> None:
        """``find`` gives the place, and again after monitors came or went; what it raises at first is raised here."""
        self.source_id = source_id
        self.placement = Placement.CHECKING
        self.sentence = ""
        self.area: Region | None = None
        self._find, self._place, self._desktop = find, find(), desktop
        self._windows: dict[str, LayerWindow] = {}
        self._monitors: tuple[geometry.Monitor, ...] = ()
        self._composited = True
        self._excluded: bool | None = None
        self._check, self._pattern_since, self._clear_since = SelfCheck(), 0, 0
        self._follow_at = self._look_round_at = 0.0
        self._shown: object = None

    @property
    def windows(self) -> Sequence[LayerWindow]:
        return list(self._windows.values())

    def show_updates(self, updates: Mapping[str, Update], spare: Sequence[Region] = ()) -> None:
        """``spare``: what else is watched; marks around this source keep out of it too."""
        now = time.monotonic()
        if now >= self._look_round_at:
            self._look_round_at = now + _LOOK_ROUND_EVERY_S
            self._look_round()
        if now >= self._follow_at:
            self._follow_at = now + _FOLLOW_EVERY_S
            self._follow()
        update = updates.get(self.source_id)
        if update is None or self.placement is Placement.REFUSED:
            return
        if self.placement is Placement.CHECKING:
            if update.frame is not None and update.state is SourceState.RUNNING and self.area is not None:
                self._advance_check(update.frame)
            return
        shown = (update.sequence, update.state, update.verdict, self.area, self.placement, tuple(spare))
        if shown != self._shown:
            self._shown = shown
            self._draw(update, spare)

    def check_again(self) -> None:
        """Monitors came or went, or a compositor did: nothing that was found out need hold any more."""
        self._close_windows()
        self.area = None
        self.placement, self._excluded = Placement.CHECKING, None
        self._begin_check()
        self._look_round_at = self._follow_at = 0.0

    def close(self) -> None:
        self._close_windows()
        self._place.close()

    def _close_windows(self) -> None:
        windows, self._windows = self._windows, {}
        self._shown = None
        for window in windows.values():
            sip.delete(window)  # not later: a forgotten layer would stay on the screen

    def _look_round(self) -> None:
        """Monitors and compositors come and go, and other windows are put on top."""
        there, composited = self._desktop.monitors(), self._desktop.composited()
        if (there, composited) != (self._monitors, self._composited):
            first = not self._monitors
            self._monitors, self._composited = there, composited
            if not first:
                self._find_again()
        for window in self._windows.values():
            if window.isVisible():
                window.raise_()

    def _find_again(self) -> None:
        self.check_again()
        try:
            place = self._find()
        except UnmaskError as error:
            self._refuse(str(error))
            return
        self._place.close()
        self._place = place

    def _follow(self) -> None:
        area = self._place.look()
        if area == self.area:
            return
        self.area, self._shown = area, None
        touched = geometry.touched(area, self._monitors) if area is not None else []
        names = {monitor.name for monitor in touched}
        for name in [name for name in self._windows if name not in names]:
            sip.delete(self._windows.pop(name))
        for monitor in touched:
            self._cover(monitor, area)
        if self.placement is Placement.CHECKING:  # the pattern has to move too
            self._begin_check()

    def _cover(self, monitor: geometry.Monitor, area: Region | None) -> None:
        if area is None:
            return
        canvas = geometry.canvas(monitor.to_logical(geometry.region_rect(area)), monitor.logical, MARGIN)
        window = self._windows.get(monitor.name)
        if window is not None:
            window.place(canvas)
            return
        self._windows[monitor.name] = window = LayerWindow(canvas, composited=self._composited)
        excluded = self._desktop.exclude(int(window.winId()))
        if self._excluded is not None and excluded != self._excluded:
            self.placement = Placement.CHECKING
        self._excluded = excluded

    def _begin_check(self) -> None:
        """From the baseline on, for which no mark may be on the screen any more."""
        if any(window.marks for window in self._windows.values()):
            self._clear_since = time.monotonic_ns()
            for window in self._windows.values():
                window.set_marks(())
        self._check, self._pattern_since = SelfCheck(), 0

    def _advance_check(self, frame: Frame) -> None:
        """Baseline, then the pattern, then the answer: a step for each frame."""
        if self._clear_since and frame.captured_at < self._clear_since + SETTLE_NS:
            return
        if not self._pattern_since:
            places = self._pattern_places()
            if any(places.values()):
                self._check.take(frame)
                self._show_pattern(places)
            else:
                self.sentence = _no_room()
            return
        painted = [window.painted_at for window in self._windows.values() if window.marks]
        if not painted or min(painted) < self._pattern_since:
            return
        self._check.shown(max(painted))
        sight = self._check.take(frame)
        if sight is not None:
            self._decide(sight)

    def _pattern_places(self) -> dict[str, list[QRectF]]:
        """For each monitor: in a corner of the area where the system promised to leave it out, else around it."""
        places = {}
        for monitor, window, area in self._covered():
            if self._excluded:
                places[monitor.name] = [QRectF(area.intersected(monitor.logical).topLeft(), _PATTERN)]
            else:
                places[monitor.name] = pattern_places(area, QRectF(window.geometry()), _PATTERN)
        return places

    def _show_pattern(self, places: Mapping[str, Sequence[QRectF]]) -> None:
        self._pattern_since = time.monotonic_ns()
        for name, window in self._windows.items():
            window.set_marks([Mark(Kind.PATTERN, place) for place in places.get(name, ())])
        if any(self._desktop.takes_clicks(int(window.winId())) for window in self._windows.values()):
            self._refuse(tr("The marks on the desktop are off: they would take the clicks meant for what is below."))

    def _decide(self, sight: Sight) -> None:
        self._begin_check()
        if sight is Sight.UNSEEN:
            self.placement = Placement.AT_FACES if self._excluded else Placement.AROUND
            own = tr("Each face has its ring: the monitor does not see its own marks.")
            self.sentence = own if self._excluded else _around()
        elif self._excluded:
            self._excluded = False  # the system promised and does not keep it: try outside
        else:
            self._refuse(
                tr("The marks on the desktop are off: the monitor sees them in what it analyses; use the pill.")
            )

    def _refuse(self, sentence: str) -> None:
        self.placement, self.sentence = Placement.REFUSED, sentence
        self._close_windows()

    def _covered(self) -> list[tuple[geometry.Monitor, LayerWindow, QRectF]]:
        """Each monitor with its window and the area in its logical pixels."""
        if self.area is None:
            return []
        rect = geometry.region_rect(self.area)
        return [
            (monitor, self._windows[monitor.name], monitor.to_logical(rect))
            for monitor in self._monitors
            if monitor.name in self._windows
        ]

    def _draw(self, update: Update, spare: Sequence[Region]) -> None:
        live = update.state is SourceState.RUNNING
        if update.state in OVER:  # its last verdict is about nothing that is there now
            for window in self._windows.values():
                window.set_marks(())
            return
        for monitor, window, area in self._covered():
            faces = self._faces(update, monitor) if live else []
            bounds = QRectF(window.geometry())
            if self.placement is Placement.AT_FACES:
                window.set_marks(at_faces(faces, bounds.intersected(monitor.logical), window.label_font))
            else:
                marks = around(faces, area, update.verdict, bounds, window.label_font)
                others = [monitor.to_logical(geometry.region_rect(other)) for other in spare]
                window.set_marks(marks, [area, *others])
        if self.placement is Placement.AROUND:
            room = any(window.marks for window in self._windows.values())
            self.sentence = _around() if room else _no_room()

    def _faces(self, update: Update, monitor: geometry.Monitor) -> list[Face]:
        if update.frame is None or self.area is None:
            return []
        picture = (update.frame.width, update.frame.height)
        faces = []
        for state in update.faces:
            rect = monitor.to_logical(geometry.face_on_desktop(state.track.face, picture, self.area))
            if rect.intersects(monitor.logical):
                line = f"{state.track.track_id}: {tr(state.verdict.words)}"
                faces.append(Face(rect, state.verdict, line))
        return faces


def _around() -> str:
    return tr("The marks lie around what is watched, not in it: this system cannot leave them out of the capture.")


def _no_room() -> str:
    return tr(
        "There are no marks on the desktop: all of the monitor is watched, and this system cannot leave them "
        "out of the capture; watch a window or a region, or use the pill."
    )
