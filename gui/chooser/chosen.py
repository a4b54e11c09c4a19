"""What a person chose to watch, and what is remembered of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from unmask.gui.features import Remembered
from unmask.realtime.sources.addresses import redacted
from unmask.realtime.sources.registry import SourceOptions

_SOURCES, _ALLOWED = "general/sources", "privacy/history"
#: So many sources are remembered.
MOST = 12


@dataclass(frozen=True, slots=True)
class ChosenSource:
    """``spec`` is what ``make_source`` takes. ``pace``: play a file at its own speed; ``None``: as the session does.
    ``kept_as`` is the spec under which it is found again another day, where that is not ``spec`` itself."""

    spec: str
    options: SourceOptions = field(default_factory=SourceOptions)
    pace: bool | None = None
    kept_as: str = ""


def recent(preferences: Remembered | None) -> list[str]:
    """The specs that are remembered, the newest first."""
    value = preferences.value(_SOURCES) if preferences is not None else []
    return list(value) if isinstance(value, list) else []


def remember(preferences: Remembered | None, chosen: ChosenSource) -> None:
    """Put it first among the recent ones. Nothing is kept where the person wants no history, nor any address
    with a password in it."""
    if preferences is None or not preferences.value(_ALLOWED):
        return
    spec = chosen.kept_as or chosen.spec
    address = spec.removeprefix("page:")
    if redacted(address) != address:
        return
    preferences.set(_SOURCES, [spec, *(other for other in recent(preferences) if other != spec)][:MOST])


def forget(preferences: Remembered | None, specs: list[str]) -> None:
    if preferences is not None:
        preferences.set(_SOURCES, [spec for spec in recent(preferences) if spec not in specs])
