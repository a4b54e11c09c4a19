"""The report of an evaluation: JSON for programs, Markdown for people, written as one folder or not at all."""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from unmask.engines.errors import UsageError
from unmask.training.evaluation.measures import MEASURES, Estimate
from unmask.training.evaluation.result import Repeats, Result
from unmask.training.evaluation.timing import Speed

VERSION = 1
JSON_NAME, MARKDOWN_NAME = "evaluation.json", "evaluation.md"


@dataclass(frozen=True, slots=True)
class Run:
    """One package: ``facts`` name it (no path of this machine), ``results`` one per data set."""

    facts: Mapping[str, Any]
    results: Sequence[Result]
    speed: Speed | None

    @property
    def name(self) -> str:
        return f"{self.facts['name']} {self.facts['version']}"


@dataclass(frozen=True, slots=True)
class Report:
    """``runs[0]`` is the package in question, the others its repetitions; ``repeated`` by data set."""

    command: str
    settings: Mapping[str, Any]
    runs: Sequence[Run]
    repeated: Mapping[str, Mapping[str, Repeats]]
    machine: Mapping[str, str]


def as_json(report: Report) -> dict[str, Any]:
    """Everything, with ``null`` for numbers that do not exist; the tables of scores are kept apart."""
    return {
        "version": VERSION,
        "command": report.command,
        "settings": dict(report.settings),
        "measures": {measure.name: {"title": measure.title, "unit": measure.unit} for measure in MEASURES},
        "runs": [
            {
                "detector": dict(run.facts),
                "speed": None if run.speed is None else _plain(asdict(run.speed)),
                "data": [_result_json(result) for result in run.results],
            }
            for run in report.runs
        ],
        "repeated": {
            data: {name: _plain(asdict(found)) for name, found in by_name.items()}
            for data, by_name in report.repeated.items()
        },
        "machine": dict(report.machine),
    }


def _result_json(result: Result) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "data": result.data,
        "kind": result.kind,
        "split": result.split,
        "counts": dict(result.counts),
        "per_video": _numbers_json(result.videos),
        "per_frame": _numbers_json(result.frames),
        "manipulations": {name: _numbers_json(numbers) for name, numbers in result.manipulations.items()},
        "robustness": [
            {
                "name": row.name,
                "what": row.words,
                "per_frame": _numbers_json(row.numbers),
                "auroc_lost": None if row.loss is None else _plain(asdict(row.loss)),
            }
            for row in result.robustness
        ],
        "operating_points": [
            {"alarms_per_hour": point.alarms_per_hour, "score": point.score, "per_video": _numbers_json(point.videos)}
            for point in result.points
        ],
        "people": None if result.people is None else _plain(asdict(result.people)),
        "windows": None if result.windows is None else _plain(asdict(result.windows)),
        "recordings": [_plain(asdict(row)) for row in result.recordings],
        "not_judged_videos": dict(result.video_causes),
        "not_judged_frames": dict(result.frame_causes),
        "notes": list(result.notes),
    }
    for name, value in (("time_to_detect", result.detection), ("false_alarms", result.false_alarms)):
        plain[name] = None if value is None else _plain(asdict(value))
    return plain


def _numbers_json(numbers: Mapping[str, Estimate]) -> dict[str, Any]:
    return {name: _plain(asdict(estimate)) for name, estimate in numbers.items()}


def _plain(value: Any) -> Any:
    """Floats to six digits, so that the same run gives the same file."""
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def scores_csv(result: Result) -> str:
    """One line per video: what any other reckoning starts from. An abstention has an empty score."""
    table = result.video_table
    lines = ["fake,group,score"]
    for fake, group, score in zip(table.fake, table.group, table.score, strict=True):
        name = '"' + str(group).replace('"', '""') + '"' if any(c in str(group) for c in ',"\n') else group
        lines.append(f"{int(fake)},{name},{'' if math.isnan(score) else f'{score:.6f}'}")
    return "\n".join(lines) + "\n"


def check_folder(folder: Path) -> None:
    """Before hours of work: may ``folder`` be written? It must be new, empty, or an earlier evaluation."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file: give a folder for the report.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / JSON_NAME).is_file():
        raise UsageError(f"{folder} holds other things than an evaluation: give a new folder for the report.")
    if not folder.resolve().parent.is_dir():
        raise UsageError(f"{folder} cannot be made: the folder it should lie in does not exist.")


def write_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Let ``fill`` write into a new folder beside ``folder``, then put it in its place in one step.

    Where that fails, or is interrupted, what was there before is still there.
    """
    check_folder(folder)
    folder = folder.resolve()
    try:
        part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    except OSError as error:
        raise UsageError(f"Cannot write {folder}: {error.strerror}. Give a folder in one you own.") from None
    old = part.with_name(part.name + ".old")
    try:
        fill(part)
        part.chmod(0o755)
        if folder.exists():
            os.rename(folder, old)
        os.rename(part, folder)
    except BaseException:
        if old.exists() and not folder.exists():
            os.rename(old, folder)
        shutil.rmtree(part, ignore_errors=True)
        raise
    shutil.rmtree(old, ignore_errors=True)


def write_numbers(folder: Path, report: Report, markdown: str) -> None:
    """The JSON, the Markdown and the scores of every run and data set."""
    text = json.dumps(as_json(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    (folder / JSON_NAME).write_text(text, encoding="utf-8")
    (folder / MARKDOWN_NAME).write_text(markdown, encoding="utf-8")
    for number, run in enumerate(report.runs):
        for result in run.results:
            (folder / f"scores-{number}-{result.data}.csv").write_text(scores_csv(result), encoding="utf-8")
