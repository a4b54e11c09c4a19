"""The one table of what a person can do in the window: it builds the menus, the toolbar and the keyboard page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from unmask.gui.i18n import mark, tr
from unmask.gui.qt import QAction, QKeySequence, QMenuBar, QObject, Qt, QToolBar

#: The menus in their order.
MENUS = (mark("&Watch"), mark("&Detector"), mark("&View"), mark("&Record"), mark("&Help"))


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One row: ``words`` as in the menu (``&`` before its letter), ``keys`` the first of which the menu shows,
    ``tip`` one sentence. ``menu`` is one of ``MENUS``. A ``rule`` is a line above it in the menu. ``short`` is what
    the toolbar says; without it the row has no place there."""

    id: str
    words: str
    keys: tuple[str, ...]
    tip: str
    menu: str
    checkable: bool = False
    rule: bool = False
    short: str = ""


_WATCH, _DETECTOR, _VIEW, _RECORD, _HELP = MENUS

ACTIONS: tuple[ActionSpec, ...] = (
    ActionSpec(
        "open_source",
        mark("&Open source …"),
        ("Ctrl+O",),
        mark("Watch one source instead of all that are watched"),
        _WATCH,
    ),
    ActionSpec(
        "add_source", mark("&Add source …"), ("Ctrl+N",), mark("Watch one more source"), _WATCH, short=mark("Add")
    ),
    ActionSpec(
        "switch_source",
        mark("S&witch source …"),
        ("Ctrl+R",),
        mark("Watch another source in the place of the selected one"),
        _WATCH,
    ),
    ActionSpec("watch_again", mark("Watch a&gain"), ("F5",), mark("Open the selected source afresh"), _WATCH),
    ActionSpec(
        "remove_source", mark("&Remove source"), ("Ctrl+Backspace",), mark("Stop watching the selected source"), _WATCH
    ),
    ActionSpec(
        "pause",
        mark("&Pause"),
        ("Space",),
        mark("Close the selected source until it is resumed; its camera is off meanwhile"),
        _WATCH,
        checkable=True,
        rule=True,
        short=mark("Pause"),
    ),
    ActionSpec(
        "pause_all", mark("Pause a&ll"), ("Shift+Space",), mark("Pause or resume every source"), _WATCH, checkable=True
    ),
    ActionSpec("next_source", mark("&Next source"), ("Ctrl+Tab",), mark("Select the next source"), _WATCH),
    ActionSpec(
        "scan_file", mark("&Scan a file …"), ("Ctrl+F",), mark("Analyse a recording from end to end"), _WATCH, rule=True
    ),
    ActionSpec("history", mark("&History …"), ("Ctrl+H",), mark("Earlier scans and sessions"), _WATCH),
    ActionSpec("preferences", mark("Pre&ferences …"), ("Ctrl+,",), mark("How the window behaves"), _WATCH, rule=True),
    ActionSpec("privacy", mark("Pri&vacy …"), (), mark("What is kept, for how long, and deleting it"), _WATCH),
    ActionSpec("quit", mark("&Quit"), ("Ctrl+Q", "Q", "Ctrl+W"), mark("Stop watching and close"), _WATCH, rule=True),
    ActionSpec(
        "detector", mark("&Detector and engine …"), ("Ctrl+D",), mark("Choose what judges, and what runs it"), _DETECTOR
    ),
    ActionSpec(
        "sensitivity", mark("&Sensitivity …"), ("Ctrl+T",), mark("Choose how many false alarms you accept"), _DETECTOR
    ),
    ActionSpec("cpu", mark("&Processor budget …"), (), mark("Choose how much of the processor may be used"), _DETECTOR),
    ActionSpec(
        "heat_map", mark("&Heat map"), ("H",), mark("Show where the model looked: no evidence"), _VIEW, checkable=True
    ),
    ActionSpec(
        "landmarks", mark("&Landmarks"), ("L",), mark("Show the points found in each face"), _VIEW, checkable=True
    ),
    ActionSpec("crops", mark("&Crops"), ("C",), mark("Show each face as the detector gets it"), _VIEW, checkable=True),
    ActionSpec(
        "details",
        mark("&Details"),
        ("D",),
        mark("Show the clocks of every stage"),
        _VIEW,
        checkable=True,
        rule=True,
        short=mark("Details"),
    ),
    ActionSpec(
        "timeline",
        mark("&Timeline"),
        ("T",),
        mark("Show each face's score over time"),
        _VIEW,
        checkable=True,
        short=mark("Timeline"),
    ),
    ActionSpec(
        "alarms", mark("&Alarms"), ("A",), mark("Show the list of alarms"), _VIEW, checkable=True, short=mark("Alarms")
    ),
    ActionSpec("overlay", mark("&Overlay …"), ("O",), mark("Mark faces on the desktop itself"), _VIEW, rule=True),
    ActionSpec(
        "full_screen", mark("&Full screen"), ("F11",), mark("Fill the screen; Escape leaves it"), _VIEW, checkable=True
    ),
    ActionSpec(
        "record",
        mark("&Record"),
        ("R",),
        mark("Record the annotated picture to a file"),
        _RECORD,
        checkable=True,
        short=mark("Record"),
    ),
    ActionSpec(
        "snapshot",
        mark("&Snapshot"),
        ("Ctrl+S",),
        mark("Save the picture with its verdict"),
        _RECORD,
        short=mark("Snapshot"),
    ),
    ActionSpec("copy_report", mark("&Copy report"), ("Ctrl+C",), mark("Copy what was found, in words"), _RECORD),
    ActionSpec("keyboard", mark("&Keyboard"), ("F1", "?"), mark("What the keys do"), _HELP),
    ActionSpec("limits", mark("&What it can tell"), (), mark("What a verdict means, and what it does not"), _HELP),
    ActionSpec("about", mark("&About Unmask"), (), mark("The version, the licences"), _HELP),
)


class ActionSet(QObject):
    """The actions of one window. A row that nobody bound is neither shown nor reachable by its keys."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._actions: dict[str, QAction] = {}
        for spec in ACTIONS:
            action = QAction(tr(spec.words), self)
            action.setCheckable(spec.checkable)
            action.setShortcuts([QKeySequence(keys) for keys in spec.keys])
            action.setToolTip(_tip(spec))
            action.setStatusTip(tr(spec.tip))
            if spec.short:
                action.setIconText(tr(spec.short))
            action.setObjectName(spec.id)
            action.setVisible(False)
            action.setEnabled(False)
            self._actions[spec.id] = action

    def __getitem__(self, name: str) -> QAction:
        """The action of that row; ``KeyError`` where the table has none."""
        return self._actions[name]

    def __iter__(self) -> Iterator[QAction]:
        return iter(self._actions.values())

    def bind(self, name: str, act: Callable[[], object] | Callable[[bool], object]) -> QAction:
        """Show the row ``name`` and call ``act`` when it is chosen: with whether it is checked now where it is
        checkable, else with nothing. A later binding takes the place of an earlier one."""
        action = self._actions[name]
        if self.is_bound(name):
            action.triggered.disconnect()
        if action.isCheckable():
            action.triggered.connect(act)
        else:
            action.triggered.connect(lambda _checked: act())  # pyright: ignore[reportCallIssue]
        action.setVisible(True)
        action.setEnabled(True)
        return action

    def is_bound(self, name: str) -> bool:
        return self._actions[name].isVisible()

    def fill_menus(self, bar: QMenuBar) -> None:
        """A menu for each of ``MENUS``. Its actions are in the table's order."""
        menus = {}
        for name in MENUS:
            menus[name] = bar.addMenu(tr(name))
        for spec in ACTIONS:
            menu = menus[spec.menu]
            if menu is not None:
                if spec.rule:
                    menu.addSeparator()
                menu.addAction(self._actions[spec.id])

    def fill_toolbar(self, bar: QToolBar) -> None:
        bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        for spec in ACTIONS:
            if spec.short:
                bar.addAction(self._actions[spec.id])

    def keyboard_rows(self) -> list[tuple[str, str]]:
        """For the keyboard page: the keys and what they do, of the rows that are bound and have keys."""
        rows = []
        for spec in ACTIONS:
            if spec.keys and self.is_bound(spec.id):
                keys = " / ".join(QKeySequence(each).toString(_NATIVE) for each in spec.keys)
                rows.append((keys, tr(spec.tip)))
        return rows


_NATIVE = QKeySequence.SequenceFormat.NativeText


def _tip(spec: ActionSpec) -> str:
    words = tr(spec.tip)
    return f"{words} ({QKeySequence(spec.keys[0]).toString(_NATIVE)})" if spec.keys else words
