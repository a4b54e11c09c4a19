"""The one table of settings: it gives the defaults, checks what a file says, and draws the dialog."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from unmask.gui.i18n import languages, mark

Value = bool | int | float | str | list[str]

#: The groups of the dialog in their order.
GROUPS = (mark("General"), mark("Alerts"), mark("View"), mark("Overlay"), mark("Privacy"))
_GENERAL, _ALERTS, _VIEW, _OVERLAY, _PRIVACY = GROUPS


@dataclass(frozen=True, slots=True)
class Setting:
    """One row. ``default`` also gives the kind. A row without a ``label`` is not in the dialog: some page or the
    window itself sets it. ``choices`` are values and their words; ``low`` and ``high`` bound a number."""

    key: str
    default: Value
    label: str = ""
    help: str = ""
    group: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    low: float = -math.inf
    high: float = math.inf
    unit: str = ""


_THEMES = (("system", mark("As the system")), ("dark", mark("Dark")), ("light", mark("Light")))
_OVERLAYS = (("off", mark("Off")), ("rings", mark("Rings around faces")), ("pill", mark("One dot and one word")))

TABLE: tuple[Setting, ...] = (
    Setting(
        "general/language",
        "system",
        mark("Language"),
        mark("Takes effect at the next start."),
        _GENERAL,
        (("system", mark("As the system")), *languages()),
    ),
    Setting("view/theme", "system", mark("Appearance"), "", _GENERAL, _THEMES),
    Setting(
        "alerts/notify", True, mark("Show a notification"), mark("By the desktop, also over other windows."), _ALERTS
    ),
    Setting("alerts/sound", True, mark("Play a sound"), mark("Two short tones, once per alarm."), _ALERTS),
    Setting(
        "alerts/flash", True, mark("Flash the window"), mark("In the taskbar, until you look at the window."), _ALERTS
    ),
    Setting(
        "alerts/snooze_minutes",
        10,
        mark("Snooze for"),
        mark("Alarms are still listed meanwhile; one that still lasts afterwards is told then."),
        _ALERTS,
        low=1,
        high=240,
        unit=mark(" min"),
    ),
    Setting("view/timeline", True, mark("Timeline"), mark("Each face's score over time."), _VIEW),
    Setting("view/details", False, mark("Details"), mark("The clocks of every stage."), _VIEW),
    Setting("view/heat_map", False, mark("Heat map"), mark("Where the model looked; it is no evidence."), _VIEW),
    Setting("view/landmarks", False, mark("Landmarks"), mark("The points found in each face."), _VIEW),
    Setting("view/crops", False, mark("Crops"), mark("Each face as the detector gets it."), _VIEW),
    Setting(
        "overlay/mode",
        "off",
        mark("Overlay"),
        mark("Marks on the desktop itself, over what is watched."),
        _OVERLAY,
        _OVERLAYS,
    ),
    Setting(
        "privacy/history",
        True,
        mark("Keep a history"),
        mark("What was found and when, in words and numbers."),
        _PRIVACY,
    ),
    Setting(
        "privacy/history_days",
        30,
        mark("Keep it for"),
        mark("Older entries are deleted."),
        _PRIVACY,
        low=1,
        high=3650,
        unit=mark(" days"),
    ),
    Setting(
        "privacy/pictures",
        False,
        mark("Keep pictures of alarms in the history"),
        mark("Pictures of people: they may have to agree to it."),
        _PRIVACY,
    ),
    Setting(
        "privacy/ring_s",
        20,
        mark("Hold the latest pictures for"),
        mark("In memory only, so that the frames of an alarm can be looked at. 0 holds none."),
        _PRIVACY,
        low=0,
        high=120,
        unit=mark(" s"),
    ),
    Setting("monitor/detector", ""),
    Setting("monitor/engine", "auto"),
    Setting("monitor/precision", "fp32", choices=(("fp32", "FP32"), ("fp16", "FP16"), ("int8", "INT8"))),
    Setting("monitor/alarms_per_hour", 1.0, low=1e-4, high=1000.0),
    Setting("monitor/cpu", 0.0, low=0.0, high=1024.0),
    Setting("general/first_run_done", False),
    Setting("general/sources", []),
    Setting("overlay/pill_place", ""),
    Setting("window/geometry", ""),
    Setting("window/state", ""),
)

BY_KEY = {setting.key: setting for setting in TABLE}


def checked(setting: Setting, value: Value) -> Value:
    """``value`` as the setting's kind holds it. Raises ``ValueError`` with what would do instead."""
    kind = type(setting.default)
    if kind is float and type(value) is int:
        value = float(value)
    # What a file holds may be a list of anything.
    texts = not isinstance(value, list) or all(isinstance(each, str) for each in value)  # pyright: ignore[reportUnnecessaryIsInstance]
    if type(value) is not kind or not texts:
        raise ValueError(_wanted(setting))
    if isinstance(value, int | float) and not setting.low <= value <= setting.high:
        raise ValueError(_wanted(setting))
    if setting.choices and value not in [choice for choice, _ in setting.choices]:
        raise ValueError(_wanted(setting))
    return list(value) if isinstance(value, list) else value


def to_text(value: Value) -> str:
    """As it stands in the file."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, bool | list) else str(value)


def from_text(setting: Setting, text: str) -> Value:
    """The other way round. Raises ``ValueError`` with what would do instead."""
    kind = type(setting.default)
    if kind is str:
        return checked(setting, text)
    try:
        value = json.loads(text) if kind in (bool, list) else kind(text)
    except (ValueError, RecursionError):
        raise ValueError(_wanted(setting)) from None
    return checked(setting, value)


def _wanted(setting: Setting) -> str:
    if setting.choices:
        return f"one of {', '.join(choice for choice, _ in setting.choices)}"
    if isinstance(setting.default, bool):
        return "true or false"
    if isinstance(setting.default, list):
        return "a list of texts"
    if isinstance(setting.default, str):
        return "a text"
    number = "a whole number" if isinstance(setting.default, int) else "a number"
    return number if math.isinf(setting.high) else f"{number} from {setting.low:g} to {setting.high:g}"
