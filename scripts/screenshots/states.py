"""Every picture: what the program is started with, and what is done in its window until it is taken."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field

import pages
import troubles
import watching
from window_driver import Condition, Driver

_WATCH = ("watch", "--detector", "./stand-in", "--engine", "ort-cpu", "--realtime")
_SHIPPED = ("watch", "--detector", "unmask-lite", "--engine", "ort-cpu", "--realtime")
_CALL = (*_WATCH, "window:Video call")
#: Where the call plays on the desk.
PLAYER = (30, 46)
_SMALL = (1440, 900)
_DARK = {"view/theme": "dark"}
_LIGHT = {"view/theme": "light"}
_ALERTS = {"alerts/notify": True, "alerts/sound": True, "alerts/flash": True}
_NEW = {"general/first_run_done": False, "monitor/detector": "unmask-lite"}


@dataclass(frozen=True, slots=True)
class State:
    """``player``: where on the desk the call plays, where it does. ``screen``: its size in pixels; small where the
    picture shows all of it. ``ends``: the exit codes that are right. ``broken``: the settings cannot be read."""

    name: str
    arguments: tuple[str, ...]
    script: Callable[[Driver], Generator[Condition, None, None]]
    settings: Mapping[str, bool | int | float | str | list[str]] = field(default_factory=dict)
    player: tuple[int, int] | None = None
    screen: tuple[int, int] = (1600, 1000)
    ends: tuple[int, ...] = (0,)
    broken: bool = False


_ALL = (
    State("first-run", (), pages.first_run, {**_NEW, **_LIGHT}),
    State("start", (), watching.start, _LIGHT),
    State("chooser", (), pages.chooser, _LIGHT, PLAYER, _SMALL),
    State("region", (), pages.region, _LIGHT, PLAYER, _SMALL),
    State("no-signs", (*_SHIPPED, "before the swap.mp4"), watching.no_signs, _LIGHT),
    State("signs-light", (*_WATCH, "call.mp4"), watching.signs, _LIGHT),
    State("signs-dark", (*_WATCH, "call.mp4"), watching.signs, _DARK),
    State("snoozed", (*_WATCH, "call.mp4"), watching.snoozed, _LIGHT),
    State("too-small", (*_SHIPPED, "far away.mp4"), watching.too_small, _LIGHT),
    State("grid", (*_WATCH, "call.mp4", "before the swap.mp4", "black.mp4", "far away.mp4"), watching.grid, _DARK),
    State("heat-map", (*_SHIPPED, "before the swap.mp4"), watching.heat_map, _DARK),
    State("clocks", (*_SHIPPED, "before the swap.mp4"), watching.clocks, _LIGHT),
    State("alarm-frames", (*_WATCH, "call.mp4"), watching.alarm_frames, _LIGHT),
    State("consent", (*_SHIPPED, "before the swap.mp4"), watching.consent, _LIGHT),
    State("detector", (*_SHIPPED, "before the swap.mp4"), pages.detector, _LIGHT),
    State("settings", (), pages.settings, {**_LIGHT, **_ALERTS}),
    State("privacy", (), pages.privacy, {**_DARK, "privacy/history": True}),
    State("limits", (), pages.limits, {**_LIGHT, "monitor/detector": "unmask-lite"}),
    State("keyboard", (), pages.keyboard, _LIGHT),
    State("history", (*_WATCH, "call.mp4"), pages.history, {**_LIGHT, "privacy/history": True}),
    State("scan", (), pages.scan, _LIGHT),
    State("overlay", _CALL, watching.overlay, {**_LIGHT, "overlay/mode": "rings"}, PLAYER, _SMALL),
    State("pill", _CALL, watching.pill, {**_LIGHT, "overlay/mode": "pill"}, PLAYER, (980, 690)),
    State("black", (*_WATCH, "black.mp4"), troubles.black, _LIGHT),
    State("frozen", (*_WATCH, "frozen.mp4"), troubles.frozen, _LIGHT),
    State("paused", (*_SHIPPED, "before the swap.mp4"), troubles.paused, _LIGHT),
    State("stalled", (*_WATCH, f"udp://127.0.0.1:{watching.PORT}"), watching.stalled, _LIGHT),
    State("ended", (*_WATCH, "before the swap.mp4"), troubles.ended, _LIGHT),
    State("no-camera", (*_WATCH, "camera:9"), troubles.no_camera, _LIGHT, ends=(2,)),
    State("detector-gone", (), troubles.detector_gone, {**_LIGHT, "monitor/detector": "./my-detector"}, ends=(0, 2)),
    State("settings-broken", (), troubles.settings_broken, broken=True),
)
STATES = {state.name: state for state in _ALL}
