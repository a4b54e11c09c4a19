"""Is what a file holds a report, down to every part that is shown, compared or drawn?

Reports are handed around: what is in one may come from anybody, and its words reach a terminal, a page and the names
of pictures.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from unmask.engines.plain_text import plain

_DEEPEST, _LARGEST = 12, 1e18
_LONGEST = 4000

_Number = int | float
_Scalar = bool | int | float | str | None
_Words = Annotated[str, Field(max_length=_LONGEST)]
#: In a plot a dollar begins a formula, and a wrong formula is an error while it is drawn.
_Drawn = Annotated[str, Field(max_length=300, pattern=r"^[^$]*$")]
_About = ("version", "precision", "encoder_sha256", "engine", "provider", "faces")


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")


class _Host(_Part):
    cores: _Number | None = None
    memory_gib: _Number | None = None
    load_before: list[_Number] | None = None
    others_cores: _Number | None = None
    versions: dict[str, _Scalar] = {}


class _Gate(_Part):
    speed_ratio: _Number
    auroc_difference: _Number


class _Clip(_Part):
    name: _Words
    sha256: _Words


class _Subject(_Part):
    clips: list[_Clip] = []
    input_size: int = 0
    variants: dict[str, _Gate] = {}

    @model_validator(mode="after")
    def _names_what_ran(self) -> Self:
        there = self.model_extra or {}
        missing = [name for name in _About if name not in there]
        if "detector" in there and missing:
            raise ValueError(f"{missing[0]} is not stated")
        return self


class _Settings(_Part):
    effort: dict[str, Any] = {}
    minutes: _Number = 0


class _Row(_Part):
    name: _Words
    values: dict[str, _Scalar]


class _Line(_Part):
    label: _Drawn
    x: Annotated[list[_Number | _Drawn], Field(max_length=200_000)]
    y: Annotated[list[_Number | None], Field(max_length=200_000)]

    @model_validator(mode="after")
    def _goes_from_end_to_end(self) -> Self:
        if len(self.x) != len(self.y):
            raise ValueError("x and y are of other lengths")
        return self


class _Plot(_Part):
    model_config = ConfigDict(strict=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,80}$")]  # of a file
    title: _Drawn
    x_label: _Drawn
    y_label: _Drawn
    lines: Annotated[list[_Line], Field(max_length=100)]
    style: Literal["line", "bar"]

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Self:
        if self.style == "bar" and sum(len(line.x) for line in self.lines) > 1000:
            raise ValueError("it has over a thousand bars")
        if self.style == "line" and any(isinstance(value, str) for line in self.lines for value in line.x):
            raise ValueError("a curve needs numbers")
        return self


class _Report(_Part):
    model_config = ConfigDict(strict=True, extra="forbid")

    kind: _Words
    title: _Words
    command: _Words
    created: _Words
    complete: bool
    host: _Host
    subject: _Subject
    settings: _Settings
    details: dict[str, Any]
    rows: list[_Row]
    notes: list[_Words]
    plots: list[_Plot]


def checked(facts: Any) -> dict[str, Any]:
    """``facts``, the fields of a report as JSON has them, with every text fit for a terminal.

    Raises ``ValueError``, in words, where something is missing, of another kind, or beyond all measure.
    """
    clean = _clean(facts, 0)
    try:
        _Report.model_validate(clean)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        said = first["msg"].removeprefix("Value error, ")
        raise ValueError(f"a field is missing or wrong ({plain(where, 100)}: {plain(said, 200)})") from None
    return clean


def _clean(value: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        raise ValueError("it is nested too deeply")
    if isinstance(value, dict):
        return {plain(key): _clean(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [_clean(inner, depth + 1) for inner in value]
    if isinstance(value, str):
        return plain(value, _LONGEST)
    if isinstance(value, int | float) and not abs(value) <= _LARGEST:
        raise ValueError("a number in it is beyond all measure")
    return value
