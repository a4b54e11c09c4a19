"""Prints what ``coverage json`` wrote as two Markdown tables: by room, and the files that are covered least."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LEAST_FILES = 15


@dataclass(frozen=True, slots=True)
class Covered:
    """Statements and branches there are, and those that ran."""

    name: str
    statements: int
    lines_run: int
    branches: int
    branches_run: int

    @property
    def missing(self) -> int:
        return self.statements - self.lines_run + self.branches - self.branches_run

    @property
    def share(self) -> float:
        """Of statements and branches together, 0..1."""
        there = self.statements + self.branches
        return 1.0 if there == 0 else (self.lines_run + self.branches_run) / there


def files_of(report: Mapping[str, Any]) -> list[Covered]:
    return [
        Covered(
            name,
            entry["summary"]["num_statements"],
            entry["summary"]["covered_lines"],
            entry["summary"]["num_branches"],
            entry["summary"]["covered_branches"],
        )
        for name, entry in report["files"].items()
    ]


def together(name: str, files: Iterable[Covered]) -> Covered:
    rows = list(files)
    return Covered(
        name,
        sum(one.statements for one in rows),
        sum(one.lines_run for one in rows),
        sum(one.branches for one in rows),
        sum(one.branches_run for one in rows),
    )


def table(heading: str, rows: Iterable[Covered]) -> str:
    lines = [f"| {heading} | statements | run | branches | run | both |", "|---|---|---|---|---|---|"]
    lines += [
        f"| `{one.name}` | {one.statements} | {one.lines_run} | {one.branches} | {one.branches_run} | {one.share:.1%} |"
        for one in rows
    ]
    return "\n".join(lines)


def main() -> None:
    files = files_of(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    rooms = sorted({one.name.split("/")[0] for one in files})
    by_room = [together(room, (one for one in files if one.name.split("/")[0] == room)) for room in rooms]
    print(table("room", [*by_room, together("all", files)]))
    print()
    print(table("file", sorted(files, key=lambda one: -one.missing)[:LEAST_FILES]))


if __name__ == "__main__":
    main()
