"""Every picture: what the program is started with, and what is done in its window until it is taken."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field

import pages
import watching
from window_driver import Condition, Driver

_WATCH = ("watch", "--detector", "./stand-in", "--engine", "ort-cpu", "--realtime")
_SHIPPED = ("watch", "--detector", "unmask-lite", "--engine", "ort-cpu", "--realtime")
#: Where the call plays on the desk; ``{player}`` among the arguments is the region of its picture.
PLAYER = (60, 80)
_DARK = {"view/theme": "dark"}
_LIGHT = {"view/theme": "light"}


@dataclass(frozen=True, slots=True)
class State:
    """``player``: where on the desk the call plays, where it does. ``ends``: the exit codes that are right."""

    name: str
    arguments: tuple[str, ...]
    script: Callable[[Driver], Generator[Condition, None, None]]
    settings: Mapping[str, bool | int | float | str | list[str]] = field(default_factory=dict)
    player: tuple[int, int] | None = None
    ends: tuple[int, ...] = (0,)


_ALL = (
    State("start", (), watching.start, _LIGHT),
    State("no-signs", (*_SHIPPED, "before the swap.mp4"), watching.no_signs, _LIGHT),
    State("signs-dark", (*_WATCH, "call.mp4"), watching.signs, _DARK),
    State("signs-light", (*_WATCH, "call.mp4"), watching.signs, _LIGHT),
    State("black", (*_WATCH, "black.mp4"), watching.black, _LIGHT),
    State("too-small", (*_WATCH, "far away.mp4"), watching.too_small, _LIGHT),
    State("stalled", (*_WATCH, f"udp://127.0.0.1:{watching.PORT}"), watching.stalled, _LIGHT),
    State("grid", (*_WATCH, "call.mp4", "before the swap.mp4", "black.mp4", "far away.mp4"), watching.grid, _DARK),
    State("heat-map", (*_SHIPPED, "before the swap.mp4"), watching.heat_map, _DARK),
    State("alarm-frames", (*_WATCH, "call.mp4"), watching.alarm_frames, _LIGHT),
    State("chooser", (), pages.chooser, _LIGHT, PLAYER),
    State("region", (), pages.region, _LIGHT, PLAYER),
    State("detector", (*_SHIPPED, "before the swap.mp4"), pages.detector, _LIGHT),
    State("settings", (), pages.settings, _LIGHT),
    State("privacy", (), pages.privacy, _DARK),
    State("first-run", (), pages.first_run, {**_LIGHT, "general/first_run_done": False}),
    State("keyboard", (), pages.keyboard, _LIGHT),
    State("history", (), pages.history, {**_LIGHT, "privacy/history": True}),
    State("scan", (), pages.scan, _LIGHT),
    State("overlay", (*_WATCH, "{player}"), watching.overlay, {**_LIGHT, "overlay/mode": "rings"}, PLAYER),
    State("pill", (*_WATCH, "{player}"), watching.pill, {**_LIGHT, "overlay/mode": "pill"}, PLAYER),
)
STATES = {state.name: state for state in _ALL}
