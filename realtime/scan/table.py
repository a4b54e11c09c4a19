"""The findings of a scan as a table for the terminal."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath

from rich.table import Table
from rich.text import Text

from unmask.engines.plain_text import plain
from unmask.realtime.annotate import because
from unmask.realtime.scan.results import FaceFinding, ItemFinding
from unmask.realtime.sinks.console import MARKS
from unmask.realtime.types import Verdict

#: Faces beyond this many per item are left to the JSON and HTML reports.
MOST_FACES = 8


def findings_table(findings: Sequence[ItemFinding]) -> Table:
    """A row per item; below it a row per face where there are several, or several detectors."""
    table = Table()
    for name in ("item", "verdict", "score", "faces", "with a face", "frames"):
        table.add_column(name, overflow="fold", justify="left" if name in ("item", "verdict") else "right")
    names = short_names([finding.path for finding in findings])
    for name, item in zip(names, findings, strict=True):
        table.add_row(
            Text(plain(name)),
            _words(item.verdict, item.why),
            _number(item.score),
            str(len(item.faces)),
            f"{item.face_share:.0%}" if item.frames_analysed else "-",
            str(item.frames_analysed),
        )
        if len(item.faces) > 1 or any(len(face.detectors) > 1 for face in item.faces):
            _add_faces(table, item.faces)
    return table


def short_names(paths: Sequence[str]) -> list[str]:
    """The paths without the folders that all of them share; addresses stay as they are."""
    local = [path for path in paths if "://" not in path]
    try:
        shared = os.path.commonpath([str(PurePath(path).parent) for path in local]) if local else ""
    except ValueError:  # absolute and relative ones, or several drives
        return list(paths)
    return [path if "://" in path or not shared else os.path.relpath(path, shared) for path in paths]


def _add_faces(table: Table, faces: Sequence[FaceFinding]) -> None:
    judged = [face for face in faces if face.verdict is not Verdict.CANNOT_JUDGE]
    judged.sort(key=lambda face: -(face.score or 0.0))
    for face in judged[:MOST_FACES]:
        each = ", ".join(f"{finding.detector} {_number(finding.score)}" for finding in face.detectors)
        note = f" ({each})" if len(face.detectors) > 1 else ""
        where = f"  face {face.track}, {face.first_s:.1f}-{face.last_s:.1f} s"
        table.add_row(where, _words(face.verdict, note), _number(face.score), "", "", str(face.frames))
    if len(judged) > MOST_FACES:
        table.add_row(f"  {len(judged) - MOST_FACES} more faces", "see --json or --html", "", "", "", "")
    others = [face for face in faces if face.verdict is Verdict.CANNOT_JUDGE]
    if others:
        causes = Counter(cause for face in others for cause in face.causes[:1])
        main = because([cause for cause, _ in causes.most_common(1)]).replace("because", "mostly because")
        count = f"  {len(others)} face{'s' * (len(others) > 1)}"
        frames = str(sum(face.frames for face in others))
        table.add_row(count, _words(Verdict.CANNOT_JUDGE, main), "-", "", "", frames)


def _words(verdict: Verdict, more: str) -> Text:
    mark, style = MARKS[verdict]
    return Text.assemble((f"{mark} {verdict.words}", style), plain(more, 2000))


def _number(score: float | None) -> str:
    return "-" if score is None else f"{score:.2f}"
