"""`unmask train evaluate`: what a detector package is worth on labelled data, through the live engine path."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmask.cli.options import add_face_arguments, natural, positive

if TYPE_CHECKING:
    from rich.console import Console

    from unmask.training.evaluation.result import Result


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("package", metavar="PACKAGE", help="a detector package by name or folder")
    parser.add_argument(
        "data",
        nargs="+",
        metavar="DATA",
        type=Path,
        help="a folder with index.csv and tars of crops, or of recordings (see `unmask train prepare`)",
    )
    parser.add_argument("--out", metavar="FOLDER", type=Path, required=True, help="where the report goes")
    parser.add_argument("--split", default="val", help="which split to evaluate on (default val)")
    parser.add_argument(
        "--repeat",
        metavar="PACKAGE",
        action="append",
        default=[],
        help="a repeated run of the same recipe, for mean and best; may be given several times",
    )
    parser.add_argument("--alarms-per-hour", metavar="N", type=positive, default=1.0,
                        help="which frozen threshold of the package to use (default 1)")  # fmt: skip
    parser.add_argument("--robustness", metavar="N", type=natural, default=1000,
                        help="crops or pictures in the robustness table (default 1000; 0: no table)")  # fmt: skip
    parser.add_argument("--windows", metavar="N", type=natural, default=0,
                        help="make moving windows of N stored stills, and judge them as live (default 0)")  # fmt: skip
    parser.add_argument("--lines", metavar="N", type=natural, default=0,
                        help="watch N recordings again after each line of a call (default 0)")  # fmt: skip
    parser.add_argument("--crop-margin", metavar="M", type=positive,
                        help="side, in face boxes, of crops without one (default: the detector's margin)")  # fmt: skip
    parser.add_argument("--most", metavar="N", type=natural, help="N crops or files at most, whole videos at random")
    parser.add_argument("--frames", metavar="N", type=natural, default=4800,
                        help="analyse at most N moments per recording (default 4800)")  # fmt: skip
    parser.add_argument("--rounds", metavar="N", type=natural, default=1000,
                        help="draws of the bootstrap (default 1000)")  # fmt: skip
    parser.add_argument("--seed", metavar="N", type=natural, default=0, help="of draws and degradations (default 0)")
    parser.add_argument("--layout", metavar="NAME", help="the layout of folders of recordings (default: found out)")
    parser.add_argument("--compression", metavar="NAME", help="one compression of FaceForensics++ (c23, c40)")
    parser.add_argument("--people", metavar="FILE", type=Path, help="a table path,identity: who is in which file")
    parser.add_argument("--engine", metavar="NAME", default="auto", help="see `unmask engines` (default auto)")
    parser.add_argument("--no-plots", action="store_true", help="leave out the plots, which need matplotlib")
    add_face_arguments(parser)


def run(args: argparse.Namespace) -> int:
    from rich.console import Console

    from unmask.cli.evaluation_runs import check_package, evaluate, named_apart
    from unmask.training.evaluation.markdown import markdown
    from unmask.training.evaluation.plots import check_plots, draw_all
    from unmask.training.evaluation.report import check_folder, write_folder, write_numbers
    from unmask.training.evaluation.samples import DataOptions, open_data

    check_folder(args.out)
    if not args.no_plots:
        check_plots()
    console = Console(markup=False, highlight=False)
    packages = [check_package(name, args.alarms_per_hour) for name in (args.package, *args.repeat)]
    options = DataOptions(args.split, args.layout, args.compression, args.people)
    sets = named_apart([open_data(folder, options) for folder in args.data])
    with progress_bar(console) as progress:
        report = evaluate(args, packages, sets, progress, lambda line: console.print(line, soft_wrap=True))
    first = report.runs[0]

    def fill(folder: Path) -> None:
        plots = [] if args.no_plots else draw_all(folder, first.results, first.facts["threshold"])
        write_numbers(folder, report, markdown(report, plots))

    write_folder(args.out, fill)
    print_summary(console, first.results)
    console.print(f"Written to {args.out}", soft_wrap=True)
    return 0


@contextlib.contextmanager
def progress_bar(console: Console) -> Any:
    """Gives a ``Progress`` that shows one bar with the time left."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total, what: bar.update(task, completed=done, total=total, description=what[-40:])


def print_summary(console: Console, results: Sequence[Result]) -> None:
    from rich.table import Table

    from unmask.training.evaluation.cells import shown
    from unmask.training.evaluation.measures import MEASURES

    table = Table("per video", *(f"{result.data} ({result.counts['videos']})" for result in results))
    for measure in MEASURES:
        table.add_row(measure.title, *(shown(result.videos[measure.name]) for result in results))
    console.print(table)
