"""One format for everything that is measured: JSON to keep and compare, Markdown to read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

from unmask.benchmarks.host import busy, host_line
from unmask.benchmarks.report_check import checked
from unmask.benchmarks.tables import Value, markdown_table
from unmask.engines.errors import UsageError
from unmask.engines.plain_text import plain
from unmask.realtime.writing import write_whole

VERSION = 1
FORMAT = "unmask-bench"
LARGEST = 16 << 20


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table. ``name`` tells it from the others of its report; numbers have their unit in the key."""

    name: str
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Line:
    """One curve, or one group of bars, of a plot. ``x`` holds words for bars."""

    label: str
    x: Sequence[float | str]
    y: Sequence[float]


@dataclass(frozen=True, slots=True)
class Plot:
    """Drawn from the report whenever it is wanted, so that a run needs no drawing library."""

    name: str
    title: str
    x_label: str
    y_label: str
    lines: Sequence[Line]
    style: Literal["line", "bar"] = "line"


@dataclass(frozen=True, slots=True)
class Report:
    """What one measurement found, on what, with what. ``complete`` is false where it was broken off."""

    kind: str
    title: str
    command: str
    host: dict[str, Any]
    subject: dict[str, Any]
    settings: dict[str, Any]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    plots: tuple[Plot, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)
    complete: bool = True
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def row(self, name: str) -> Mapping[str, Value]:
        """The values of the row ``name``; empty where there is none."""
        return next((row.values for row in self.rows if row.name == name), {})

    def as_json(self) -> str:
        facts = {"format": FORMAT, "version": VERSION, **asdict(self)}
        return json.dumps(_finite(facts), ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str, name: str) -> Self:
        """Read what ``as_json`` wrote. Raises ``UsageError``, naming ``name``, for anything else."""
        try:
            facts = json.loads(text)
            if not isinstance(facts, dict) or facts.pop("format", None) != FORMAT:
                raise ValueError("it is no report of unmask bench")
            if (version := facts.pop("version", None)) != VERSION:
                raise ValueError(f"it has the version {plain(repr(version), 40)}, and this program reads {VERSION}")
            facts = checked(facts)
            facts["rows"] = tuple(Row(row["name"], row["values"]) for row in facts["rows"])
            facts["plots"] = tuple(_plot(plot) for plot in facts["plots"])
            facts["notes"] = tuple(facts["notes"])
            return cls(**facts)
        except (ValueError, RecursionError) as error:
            reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
            raise UsageError(f"{name} cannot be read as a report: {reason}; give a file that --json wrote.") from error

    def as_markdown(self, *, heading: str = "##", images: Sequence[str] = ()) -> str:
        """A section: command, machine, table, notes, and ``images`` by their paths."""
        lines = [f"{heading} {self.title}", "", f"`{self.command}`, {self.created}.", ""]
        lines += [f"Machine: {host_line(self.host)}.", "", *_version_lines(self.host), *_subject_lines(self.subject)]
        if sentence := busy(self.host):
            lines += [f"**{sentence}**", ""]
        if not self.complete:
            lines += ["**Broken off before its end: what follows is a part.**", ""]
        lines += [markdown_table(self.rows), ""]
        lines += [f"- {note}" for note in self.notes] + ([""] if self.notes else [])
        lines += [f"![{Path(image).stem}]({image})" for image in images] + ([""] if images else [])
        return "\n".join(lines)


def load_report(path: Path) -> Report:
    """Raises ``UsageError`` for a file that is absent or no report."""
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}): give a file that --json wrote.") from error
    if len(raw) > LARGEST:
        raise UsageError(f"{path} is larger than {LARGEST >> 20} MiB, and no report is: give a file that --json wrote.")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no text: give a file that --json wrote.") from error
    return Report.from_json(text, str(path))


def write_atomically(path: Path, content: str | bytes) -> None:
    """The file is there whole or not at all. Raises ``UsageError`` where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}): give a file in a folder of yours.") from error
    write_whole(path, content)


def _version_lines(host: Mapping[str, Any]) -> list[str]:
    versions = host.get("versions") or {}
    return [f"With {', '.join(f'{name} {number}' for name, number in versions.items())}.", ""] if versions else []


def _subject_lines(subject: Mapping[str, Any]) -> list[str]:
    if "detector" not in subject:
        return []
    words = (
        f"Detector {subject['detector']} {subject['version']} ({subject['precision']}, encoder "
        f"{str(subject['encoder_sha256'])[:12]}) on {subject['engine']}: {subject['provider']}; "
        f"faces: {subject['faces']}."
    )
    return [words, ""]


def _finite(value: Any) -> Any:
    """JSON has neither NaN nor infinity: they become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def _plot(facts: Any) -> Plot:
    lines = tuple(Line(str(line["label"]), tuple(line["x"]), tuple(line["y"])) for line in facts.pop("lines"))
    return Plot(lines=lines, **facts)
