"""What a person does with sources: the actions of the window that ask the controller for something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from unmask.gui.controller import Controller
from unmask.gui.panel import SourcePanel
from unmask.gui.qt import QObject
from unmask.gui.troubles import AGAIN, ENGINE, REMOVE, RESUME, SWITCH
from unmask.realtime.source_status import OVER
from unmask.realtime.types import SourceState, Update

if TYPE_CHECKING:
    from unmask.gui.window import MonitorWindow


class SourceCommands(QObject):
    """Binds the rows of ``gui/actions.py`` that are about sources, and shows what the controller says."""

    def __init__(self, window: MonitorWindow) -> None:
        super().__init__(window)
        self._window = window
        self._asked_pause: dict[str, bool] = {}
        controller = window.controller
        window.grid.asked.connect(self._asked)
        window.grid.panel_added.connect(self._prepare)
        if controller is None:
            return
        self._controller = controller
        bind = window.commands.bind
        bind("open_source", self._open)
        bind("add_source", self._add)
        bind("switch_source", self._switch)
        bind("watch_again", self._again)
        bind("remove_source", self._remove)
        bind("pause", self._pause)
        bind("pause_all", self._pause_all)
        window.start_page.chosen.connect(self._begin)
        self._connect(controller)
        self._told()
        self.show_updates({})

    def _connect(self, controller: Controller) -> None:
        controller.busy.connect(self._window.say_busy)
        controller.failed.connect(self._failed)
        controller.said.connect(self._said)
        controller.changed.connect(self._told)

    def _prepare(self, panel: SourcePanel) -> None:
        self._asked_pause.pop(panel.source_id, None)  # of another source under that name
        panel.clock_button.setChecked(self._window.commands["details"].isChecked())
        names = {name for name in (AGAIN, SWITCH, REMOVE, ENGINE) if self._window.commands.is_bound(name)}
        if self._window.controller is not None:
            names.add(RESUME)
        self._window.grid.offer(frozenset(names))

    def _asked(self, source_id: str, name: str) -> None:
        """A button in the panel of ``source_id`` was pressed."""
        self._window.grid.select(source_id)
        if name == RESUME:
            self._controller.resume(source_id)
        else:
            self._window.commands[name].trigger()

    def show_updates(self, updates: Mapping[str, Update]) -> None:
        """Which actions there are for the selected source now, and whether it is paused."""
        selected = self._window.grid.selected
        newest = updates.get(selected) if selected is not None else None
        state = newest.state if newest is not None else None
        commands, there_is_one = self._window.commands, selected is not None
        for name in ("switch_source", "watch_again", "remove_source"):
            commands[name].setEnabled(there_is_one)
        commands["next_source"].setEnabled(len(self._window.panels) > 1)
        commands["pause"].setEnabled(there_is_one and state not in OVER)
        alive = [update.state for update in updates.values() if update.state not in OVER]
        commands["pause_all"].setEnabled(bool(alive))
        commands["pause"].setChecked(self._is_paused(selected, state))
        commands["pause_all"].setChecked(bool(alive) and all(each is SourceState.PAUSED for each in alive))

    def _is_paused(self, source_id: str | None, state: SourceState | None) -> bool:
        """What was asked for counts until it is done: the session takes its moment."""
        paused = state is SourceState.PAUSED
        if source_id is None:
            return False
        if state in OVER or self._asked_pause.get(source_id) == paused:
            self._asked_pause.pop(source_id, None)
        return self._asked_pause.get(source_id, paused)

    def _open(self) -> None:
        if spec := self._choose():
            self._controller.open_only(spec)

    def _add(self) -> None:
        if spec := self._choose():
            self._controller.add_source(spec)

    def _switch(self) -> None:
        selected = self._window.grid.selected
        if selected is not None and (spec := self._choose()):
            self._controller.replace_source(selected, spec)

    def _again(self) -> None:
        if (selected := self._window.grid.selected) is not None:
            self._controller.replace_source(selected, self._controller.spec_of(selected))

    def _remove(self) -> None:
        if (selected := self._window.grid.selected) is not None:
            self._controller.remove_source(selected)

    def _pause(self, wanted: bool) -> None:
        if (selected := self._window.grid.selected) is not None:
            self._asked_pause[selected] = wanted
            (self._controller.pause if wanted else self._controller.resume)(selected)

    def _pause_all(self, wanted: bool) -> None:
        (self._controller.pause if wanted else self._controller.resume)(None)

    def _begin(self, kind: str) -> None:
        """A button of the start page."""
        if spec := self._choose(kind):
            self._controller.add_source(spec)

    def _choose(self, kind: str = "") -> str | None:
        """Ask for a source; ``None`` where the person thinks better of it."""
        from unmask.gui.chooser.dialog import choose_source  # only now: a window that is told what to watch asks nobody

        chosen = choose_source(self._window, self._window.preferences, kind)
        if chosen is None:
            return None
        self._controller.services.wish(chosen.spec, chosen.options, chosen.pace)
        return chosen.spec

    def _failed(self, sentence: str) -> None:
        self._window.notices.add([sentence])
        self._told()

    def _said(self, line: str) -> None:
        self._window.notices.add([line])

    def _told(self) -> None:
        """Something is other than it was: what is at work, or that nothing can be."""
        notices, commands = self._window.notices, self._window.commands
        notices.set_header(self._controller.header)
        helps = bool(self._controller.detector_problem) and commands.is_bound("detector")
        notices.offer(commands["detector"] if helps else None, self.tr("Choose another engine"))
