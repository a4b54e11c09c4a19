"""Whether a row holds what we write into it: SQLite itself keeps anything in any column, and a file can be damaged so
that it still is a database."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from unmask.realtime.history.records import Judging

#: Seconds since 1970 up to the last day but one that a clock can show, the year 9999.
_LAST_MOMENT = 253_402_128_000.0
_LARGEST = 1 << 53


class DamagedRow(Exception):
    """A row holds something else than what is written into it; the message says what."""


def text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise DamagedRow(f"{what} is no text")
    return value


def whole(value: object, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _LARGEST:
        raise DamagedRow(f"{what} is no whole number")
    return value


def number(value: object, what: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= _LARGEST:
        raise DamagedRow(f"{what} is no number")
    return value


def number_or_none(value: object, what: str) -> float | None:
    return None if value is None else number(value, what)


def moment(value: object, what: str) -> float:
    """Seconds since 1970 that can be shown as a date."""
    if not 0 <= number(value, what) <= _LAST_MOMENT:
        raise DamagedRow(f"{what} is no time")
    return number(value, what)


def moment_or_none(value: object, what: str) -> float | None:
    return None if value is None else moment(value, what)


def shown_moment(value: object, what: str) -> float | None:
    """As ``moment_or_none``, but files may have any time: ``None`` for one that cannot be shown as a date."""
    found = number_or_none(value, what)
    return found if found is not None and 0 <= found <= _LAST_MOMENT else None


def from_json(value: object, what: str) -> Any:
    try:
        return json.loads(text(value, what))
    except (ValueError, RecursionError):
        raise DamagedRow(f"{what} is not JSON") from None


def texts(value: object, what: str) -> tuple[str, ...]:
    """A JSON list of texts."""
    found = from_json(value, what)
    if not isinstance(found, list):
        raise DamagedRow(f"{what} is no list")
    return tuple(text(each, what) for each in found)


def judging(value: object) -> Judging:
    """A JSON object with the fields of ``Judging``; those that an older Unmask did not write have their defaults."""
    found = table(from_json(value, "what judged"), "what judged")
    fields = {field.name: field for field in dataclasses.fields(Judging)}
    if "detector" not in found or not found.keys() <= fields.keys():
        raise DamagedRow("what judged has other fields")
    checks = {name: number if isinstance(field.default, float) else text for name, field in fields.items()}
    values: dict[str, Any] = {name: checks[name](given, f"{name} of what judged") for name, given in found.items()}
    return Judging(**values)


def table(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DamagedRow(f"{what} is no table")
    return value


def finding(value: object) -> dict[str, Any]:
    """A scan's finding, a JSON object, in which everything is right that is shown of it."""
    found = table(from_json(value, "the finding"), "the finding")
    whole(found.get("frames_analysed", 0), "the frames")
    number_or_none(found.get("duration_s"), "the duration")
    for face in _tables(found.get("faces", []), "the faces"):
        whole(face.get("track"), "a face's number")
        text(face.get("verdict"), "a face's verdict")
        number_or_none(face.get("score"), "a face's score")
        for name in ("first_s", "last_s"):
            number(face.get(name), f"{name} of a face")
        for event in _tables(face.get("events"), "the alarms"):
            number(event.get("start_s"), "an alarm's start")
            number_or_none(event.get("end_s"), "an alarm's end")
    return found


def _tables(value: object, what: str) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise DamagedRow(f"{what} are no list")
    return [table(each, what) for each in value]
