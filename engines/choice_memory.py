"""What ``auto`` measured, kept in the user's cache folder: one small JSON file per model.

Nothing in it is trusted: a file that is damaged, or that was measured with other runtimes or on another
machine, is named and measured again.
"""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from unmask.engines.built_cache import differences
from unmask.engines.ordinary_file import read_ordinary
from unmask.engines.plain_text import plain

FORMAT = 1
MAX_BYTES = 1 << 16
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Measured:
    """One engine on one model: medians in milliseconds per crop at batch 1, of the clock and of all the
    processor's cores together. ``difference``: of its outputs from those of ``ort-cpu``, largest, relative
    to the output's own size (at least 1). ``problem``: why it cannot be picked; then numbers may be missing."""

    engine: str
    wall_ms: float | None = None
    cpu_ms: float | None = None
    difference: float | None = None
    problem: str = ""


_Number = Annotated[float, Field(ge=0.0, le=1e7)] | None


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)

    engine: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")]
    wall_ms: _Number
    cpu_ms: _Number
    difference: _Number
    problem: Annotated[str, Field(max_length=_LONGEST)]

    @model_validator(mode="after")
    def _was_measured_or_failed(self) -> _Row:
        if self.wall_ms is None and not self.problem:
            raise ValueError(f"{self.engine} has neither a time nor a problem")
        return self


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    format: Literal[1]
    when: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    key: dict[str, str]
    rows: Annotated[list[_Row], Field(min_length=1, max_length=32)]


@dataclass(frozen=True, slots=True)
class Recalled:
    """``rows`` are empty where nothing fits; then ``problem`` says why in words, unless nothing was kept."""

    rows: tuple[Measured, ...] = ()
    when: str = ""
    problem: str = ""


def memory_file(cache: Path | None, sha256: str, name: str) -> Path:
    """Where the measurement of one model under one set of options (``name``) is kept."""
    folder = cache or Path(platformdirs.user_cache_dir("unmask", appauthor=False))
    return folder / "engine-choice" / f"{sha256[:16]}-{name}.json"


def recall(path: Path, key: Mapping[str, str], engines: Sequence[str]) -> Recalled:
    """What ``path`` holds if these ``engines`` were measured under this very ``key``. Never raises."""
    try:
        raw = read_ordinary(path, MAX_BYTES)
    except FileNotFoundError:
        return Recalled()
    except OSError as error:
        what = "is damaged" if error.errno == errno.EFBIG else "cannot be read"
        return Recalled(problem=f"{path} {what} ({error.strerror or error})")
    try:
        record = _Record.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        said = first["msg"].removeprefix("Value error, ")
        return Recalled(problem=f"{path} is damaged ({plain(said, 120)})")
    if record.key != dict(key):
        return Recalled(problem=plain("; ".join(differences(record.key, key)), 1000))
    if [row.engine for row in record.rows] != list(engines):
        return Recalled(problem=f"{path} is damaged (it tells of other engines than it says)")
    if all(row.problem for row in record.rows):  # such a measurement is never kept
        return Recalled(problem=f"{path} is damaged (it tells of no engine that runs)")
    rows = (replace(Measured(**row.model_dump()), problem=plain(row.problem, _LONGEST)) for row in record.rows)
    return Recalled(tuple(rows), record.when)


def remember(path: Path, key: Mapping[str, str], rows: tuple[Measured, ...], when: str) -> str:
    """Write it all at once. What went wrong, in words, or nothing: a full disk must not stop the monitor."""
    kept = [_Row.model_validate(asdict(row) | {"problem": row.problem[:_LONGEST]}) for row in rows]
    text = _Record(format=FORMAT, when=when, key=dict(key), rows=kept).model_dump_json(indent=2)
    part = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, part = tempfile.mkstemp(dir=path.parent, suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.replace(part, path)
    except OSError as error:
        if part is not None:
            with contextlib.suppress(OSError):
                os.unlink(part)
        return f"the measurement cannot be kept in {path.parent} ({error.strerror or error})"
    return ""
