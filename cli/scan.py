"""`unmask scan`: recordings, pictures, folders, archives and addresses."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmask.cli.options import (
    DEFAULT_DETECTOR,
    add_detector_arguments,
    add_face_arguments,
    engine_options,
    face_settings,
    open_detector,
    positive,
    refuse_writing_over,
    tell,
    whole,
    word,
)
from unmask.engines.errors import UsageError
from unmask.engines.plain_text import plain
from unmask.realtime.writing import write_whole

if TYPE_CHECKING:
    from rich.console import Console

    from unmask.realtime.scan.items import ScanItem
    from unmask.realtime.scan.results import ItemFinding
    from unmask.realtime.scan.scanner import Scanner

_LIVE = ("camera", "screen", "region", "window", "synthetic")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", nargs="+", type=word, metavar="PATH", help="a video, picture, folder, zip or address")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the findings as JSON ('-': to the terminal)")
    parser.add_argument("--html", metavar="FILE", type=Path, help="write a report that needs no other file")
    parser.add_argument("--crops", action="store_true", help="put the most suspicious face pictures into the HTML")
    parser.add_argument(
        "--frames",
        metavar="N",
        type=whole,
        default=1200,
        help="analyse about N frames per item at most, never fewer than one verdict needs (default 1200)",
    )
    parser.add_argument("--sequence", action="store_true", help="pictures in a folder or zip are frames of one video")
    parser.add_argument("--fps", metavar="N", type=positive, help="the rate of such a sequence (default 25)")
    parser.add_argument("--vote", choices=("mean", "majority"), default="mean", help="how an ensemble decides")
    parser.add_argument("--history", action="store_true", help="keep the findings, without pictures: `unmask history`")
    add_detector_arguments(parser, several=True)
    add_face_arguments(parser)


def run(args: argparse.Namespace) -> int:
    from rich.console import Console

    from unmask.realtime.faces.registry import make_face_finder
    from unmask.realtime.scan.header import report_header
    from unmask.realtime.scan.html import render
    from unmask.realtime.scan.items import expand
    from unmask.realtime.scan.results import as_json
    from unmask.realtime.scan.scanner import Scanner, ScanSettings
    from unmask.realtime.scan.table import findings_table
    from unmask.realtime.sources.registry import SourceOptions
    from unmask.realtime.verdict import threshold_for

    to_stdout = args.json is not None and str(args.json) == "-"
    console = Console(stderr=to_stdout)

    def say(line: str) -> None:
        console.print(line, highlight=False, markup=False, soft_wrap=True)

    settings = ScanSettings(args.alarms_per_hour, args.frames, args.vote, args.crops)
    _refuse_live(args.path)
    items = expand(args.path, SourceOptions(fps=args.fps), sequence=args.sequence)
    _check_outputs(args, [item.path for item in items])
    if args.fps is not None and not args.sequence:
        raise UsageError("--fps is the rate of pictures that are one video: give --sequence too.")
    if not (args.json or args.html or args.history):
        _refuse_nothing(items)
    with contextlib.ExitStack() as stack:
        names = list(dict.fromkeys(args.detector or [DEFAULT_DETECTOR]))
        running: dict[str, Any] = {"precision": args.precision, "options": engine_options(args), "say": say}
        detectors = [stack.enter_context(open_detector(name, args.engine, **running)) for name in names]
        thresholds = [threshold_for(detector.manifest, args.alarms_per_hour) for detector in detectors]
        # The moments lie too far apart for a finder that saves work from one frame to the next.
        finder = make_face_finder(dataclasses.replace(face_settings(args), refresh_every=1), say)
        stack.callback(finder.close)
        header = report_header(list(zip(detectors, thresholds, strict=True)), finder.description, settings)
        say(f"Faces: {finder.description}")
        scores = [threshold.score for threshold in thresholds]
        scanner = Scanner(list(zip(detectors, scores, strict=True)), finder, settings)
        keep = stack.enter_context(_keeper(args, header))
        findings = scan_all(scanner, items, console, keep)
    if not to_stdout:
        console.print(findings_table(findings))
        for detector in header["detectors"]:
            say(f"{detector['name']} {detector['version']}: {detector['backing']}")
        say("A hint, never proof: confirm through another channel.")
    _write_reports(args, as_json(findings, header), lambda: render(findings, header))
    return 2 if all(finding.frames_analysed == 0 for finding in findings) else 0


@contextlib.contextmanager
def _keeper(args: argparse.Namespace, header: dict[str, Any]) -> Iterator[Callable[[ItemFinding], object]]:
    """What is told of every finding: the history where it was asked for, else nobody."""
    if not args.history:
        yield lambda finding: None
        return
    from unmask.realtime.history.scans import judging_from, scan_record
    from unmask.realtime.history.store import History

    judging = judging_from(header, args.alarms_per_hour)
    with History() as history:
        if history.notice:
            tell(f"unmask: {history.notice}")
        yield lambda finding: history.put_scan(scan_record(finding, judging))


def scan_all(
    scanner: Scanner, items: Sequence[ScanItem], console: Console, keep: Callable[[ItemFinding], object]
) -> list[ItemFinding]:
    """Every item in turn, with a bar for all of them and one for the item at hand; ``keep`` is told of each."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    findings = []
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        whole_task = progress.add_task("items", total=len(items), visible=len(items) > 1)
        for item in items:
            task = progress.add_task(plain(Path(item.path).name[-40:]), total=1.0)
            findings.append(scanner.scan(item, lambda done, task=task: progress.update(task, completed=done)))
            keep(findings[-1])
            progress.remove_task(task)
            progress.advance(whole_task)
    return findings


def _refuse_live(given: Sequence[str]) -> None:
    """What `unmask watch` takes and has no end, unless a file has that very name."""
    for text in given:
        if text.partition(":")[0] in _LIVE and not Path(text).exists():
            raise UsageError(f"{text} is live and has no end to scan to: use `unmask watch {text}`.")


def _refuse_nothing(items: Sequence[ScanItem]) -> None:
    """Where there is nothing to look at, and nobody wants a report of it, it is said before a model is loaded."""
    errors = [item.error for item in items if item.make is None]
    if errors and len(errors) == len(items):
        more = f" (Neither can {len(errors) - 1} more.)" if len(errors) > 1 else ""
        raise UsageError(errors[0] + more)


def _check_outputs(args: argparse.Namespace, inputs: Sequence[str]) -> None:
    """Before hours of work: can what is to be written be written?"""
    for option, path in (("--json", args.json), ("--html", args.html)):
        if path is None or (option == "--json" and str(path) == "-"):
            continue
        refuse_writing_over(path, inputs)
        if path.is_dir() or not path.parent.is_dir():
            raise UsageError(f"{option} {path} cannot be written: give a file in a folder that exists.")
        if path.is_file() or not path.exists():
            try:
                tempfile.TemporaryFile(dir=path.resolve().parent).close()
            except OSError as error:
                raise UsageError(
                    f"{option} {path} cannot be written ({error.strerror}): give a file in a folder you own."
                ) from None
    if args.crops and args.html is None:
        raise UsageError("--crops puts pictures into the HTML report: give --html FILE too.")


def _write_reports(args: argparse.Namespace, report: dict[str, Any], page: Callable[[], str]) -> None:
    if args.json is not None:
        text = json.dumps(report, ensure_ascii=False, indent=2) + "\n"
        if str(args.json) == "-":
            print(text, end="")
        else:
            write_whole(args.json, text)
    if args.html is not None:
        write_whole(args.html, page())
