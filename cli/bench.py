"""``unmask bench``: what the monitor costs on this machine, measured so that it can be measured again."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unmask.cli.options import add_detector_arguments, add_face_arguments, positive, tell, whole
from unmask.engines.errors import UsageError

if TYPE_CHECKING:
    from unmask.benchmarks.report import Report, Row

#: Measurement -> one line of help.
KINDS = {
    "latency": "age of a frame at its score and on the screen, of a live source of 30 fps",
    "throughput": "frames per second and processor time per frame, as fast as it goes",
    "streams": "how many live sources at once keep a latency bound",
    "cadence": "searching and scoring less often: what it saves, and how much later it notices",
    "engines": "every runtime, precision and batch size, and why the others cannot run",
    "window": "the embedding cache against encoding the whole window for each frame",
    "pipeline": "the monitor against the plain loop of tutorials, and each lever on its own",
    "startup": "a fresh process until its first verdict, and until its help",
    "soak": "minutes or hours of a live source: does memory, a thread count or the latency grow",
}
#: What ``all`` runs, in this order; a soak takes its own time.
IN_ALL = tuple(kind for kind in KINDS if kind != "soak")
INTERRUPTED, CANNOT = 130, 2
#: Rows of a report beside each other in the terminal.
ACROSS = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", metavar="WHAT", required=True)
    for kind, summary in KINDS.items():
        child = kinds.add_parser(kind, help=summary, description=summary.capitalize() + ".")
        _add_output(child)
        _add_own(child, (kind,))
        _add_common(child)
    every = kinds.add_parser("all", help="all but the soak, and RESULTS.md with the goals")
    every.add_argument("--results", metavar="DIR", type=Path, required=True, help="reports and plots go here")
    every.add_argument("--page", metavar="FILE", type=Path, help="the page (default: RESULTS.md in DIR)")
    _add_own(every, IN_ALL)
    _add_common(every)
    page = kinds.add_parser("page", help="make RESULTS.md again from the reports in a folder")
    page.add_argument("--results", metavar="DIR", type=Path, required=True, help="where the reports lie")
    page.add_argument("--page", metavar="FILE", type=Path, help="the page (default: RESULTS.md in DIR)")
    both = kinds.add_parser("compare", help="two reports of one kind, as ratios")
    both.add_argument("first", metavar="A.json", type=Path)
    both.add_argument("second", metavar="B.json", type=Path)


def _add_output(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument("--json", metavar="FILE", type=Path, help="write the report to this file, for compare")
    group.add_argument("--markdown", metavar="FILE", type=Path, help="write the tables to this file")
    group.add_argument("--plots", metavar="DIR", type=Path, help="draw PNG files into this folder; needs matplotlib")


def _add_own(parser: argparse.ArgumentParser, kinds: tuple[str, ...]) -> None:
    if "streams" in kinds:
        parser.add_argument("--bound-ms", metavar="MS", type=positive, default=50.0, help="streams: p99 (default 50)")
        parser.add_argument("--most-streams", metavar="N", type=whole, default=16, help="try no more (default 16)")
    if "engines" in kinds:
        parser.add_argument("--batches", metavar="N,N", default="1,2,4,8,16", help="engines: crops in a call")
    if "soak" in kinds:
        parser.add_argument("--minutes", metavar="N", type=positive, default=10.0, help="how long (default 10)")
        parser.add_argument("--every", metavar="SECONDS", type=positive, help="between two samples (default: a 60th)")


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--clip", metavar="FILE", type=Path, help="a video (default: clips that are made here once)")
    parser.add_argument("--quick", action="store_true", help="seconds in place of minutes: shows that it works")
    add_detector_arguments(parser)
    add_face_arguments(parser)


def run(args: argparse.Namespace) -> int:
    args.typed = [word for word in sys.argv[1:] if word != "--debug"] if "bench" in sys.argv else ["bench", args.kind]
    if args.kind == "compare":
        return _compare(args)
    if args.kind == "page":
        return _page(args)
    if args.kind == "all":
        return _all(args)
    return _one(args)


def _one(args: argparse.Namespace) -> int:
    from unmask.benchmarks.plots import HOW, draw_plots, plots_missing, require_plots
    from unmask.benchmarks.report import write_atomically
    from unmask.cli.bench_runs import measure

    if args.plots is not None:
        require_plots()
    _refuse_folders(args.json, args.markdown)
    _check_inputs(args, args.plots)
    report = measure(args.kind, args)
    if args.json is not None:
        write_atomically(args.json, report.as_json())
    images = [str(file) for file in draw_plots(report, args.plots)] if args.plots is not None else []
    if args.markdown is not None:
        write_atomically(args.markdown, report.as_markdown(heading="#", images=images))
    _show(report)
    if args.plots is None and report.plots and plots_missing():
        tell(f"Plots are left out: {HOW} and give --plots DIR.")
    if failures := report.details.get("failures"):
        tell(f"The monitor failed while it was measured: {failures[0]}")
        return CANNOT
    return 0 if report.complete else INTERRUPTED


def _all(args: argparse.Namespace) -> int:
    """Each report is written as soon as it is there: a run that is broken off keeps what it has."""
    from unmask.benchmarks.host import host_facts
    from unmask.benchmarks.report import write_atomically
    from unmask.cli.bench_runs import measure

    _check_inputs(args, args.results)
    host = host_facts()  # once: later the load would be what the measurement before left behind
    for kind in IN_ALL:
        report = measure(kind, args, host)
        write_atomically(args.results / f"{kind}.json", report.as_json())
        _show(report)
    return _page(args)


def _page(args: argparse.Namespace) -> int:
    from unmask.benchmarks.plots import HOW, plots_missing
    from unmask.benchmarks.results import write_results

    page = write_results(args.results, args.page or args.results / "RESULTS.md")
    if plots_missing():
        tell(f"Plots are left out: {HOW}.")
    print(f"The results are in {page}.")
    return 0


def _compare(args: argparse.Namespace) -> int:
    from unmask.benchmarks.compare import compare
    from unmask.benchmarks.report import load_report

    compared = compare(load_report(args.first), load_report(args.second))
    for warning in compared.warnings:
        tell(f"Warning: {warning}")
    _table(compared.rows)
    return 0


def _refuse_folders(*files: Path | None) -> None:
    """Before minutes are spent on what could then not be written."""
    for file in files:
        if file is not None and file.is_dir():
            raise UsageError(f"{file} is a folder: give the name of a file.")


def _check_inputs(args: argparse.Namespace, folder: Path | None) -> None:
    """Before a model is loaded; ``folder`` is where several files will go."""
    from unmask.cli.bench_inputs import own_clip
    from unmask.cli.bench_runs import batches_of

    if folder is not None and folder.is_file():
        raise UsageError(f"{folder} is a file: give the name of a folder.")
    if args.clip is not None:
        own_clip(args.clip)
    if hasattr(args, "batches"):
        batches_of(args.batches)


def _show(report: Report) -> None:
    from unmask.benchmarks.host import busy, host_line

    _say(report.title)
    _say(f"{host_line(report.host)}; {report.subject['provider']}")
    _table(report.rows)
    unstable = [row.name for row in report.rows if row.values.get("stable") is False]
    sentence = busy(report.host)
    for note in [*report.notes, *([sentence] if sentence else [])]:
        _say(note)
    if unstable:
        _say(f"Not stable: {'; '.join(unstable)}.")


def _table(rows: Sequence[Row]) -> None:
    """Four rows side by side, a number per line, so that it fits a terminal; what cannot run has its reason below."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from unmask.benchmarks.tables import label_of, shown

    measured = [row for row in rows if set(row.values) != {"why_not"}]
    for first in range(0, len(measured), ACROSS):
        part = measured[first : first + ACROSS]
        table = Table(box=box.SIMPLE_HEAD)
        table.add_column("")
        for row in part:
            table.add_column(row.name.replace("[", "("), justify="right", overflow="fold")
        for key in dict.fromkeys(key for row in part for key in row.values):
            table.add_row(label_of(key), *(shown(row.values.get(key)) for row in part))
        Console(markup=False, highlight=False, emoji=False).print(table)
    for row in rows:
        if row not in measured:
            _say(f"{row.name} cannot run here: {row.values['why_not']}")


def _say(words: str) -> None:
    from rich.console import Console

    Console(markup=False, highlight=False, emoji=False).print(words, soft_wrap=True)
